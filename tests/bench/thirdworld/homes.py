"""The homes that persons live in, and the addresses of the homes week by week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.thirdworld.market import Market
from tests.bench.thirdworld.names import CITIES
from tests.bench.thirdworld.uses import Floats, Ints
from tests.bench.thirdworld.values import falling

HOME_SIZES = (0.28, 0.34, 0.16, 0.13, 0.06, 0.03)
STUDENT_SHARE, STUDENTS = 0.008, (6, 15)
DYNAMIC_HOMES, CHANGED_A_WEEK, PROVIDERS_OF_HOMES = 0.6, 0.08, 25


@dataclass(frozen=True)
class Homes:
    """Homes by number, ``student_houses`` first. ``ip`` is by week and home; ``city_shares`` by town."""

    sizes: Ints
    student_houses: int
    city_shares: Floats
    city: Ints
    ip: Ints

    def __len__(self) -> int:
        return len(self.sizes)

    def country(self, home: int) -> str:
        """The country that the home is in."""
        return CITIES[self.city[home]][0]


def home_sizes(rng: np.random.Generator, persons: int) -> tuple[Ints, int]:
    """How many live in each home, student houses first; how many of these there are."""
    sizes: list[int] = []
    students = int(persons * STUDENT_SHARE)
    while sum(sizes) < students:
        sizes.append(int(rng.integers(*STUDENTS)))
    student_houses, left = len(sizes), persons - sum(sizes)
    drawn = rng.choice(len(HOME_SIZES), persons, p=HOME_SIZES) + 1
    for size in drawn.tolist():
        if left <= 0:
            break
        sizes.append(min(size, left))
        left -= sizes[-1]
    return np.array(sizes), student_houses


def built(market: Market, sizes: Ints, student_houses: int) -> Homes:
    """Homes of these sizes, in towns and on the net."""
    city_shares = market.rng.permutation(falling(len(CITIES), 0.6))
    city = market.rng.choice(len(CITIES), len(sizes), p=city_shares)
    return Homes(sizes, student_houses, city_shares, city, _ips_by_week(market, len(sizes)))


def _ips_by_week(market: Market, homes: int) -> Ints:
    """For each week and home its address; an address that a home gives up goes to another of the same provider."""
    rng = market.rng
    ip = np.empty((market.weeks, homes), np.int64)
    ip[0] = [market.values.ip("home") for _ in range(homes)]
    is_dynamic = rng.random(homes) < DYNAMIC_HOMES
    provider = rng.integers(0, PROVIDERS_OF_HOMES, homes)
    for week in range(1, market.weeks):
        ip[week] = ip[week - 1]
        changed = np.flatnonzero(is_dynamic & (rng.random(homes) < CHANGED_A_WEEK))
        changed = changed[np.lexsort((rng.random(len(changed)), provider[changed]))]
        ip[week, changed] = ip[week - 1, np.roll(changed, 1)]
    return ip
