"""A district: up to 40,000 accounts of a marketplace that are made together, as columns.

Times are whole seconds since 1970 in UTC. Accounts are positions in the columns; a value is a number from which
``spelling`` makes the text. Every draw comes from ``rng``, which the world's seed and the district's number give.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from graphrisk.worlds.knobs import GROUPS, Knobs
from graphrisk.worlds.marks import SHARES, Integers, drawn, marked
from graphrisk.worlds.period import DAY, END, START, WEEK, week_of, week_start

Flags = npt.NDArray[np.bool_]

STRUCTURES = tuple(GROUPS)
CODES = {name: code for code, name in enumerate(STRUCTURES)}
KINDS = ("ip", "device", "card", "bank_account", "email", "phone", "address")
MARKETPLACES = ("nordmarkt", "bazaar24", "tradelane")
ACTIVE, CLOSED, SUSPENDED = 0, 1, 2
NO_ROLE, CORE, ASSOCIATE = 0, 1, 2
NEVER = END
FIRST_WEEK = week_of(START)
WEEKS = week_of(END - 1) - FIRST_WEEK + 1
WEEK_STARTS = np.array([week_start(FIRST_WEEK + week) for week in range(WEEKS)], np.int64)

IPV6 = 1 << 48
"""Addresses are ``network << 8 | host``; from here on, lines of IPv6: ``IPV6 | site << 8 | host``."""
NETWORKS = 24 * 65_536
PUBLIC_NETWORKS = 20_000
NETWORKS_A_DISTRICT = 4_096
NETWORKS_AT_ONCE = 64
VALUES_A_DISTRICT = 1 << 18
RETURN_DAYS = 10
"""So long it takes in the mean until somebody uses again what they used before the period."""


@dataclass
class Sightings:
    """Rows of one kind: positions of accounts, values, first and last moment, events."""

    account: Integers
    value: Integers
    first: Integers
    last: Integers
    count: Integers


@dataclass
class District:
    """``honest`` accounts come first in the columns, then those that rings sign up.

    ``created``, ``first`` and ``last`` bound what an account does; ``status`` holds from ``status_at`` on. ``ring`` is the
    position in ``rings`` (names) or -1. ``home`` is the number of the account's home, -1 for ring accounts.
    """

    knobs: Knobs
    number: int
    honest: int
    rng: np.random.Generator
    public: Public
    accounts: int
    created: Integers = field(init=False)
    first: Integers = field(init=False)
    last: Integers = field(init=False)
    marketplace: Integers = field(init=False)
    status: Integers = field(init=False)
    status_at: Integers = field(init=False)
    structure: Integers = field(init=False)
    role: Integers = field(init=False)
    ring: Integers = field(init=False)
    home: Integers = field(init=False)
    rings: list[str] = field(default_factory=list[str])
    ring_last: list[int] = field(default_factory=list[int])

    def __post_init__(self) -> None:
        n = self.accounts
        self.created, self.first, self.last = (np.full(n, START, np.int64) for _ in range(3))
        self.marketplace = self.rng.integers(0, len(MARKETPLACES), n)
        self.status, self.role = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.status_at = np.full(n, NEVER, np.int64)
        self.structure = np.full(n, CODES["single"], np.int64)
        self.ring, self.home = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
        self.lines_by_week, self.family = np.zeros((0, WEEKS), np.int64), np.zeros(0, bool)
        self.static_networks = np.zeros(0, np.int64)
        self._rows: dict[str, list[Sightings]] = {kind: [] for kind in KINDS}
        self._given: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._lines = np.zeros(0, np.int64)
        self._networks = self._sites = 0

    def fresh(self, kind: str, count: int, marks: Integers | None = None) -> Integers:
        """Values of a kind other than ip that nobody has yet, in this district or another, with marks (by default, as
        common as among honest people) where the kind has any."""
        begin = self.number * VALUES_A_DISTRICT + self._given[kind]
        self._given[kind] += count
        values = np.arange(begin, begin + count, dtype=np.int64)
        if kind not in SHARES:
            return values
        return marked(values, drawn(self.rng, kind, count) if marks is None else marks)

    def networks(self, count: int) -> Integers:
        """Networks (/24) of IPv4 that nobody has yet."""
        begin = self.number * NETWORKS_A_DISTRICT + self._networks
        self._networks += count
        return np.arange(begin, begin + count, dtype=np.int64)

    def sites(self, count: int) -> Integers:
        """Sites (/48) of IPv6 that nobody has yet."""
        begin = self.number * NETWORKS_A_DISTRICT + self._sites
        self._sites += count
        return np.arange(begin, begin + count, dtype=np.int64)

    def static_ips(self, count: int) -> Integers:
        """Addresses of business lines: twelve customers have addresses in each network, and neighbours are strangers."""
        while len(self._lines) < count:
            networks = self.networks(NETWORKS_AT_ONCE)
            self.static_networks = np.concatenate((self.static_networks, networks))
            lines = ((networks << 8)[:, None] | (7 + 19 * np.arange(12))[None, :]).ravel()
            self._lines = np.concatenate((self._lines, self.rng.permutation(lines)))
        taken, self._lines = self._lines[:count], self._lines[count:]
        return taken

    def between(self, low: Integers | int, high: Integers | int) -> Integers:
        """A moment for each pair of bounds, both included; ``low`` where the bounds are crossed."""
        low, high = np.broadcast_arrays(np.asarray(low, np.int64), np.asarray(high, np.int64))
        return low + (self.rng.random(low.shape) * np.maximum(high - low + 1, 1)).astype(np.int64)

    def chance(self, share: float, count: int) -> Flags:
        """True with probability ``share``, ``count`` times."""
        return self.rng.random(count) < share

    def saw(self, kind: str, account: Integers, value: Integers, first: Integers, last: Integers) -> None:
        """Record that accounts used values from ``first`` to ``last``; the number of events is drawn."""
        if not len(account):
            return
        events = 2 + self.rng.geometric(0.3, len(account)).astype(np.int64)
        count = np.where(last > first, events, 1)
        self._rows[kind].append(Sightings(account, value, first, np.maximum(first, last), count))

    def uses(self, kind: str, account: Integers, value: Integers, late: bool = False) -> None:
        """Record use for as long as the accounts do anything; ``late``: from some moment of their lives on. What began
        before the period shows when they come to use it again in it."""
        self.saw(kind, account, value, self.begins(account) if late else self.first[account], self.last[account])

    def begins(self, account: Integers) -> Integers:
        """For each account when something that it does from some moment of its life on is first seen."""
        first, last = self.first[account], self.last[account]
        begun = self.between(np.minimum(self.created[account], first), last)
        again = first + self.rng.exponential(RETURN_DAYS * DAY, len(account)).astype(np.int64)
        return np.where(begun < first, np.minimum(again, last), begun)

    def on_addresses(self, account: Integers, week: Integers, value: Integers, low: Integers, high: Integers) -> None:
        """Record a week's use of an address at moments from ``low`` to ``high``, kept inside the week and the account's time."""
        low = np.maximum(np.maximum(low, WEEK_STARTS[week]), START)
        high = np.minimum(np.minimum(high, WEEK_STARTS[week] + WEEK - 1), END - 1)
        first = self.between(low, high)
        self.saw("ip", account, value, first, self.between(first, high))

    def take_rows(self, kind: str) -> Sightings:
        """All rows of a kind, which the district then forgets."""
        rows, self._rows[kind] = self._rows[kind], []
        names = ("account", "value", "first", "last", "count")
        empty = np.zeros(0, np.int64)
        return Sightings(*(np.concatenate([empty, *(getattr(part, name) for part in rows)]) for name in names))

    def innocents(self, by: int) -> Integers:
        """Accounts of ordinary people that nothing befell yet: there before the period, and active around the moment ``by``."""
        usable = (self.structure <= CODES["household"]) & (self.structure >= CODES["single"]) & (self.role == NO_ROLE)
        usable[self.honest :] = False
        usable &= (self.created < START) & (self.status == ACTIVE) & (self.first < by) & (self.last > by)
        return np.flatnonzero(usable)

    def some(self, options: Integers, count: int) -> Integers:
        """``count`` different options in random order; all when there are fewer."""
        return self.rng.permutation(options)[:count]


@dataclass(frozen=True)
class Public:
    """Addresses that the whole marketplace shares: carriers' address translation, VPN exits, ranges of hosters."""

    carriers: Integers
    exits: Integers
    hosting: Integers

    @staticmethod
    def of(accounts: int) -> Public:
        """One carrier address for 250 accounts, one VPN exit for 1,500, and 400 networks of hosters."""
        begin = NETWORKS - PUBLIC_NETWORKS
        carriers = np.arange(max(4, accounts // 250), dtype=np.int64)
        exits = np.arange(max(6, accounts // 1_500), dtype=np.int64)
        return Public(
            ((begin + carriers // 200) << 8) | (10 + carriers % 200),
            ((begin + 2_000 + exits // 100) << 8) | (20 + exits % 100),
            np.arange(begin + 10_000, begin + 10_400, dtype=np.int64),
        )


def weeks_of(first: Integers, last: Integers) -> Flags:
    """For each account and week: whether the account's time touches the week."""
    return (WEEK_STARTS[None, :] + WEEK > first[:, None]) & (WEEK_STARTS[None, :] <= last[:, None])
