"""Innocents: persons in homes, the addresses of the homes week by week, and what they own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.otherworld.market import DAYS, WEEKS, Flags, Floats, Ints, Market

ACCOUNTS_A_PERSON = 1.05
HOME_SIZES = (0.28, 0.34, 0.16, 0.13, 0.06, 0.03)
STUDENT_SHARE, STUDENTS_A_HOUSE, MOVED_IN_TOGETHER = 0.008, 10, 0.5
DYNAMIC_HOMES, SWAPPED_A_WEEK = 0.6, 0.08
TABLET_HOMES, TABLET_STUDENT_HOUSES, FAMILY_CARD_HOMES = 0.35, 0.5, 0.3
DEVICES, CARDS = (0.5, 0.38, 0.12), (0.25, 0.5, 0.25)
SAME_CARDS = 0.5
MOST_DEVICES, MOST_CARDS = 3, 2
DAYS_BEFORE = 700


@dataclass(frozen=True)
class Homes:
    """Homes by number, student houses first. ``address`` is by home and week; ``tablet`` and ``card`` are -1 for none."""

    sizes: Ints
    student_houses: int
    address: Ints
    tablet: Ints
    card: Ints

    def __len__(self) -> int:
        return len(self.sizes)


@dataclass(frozen=True)
class People:
    """Innocent accounts, the first one of each of ``persons`` persons before the second ones; ``person`` has each.

    Of the ``devices`` and ``cards`` of an account, the first so many are in use that ``device_count`` and ``card_count``
    say. ``activity`` is the part of weeks in which an account comes.
    """

    persons: int
    person: Ints
    home: Ints
    homes: Homes
    devices: Ints
    device_count: Ints
    cards: Ints
    card_count: Ints
    activity: Floats

    @property
    def ordinary(self) -> Ints:
        """First accounts of persons who do not live in a student house."""
        return np.flatnonzero(self.home[: self.persons] >= self.homes.student_houses)

    def at_home(self, account: Ints | int, day: Floats) -> Ints:
        """The addresses of the accounts' homes on the days."""
        return self.homes.address[self.home[account], week_of(day)]


def week_of(day: Floats) -> Ints:
    """The weeks that the days are in; the last one for days after the period."""
    return np.minimum(WEEKS - 1, (day // 7).astype(np.int64))


def settle(market: Market) -> People:
    """Persons with their accounts, in homes, with all that they own."""
    rng, honest = market.rng, market.honest
    persons = int(honest / ACCOUNTS_A_PERSON)
    person = np.concatenate([np.arange(persons), rng.choice(persons, honest - persons, replace=False)])
    sizes, student_houses = _home_sizes(rng, honest, persons)
    of_person = np.repeat(np.arange(len(sizes)), sizes)[:persons]
    home = of_person[person]
    is_shared = np.where(sizes[home] > 1, "household", "single")
    market.structure[:honest] = np.where(home < student_houses, "student_house", is_shared)
    market.structure[persons:honest] = "second_account"
    _sign_up(market, of_person, student_houses)
    homes = _furnished(market, sizes, student_houses)
    devices, device_count, cards, card_count = _owned(market, person, persons)
    activity = rng.beta(2, 3, honest)
    return People(persons, person, home, homes, devices, device_count, cards, card_count, activity)


def _home_sizes(rng: np.random.Generator, honest: int, persons: int) -> tuple[Ints, int]:
    """How many live in each home, student houses first; how many of these there are."""
    student_houses = max(1, int(STUDENT_SHARE * honest / STUDENTS_A_HOUSE))
    sizes = [int(rng.integers(6, 16)) for _ in range(student_houses)]
    left = persons - sum(sizes)
    while left > 0:
        sizes.append(min(left, int(rng.choice(len(HOME_SIZES), p=HOME_SIZES) + 1)))
        left -= sizes[-1]
    return np.array(sizes), student_houses


def _sign_up(market: Market, home_of_person: Ints, student_houses: int) -> None:
    """When accounts are created: at any time, but half of the student houses together."""
    rng = market.rng
    market.created[: market.honest] = rng.uniform(-DAYS_BEFORE, DAYS - 4, market.honest)
    for house in range(student_houses):
        if rng.random() < MOVED_IN_TOGETHER:
            students = np.flatnonzero(home_of_person == house)
            market.created[students] = rng.uniform(-60, DAYS - 40) + rng.uniform(0, 25, len(students))


def _furnished(market: Market, sizes: Ints, student_houses: int) -> Homes:
    rng, count = market.rng, len(sizes)
    address = _addresses_by_week(market, count)
    has_tablet = (rng.random(count) < TABLET_HOMES) & (sizes > 1)
    has_tablet[:student_houses] = rng.random(student_houses) < TABLET_STUDENT_HOUSES
    tablet = np.where(has_tablet, market.fresh("device", count), -1)
    has_card = (rng.random(count) < FAMILY_CARD_HOMES) & (sizes > 1)
    has_card[:student_houses] = False
    return Homes(sizes, student_houses, address, tablet, np.where(has_card, market.fresh("card", count), -1))


def _addresses_by_week(market: Market, homes: int) -> Ints:
    """For each home and week its address; some of the dynamic ones change hands each week."""
    rng = market.rng
    address = np.empty((homes, WEEKS), np.int64)
    address[:, 0] = market.addresses("home", homes)
    is_dynamic: Flags = rng.random(homes) < DYNAMIC_HOMES
    for week in range(1, WEEKS):
        address[:, week] = address[:, week - 1]
        swapped = np.flatnonzero(is_dynamic & (rng.random(homes) < SWAPPED_A_WEEK))
        address[swapped, week] = address[rng.permutation(swapped), week - 1]
    return address


def _owned(market: Market, person: Ints, persons: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Devices and cards with how many are in use. A second account is used from its person's devices."""
    rng, honest = market.rng, market.honest
    device_count = rng.choice(np.arange(1, MOST_DEVICES + 1), honest, p=DEVICES)
    devices = market.fresh("device", MOST_DEVICES * honest).reshape(honest, MOST_DEVICES)
    card_count = rng.choice(np.arange(MOST_CARDS + 1), honest, p=CARDS)
    cards = market.fresh("card", MOST_CARDS * honest).reshape(honest, MOST_CARDS)
    first = person[persons:]
    devices[persons:], device_count[persons:] = devices[first], device_count[first]
    same = np.flatnonzero(rng.random(honest - persons) < SAME_CARDS) + persons
    cards[same], card_count[same] = cards[person[same]], card_count[person[same]]
    return devices, device_count, cards, card_count
