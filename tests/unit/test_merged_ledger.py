"""The merged ledger: it holds what the ledger holds, serves where it can, and never decides what a run says."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from graphrisk import pipeline
from graphrisk.files import only_one
from graphrisk.ledger.merged import merged_ledger
from graphrisk.ledger.reading import code_facts, view_facts, view_loads
from graphrisk.ledger.store import Ledger
from graphrisk.model import DAY_US, HOUR_US
from graphrisk.policy import Policy
from graphrisk.runs.store import current_run, verify_run
from graphrisk.settings import Settings
from tests.support_detection import MONDAY, account, detect, farm, load, settings, sighting, write_facts
from tests.support_increments import differing

ROWS = (
    "SELECT account_id, kind, value, network, hint, week, first, last FROM coded_sightings JOIN coded_accounts USING (key)",
    "SELECT account_id, created, status, marketplace FROM coded_accounts",
)


def loaded(folder: Path) -> Settings:
    """Three loads: farms; a farm again, later and earlier, with a closed account; another state of one account."""
    at = settings(folder / "home")
    rows = [farm("north", 6, 0), farm("south", 5, 3)]
    load(at, write_facts(folder / "one", {"sightings": [row for part in rows for row in part]}))
    again = [{**row, "last_seen": row["first_seen"]} for row in farm("north", 4, 9)]
    early = [sighting("north000", "device", "device of north farm 4711", MONDAY - DAY_US, MONDAY - HOUR_US)]
    closed = [account("south001", MONDAY, "closed"), account("late", MONDAY)]
    load(at, write_facts(folder / "two", {"sightings": [*again, *early], "accounts": closed}))
    load(at, write_facts(folder / "three", {"accounts": [account("south001", MONDAY - DAY_US, "suspended")]}))
    return at


def coded(at: Settings, merged: bool, loads: int | None = None) -> list[list[object]]:
    """What linkage would read, from the merged ledger or from the ledger itself."""
    ledger = Ledger(at.ledger)
    chosen = ledger.loads()[:loads]
    with at.scratch("test") as scratch, at.columns(scratch) as columns:
        if not merged:
            view_facts(columns, ledger, datetime.now(UTC), chosen)
            code_facts(columns)
            return [sorted(columns.execute(sql).fetchall(), key=repr) for sql in ROWS]
        view_loads(columns, ledger, datetime.now(UTC), chosen)
        with merged_ledger(columns, at.merged, chosen) as ready:
            assert ready
            return [sorted(columns.execute(sql).fetchall(), key=repr) for sql in ROWS]


def test_it_holds_what_the_ledger_holds_however_often_it_was_brought_up_to_date(tmp_path: Path) -> None:
    at = loaded(tmp_path)
    for loads in (1, 2, 3, 3):
        assert coded(at, merged=True, loads=loads) == coded(at, merged=False, loads=loads)
    (at.merged / "ledger.duckdb").unlink()
    assert coded(at, merged=True) == coded(at, merged=False)


def test_a_moment_before_the_newest_load_is_read_from_the_ledger_itself(tmp_path: Path) -> None:
    at = loaded(tmp_path)
    now = detect(at)
    first = Ledger(at.ledger).loads()[0].accepted_at
    assert detect(at, first)["counts"]["accounts"] == 11
    assert detect(at)["output_digest"] == now["output_digest"]


@pytest.mark.parametrize("harm", [b"", b"no database", b"half"], ids=["empty", "other", "cut"])
def test_a_damaged_merged_ledger_is_made_again(tmp_path: Path, harm: bytes, caplog: pytest.LogCaptureFixture) -> None:
    at = loaded(tmp_path)
    before = detect(at)["output_digest"]
    file = at.merged / "ledger.duckdb"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if harm == b"half" else harm)
    with caplog.at_level(logging.WARNING, "graphrisk"):
        assert detect(at)["output_digest"] == before
    assert harm == b"" or "made again" in caplog.text
    assert coded(at, merged=True) == coded(at, merged=False)


def test_a_block_that_is_not_what_was_written_is_noticed_while_it_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    at = settings(tmp_path / "home")
    load(at, write_facts(tmp_path / "facts", {"sightings": farm("large", 3_000, 0)}))
    before = detect(at)["output_digest"]
    file = at.merged / "ledger.duckdb"
    whole = file.read_bytes()
    noticed = 0
    for block in range(12_288 + 1_000, len(whole), 262_144):
        file.write_bytes(whole[:block] + bytes([whole[block] ^ 0xFF]) + whole[block + 1 :])
        caplog.clear()
        assert detect(at)["output_digest"] == before
        noticed += "damaged" in caplog.text or "made again" in caplog.text
    assert noticed > 1


def test_what_is_wrong_in_the_live_run_is_not_handed_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    at = loaded(tmp_path)
    pipeline.publish(at, Policy(), detect(at)["run_id"])
    load(at, write_facts(tmp_path / "four", {"sightings": farm("west", 5, 20)}))
    live = at.runs / str(current_run(at.home)) / "uses.arrow"
    bytes_ = bytearray(live.read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    live.write_bytes(bytes(bytes_))
    again = detect(at)
    assert "increment" not in again
    assert "computed anew" in caplog.text
    assert differing(at, again) == []


def test_a_run_that_was_made_wrong_is_replaced_when_it_is_computed_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    at = loaded(tmp_path)
    pipeline.publish(at, Policy(), detect(at)["run_id"])
    load(at, write_facts(tmp_path / "four", {"sightings": farm("west", 5, 20)}))
    made = pipeline.detect(at, Policy())
    folder = at.runs / made["run_id"]
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["links.arrow"]["sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    again = pipeline.detect(at, Policy(), anew=True)
    assert "is replaced" in caplog.text
    verify_run(at.runs, made["run_id"])
    caplog.clear()
    assert pipeline.detect(at, Policy(), anew=True)["files"] == again["files"]
    assert "is replaced" not in caplog.text


@pytest.mark.parametrize("harm", ["folder", "unreadable"])
def test_where_no_merged_ledger_can_be_made_the_ledger_itself_is_read(
    tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    at = loaded(tmp_path)
    before = detect(at)["output_digest"]
    file = at.merged / "ledger.duckdb"
    file.unlink()
    if harm == "folder":
        (file / "inside").mkdir(parents=True)
    else:
        file.symlink_to(tmp_path / "nowhere" / "at all")
    assert detect(at)["output_digest"] == before
    assert "the ledger itself is read" in caplog.text


def test_while_another_process_uses_it_the_ledger_itself_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    at = loaded(tmp_path)
    before = detect(at)["output_digest"]
    with only_one(at.merged / "use.lock"), caplog.at_level(logging.INFO, "graphrisk"):
        assert detect(at)["output_digest"] == before
    assert f"in use by process {os.getpid()}" in caplog.text


def test_erased_accounts_and_old_tokens_leave_it(tmp_path: Path) -> None:
    at = loaded(tmp_path)
    detect(at)
    assert b"north000" in (at.merged / "ledger.duckdb").read_bytes()
    pipeline.erase(at, Policy(), ["north000"])
    assert not (at.merged / "ledger.duckdb").exists()
    detect(at)
    assert coded(at, merged=True) == coded(at, merged=False)
    pipeline.rotate_tokens(at)
    assert not (at.merged / "ledger.duckdb").exists()


def test_a_process_killed_while_it_merges_leaves_all_or_nothing(tmp_path: Path) -> None:
    at = settings(tmp_path / "home")
    for number in range(6):
        load(at, write_facts(tmp_path / f"{number}", {"sightings": farm(f"farm{number}", 400, number)}))
        for _ in range(2):
            child = subprocess.Popen(
                [sys.executable, "-m", "graphrisk", "--home", str(at.home), "detect"], stderr=subprocess.DEVNULL
            )
            file, began = at.merged / "ledger.duckdb.wal", time.monotonic()
            while child.poll() is None and not file.exists() and time.monotonic() - began < 20:
                time.sleep(0.001)
            child.send_signal(signal.SIGKILL)
            child.wait()
    assert coded(at, merged=True) == coded(at, merged=False)
