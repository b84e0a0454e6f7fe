"""What killed commands leave in a home that no answer shows: half-written files, rows that nobody names, no report."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from deltalake import DeltaTable

from graphrisk import pipeline
from graphrisk.ledger.store import KEEP_REPLACED_HOURS, Ledger
from graphrisk.policy import Policy
from tests.support import load, settings_at
from tests.support_e2e import write_farm

KILLED_AS_FILES_GET_THEIR_NAMES = """
import os, sys
from pathlib import Path
from graphrisk import pipeline
from graphrisk.policy import Policy
from graphrisk.settings import Settings
def job(name):
    replace = os.replace
    def die(old, new):
        if Path(new).match(name):
            os._exit(9)
        replace(old, new)
    os.replace = die
    pipeline.nightly(Settings(home=Path(home), threads=1, processes=1), Policy(), [source])
home, source, *names = sys.argv[1:]
verbs = [getattr(pipeline, verb) for verb in pipeline.__all__]  # imported once, and not by each job
for name in names:
    child = os.fork()
    if child == 0:
        job(name)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, name
    print(*(path.name.rpartition(".")[0] for path in Path(home).rglob(".*")))
"""
"""Jobs of `graphrisk run`, each killed as a file of the next name was about to be replaced; prints what is hidden then."""


def test_hidden_files_of_killed_jobs_are_gone_and_the_report_of_the_load_is_there_after_the_next(
    tmp_path: Path,
) -> None:
    home, farm = tmp_path / "home", write_farm(tmp_path / "farm", "farm")
    names = ("loads/*/report.json", "current.json", "signals/*.ndjson", "jobs/*.json")
    command = [sys.executable, "-c", KILLED_AS_FILES_GET_THEIR_NAMES, home, farm, *names]
    hidden = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert hidden[:2] == [".report.json", ".current.json"]
    assert ".0000000001.ndjson" in hidden[2].split()
    assert any(name.startswith(".20") for name in hidden[3].split())
    assert pipeline.nightly(settings_at(home), Policy(), [str(farm)]).outcome == "published"
    assert list(home.rglob(".*")) == []
    (accepted,) = Ledger(home / "ledger").loads()
    assert (home / "loads" / accepted.load / "report.json").read_text() == accepted.report


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
