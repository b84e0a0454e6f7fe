"""Which rings there are to be, before anything else is drawn: so many accounts are left for innocents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.world_truth import PREVALENCE

OVERSHOOT = 1.05
SIZES = {
    "device_farm": (20, 80),
    "proxy_farm": (30, 150),
    "anti_detect": (20, 80),
    "mule_network": (8, 30),
    "take_over": (15, 60),
    "slow_burn": (15, 40),
    "camouflage": (20, 60),
    "resurrection": (5, 15),
    "framing": (15, 50),
}
"""Archetype → fewest and most accounts of a ring; of a resurrection, of its old and of its new accounts each."""
OF_INNOCENTS = ("mule_network", "take_over")
"""Archetypes whose accounts are innocents' accounts."""


@dataclass(frozen=True)
class Planned:
    """A ring to be: ``again`` is how many accounts sign up after the first ones were closed (resurrection only)."""

    archetype: str
    accounts: int
    again: int

    @property
    def total(self) -> int:
        return self.accounts + self.again

    @property
    def of_innocents(self) -> bool:
        return self.archetype in OF_INNOCENTS


def planned(rng: np.random.Generator, accounts: int) -> list[Planned]:
    """Archetypes take turns in random order until rings have their part of the accounts."""
    plan: list[Planned] = []
    turn: list[str] = []
    total = 0
    while total < PREVALENCE * accounts:
        if not turn:
            turn = [str(name) for name in rng.permutation(list(SIZES))]
        archetype = turn.pop()
        low, high = SIZES[archetype]
        first = int(rng.integers(low, high + 1))
        ring = Planned(archetype, first, int(rng.integers(low, high + 1)) if archetype == "resurrection" else 0)
        if total + ring.total > PREVALENCE * accounts * OVERSHOOT and len(plan) >= len(SIZES):
            break
        plan.append(ring)
        total += ring.total
    return plan
