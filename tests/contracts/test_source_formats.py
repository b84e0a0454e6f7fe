"""One contract for all forms of a source: the same facts give the same load, and a broken file one clear sentence."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrisk import pipeline
from tests.support import LENIENT, Row, ask, load, rejects, sighting, write_csv, write_facts

FIRST, LAST = datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 2, 5, 10, tzinfo=UTC)
BAD_ROWS = (3, 7, 12)


@pytest.fixture(autouse=True, scope="module")
def one_key() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAPHRISK_TOKEN_KEY", "0f" * 32)
        yield


def facts() -> list[Row]:
    """Twelve rows of which three are bad; two of them are about one thing, spelled in two ways."""
    values = [
        ("email", "Ann.Lee@gmail.com"),
        ("email", "annlee@gmail.com"),
        ("device", 'd "1", a'),
        ("address", "a\nb 1"),
    ]
    rows: list[Row] = []
    for nth in range(12):
        kind, value = values[nth % 4] if nth + 1 not in BAD_ROWS else ("device", "unknown")
        more = {"last_seen": "2026-02-05T10:00:00Z", "count": str(nth + 1), "shop": "s"} if nth % 2 else {}
        rows.append({**sighting(f"a{nth % 5}", kind, value, last_seen="", count="", shop=""), **more})
    return rows


def write_lines(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text("".join(json.dumps({k: v for k, v in row.items() if v != ""}) + "\n" for row in rows))
    return path


def write_parquet(path: Path, rows: Sequence[Row]) -> Path:
    pq.write_table(pa.Table.from_pylist([{k: v or None for k, v in row.items()} for row in rows]), path)
    return path


def packed(codec: str, path: Path) -> Path:
    """The file compressed beside itself, the plain one gone."""
    made = path.with_name(f"{path.name}.{'gz' if codec == 'gzip' else 'zst'}")
    with pa.CompressedOutputStream(str(made), codec) as stream:
        stream.write(path.read_bytes())
    path.unlink()
    return made


def parts(folder: Path, rows: Sequence[Row]) -> Path:
    write_csv(folder / "sightings" / "part-0.csv", rows[:5])
    write_parquet(folder / "sightings" / "part-1.parquet", rows[5:7])
    write_lines(folder / "sightings" / "part-2.ndjson", rows[7:])
    (folder / "sightings" / "_SUCCESS").touch()
    return folder


def globbed(folder: Path, rows: Sequence[Row]) -> Path:
    for nth in range(3):
        write_csv(folder / f"sightings-{nth}.csv", rows[nth * 4 : nth * 4 + 4])
    return folder / "sightings-*.csv"


Writer = Callable[[Path, Sequence[Row]], Path]
SINGLE: dict[str, Writer] = {
    "csv": lambda folder, rows: write_csv(folder / "sightings.csv", rows),
    "csv.gz": lambda folder, rows: packed("gzip", write_csv(folder / "sightings.csv", rows)),
    "csv.zst": lambda folder, rows: packed("zstd", write_csv(folder / "sightings.csv", rows)),
    "parquet": lambda folder, rows: write_parquet(folder / "sightings.parquet", rows),
    "ndjson": lambda folder, rows: write_lines(folder / "sightings.ndjson", rows),
    "jsonl.gz": lambda folder, rows: packed("gzip", write_lines(folder / "sightings.jsonl", rows)),
}
FORMS = {**SINGLE, "folder of parts": parts, "glob": globbed}


def written(form: str, folder: Path, rows: Sequence[Row]) -> Path:
    folder.mkdir()
    return FORMS[form](folder, rows)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> pipeline.Loaded:
    folder = tmp_path_factory.mktemp("plain")
    return load(folder / "home", written("csv", folder / "facts", facts()), policy=LENIENT)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_facts_give_the_same_load_in_every_form(form: str, tmp_path: Path, plain: pipeline.Loaded) -> None:
    loaded = load(tmp_path / "home", written(form, tmp_path / "facts", facts()), policy=LENIENT)
    assert loaded.load.content == plain.load.content
    for part in ("rows", "accepted", "rejected", "accounts", "completeness", "most_shared"):
        assert loaded.report[part] == plain.report[part]
    assert set(map(tuple, loaded.report["ignored_columns"].values())) == {("shop",)}


@pytest.mark.parametrize("form", SINGLE)
def test_rejected_rows_are_numbered_as_in_the_file(form: str, tmp_path: Path) -> None:
    load(tmp_path / "home", written(form, tmp_path / "facts", facts()), policy=LENIENT)
    assert rejects(tmp_path / "home") == [(row, "sightings", "placeholder") for row in BAD_ROWS]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), cut=st.integers(0, 12), form=st.sampled_from(sorted(SINGLE)))
def test_order_and_files_of_the_rows_do_not_matter(
    seed: int, cut: int, form: str, plain: pipeline.Loaded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, rows = tmp_path_factory.mktemp("shuffled"), facts()
    random.Random(seed).shuffle(rows)
    sources = [written(form, folder / str(nth), part) for nth, part in enumerate((rows[:cut], rows[cut:])) if part]
    assert load(folder / "home", *sources, policy=LENIENT).load.content == plain.load.content


def test_numbers_count_records_when_values_have_line_breaks_and_rows_are_malformed(tmp_path: Path) -> None:
    rows = [
        "account_id,kind,value,first_seen",
        'a,address,"1 Main\nSpringfield\n1234",2026-01-05',
        "b,device,d-1,never",
        "b,device,d-1,2026-01-05,SURPLUS",
        "b,device",
        "",
        'b,address,"1, Main ""St""",2026-01-05',
        "b,device,d-1,soon",
    ]
    (tmp_path / "sightings.csv").write_text("\n".join(rows))
    loaded = load(tmp_path / "home", tmp_path / "sightings.csv", policy=LENIENT)
    found = [(2, "bad_time"), (3, "malformed_row"), (4, "malformed_row"), (6, "bad_time")]
    assert sorted((row, reason) for row, _, reason in rejects(tmp_path / "home")) == found
    assert loaded.report["rows"]["sightings"] == 6
    assert loaded.report["accepted"]["sightings"] == 2


