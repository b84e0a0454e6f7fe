"""Innocents that look like rings: groups of accounts that share a place, and what is there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tests.bench.otherworld.living import Weeks
from tests.bench.otherworld.market import DAYS, WEEKS, Floats, Ints, Market

SMALL_BUSINESS_SHARE, CAFE_SHARE, KIOSK_SHARE, CHARITY_SHARE, AGENCY_SHARE = 0.025, 0.01, 0.01, 0.006, 0.006
FOUNDED_AT_ONCE, ACCOUNTS_A_TERMINAL = 0.5, 6
AGENCY_BANK = 0.3
AT_THE_TERMINAL, BY_THE_CARD = 0.7, 0.4


@dataclass(frozen=True)
class Business:
    """Accounts that share an address and ``terminals``, ``each`` of them per account.

    ``weekly`` is the part of an account's weeks in which it is used there, None when it only signs up there. ``shared``
    is a kind and a value that the part ``sharing`` of the accounts uses there.
    """

    accounts: Ints
    address: int
    terminals: Ints
    each: int = 0
    weekly: float | None = None
    shared: tuple[str, int] | None = None
    sharing: float = 0.0


class Pool:
    """Plain accounts in random order, each of which can be taken for one thing."""

    def __init__(self, market: Market) -> None:
        self._left = market.rng.permutation(np.flatnonzero(market.plain(market.innocents)))

    def take(self, count: int) -> Ints:
        """So many accounts, or as many as are left."""
        taken, self._left = self._left[::-1][:count], self._left[: max(0, len(self._left) - count)]
        return taken


def found_businesses(market: Market, pool: Pool) -> list[Business]:
    """Businesses of every sort, from disjoint groups of accounts."""
    rng, honest = market.rng, market.honest

    def groups(share: float, structure: str, size: Callable[[], float | np.integer]) -> Iterator[Ints]:
        left = share * honest
        while left > 0:
            count = int(size())
            left -= count
            accounts = pool.take(count)
            market.structure[accounts] = structure
            yield accounts

    small = groups(SMALL_BUSINESS_SHARE, "small_business", lambda: np.clip(rng.lognormal(2.2, 0.7), 4, 40))
    return [
        *(_small_business(market, accounts) for accounts in small),
        *(_cafe(market, accounts) for accounts in groups(CAFE_SHARE, "cafe", lambda: rng.integers(15, 60))),
        *(_kiosk(market, accounts) for accounts in groups(KIOSK_SHARE, "kiosk", lambda: rng.integers(20, 81))),
        *(_charity(market, accounts) for accounts in groups(CHARITY_SHARE, "charity", lambda: rng.integers(20, 61))),
        *(_agency(market, accounts) for accounts in groups(AGENCY_SHARE, "agency", lambda: rng.integers(5, 31))),
    ]


def _place(market: Market) -> int:
    return int(market.addresses("place", 1)[0])


def _small_business(market: Market, accounts: Ints) -> Business:
    """A company with a card and a terminal for every six; half of them open all of their accounts within ten days."""
    rng, count = market.rng, len(accounts)
    terminals = market.fresh("device", max(1, math.ceil(count / ACCOUNTS_A_TERMINAL)))
    card = market.another("card")
    start = rng.uniform(-500, DAYS - 40)
    if rng.random() < FOUNDED_AT_ONCE:
        market.created[accounts] = start + rng.uniform(0, 10, count)
    return Business(accounts, _place(market), terminals, 2, 0.7, ("card", card), 0.6)


def _cafe(market: Market, accounts: Ints) -> Business:
    return Business(accounts, _place(market), market.fresh("device", int(market.rng.integers(4, 11))), 3, 0.3)


def _kiosk(market: Market, accounts: Ints) -> Business:
    """An assistant's device or two, at sign-up alone, some weeks or months long."""
    rng = market.rng
    opened = rng.uniform(0, DAYS - 100)
    market.created[accounts] = opened + rng.uniform(0, rng.uniform(20, 90), len(accounts))
    return Business(accounts, _place(market), market.fresh("device", int(rng.integers(1, 3))))


def _charity(market: Market, accounts: Ints) -> Business:
    """A drive of two days on one address, everybody on their own device."""
    rng = market.rng
    market.created[accounts] = rng.uniform(5, DAYS - 30) + rng.uniform(0, 2, len(accounts))
    return Business(accounts, _place(market), np.empty(0, np.int64))


def _agency(market: Market, accounts: Ints) -> Business:
    """An accountant's devices, and sometimes their bank account."""
    rng = market.rng
    terminals = market.fresh("device", int(rng.integers(1, 4)))
    bank = ("bank_account", market.another("bank_account")) if rng.random() < AGENCY_BANK else None
    return Business(accounts, _place(market), terminals, 2, 0.4, bank, 0.6)


def use_businesses(market: Market, weeks: Weeks, businesses: list[Business]) -> None:
    """What the accounts of the businesses do there."""
    for business in businesses:
        if business.weekly is None:
            _sign_up_there(market, business)
            continue
        for account in business.accounts:
            _work_there(market, weeks, business, business.weekly, int(account))


def _sign_up_there(market: Market, business: Business) -> None:
    rng, accounts = market.rng, business.accounts
    day = market.created[accounts] + rng.uniform(0.0005, 0.02, len(accounts))
    market.see("ip", accounts, business.address, day)
    if len(business.terminals):
        market.see("device", accounts, rng.choice(business.terminals, len(accounts)), day)


def _work_there(market: Market, weeks: Weeks, business: Business, weekly: float, account: int) -> None:
    rng, created = market.rng, market.created[account]
    there = np.flatnonzero(weeks.active[account] & (rng.random(WEEKS) < weekly))
    if created >= 0:  # who is new was signed up at the place itself
        there = np.union1d(there, [int(min(created, DAYS - 1) // 7)])
    if not len(there):
        return
    day = weeks.within(np.full(len(there), account), there)
    market.see("ip", account, business.address, day)
    mine = rng.choice(business.terminals, min(business.each, len(business.terminals)), replace=False)
    at_terminal = rng.random(len(there)) < AT_THE_TERMINAL
    at_terminal[0] = True
    market.see("device", account, rng.choice(mine, int(at_terminal.sum())), day[at_terminal])
    if business.shared and rng.random() < business.sharing:
        kind, value = business.shared
        market.see(kind, account, value, _shared_on(rng, kind, day))


def _shared_on(rng: np.random.Generator, kind: str, day: Floats) -> Floats:
    """The days on which what is shared is used: a bank account once, a card now and then."""
    if kind == "bank_account" or len(day) <= 2:
        return day[:1]
    return day[rng.random(len(day)) < BY_THE_CARD]
