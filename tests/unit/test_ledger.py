"""The ledger: what was accepted is kept whatever happens beside it, and nothing else is ever seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event, current_thread, main_thread
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable

from graphrisk import pipeline
from graphrisk.files import is_abandoned
from graphrisk.ledger.store import Ledger, Load
from graphrisk.policy import Policy
from tests.support import Row, ask, load, settings_at, sighting, write_facts

COUNTS = """
SELECT (SELECT count(*) FROM fact_accounts), (SELECT count(*) FROM fact_sightings), (SELECT count(*) FROM fact_labels)
"""
KILLED_BEFORE_IT_WAS_ACCEPTED = """
import os, sys
from pathlib import Path
from graphrisk import pipeline
from graphrisk.ledger import store
from graphrisk.policy import Policy
from graphrisk.settings import Settings
append = store.append
def die_at_the_commit_point(folder, table, rows, load):
    if table == "loads":
        os._exit(9)
    append(folder, table, rows, load)
store.append = die_at_the_commit_point
pipeline.load(Settings(home=Path(sys.argv[1])), Policy(), [sys.argv[2]])
"""

PEAK_OF_A_LOAD = """
import sys
from pathlib import Path
from graphrisk import pipeline
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from graphrisk.sources import files
files.BLOCK_BYTES = 1 << 20
pipeline.load(Settings(home=Path(sys.argv[1]), threads=1, memory_mib=64), Policy(), [sys.argv[2]])
print(next(line for line in open("/proc/self/status") if "VmHWM" in line).split()[1])
"""


def facts(folder: Path, name: str, rows: int = 5) -> Path:
    """A facts folder about accounts of its own, all on one device."""
    names = [f"{name}-{nth}" for nth in range(rows)]
    sightings: list[Row] = [sighting(each, "device", "shared-device") for each in names]
    labels = [{"account_id": names[0], "label": "bad", "labelled_at": "2026-01-06"}]
    return write_facts(folder / f"facts-{name}", [{"account_id": each} for each in names], sightings, labels)


def started(*args: str | Path, home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "graphrisk", "--home", str(home), *map(str, args)]
    environment = os.environ | {"GRAPHRISK_THREADS": "1", "GRAPHRISK_PROCESSES": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def ended(*processes: subprocess.Popen[str]) -> list[str]:
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), said
    return [out for out, _ in said]


def accepted(home: Path) -> list[Load]:
    return Ledger(home / "ledger").loads()


def rows_in(home: Path, table: str) -> list[str]:
    """The load of every row of a table, those that nobody may see included."""
    return DeltaTable(home / "ledger" / table).to_pyarrow_table()["load"].to_pylist()


def whole(home: Path) -> None:
    """Every accepted load still has all the rows it was accepted with."""
    for each in accepted(home):
        for table in ("accounts", "sightings", "labels"):
            assert rows_in(home, table).count(each.load) == getattr(each, table), (each.load, table)


def test_two_loads_at_once_are_both_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ended(*(started("load", facts(tmp_path, name), home=home) for name in "ab"))
    assert [each.seq for each in accepted(home)] == [1, 2]
    whole(home)
    assert ask(home, COUNTS) == [(10, 10, 2)]


def test_the_same_load_twice_at_once_is_one_load(tmp_path: Path) -> None:
    home, source = tmp_path / "home", facts(tmp_path, "a", 200)
    ended(*(started("load", source, home=home) for _ in range(2)))
    assert len(accepted(home)) == 1
    whole(home)
    assert ask(home, COUNTS) == [(200, 200, 1)]
    assert set(rows_in(home, "sightings")) == {accepted(home)[0].load}


def test_reading_goes_on_while_a_load_runs_and_sees_all_of_it_or_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    load(home, facts(tmp_path, "a"))
    process, seen = started("load", facts(tmp_path, "b", 20_000), home=home), set[tuple[int, int]]()
    while process.poll() is None:
        state = pipeline.status(settings_at(home))
        seen.add((state["accounts"], state["kinds"]["device"]["sightings"]))
    ended(process)
    assert seen <= {(5, 5), (20_005, 20_005)}
    assert (5, 5) in seen


def test_status_is_about_one_moment_even_when_a_load_is_accepted_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, looked = tmp_path / "home", Ledger.loads
    load(home, facts(tmp_path, "a"))

    def loads(self: Ledger, as_of: Any = None) -> list[Load]:
        found = looked(self, as_of)
        monkeypatch.undo()
        load(home, facts(tmp_path, "b"))
        return found

    monkeypatch.setattr(Ledger, "loads", loads)
    state = pipeline.status(settings_at(home))
    counted = (state["loads"], state["accounts"], state["kinds"]["device"]["sightings"])
    assert counted in {(1, 5, 5), (2, 10, 10)}


@pytest.mark.parametrize("moment", range(2))
def test_a_load_that_is_accepted_while_another_begins_is_kept(
    moment: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whenever the one looks at the ledger, the other, which began before, is accepted and ends right afterwards.
    home, looked, accept = tmp_path / "home", Ledger.loads, Ledger.accept
    first, meanwhile, other = (facts(tmp_path, name) for name in ("first", "meanwhile", "other"))
    load(home, first)
    staged, may_go, calls = Event(), Event(), list[int]()

    def accept_later(*args: Any) -> tuple[Load, bool]:
        staged.set()
        assert may_go.wait(60)
        return accept(*args)

    def loads(self: Ledger, as_of: Any = None) -> list[Load]:
        found = looked(self, as_of)
        if is_abandoned(home / "ledger" / "commit.lock") and current_thread() is main_thread():
            calls.append(len(calls))
            if calls[-1] == moment:
                may_go.set()
                beside.result(60)
        return found

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(Ledger, "accept", accept_later)
        beside = pool.submit(load, home, meanwhile)
        assert staged.wait(60)
        monkeypatch.setattr(Ledger, "accept", accept)
        monkeypatch.setattr(Ledger, "loads", loads)
        load(home, other)
    monkeypatch.undo()
    assert len(calls) > moment
    assert len(accepted(home)) == 3
    whole(home)


def test_as_of_a_moment_only_loads_accepted_by_then_are_seen(tmp_path: Path) -> None:
    home = tmp_path / "home"
    moments = [load(home, facts(tmp_path, name)).load.accepted_at for name in "abc"]
    tick = timedelta(microseconds=1)
    for nth, moment in enumerate(moments):
        assert ask(home, COUNTS, moment - tick) == [(5 * nth, 5 * nth, nth)]
        assert ask(home, COUNTS, moment) == [(5 * nth + 5, 5 * nth + 5, nth + 1)]
    assert ask(home, "SELECT DISTINCT account_id[1] FROM accounts", moments[0]) == [("a",)]


def test_a_label_is_known_from_its_own_time_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    later = (load(home, facts(tmp_path, "a")).load.accepted_at + timedelta(hours=5)).isoformat()
    label = {"account_id": "z", "label": "bad", "labelled_at": later}
    now = load(home, write_facts(tmp_path / "later", labels=[label])).load.accepted_at
    assert ask(home, "SELECT account_id FROM labels", now) == [("a-0",)]
    assert len(ask(home, "SELECT account_id FROM labels", now + timedelta(hours=6))) == 2


def test_compaction_changes_no_answer_and_other_tools_read_the_tables(tmp_path: Path) -> None:
    home, packed = tmp_path / "home", tmp_path / "packed"
    moment = max(load(home, facts(tmp_path, f"{name}")).load.accepted_at for name in "abcd")
    shutil.copytree(home, packed)
    saved = pipeline.compact(settings_at(packed))
    assert saved["sightings"] == saved["accounts"] == 3
    before, after = (pipeline.status(settings_at(each)) | {"home": ""} for each in (home, packed))
    assert after == before
    runs = [pipeline.detect(settings_at(each), Policy(), moment) for each in (home, packed)]
    assert runs[0]["output_digest"] == runs[1]["output_digest"]
    assert runs[0]["counts"]["rings"] == 1
    for table, rows in (("accounts", 20), ("sightings", 20), ("labels", 4), ("loads", 4)):
        opened = DeltaTable(packed / "ledger" / table)
        listed = opened.file_uris()
        assert len(listed) == 1
        assert duckdb.read_parquet(listed).aggregate("count(*)").fetchall() == [(rows,)]
        assert opened.to_pyarrow_table().num_rows == rows
    load(packed, facts(tmp_path, "e"))
    whole(packed)
    assert ask(packed, COUNTS, moment) == ask(home, COUNTS, moment)


def test_rows_of_a_killed_load_are_invisible_and_swept_by_the_next_load(tmp_path: Path) -> None:
    home = tmp_path / "home"
    load(home, facts(tmp_path, "a"))
    command = [sys.executable, "-c", KILLED_BEFORE_IT_WAS_ACCEPTED, home, facts(tmp_path, "b")]
    assert subprocess.run(command, check=False).returncode == 9
    assert len(rows_in(home, "sightings")) == 10
    assert ask(home, COUNTS) == [(5, 5, 1)]
    assert pipeline.status(settings_at(home))["accounts"] == 5
    load(home, facts(tmp_path, "c"))
    assert {table: len(rows_in(home, table)) for table in ("accounts", "sightings")} == {
        "accounts": 10,
        "sightings": 10,
    }
    assert {path.name for path in (home / "loads").iterdir() if path.is_dir()} == {each.load for each in accepted(home)}
    whole(home)
    assert list((home / "tmp").glob("load-*")) == []


def test_a_load_that_runs_is_not_swept_by_another(tmp_path: Path) -> None:
    home = tmp_path / "home"
    long = started("load", facts(tmp_path, "long", 30_000), home=home)
    for nth in range(4):
        load(home, facts(tmp_path, f"short{nth}"))
    ended(long)
    assert len(accepted(home)) == 5
    whole(home)


def peak_mib(folder: Path, rows: int) -> int:
    """Peak memory of a process that loads so many rows, with little memory granted and small blocks."""
    source = folder / f"sightings-{rows}.csv"
    with source.open("w") as file:
        file.write("account_id,kind,value,first_seen\n")
        file.writelines(f"account-{row % 50_000},device,device-{row:040},2026-01-05\n" for row in range(rows))
    command = [sys.executable, "-c", PEAK_OF_A_LOAD, folder / f"home-{rows}", source]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) // 1024


@pytest.mark.parametrize(("rows", "limit"), [(40_000, 256), pytest.param(300_000, 512, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_file(rows: int, limit: int, tmp_path: Path) -> None:
    # What may still grow is one row group of the Delta writer and the pools of DuckDB, both bounded.
    assert peak_mib(tmp_path, 10 * rows) - peak_mib(tmp_path, rows) < limit
