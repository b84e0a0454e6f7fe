"""Which rings there are to be, before anything else is drawn: so many accounts are left for innocents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.world_truth import PREVALENCE

TRIES = 400
SIZES = {
    "device_farm": (20, 80),
    "proxy_farm": (30, 150),
    "anti_detect": (15, 60),
    "mule_network": (8, 30),
    "take_over": (15, 60),
    "slow_burn": (15, 40),
    "camouflage": (20, 60),
    "resurrection": (10, 30),
    "framing": (10, 30),
}
"""Archetype → fewest and most accounts of a ring."""
OF_INNOCENTS = ("mule_network", "take_over")
"""Archetypes whose accounts are innocents' accounts."""


@dataclass(frozen=True)
class Planned:
    """A ring to be."""

    archetype: str
    accounts: int

    @property
    def signed_up(self) -> int:
        """How many accounts the ring opens itself."""
        return 0 if self.archetype in OF_INNOCENTS else self.accounts


def planned(rng: np.random.Generator, accounts: int) -> list[Planned]:
    """As many rings of each archetype, of the sizes that come nearest to the rings' part of the accounts."""
    wanted = PREVALENCE * accounts
    of_each = max(1, round(wanted / sum((low + high) / 2 for low, high in SIZES.values())))
    tries = [_sizes(rng, of_each) for _ in range(TRIES)]
    return min(tries, key=lambda rings: abs(sum(ring.accounts for ring in rings) - wanted))


def _sizes(rng: np.random.Generator, of_each: int) -> list[Planned]:
    return [
        Planned(archetype, size)
        for archetype, (low, high) in SIZES.items()
        for size in rng.integers(low, high + 1, of_each).tolist()
    ]
