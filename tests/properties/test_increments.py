"""A run made from the live one is the run that all facts give: every table of it, value for value.

Mixed operations over months: sightings that are new, late, early, told twice or no news; accounts that come, are closed or
opened again; bursts of sign-ups at one place; verdicts; hubs that come and go; days on which retention lets go of much; runs
that are not published, or rolled back; accounts that are erased; loads of nothing but what was known.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphrisk import pipeline
from graphrisk.model import DAY_US, HOUR_US, moment_of
from graphrisk.policy import Policy
from graphrisk.runs.store import current_run, publications, read_table
from graphrisk.settings import Settings
from tests.support_detection import MONDAY, Facts, account, settings, sighting, write_facts
from tests.support_increments import differing

KINDS = ("device", "device", "card", "ip", "ip", "ip", "email", "phone", "address", "user_agent", "bin")
SMALL_CAPS = {"device": 9, "card": 5, "ip": 4, "email": 4}
DENSE, SPARSE = 1, 8
"""How many times as many values there are to share: where they are many, most who are linked are couples and no ring."""

LONG = [(10_000, seed, SPARSE if seed % 2 else DENSE) for seed in range(2, 12)]
OPERATIONS = [
    pytest.param(2_000, 1, DENSE, id="dense"),
    pytest.param(800, 12, SPARSE, id="sparse"),
    *(pytest.param(*each, id=f"long-{each[1]}", marks=pytest.mark.slow) for each in LONG),
]


def small_policy() -> Policy:
    """The shipped policy with caps that a few accounts pass, so that hubs come and go."""
    told = Policy().model_dump(mode="json")
    for kind, cap in SMALL_CAPS.items():
        told["kinds"][kind]["cap"] = cap
    return Policy.model_validate(told)


class Town:
    """A few hundred accounts that share what there is, day after day."""

    def __init__(self, dice: random.Random, values: int) -> None:
        self._values = values
        self._dice, self._day, self._born, self._told = dice, -5_000, 0, list[dict[str, str]]()
        self._created: dict[str, int] = {}

    def pass_days(self) -> None:
        self._day += self._dice.choice((0, 1, 1, 1, 1, 2, 7, 7, 30, 95) if self._dice.random() < 0.97 else (370,))

    def facts(self, operations: int) -> Facts:
        """The facts of a load: about so many rows."""
        facts: Facts = {"accounts": [], "sightings": [], "labels": []}
        while sum(map(len, facts.values())) < operations:
            for table, row in self._dice.choices((self._seen, self._burst, self._state, self._verdict, self._again), (30, 1, 4, 1, 3))[0]():  # fmt: skip
                facts[table].append(row)
        self._told = facts["sightings"] or self._told
        return facts

    @property
    def _now(self) -> int:
        return MONDAY + self._day * DAY_US + self._dice.randrange(24) * HOUR_US

    def _account(self) -> str:
        """One that is known, or a new one; ids in no order, so that new ones stand between others."""
        if not self._created or self._dice.random() < 0.15:
            self._born += 1
            name = f"{self._dice.choice('akz')}{self._dice.randrange(10**6):06d}"
            self._created[name] = self._now
            return name
        return self._dice.choice(list(self._created))

    def _value(self, kind: str) -> str:
        dice, times = self._dice, self._values
        if kind == "ip":
            return f"81.2.{dice.randrange(3 * times)}.{dice.randrange(1, 12)}"
        if kind == "email":
            return f"user.{dice.randrange(40 * times)}@mail{dice.randrange(3)}.example"
        if kind == "phone":
            return f"+4479111{dice.randrange(30 * times):05d}"
        if kind == "bin":
            return f"41{dice.randrange(5):04d}"
        few = {"user_agent": 4, "device": 60 * times, "card": 60 * times, "address": 40 * times}[kind]
        return f"{kind} number {dice.randrange(few) if dice.random() < 0.9 else 0} of the town"

    def _seen(self) -> Iterator[tuple[str, dict[str, str]]]:
        name, kind = self._account(), self._dice.choice(KINDS)
        first = self._now - self._dice.choice((0, 0, 0, 0, DAY_US, 9 * DAY_US, 100 * DAY_US))
        last = first + self._dice.choice((0, 0, HOUR_US, 8 * DAY_US, 40 * DAY_US))
        yield "sightings", sighting(name, kind, self._value(kind), first, last)

    def _burst(self) -> Iterator[tuple[str, dict[str, str]]]:
        """New accounts at one address on one day, which share a card now and then."""
        address, card, now = self._value("ip"), self._value("card"), self._now
        for _ in range(self._dice.randrange(4, 9)):
            name = f"b{self._dice.randrange(10**6):06d}"
            self._created[name] = now
            yield "accounts", {**account(name, now), "marketplace": "uk"}
            yield "sightings", sighting(name, "ip", address, now + HOUR_US)
            if self._dice.random() < 0.6:
                yield "sightings", sighting(name, "card", card, now + HOUR_US)

    def _state(self) -> Iterator[tuple[str, dict[str, str]]]:
        name = self._account()
        created = self._created[name] - self._dice.choice((0, 0, 0, DAY_US))
        told = account(name, created, self._dice.choice(("active", "active", "closed", "suspended")))
        yield "accounts", {**told, "marketplace": self._dice.choice(("uk", "uk", "de"))}

    def _verdict(self) -> Iterator[tuple[str, dict[str, str]]]:
        at = moment_of(self._now - self._dice.choice((0, 3 * DAY_US))).isoformat()
        yield "labels", {"account_id": self._account(), "label": self._dice.choice(("bad", "good")), "labelled_at": at}

    def _again(self) -> Iterator[tuple[str, dict[str, str]]]:
        if self._told:
            yield "sightings", self._dice.choice(self._told)

    def erased(self) -> str:
        name = self._dice.choice(list(self._created))
        del self._created[name]
        return name


def goes_back(at: Settings) -> bool:
    """Whether all runs that were live are still kept: none is after an erasure."""
    runs = {move.run_id for move in publications(at.home)}
    return len(runs) > 1 and all((at.runs / run).exists() for run in runs)


@pytest.mark.parametrize(("operations", "seed", "values"), OPERATIONS)
def test_a_run_from_the_live_one_is_the_run_that_all_facts_give(
    tmp_path: Path, operations: int, seed: int, values: int
) -> None:
    dice, at, policy = random.Random(seed), settings(tmp_path / "home"), small_policy()
    town, done, nights, increments, rings = Town(dice, values), 0, 0, 0, 0
    while done < operations:
        town.pass_days()
        for _ in range(dice.choice((0, 1, 1, 1, 2)) if nights else 1):
            facts = town.facts(dice.choice((5, 60, 250)) if nights else 250)
            done += sum(map(len, facts.values()))
            pipeline.load(at, policy, [str(write_facts(tmp_path / f"load{done}", facts))])
        made = pipeline.detect(at, policy)
        assert differing(at, made) == [], f"night {nights}"
        nights, increments = nights + 1, increments + ("increment" in made)
        rings = max(rings, made["counts"]["rings"])
        if dice.random() < 0.8 and made["run_id"] != current_run(at.home):
            pipeline.publish(at, policy, made["run_id"], "a test")
        if dice.random() < 0.1 and goes_back(at):
            pipeline.rollback(at)
        if dice.random() < 0.05:
            pipeline.erase(at, policy, [town.erased()])
            done += 1
    assert increments >= nights / 2, "most nights must have been made from the live run"
    assert rings > (3 if values == DENSE else 0)


def test_a_link_loses_evidence_past_its_ceiling_though_it_stays_as_strong(tmp_path: Path) -> None:
    """Two accounts share three devices, of which two are worth all that devices may be worth; the third is let go of."""
    at, policy = settings(tmp_path / "home"), Policy()
    kept = policy.kinds["device"].retention_days
    long_ago = MONDAY - 3 * kept * DAY_US

    def shared(device: str, day: int) -> list[dict[str, str]]:
        return [sighting(name, "device", f"device {device} of the pair", long_ago + day * DAY_US) for name in ("one", "two")]  # fmt: skip

    def night(number: int, rows: list[dict[str, str]]) -> dict[str, Any]:
        pipeline.load(at, policy, [str(write_facts(tmp_path / f"night{number}", {"sightings": rows}))])
        return pipeline.detect(at, policy)

    first = night(1, shared("a", 0) + shared("b", kept - 10) + shared("c", kept - 10))
    pipeline.publish(at, policy, first["run_id"], "a test")
    second = night(2, [sighting("elsewhere", "device", "device of somebody else", long_ago + (kept + 10) * DAY_US)])
    before, now = (read_table(at.runs, made["run_id"], "links").to_pylist()[0] for made in (first, second))
    assert now["strength"] == before["strength"]
    assert len(now["evidence"]) == len(before["evidence"]) - 1
    assert "increment" in second
    assert differing(at, second) == []
