"""What a load says about itself, when it is refused, and that the same content twice changes nothing."""

from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from graphrisk import pipeline
from graphrisk.errors import LoadRefusedError
from graphrisk.policy import LoadPolicy, Policy
from graphrisk.sources.report import facts_report
from tests.support import Row, ask, call_cli, load, rejects, settings_at, sighting, write_csv, write_facts

UNKNOWN = sighting("a", "device", "unknown")


def devices(good: int, bad: int) -> list[Row]:
    return [*(sighting(f"a{nth}", "device", f"d-{nth}") for nth in range(good)), *[UNKNOWN] * bad]


def loads(home: Path) -> int:
    return pipeline.status(settings_at(home))["loads"]


def test_more_rejects_than_the_policy_allows_and_nothing_is_accepted(tmp_path: Path) -> None:
    facts = write_facts(tmp_path / "facts", [{"account_id": "a"}], devices(94, 6))
    with pytest.raises(LoadRefusedError) as caught:
        load(tmp_path / "home", facts)
    said = str(caught.value)
    assert "6.0 % of the 100 rows of sightings" in said
    assert "load.max_reject_ratio (5 %): 6 placeholder" in said
    state = pipeline.status(settings_at(tmp_path / "home"))
    assert (state["loads"], state["accounts"]) == (0, 0)


def test_the_rejects_of_a_refused_load_are_kept_where_the_error_says(tmp_path: Path) -> None:
    done = call_cli("load", write_facts(tmp_path / "facts", sightings=devices(3, 2)), home=tmp_path / "home")
    assert done.returncode == 3
    named = re.search(r"(/\S*/refused_\w+/rejects\.csv)\.?\s*$", done.stderr)
    assert named, done.stderr
    assert len(Path(named[1]).read_text().splitlines()) == 3
    assert rejects(tmp_path / "home", "refused_*") == [(4, "sightings", "placeholder"), (5, "sightings", "placeholder")]
    report = json.loads(Path(named[1]).with_name("report.json").read_text())
    assert report["rejected"]["sightings"] == {"placeholder": 2}
    load(tmp_path / "home", write_facts(tmp_path / "mended", sightings=devices(3, 0)))
    assert Path(named[1]).exists()


@pytest.mark.parametrize(
    ("bad", "limit", "refused"), [(5, 0.05, False), (6, 0.05, True), (1, 0.0, True), (0, 0.0, False)]
)
def test_the_limit_itself_is_still_accepted(bad: int, limit: float, refused: bool, tmp_path: Path) -> None:
    facts = write_facts(tmp_path / "facts", sightings=devices(100 - bad, bad))
    policy = Policy(load=LoadPolicy(max_reject_ratio=limit))
    if refused:
        with pytest.raises(LoadRefusedError):
            load(tmp_path / "home", facts, policy=policy)
    else:
        assert load(tmp_path / "home", facts, policy=policy).report["accepted"]["sightings"] == 100 - bad


def test_the_share_is_of_each_table_so_a_large_one_does_not_hide_a_bad_small_one(tmp_path: Path) -> None:
    labels = [
        {"account_id": f"a{nth}", "label": "bad?" if nth < 2 else "bad", "labelled_at": "2026-01-06"}
        for nth in range(9)
    ]
    with pytest.raises(LoadRefusedError, match=r"22\.2 % of the 9 rows of labels"):
        load(tmp_path / "home", write_facts(tmp_path / "facts", sightings=devices(500, 0), labels=labels))


def report_of(folder: Path) -> dict[str, Any]:
    """Four accounts in the accounts table, one more in sightings, one more in labels; three share a device."""
    accounts = [{"account_id": f"a{nth}", "nickname": "n"} for nth in range(4)]
    rows = [
        *(sighting(f"a{nth}", "device", "d-shared", colour="red") for nth in range(3)),
        sighting("a0", "device", "d-alone"),
        sighting("a0", "device", "d-shared"),
        sighting("a0", "email", "a.b@gmail.com"),
        sighting("z", "email", "ab@gmail.com"),
        *(sighting("a0", "card", f"tok_{nth}") for nth in range(40)),
        UNKNOWN,
    ]
    labels = [{"account_id": "y", "label": "good", "labelled_at": "2026-01-06"}]
    facts = write_facts(folder / "facts", accounts, rows, labels)
    done = call_cli("load", facts, "--json", home=folder / "home")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_report_counts_rows_rejects_completeness_and_sharing(tmp_path: Path) -> None:
    report = report_of(tmp_path)
    assert report["new"] is True
    assert report["rows"] == {"accounts": 4, "sightings": 48, "labels": 1}
    assert report["accepted"] == {"accounts": 4, "sightings": 47, "labels": 1}
    assert report["rejected"] == {"accounts": {}, "sightings": {"placeholder": 1}, "labels": {}}
    assert report["accounts"] == 6
    assert report["accounts_without_attribute"] == round(2 / 6, 4)
    complete = {kind: share for kind, share in report["completeness"].items() if share}
    assert complete == {"device": 0.5, "email": round(2 / 6, 4), "card": round(1 / 6, 4)}
    assert set(report["completeness"]) == set(Policy().kinds)
    shared = {kind: [each["accounts"] for each in most] for kind, most in report["most_shared"].items()}
    assert shared == {"device": [3], "email": [2]}
    assert report["most_shared"]["email"][0]["hint"] == "free mail"
    columns = {Path(file).name: names for file, names in report["ignored_columns"].items()}
    assert columns == {"accounts.csv": ["nickname"], "sightings.csv": ["colour"]}


