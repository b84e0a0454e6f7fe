"""What killed commands leave in a home that no answer shows: half-written files, rows that nobody names, no report."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deltalake import DeltaTable

from graphrisk import pipeline
from graphrisk.files import is_abandoned
from graphrisk.ledger.store import KEEP_REPLACED_HOURS, Ledger
from graphrisk.policy import Policy
from tests.support import load, settings_at
from tests.support_e2e import write_farm

KILLED_AS_A_FILE_GETS_ITS_NAME = """
import os, sys
from pathlib import Path
from graphrisk import pipeline
from graphrisk.policy import Policy
from graphrisk.settings import Settings
replace, home, source, name = os.replace, *sys.argv[1:]
def die(old, new):
    if Path(new).match(name):
        os._exit(9)
    replace(old, new)
os.replace = die
pipeline.nightly(Settings(home=Path(home), threads=1, processes=1), Policy(), [source])
"""


def killed(home: Path, source: Path, name: str) -> None:
    """A job of `graphrisk run` that was killed as a file of that name was about to replace the old one."""
    command = [sys.executable, "-c", KILLED_AS_A_FILE_GETS_ITS_NAME, home, source, name]
    assert subprocess.run(command, check=False).returncode == 9


@pytest.mark.parametrize("name", ["jobs/*.json", "current.json", "signals/*.ndjson", "loads/*/report.json"])
def test_hidden_files_of_killed_jobs_are_gone_after_the_next(tmp_path: Path, name: str) -> None:
    home, farm = tmp_path / "home", write_farm(tmp_path / "farm", "farm")
    killed(home, farm, name)
    assert [path.relative_to(home).parent for path in home.rglob(".*")] != []
    assert pipeline.nightly(settings_at(home), Policy(), [str(farm)]).outcome == "published"
    assert list(home.rglob(".*")) == []


def test_a_load_that_was_accepted_as_its_job_was_killed_has_its_report_after_the_next(tmp_path: Path) -> None:
    home, farm = tmp_path / "home", write_farm(tmp_path / "farm", "farm")
    killed(home, farm, "loads/*/report.json")
    (accepted,) = Ledger(home / "ledger").loads()
    assert load(home, farm).new is False
    assert (home / "loads" / accepted.load / "report.json").read_text() == accepted.report
    assert is_abandoned(home / "loads" / accepted.load / "owner.lock")


def test_a_folder_of_a_load_that_a_person_removed_stays_away(tmp_path: Path) -> None:
    home, farm = tmp_path / "home", write_farm(tmp_path / "farm", "farm")
    folder = home / "loads" / load(home, farm).load.load
    shutil.rmtree(folder)
    assert load(home, farm).new is False
    assert not folder.exists()


def test_data_files_of_a_load_that_was_killed_as_it_wrote_them_go_with_a_compaction_a_week_later(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    load(home, write_farm(tmp_path / "farm", "farm"))
    load(home, write_farm(tmp_path / "other", "other"))
    table = home / "ledger" / "accounts"
    stored = sorted(table.glob("*.parquet"))
    # Such a file is named by no entry of the log, so that no load knows of it. One is of a load that still runs.
    old, young = (table / f"part-00000-{name}.parquet" for name in ("old", "young"))
    for path in (old, young):
        shutil.copy(stored[0], path)
    a_week_ago = time.time() - (KEEP_REPLACED_HOURS + 1) * 3600
    for path in (*stored, old):
        os.utime(path, (a_week_ago, a_week_ago))
    pipeline.compact(settings_at(home))
    assert not old.exists()
    assert young.exists()
    # What compaction itself replaced stays for those who read it.
    assert all(path.exists() for path in stored)
    assert DeltaTable(table).to_pyarrow_table().num_rows == 80
