"""All that rings are put into: the market, its innocents, what they have, and where they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.bench.thirdworld.belongings import Belongings
from tests.bench.thirdworld.devices import NEVER, Devices
from tests.bench.thirdworld.market import UNREMARKABLE, Market
from tests.bench.thirdworld.people import People
from tests.bench.thirdworld.places import Places
from tests.bench.thirdworld.uses import Floats, Ints


class Sale(NamedTuple):
    """An account that has another owner from a day on, with the mailbox and phone of the new one."""

    account: int
    day: float
    mailbox: int
    phone: int


class Gift(NamedTuple):
    """A gift card of an account, good from a day until another."""

    account: int
    card: int
    since: float
    until: float


class Town:
    """``second_home`` is where an account is from the day ``moved`` on; ``first_day`` and ``last_day`` are those of its
    sign-ins; ``taken`` are the innocents that have to do with a ring."""

    def __init__(
        self, market: Market, people: People, devices: Devices, belongings: Belongings, places: Places
    ) -> None:
        self.market, self.people, self.places = market, people, places
        self.devices, self.belongings = devices, belongings
        self.second_home, self.moved = people.home.copy(), np.full(people.accounts, NEVER)
        self.sales: list[Sale] = []
        self.gifts: list[Gift] = []
        self.first_day, self.last_day = np.full(people.accounts, np.inf), np.full(people.accounts, -np.inf)
        self.taken: set[int] = set()
        self._opened = people.accounts
        self._pool = market.rng.permutation(self.unremarkable_persons())

    def open_account(self) -> int:
        """The position of the next account that a ring signs up."""
        self._opened += 1
        return self._opened - 1

    def take(self, count: int) -> list[int]:
        """So many accounts that are nothing remarkable yet, fewer when there are no more."""
        taken, self._pool = self._pool[:count], self._pool[count:]
        return taken.tolist()

    def unremarkable_persons(self) -> Ints:
        """First accounts of persons that are nothing remarkable."""
        return np.flatnonzero(self.market.structure[: self.people.persons] <= UNREMARKABLE)

    def country(self, account: int) -> str:
        """The country of the account's home."""
        return self.people.homes.country(int(self.people.home[account]))

    def candidates(self, looked_at: int, before: float) -> list[int]:
        """Of so many innocents' accounts at random, those created before the day that a ring may have to do with."""
        drawn = self.market.rng.permutation(self.people.accounts)[:looked_at]
        created = self.market.created[drawn] < before
        return [account for account in drawn[created].tolist() if self.is_free(account)]

    def is_free(self, account: int) -> bool:
        """Whether the innocent's account is active, unremarkable and not in touch with a ring."""
        is_active = self.last_day[account] > 0 and not np.isfinite(self.market.closed[account])
        return bool(is_active and self.market.structure[account] <= UNREMARKABLE and account not in self.taken)

    def home_ip(self, home: int, day: float) -> int:
        """The address of the home on the day."""
        return int(self.people.homes.ip[self.market.week(day), home])

    def strangers_ip(self, day: float) -> int:
        """The address of any home on the day."""
        return self.home_ip(int(self.market.rng.integers(len(self.people.homes))), day)

    def popular_ip(self) -> int:
        """An address that many innocents use."""
        rng, places = self.market.rng, self.places
        sort = rng.random()
        if sort < 0.5:
            return int(places.carrier[rng.integers(len(places.carrier))])
        if sort < 0.75:
            return places.cafe(rng, int(rng.integers(len(places.cafes))))
        return int(places.vpn[rng.choice(len(places.vpn), p=places.vpn_shares)])

    def vpn_ips(self, count: int) -> Ints:
        """So many draws of a VPN's address."""
        return self.places.vpn[self.market.rng.choice(len(self.places.vpn), count, p=self.places.vpn_shares)]

    def own_ips(self, account: Ints, day: Floats) -> Ints:
        """The addresses of the accounts' homes on the days."""
        week = np.clip((day // 7).astype(int), 0, self.market.weeks - 1)
        home = np.where(day < self.moved[account], self.people.home[account], self.second_home[account])
        return self.people.homes.ip[week, home]
