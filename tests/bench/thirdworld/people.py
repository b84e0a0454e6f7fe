"""Innocents: persons in homes with their accounts, and when these come, go, and are used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.thirdworld.homes import Homes, built, home_sizes
from tests.bench.thirdworld.market import Market
from tests.bench.thirdworld.uses import Flags, Floats, Ints

ACCOUNTS_A_PERSON = 1.05
BEFORE_THE_PERIOD, MEAN_AGE, GREATEST_AGE = 0.68, 420, 2500
REFERRED_HOMES, DAYS_TO_REFER, LARGEST_FAMILY = 0.15, 6, 6
CLOSED, SELLERS = 0.035, 0.35


@dataclass(frozen=True)
class People:
    """Innocent accounts, the first one of each of ``persons`` persons before the second ones; ``person`` has each.

    ``members`` are the accounts of each home; ``activity`` is the part of weeks in which an account comes.
    """

    persons: int
    person: Ints
    home: Ints
    homes: Homes
    members: list[list[int]]
    activity: Floats
    is_seller: Flags

    @property
    def accounts(self) -> int:
        """How many innocent accounts there are."""
        return len(self.person)


def settle(market: Market, honest: int) -> People:
    """So many innocent accounts of persons in homes."""
    rng = market.rng
    persons = int(honest / ACCOUNTS_A_PERSON)
    sizes, student_houses = home_sizes(rng, persons)
    second = rng.choice(persons, honest - persons, replace=False)
    person = np.concatenate([np.arange(persons), second])
    home = np.repeat(np.arange(len(sizes)), sizes)[person]
    market.mark(np.arange(honest), "single")
    market.mark(np.flatnonzero(sizes[home] > 1), "household")
    market.mark(np.arange(persons, honest), "second_account")
    market.mark(second, "second_account")
    market.mark(np.flatnonzero(home < student_houses), "student_house")
    members: list[list[int]] = [[] for _ in sizes]
    for account, of_home in enumerate(home.tolist()):
        members[of_home].append(account)
    homes = built(market, sizes, student_houses)
    market.country[:honest] = [homes.country(of_home) for of_home in home.tolist()]
    _sign_up(market, honest, sizes, members)
    _close(market, honest)
    activity = rng.beta(2, 3, honest)[person]
    return People(persons, person, home, homes, members, activity, rng.random(market.accounts)[:honest] < SELLERS)


def _sign_up(market: Market, honest: int, sizes: Ints, members: list[list[int]]) -> None:
    """When accounts are created: most before the period, and those of some families soon after the first."""
    rng, days = market.rng, market.days
    is_old = rng.random(honest) < BEFORE_THE_PERIOD
    age = rng.exponential(MEAN_AGE, honest) + rng.random(honest)
    created = np.where(is_old, -age, rng.random(honest) * (days - 1))
    market.created[:honest] = np.maximum(created, -GREATEST_AGE)
    is_referred = rng.random(len(sizes)) < REFERRED_HOMES
    for home in np.flatnonzero(is_referred & (sizes > 1) & (sizes <= LARGEST_FAMILY)).tolist():
        first, *others = members[home]
        later = market.created[first] + rng.exponential(DAYS_TO_REFER, len(others))
        market.created[others] = np.minimum(later, days - 1)


def _close(market: Market, honest: int) -> None:
    """When the accounts that are closed are."""
    rng, days = market.rng, market.days
    is_closed = rng.random(honest) < CLOSED
    earliest = np.maximum(market.created[:honest], 0) + 5
    closed = earliest + rng.random(honest) * np.maximum(days - earliest, 0)
    market.closed[:honest] = np.where(is_closed & (earliest < days - 5), closed, np.inf)
