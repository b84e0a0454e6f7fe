"""What a power cut leaves half written in the log of a table hides nothing; a long log costs nothing; reading ends as it should."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graphrisk import pipeline
from graphrisk.ledger import tables
from tests.support import ask, load, settings_at
from tests.unit.test_ledger import COUNTS, facts, whole


def torn(home: Path, table: str, keep: int) -> None:
    """A power cut left one more entry of the log half written: the commit of a load that nobody was told of."""
    last = max((home / "ledger" / table / "_delta_log").glob("*.json"))
    last.with_name(f"{int(last.stem) + 1:020}.json").write_bytes(last.read_bytes()[:keep])


@pytest.mark.parametrize("keep", [0, -20])
@pytest.mark.parametrize("table", ["sightings", "loads"])
def test_a_torn_last_log_entry_is_set_aside_by_the_next_load(table: str, keep: int, tmp_path: Path) -> None:
    home = tmp_path / "home"
    load(home, facts(tmp_path, "a"))
    torn(home, table, keep)
    load(home, facts(tmp_path, "c"))
    assert ask(home, COUNTS) == [(10, 10, 2)]
    whole(home)
    assert list((home / "ledger" / table / "_delta_log").glob("*.torn"))


@pytest.mark.parametrize("keep", [0, -20])
@pytest.mark.parametrize("table", ["sightings", "loads"])
def test_after_a_power_cut_that_tore_a_log_entry_reading_works_before_the_next_load(
    table: str, keep: int, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    load(home, facts(tmp_path, "a"))
    torn(home, table, keep)
    state = pipeline.status(settings_at(home))
    assert (state["loads"], state["accounts"]) == (1, 5)


@pytest.fixture
def after_nine_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which every third commit is followed by a checkpoint."""
    monkeypatch.setattr(tables, "COMMITS_A_CHECKPOINT", 3)
    for name in "abcdefghi":
        load(tmp_path / "home", facts(tmp_path, name))
    return tmp_path / "home"


def test_loading_for_the_thousandth_time_reads_only_the_last_entries_of_the_log(after_nine_loads: Path) -> None:
    for table in tables.SCHEMAS:
        for entry in sorted((after_nine_loads / "ledger" / table / "_delta_log").glob("*.json"))[:8]:
            entry.write_text("nobody reads this")
    load(after_nine_loads, facts(after_nine_loads.parent, "j"))
    assert ask(after_nine_loads, COUNTS) == [(50, 50, 10)]
    whole(after_nine_loads)


@pytest.mark.parametrize("keep", [0, -20])
@pytest.mark.parametrize("table", ["sightings", "loads"])
def test_a_checkpoint_that_a_power_cut_tore_hides_nothing(table: str, keep: int, after_nine_loads: Path) -> None:
    last = max((after_nine_loads / "ledger" / table / "_delta_log").glob("*.checkpoint.parquet"))
    last.write_bytes(last.read_bytes()[:keep])
    assert pipeline.status(settings_at(after_nine_loads))["accounts"] == 45
    load(after_nine_loads, facts(after_nine_loads.parent, "j"))
    assert ask(after_nine_loads, COUNTS) == [(50, 50, 10)]
    assert last.with_suffix(".torn").exists()


def test_a_program_that_reads_the_loads_and_ends_is_not_aborted(tmp_path: Path) -> None:
    """One in ten of them was, after it had done all it was to do: a thread of the reader was still there."""
    load(tmp_path / "home", facts(tmp_path, "a"))
    program = "import sys; from pathlib import Path; from graphrisk.ledger.store import Ledger; Ledger(Path(sys.argv[1])).loads()"
    command = [sys.executable, "-c", program, tmp_path / "home" / "ledger"]
    assert [subprocess.run(command, check=False, capture_output=True).returncode for _ in range(12)] == [0] * 12