def test_numbers_are_right_in_a_file_of_many_blocks(tmp_path: Path) -> None:
    good = 'a{0},address,"{0} Main\n{1}",2026-01-05\n'
    wrong = {70_000: "x,device,d,never\n", 70_001: "x,y\n", 150_000: "x,device,d,never\n"}
    with (tmp_path / "sightings.csv").open("w") as file:
        file.write("account_id,kind,value,first_seen\n")
        file.writelines(wrong.get(row) or good.format(row % 100, "x" * 150) for row in range(1, 150_001))
    load(tmp_path / "home", tmp_path / "sightings.csv")
    assert sorted(row for row, _, _ in rejects(tmp_path / "home")) == list(wrong)


def test_lines_that_are_not_json_are_malformed_and_numbered(tmp_path: Path) -> None:
    good = json.dumps(sighting("a", "device", "d-1"))
    (tmp_path / "sightings.ndjson").write_text("\n".join([good, "{bad", good, good[:-5], "", good]))
    load(tmp_path / "home", tmp_path / "sightings.ndjson", policy=LENIENT)
    found = [(row, reason) for row, _, reason in rejects(tmp_path / "home")]
    assert found == [(2, "malformed_row"), (4, "malformed_row")]


def test_a_key_that_first_comes_late_in_ndjson_counts_like_one_that_comes_early(tmp_path: Path) -> None:
    rows = [*(sighting(f"a{nth}", "device", "d-1") for nth in range(1_200)), sighting("z", "device", "d-1", count=9)]
    first = load(tmp_path / "1", write_lines(tmp_path / "sightings-1.ndjson", rows))
    second = load(tmp_path / "2", write_lines(tmp_path / "sightings-2.ndjson", rows[::-1]))
    assert first.load.content == second.load.content


