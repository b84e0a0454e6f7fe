"""Planted evolution: rings are born, grow, merge, split, dissolve and come back; every event is told, and no other."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from graphrisk import pipeline
from graphrisk.policy import Policy
from graphrisk.runs.store import read_table
from graphrisk.settings import Settings
from tests.support import Row, settings_at, sighting, write_facts

DAY = timedelta(days=1)
FIRST = datetime(2022, 3, 7, tzinfo=UTC)
LATER = FIRST + 1_130 * DAY
"""By then whatever was not seen again is past its retention."""

Event = tuple[str, frozenset[str]]


class Town:
    """Groups of accounts that share a device and a card, and strangers; what is told of their rings after each night."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.settings: Settings = settings_at(folder / "home")
        self._folder, self._dice, self._nights, self._strangers = folder, dice, 0, 0
        self.groups: dict[str, list[str]] = {}
        self.ids: dict[str, str] = {}
        """The id that each group's ring had first."""

    def born(self, name: str, at: datetime) -> list[Row]:
        # Of two groups that merge, the larger one's id has to be certain.
        size = self._dice.randrange(5, 8) + 4 * (name == "c")
        self.groups[name] = [f"{name}{number:02d}" for number in range(size)]
        return self.seen(name, at)

    def grew(self, name: str, at: datetime) -> list[Row]:
        self.groups[name] += [f"{name}{number:02d}" for number in range(20, 20 + self._dice.randrange(2, 5))]
        return self.seen(name, at)

    def seen(self, name: str, at: datetime) -> list[Row]:
        """All of a group use what is theirs."""
        return [
            self._use(each, kind, f"{kind} of {name}", at) for each in self.groups[name] for kind in ("device", "card")
        ]

    def bridged(self, names: tuple[str, str], at: datetime) -> list[Row]:
        """All of two groups use one device."""
        everyone = [each for name in names for each in self.groups[name]]
        return [self._use(each, "device", f"device of {names}", at) for each in everyone]

    def strangers(self, count: int, at: datetime) -> list[Row]:
        """Pairs of accounts, which are no rings."""
        self._strangers += count
        numbers = range(self._strangers - count, self._strangers)
        return [self._use(f"zz{number}", "device", f"pair {number // 2}", at) for number in numbers]

    def _use(self, account: str, kind: str, value: str, at: datetime) -> Row:
        return sighting(account, kind, value, (at + timedelta(minutes=self._dice.randrange(2_000))).isoformat())

    def night(self, rows: list[Row]) -> set[Event]:
        """Load, detect and publish; the events of the run, each with the core that its ring has, or had last."""
        if rows:
            pipeline.load(
                self.settings, Policy(), [str(write_facts(self._folder / f"night{self._nights}", sightings=rows))]
            )
        self._nights += 1
        run = pipeline.detect(self.settings, Policy())["run_id"]
        pipeline.publish(self.settings, Policy(), run, "a test says so")
        lineage = read_table(self.settings.runs, run, "lineage").to_pylist()
        for row in lineage:
            pipeline.ring(self.settings, row["ring_id"])  # every id ever issued resolves
            if row["event"] == "born":
                self.ids.setdefault(row["core"][0][0], row["ring_id"])
        return {(row["event"], frozenset(row["core"])) for row in lineage if row["event_run"] == run}

    def core(self, *names: str) -> frozenset[str]:
        return frozenset(each for name in names for each in self.groups[name])

    def ring_of(self, name: str) -> str | None:
        return pipeline.account(self.settings, self.groups[name][0])["ring_id"]


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 40))])
def test_what_was_planted_is_what_lineage_tells(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    town = Town(tmp_path, dice)
    rows = [row for name in "abcde" for row in town.born(name, FIRST)] + town.strangers(20, FIRST)
    assert town.night(rows) == {("born", town.core(name)) for name in "abcde"}
    assert {name: town.ring_of(name) for name in "abcde"} == town.ids

    assert town.night([]) == set(), "an unchanged night records no event"
    assert town.night(town.strangers(5 * 60, FIRST + DAY)) == set(), "and neither do five times as many strangers"
    assert {name: town.ring_of(name) for name in "abcde"} == town.ids

    rows = town.grew("a", FIRST + 2 * DAY) + town.born("f", FIRST + 2 * DAY)
    assert town.night(rows) == {("grew", town.core("a")), ("born", town.core("f"))}

    assert town.night(town.bridged(("b", "c"), FIRST + 3 * DAY)) == {
        ("merged", town.core("b", "c")),
        ("merged", town.core("b")),
    }
    assert town.ring_of("b") == town.ring_of("c") == town.ids["c"]

    # The bridge is not seen again, and neither is group d.
    rows = [row for name in "abcef" for row in town.seen(name, LATER)]
    assert town.night(rows) == {
        ("split", town.core("c")), ("revived", town.core("b")), ("dissolved", town.core("d")),
    }  # fmt: skip
    assert [town.ring_of(name) for name in "bcd"] == [town.ids["b"], town.ids["c"], None]

    assert town.night(town.seen("d", LATER + DAY)) == {("revived", town.core("d"))}
    assert {name: town.ring_of(name) for name in "abcdef"} == town.ids
