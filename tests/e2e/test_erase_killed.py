"""kill -9 at any moment of an erasure or a rotation: readers have a whole run, and the same command ends the work."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from graphrisk.ledger.reading import view_facts
from graphrisk.ledger.store import Ledger
from graphrisk.runs.store import read_table
from graphrisk.settings import Settings
from tests.support import places_of
from tests.support_e2e import Launcher, Town, leftovers, verified_live_run

KILLS = [3, pytest.param(100, marks=pytest.mark.slow)]
ERASED = ["town1_33", "town1_34", "town3_20"]


def facts_of(home: Path) -> list[Any]:
    ledger, settings = Ledger(home / "ledger"), Settings(home=home, threads=1)
    with settings.columns(None) as columns:
        view_facts(columns, ledger, datetime.now(UTC), ledger.loads())
        tables = ("accounts", "labels", "fact_sightings")
        return [columns.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in tables]


def rings_of(home: Path) -> list[Any]:
    return read_table(home / "runs", str(verified_live_run(home)), "rings").to_pylist()


@pytest.mark.parametrize("kills", KILLS)
def test_an_erasure_that_is_killed_is_ended_by_the_next(
    launch: Launcher, town: Town, tmp_path: Path, kills: int
) -> None:
    published = ("publish", town.candidate, "--force", "--reason", "a test")
    first = town.copy(tmp_path / "first")
    launch("--home", first, *published)
    undisturbed = launch("--home", first, "erase", *ERASED, "--json")
    removed = undisturbed.json()["removed"]
    assert removed["accounts"] == 3
    dice, killed = random.Random(kills), 0
    for number in range(kills):
        home = town.copy(tmp_path / f"home{number}")
        launch("--home", home, *published)
        ended = launch("--home", home, "erase", *ERASED, after=dice.uniform(0.05, 1) * undisturbed.seconds)
        killed += ended.code == -9
        assert verified_live_run(home)
        told = launch("--home", home, "erase", *ERASED, "--json").json()
        assert told["left"] == []
        assert told["removed"]["accounts"] in (3, 0)  # 0: the one before had finished
        assert places_of(ERASED, home) == []
        assert facts_of(home) == facts_of(first)
        assert rings_of(home) == rings_of(first)
        assert launch("--home", home, "load", town.farm, "--json").json()["new"] is False
        assert leftovers(home) == []
    assert killed


@pytest.mark.parametrize("kills", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_a_rotation_that_is_killed_is_ended_by_the_next(
    launch: Launcher, town: Town, tmp_path: Path, kills: int
) -> None:
    first = town.copy(tmp_path / "first")
    undisturbed = launch("--home", first, "keys", "rotate-tokens", "--json")
    digest = launch("--home", first, "detect", "--json").json()["output_digest"]
    dice = random.Random(kills)
    for number in range(kills):
        home = town.copy(tmp_path / f"home{number}")
        launch("--home", home, "keys", "rotate-tokens", after=dice.uniform(0.05, 1) * undisturbed.seconds)
        assert verified_live_run(home) == town.live
        launch("--home", home, "keys", "rotate-tokens", "--json").json()
        assert len({load.key_id for load in Ledger(home / "ledger").loads()}) == 1
        assert launch("--home", home, "detect", "--json").json()["output_digest"] == digest
        assert launch("--home", home, "load", town.farm, "--json").json()["new"] is False