def one_fact(home: Path) -> tuple[Any, ...]:
    found = ask(home, "SELECT first_seen, last_seen, count FROM fact_sightings")
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(("unit", "zone"), [("s", None), ("ms", None), ("us", "UTC"), ("ns", "Europe/Berlin")])
def test_native_times_and_numbers_in_parquet_are_the_texts_of_csv(unit: str, zone: str | None, tmp_path: Path) -> None:
    moments = pa.array([FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)], pa.timestamp(unit, zone))
    table = {"account_id": [7], "kind": ["device"], "value": [90071992547409931], "count": pa.array([5], pa.int8())}
    pq.write_table(
        pa.table({**table, "first_seen": moments[:1], "last_seen": moments[1:]}), tmp_path / "sightings.parquet"
    )
    row = sighting("7", "device", "90071992547409931", last_seen="2026-02-05T10:00:00Z", count="5")
    native = load(tmp_path / "1", tmp_path / "sightings.parquet")
    assert one_fact(tmp_path / "1") == (FIRST, LAST, 5)
    assert native.load.content == load(tmp_path / "2", write_csv(tmp_path / "sightings.csv", [row])).load.content


def test_a_native_date_is_midnight_in_utc(tmp_path: Path) -> None:
    columns = {"account_id": ["a"], "kind": ["card"], "value": ["tok"], "first_seen": [date(2026, 1, 5)]}
    pq.write_table(pa.table(columns), tmp_path / "sightings.parquet")
    load(tmp_path / "home", tmp_path / "sightings.parquet")
    assert one_fact(tmp_path / "home")[0] == datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-01-05T10:00:00", "2026-01-05 10:00:00", "2026-01-05T10:00:00.000Z", "2026-01-05T10:00Z"]
    + [(FIRST.astimezone(timezone(timedelta(hours=hours)))).isoformat() for hours in (-8, 0, 2)],
)  # fmt: skip
def test_times_without_a_zone_are_utc_and_others_are_converted(text: str, tmp_path: Path) -> None:
    load(tmp_path / "home", write_facts(tmp_path / "facts", sightings=[sighting("a", "card", "tok", text)]))
    assert one_fact(tmp_path / "home")[0] == FIRST


def test_events_fold_to_first_last_and_count(tmp_path: Path) -> None:
    times = ["2026-02-05T10:00:00Z", "2026-01-05T10:00:00Z", "2026-01-20T10:00:00Z", "2026-01-05T10:00:00Z"]
    events = [{"account_id": "a", "kind": "card", "value": "tok", "seen_at": time} for time in times]
    loaded = load(tmp_path / "1", write_facts(tmp_path / "events", sightings=events))
    assert one_fact(tmp_path / "1") == (FIRST, LAST, 4)
    whole = sighting("a", "card", "tok", times[1], last_seen=times[0], count=4)
    assert loaded.load.content == load(tmp_path / "2", write_facts(tmp_path / "one", sightings=[whole])).load.content


def test_counts_of_one_thing_add_up(tmp_path: Path) -> None:
    rows = [sighting("a", "email", "a.b@gmail.com", count=2), sighting("a", "email", "ab@gmail.com", count=40)]
    load(tmp_path / "home", write_facts(tmp_path / "facts", sightings=rows))
    assert one_fact(tmp_path / "home")[2] == 42


def test_only_the_required_columns_are_enough(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("account_id\na\n")
    (tmp_path / "sightings.csv").write_text("account_id,kind,value,first_seen\nb,card,tok,2026-01-05T10:00:00Z\n")
    (tmp_path / "labels.csv").write_text("account_id,label,labelled_at\nc,bad,2026-01-06\n")
    load(tmp_path / "home", tmp_path)
    assert one_fact(tmp_path / "home") == (FIRST, FIRST, 1)
    found = ask(tmp_path / "home", "SELECT account_id, created_at, status FROM accounts ORDER BY 1")
    assert found == [(name, None, "active") for name in "abc"]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_bytes(b"\xef\xbb\xbfaccount_id\na\n")
    (tmp_path / "labels.ndjson").write_bytes(
        b'\xef\xbb\xbf{"account_id":"a","label":"bad","labelled_at":"2026-01-06"}\n'
    )
    report = load(tmp_path / "home", tmp_path).report
    assert (report["accepted"]["accounts"], report["accepted"]["labels"]) == (1, 1)
