"""Mappings: other people's tables give the same facts, and a mapping that does not fit says what to mend."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphrisk import pipeline
from graphrisk.errors import MappingError
from tests.support import Row, ask, load, settings_at, write_csv

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "p2p.mapping.toml"
P2P = Path(__file__).parents[3] / "shared" / "data" / "p2p"
JANUARY = datetime(2026, 1, 5, tzinfo=UTC)
BASE = """
[[sightings]]
files = "payments.csv"
columns = { account_id = "payer", value = "card_ref", seen_at = "paid_on" }
constants = { kind = "card" }
"""


def mapped(folder: Path, mapping: str, *rows: Row, table: pa.Table | None = None) -> pipeline.Loaded:
    """Loads ``rows`` as payments.csv, or ``table`` as payments.parquet, through a mapping."""
    facts = folder / "facts"
    if table is None:
        write_csv(facts / "payments.csv", rows)
    else:
        facts.mkdir()
        pq.write_table(table, facts / "payments.parquet")
    (folder / "my.mapping.toml").write_text(mapping)
    return load(folder / "home", facts, mapping=folder / "my.mapping.toml")


def payment(payer: str = "a", card: str = "tok_1", **more: object) -> dict[str, object]:
    return {"payer": payer, "card_ref": card, "paid_on": "2026-01-05", **more}


def seen(home: Path) -> list[tuple[Any, ...]]:
    return ask(home, "SELECT account_id, kind, first_seen, last_seen, count FROM fact_sightings ORDER BY ALL")


def test_columns_and_constants_give_the_fields(tmp_path: Path) -> None:
    loaded = mapped(tmp_path, BASE, payment(), payment("b", note="x"))
    assert seen(tmp_path / "home") == [(name, "card", JANUARY, JANUARY, 1) for name in "ab"]
    assert list(loaded.report["ignored_columns"].values()) == [["note"]]


def test_defaults_stand_where_a_column_is_empty(tmp_path: Path) -> None:
    mapping = (
        BASE.replace('"paid_on" }', '"paid_on", count = "times" }') + 'defaults = { count = 3, seen_at = "2026-01-05" }'
    )
    mapped(tmp_path, mapping, payment(times="7"), payment("b", times="") | {"paid_on": ""})
    assert seen(tmp_path / "home") == [("a", "card", JANUARY, JANUARY, 7), ("b", "card", JANUARY, JANUARY, 3)]


def test_nulls_are_texts_that_stand_for_nothing(tmp_path: Path) -> None:
    mapping = BASE.replace('"paid_on" }', '"paid_on", last_seen = "until" }') + 'nulls = ["1900-01-01", "n/k"]'
    mapped(tmp_path, mapping, payment(until="1900-01-01"), payment("b", until="n/k"), payment("c", until="2026-01-05"))
    assert seen(tmp_path / "home") == [(name, "card", JANUARY, JANUARY, 1) for name in "abc"]


def accounts(values: list[Any], field: str, extra: str) -> tuple[str, pa.Table]:
    names = [f"a{nth}" for nth in range(len(values))]
    mapping = f'[[accounts]]\nfiles = "payments.parquet"\ncolumns = {{ account_id = "id"{field} }}\n{extra}\n'
    return mapping, pa.table({"id": names, "x": values})


@pytest.mark.parametrize("marker", [date(1900, 1, 1), datetime(1900, 1, 1), datetime(1900, 1, 1, tzinfo=UTC)], ids=str)  # noqa: DTZ001
def test_a_null_marker_works_on_native_dates_and_timestamps(marker: date, tmp_path: Path) -> None:
    mapping, table = accounts([marker], ', created_at = "x"', 'nulls = ["1900-01-01"]')
    mapped(tmp_path, mapping, table=table)
    assert ask(tmp_path / "home", "SELECT created_at FROM accounts") == [(None,)]


def test_where_keeps_only_the_rows_with_the_values(tmp_path: Path) -> None:
    mapping = BASE + 'where = { state = "done", tries = 1 }'
    rows = [payment(state=state, tries=tries) for state, tries in (("done", 1), ("failed", 1), ("done", 2), ("", ""))]
    report = mapped(tmp_path, mapping, *rows).report
    assert report["rows"]["sightings"] == 1


@pytest.mark.parametrize(
    ("values", "wanted"), [([1, 0], "1"), ([True, False], "true"), ([1.0, 0.0], "1"), (["yes", "no"], '"yes"')], ids=str
)
def test_where_compares_native_values(values: list[Any], wanted: str, tmp_path: Path) -> None:
    mapping, table = accounts(values, "", f"where = {{ x = {wanted} }}")
    mapped(tmp_path, mapping, table=table)
    assert ask(tmp_path / "home", "SELECT account_id FROM accounts") == [("a0",)]


@pytest.mark.parametrize("name", ["row", "Row", "line", "reason", "select", 'a "b"', "it's", "ä b"])
def test_any_column_name_can_be_mapped(name: str, tmp_path: Path) -> None:
    mapping = BASE.replace('value = "card_ref"', f"value = '''{name}'''")
    mapped(tmp_path, mapping, payment() | {name: "tok_z"}, payment("b") | {name: "tok_z"})
    assert ask(tmp_path / "home", "SELECT count(*), count(DISTINCT token) FROM fact_sightings") == [(2, 1)]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_whose_names_differ_in_case_alone_are_kept_apart(form: str, tmp_path: Path) -> None:
    mapping = BASE.replace('"card_ref"', '"PAYER"').replace("payments.csv", f"payments.{form}")
    rows = [{"payer": name, "PAYER": "tok_z", "paid_on": "2026-01-05"} for name in "ab"]
    mapped(tmp_path, mapping, *rows, table=pa.Table.from_pylist(rows) if form == "parquet" else None)  # pyright: ignore[reportArgumentType]
    assert ask(tmp_path / "home", "SELECT count(*), count(DISTINCT token) FROM fact_sightings") == [(2, 1)]


def test_one_file_can_give_several_tables(tmp_path: Path) -> None:
    more = '[[accounts]]\nfiles = "pay*.csv"\ncolumns = { account_id = "payer", created_at = "paid_on" }\n'
    report = mapped(tmp_path, BASE + more, payment(), payment("b")).report
    assert (report["accepted"]["accounts"], report["accepted"]["sightings"]) == (2, 2)


def refused(folder: Path, mapping: str, *words: str) -> None:
    with pytest.raises(MappingError) as caught:
        mapped(folder, mapping, payment(card="tok_secret"))
    said = str(caught.value)
    assert [word for word in words if word not in said] == [], said
    assert "tok_secret" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("wrong", "right"), [("Card_Ref", "card_ref"), ("cardref", "card_ref"), ("card_id", "card_ref")]
)
def test_a_missing_column_names_file_column_and_the_nearest_one(wrong: str, right: str, tmp_path: Path) -> None:
    refused(tmp_path, BASE.replace('"card_ref"', f'"{wrong}"'), "payments.csv", repr(wrong), repr(right))


def test_a_missing_column_that_resembles_none_lists_those_there_are(tmp_path: Path) -> None:
    refused(tmp_path, BASE.replace('"card_ref"', '"zzz"'), "payments.csv", "'zzz'", "payer, card_ref, paid_on")


def test_a_missing_column_in_where_is_named_too(tmp_path: Path) -> None:
    refused(tmp_path, BASE + "where = { payerr = 1 }", "payments.csv", "'payerr'", "'payer'")


def test_a_required_field_that_nothing_gives_is_named(tmp_path: Path) -> None:
    refused(tmp_path, BASE.replace(', seen_at = "paid_on"', ""), "payments.csv", "sightings.first_seen or seen_at")


@pytest.mark.parametrize("place", ["columns", "constants", "defaults"])
def test_an_unknown_field_names_mapping_field_and_the_nearest_one(place: str, tmp_path: Path) -> None:
    mapping = f'[[sightings]]\n{place} = {{ acount_id = "payer" }}\n'
    refused(tmp_path, mapping, "my.mapping.toml", "sightings.acount_id", "'account_id'")


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("[[sightings]\n", ("not valid TOML", "line 1")),
        ("", ("maps nothing",)),
        ("[[payments]]\n", ("wrong at payments",)),
        ("[sightings]\n", ("wrong at sightings",)),
        ("[[sightings]]\ncolums = {}\n", ("wrong at sightings.0.colums",)),
        ("[[sightings]]\nfiles = 3\n", ("wrong at sightings.0.files",)),
    ],
)
def test_a_mapping_that_is_wrong_names_its_file_and_the_place(
    mapping: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    refused(tmp_path, mapping, "my.mapping.toml", *words)


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"nowhere\.toml cannot be read"):
        load(tmp_path / "home", tmp_path, mapping=tmp_path / "nowhere.toml")


@pytest.mark.parametrize("field", ["account_id", "value"])
def test_ids_in_floating_point_are_refused_because_digits_are_lost(field: str, tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"account_id": ["a"], "kind": ["card"], "value": ["tok"], "seen_at": ["2026-01-05"]}
    pq.write_table(pa.table(columns | {field: [9007199254740993.0]}), tmp_path / "sightings.parquet")
    with pytest.raises(MappingError, match=rf"sightings\.parquet has '{field}'.*write it as text"):
        load(tmp_path / "home", tmp_path)
    assert pipeline.status(settings_at(tmp_path / "home"))["loads"] == 0


def p2p_files(folder: Path) -> Path:
    """The files of the example, a few rows each: two cards and one device are used by two accounts."""
    days = ["2018-03-01", "2018-03-02", "2018-03-03", "2018-03-04"]
    users = {"id": [1, 2, 3, 4], "fraudMoneyTransfer": [1, 1, 0, 0], "guid": ["x"] * 4}
    charged = ["2018-09-01", "1900-01-01", "1900-01-01", "1900-01-01"]
    cards = {"from_user_id": [1, 2, 2, 3], "to_card_id": [11, 11, 12, 12], "cardDate": days}
    used = {"from_user_id": [1, 4, 2, 3], "to_device_id": [21, 21, 22, 23], "deviceDate": days}
    folder.mkdir()
    pq.write_table(pa.table({**users, "firstChargebackMtDate": charged}), folder / "User.parquet")
    pq.write_table(pa.table(cards), folder / "HAS_CC.parquet")
    pq.write_table(pa.table(used), folder / "USED.parquet")
    return folder


def test_the_shipped_example_reads_files_of_its_form(tmp_path: Path) -> None:
    home = tmp_path / "home"
    load(home, p2p_files(tmp_path / "p2p"), mapping=EXAMPLE)
    kinds = pipeline.status(settings_at(home))["kinds"]
    assert kinds["card"] == {"sightings": 4, "attributes": 2, "shared_attributes": 2, "max_accounts": 2}
    assert kinds["device"] == {"sightings": 4, "attributes": 3, "shared_attributes": 1, "max_accounts": 2}
    verdicts = ask(home, "SELECT account_id, label, labelled_at::DATE FROM labels ORDER BY ALL")
    assert verdicts == [("1", "bad", date(2018, 9, 1)), ("2", "bad", date(2019, 4, 23))]


@pytest.mark.skipif(not P2P.exists(), reason="the data set is not on this machine")
def test_the_shipped_example_gives_the_known_figures_of_the_real_data(tmp_path: Path) -> None:
    load(tmp_path / "home", P2P, mapping=EXAMPLE)
    state = pipeline.status(settings_at(tmp_path / "home"))
    card, device = state["kinds"]["card"], state["kinds"]["device"]
    assert state["accounts"] == 33_732
    assert (card["attributes"], card["shared_attributes"], card["max_accounts"]) == (118_818, 8_490, 10)
    assert (device["attributes"], device["shared_attributes"], device["max_accounts"]) == (51_451, 2_745, 52)
