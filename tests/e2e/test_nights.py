"""Nights of `graphrisk run` with kill -9 in them end as if nothing had disturbed them; the bench lives through months."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from graphrisk.worlds import write_world
from tests.bench.nights import judged
from tests.support_nights import Nights, places


def test_nights_that_were_killed_or_refused_end_as_those_that_nothing_disturbed(tmp_path: Path) -> None:
    write_world(tmp_path / "world", accounts=2_000, seed=5, days=3, processes=1)
    days = sorted((tmp_path / "world").glob("day-*"))
    folders = [tmp_path / "world" / "history", *days[:2], late_date(tmp_path / "late")]
    nights = Nights(tmp_path / "home", seed=5, kills=True, keep=2, share=1.0)
    told = [nights.live(folder) for folder in folders]
    assert [night.outcome for night in told] == ["published"] * 3 + ["refused, then published by force"]
    assert told[-1].reasons
    assert places(told), "nobody was killed"
    assert judged(nights, tmp_path / "undisturbed", folders) == []


def late_date(folder: Path) -> Path:
    """A day of today moves the data clock, so that all addresses of the world are past their retention."""
    folder.mkdir()
    row = f"acc_00000001,device,a new one,{datetime.now(UTC).date()}"
    (folder / "sightings.csv").write_text(f"account_id,kind,value,first_seen\n{row}\n")
    return folder