STAGED_BY_MILLIONS = (
    """
CREATE TABLE sightings AS
SELECT 'a' || hash(row) % 300_000 AS account_id, ['device', 'ip', 'card'][1 + row % 3] AS kind,
       md5((hash(7 * row) % 800_000)::VARCHAR) AS token, 'h' AS hint FROM range(2_000_000) AS rows (row)
""",
    "INSERT INTO sightings SELECT 'a' || row, 'ip', 'hub', 'h' FROM range(50) AS rows (row)",
    "CREATE TABLE accounts AS SELECT 'a0' AS account_id",
    "CREATE TABLE labels AS SELECT 'a0' AS account_id",
)


def test_a_load_many_times_larger_than_memory_is_counted_on_the_disk(tmp_path: Path) -> None:
    """58 million sightings were read for minutes, and then DuckDB had no memory to find the most shared values."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": "28MB", "threads": 2, "temp_directory": str(tmp_path), "preserve_insertion_order": False,
    }  # fmt: skip
    with duckdb.connect(config=config) as staged:
        for statement in STAGED_BY_MILLIONS:
            staged.execute(statement)
        told = facts_report(staged, ["card", "device", "ip"])
    assert told["most_shared"]["ip"][0] == {"token": "hub", "hint": "h", "accounts": 50}
    assert {kind: len(most) for kind, most in told["most_shared"].items()} == {"card": 5, "device": 5, "ip": 5}


def test_the_most_shared_values_come_first_and_are_at_most_five(tmp_path: Path) -> None:
    rows = [sighting(f"a{nth}", "device", f"d-{size}") for size in range(2, 10) for nth in range(size)]
    report = load(tmp_path / "home", write_facts(tmp_path / "facts", sightings=rows)).report
    assert [each["accounts"] for each in report["most_shared"]["device"]] == [9, 8, 7, 6, 5]


def test_the_report_as_text_says_what_the_json_says(tmp_path: Path) -> None:
    facts = write_facts(tmp_path / "facts", [{"account_id": "a0", "nickname": "n"}], devices(40, 2))
    said = call_cli("load", facts, home=tmp_path / "home").stdout
    for words in ("42", "placeholder", "nickname"):
        assert words in said


def shuffled(folder: Path, rows: list[Row]) -> Path:
    mixed = random.Random(3).sample(rows, len(rows))
    return write_csv(folder / "sightings.csv", mixed)


def renamed(folder: Path, rows: list[Row]) -> Path:
    path = write_csv(folder / "sightings-of-march.csv", rows)
    packed = path.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


@pytest.mark.parametrize("again", [lambda folder, rows: write_csv(folder / "sightings.csv", rows), shuffled, renamed])
def test_the_same_content_again_changes_nothing(again: Any, tmp_path: Path) -> None:
    rows, home = devices(30, 1), tmp_path / "home"
    first = load(home, write_facts(tmp_path / "facts", sightings=rows))
    before = pipeline.status(settings_at(home))
    folders = sorted((home / "loads").iterdir())
    second = load(home, again(tmp_path / "again", rows))
    assert (second.new, second.load) == (False, first.load)
    assert second.report == first.report
    assert pipeline.status(settings_at(home)) == before
    assert sorted((home / "loads").iterdir()) == folders
    assert ask(home, "SELECT count(*) FROM fact_sightings") == [(30,)]


def test_one_fact_more_is_another_load(tmp_path: Path) -> None:
    load(tmp_path / "home", write_facts(tmp_path / "1", sightings=devices(3, 0)))
    assert load(tmp_path / "home", write_facts(tmp_path / "2", sightings=devices(4, 0))).new
    assert loads(tmp_path / "home") == 2


def stated(home: Path, *loaded: list[Row]) -> list[tuple[Any, ...]]:
    for nth, rows in enumerate(loaded):
        load(home, write_facts(home.parent / f"facts-{nth}", accounts=rows))
    return ask(home, "SELECT created_at::DATE::VARCHAR, status, marketplace FROM accounts")


def account(created: str = "", status: str = "", marketplace: str = "") -> Row:
    return {"account_id": "a", "created_at": created, "status": status, "marketplace": marketplace}


def test_rows_about_one_account_in_one_load_give_the_earliest_creation_and_the_worst_status(tmp_path: Path) -> None:
    rows = [account("2026-01-05", "suspended", "de"), account("2026-01-03", "Closed", ""), account("", "active")]
    for nth, order in enumerate((rows, rows[::-1])):
        assert stated(tmp_path / str(nth) / "home", order) == [("2026-01-03", "closed", "de")]


def test_a_later_load_states_a_new_status_and_only_ever_an_earlier_creation(tmp_path: Path) -> None:
    found = stated(tmp_path / "home", [account("2026-01-03", "closed", "de")], [account("2026-01-09", "active", "fr")])
    assert found == [("2026-01-03", "active", "fr")]


def test_a_later_load_that_says_nothing_leaves_what_was_said(tmp_path: Path) -> None:
    found = stated(tmp_path / "home", [account("2026-01-03", "suspended", "de")], [account("2026-01-02")])
    assert found == [("2026-01-02", "suspended", "de")]
