"""A marketplace for the bench: as many accounts as asked for, with the sharing that makes linkage costly.

Sizes of everything shared follow truncated power laws: households, offices, cafés, carrier NATs, two hubs, planted
rings and long chains of households. It says nothing about quality: labels and truth are for graphrisk.worlds.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from tests.bench.values import account_id, value

Ints = NDArray[np.int64]

KINDS = ("address", "bank_account", "card", "device", "email", "ip", "phone")
PER_ACCOUNT = {
    "device": 2.0,
    "ip": 2.4,
    "card": 0.8,
    "email": 0.35,
    "phone": 0.15,
    "bank_account": 0.05,
    "address": 0.05,
}
"""Sightings per account in the mean; 5.8 together."""

LAST_DAY = date(2026, 11, 22)
HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
DAYS = 180
_MONDAY = 4 * DAY  # 1970-01-05
_RINGS, _CHAINS, _HOUSEHOLDS = 0.03, 0.03, 0.22


def write_marketplace(folder: Path, accounts: int, seed: int, last_day: date = LAST_DAY) -> dict[str, int]:
    """Write ``accounts.parquet`` and ``sightings.parquet``; rows of each.

    The same arguments and versions give the same bytes.
    """
    market = _Market(accounts, np.random.default_rng(seed), last_day)
    market.rings(0, int(accounts * _RINGS))
    market.chains(int(accounts * _RINGS), int(accounts * (_RINGS + _CHAINS)))
    market.households(int(accounts * (_RINGS + _CHAINS)), int(accounts * (_RINGS + _CHAINS + _HOUSEHOLDS)))
    market.offices()
    market.crowds()
    market.bridges()
    market.privates()
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as db:
        _write(db, folder / "accounts.parquet", market.account_table(), _accounts_sql())
        _write(db, folder / "sightings.parquet", market.sighting_table(), _sightings_sql(seed))
    return {"accounts": accounts, "sightings": sum(market.total(kind) for kind in KINDS)}


@dataclass
class _Market:
    """Accounts 0 … n-1 and their sightings as columns of numbers; accounts in a row belong together."""

    n: int
    rng: np.random.Generator
    last_day: date
    created: Ints = field(init=False)
    names: Ints = field(init=False)
    rows: dict[str, list[tuple[Ints, Ints, Ints, Ints]]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    values: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def __post_init__(self) -> None:
        midnight = datetime(self.last_day.year, self.last_day.month, self.last_day.day, tzinfo=UTC)
        self.end = int(midnight.timestamp()) + DAY
        self.start = self.end - DAYS * DAY
        age = self.rng.exponential(700 * DAY, self.n).astype(np.int64) % (2500 * DAY)
        self.created = self.end - 2 * DAY - age
        self.names = self.rng.permutation(self.n)

    def rings(self, low: int, high: int) -> None:
        """Planted rings of 5–80 accounts on a pool of devices, cards and proxies; half of them freshly made for it."""
        size, ring = self._groups(high - low, 5, 80, 2.0)
        account = np.arange(low, high)
        began = self.rng.integers(self.start + DAY, self.end - 30 * DAY, len(size))[ring]
        fresh = (self.rng.random(len(size)) < 0.5)[ring]
        moment = began + self.rng.integers(0, 5 * DAY, len(ring))
        self.created[account] = np.where(fresh, moment, np.minimum(self.created[account], moment - 30 * DAY))
        for kind, members_each, draws in (("device", 4, 2), ("card", 5, 1), ("ip", 3, 2), ("bank_account", 6, 1)):
            pool = np.maximum(1, size // members_each)
            number = self._number(kind, int(pool.sum())) + np.cumsum(pool) - pool
            first_choice = self.rng.integers(0, pool[ring])
            for draw in range(draws):
                used = self.rng.random(len(ring)) < (0.5 if kind == "bank_account" else 0.95)
                used &= (draw == 0) | (pool[ring] > draw)
                token = (number[ring] + (first_choice + draw) % pool[ring])[used]
                delay = draw * (WEEK if kind == "ip" else DAY) + self.rng.integers(0, 12 * HOUR, int(used.sum()))
                self._see(kind, account[used], token, moment[used] + delay, 12 * DAY)

    def chains(self, low: int, high: int) -> None:
        """Chains of households through a card or a device that changed hands: components of up to a few thousand."""
        size, chain = self._groups(high - low, 10, max(40, min(3000, self.n // 250)), 1.7)
        account = np.arange(low, high)
        self.created[account] = np.minimum(self.created[account], self.end - 60 * DAY)
        began = self.rng.integers(self.end - 50 * DAY, self.end - 10 * DAY, len(size))[chain]
        tied = np.flatnonzero(chain[1:] == chain[:-1])
        for step, share in ((1, 1.0), (2, 0.4)):
            left = tied[self.rng.random(len(tied)) < share]
            left = left[(left + step < len(chain))]
            left = left[chain[left] == chain[left + step]]
            is_device = self.rng.random(len(left)) < 0.6
            for kind, pairs in (("device", left[is_device]), ("card", left[~is_device])):
                token = np.tile(self._number(kind, len(pairs)) + np.arange(len(pairs)), 2)
                both = np.concatenate([pairs, pairs + step])
                self._see(kind, account[both], token, began[both] + self.rng.integers(0, 20 * DAY, len(both)), 20 * DAY)

    def households(self, low: int, high: int) -> None:
        """Families of 2–5 at one address on the net, a third of them with a tablet or a card in common."""
        size = self.rng.choice([2, 3, 4, 5], size=max(1, (high - low) // 2), p=[0.55, 0.22, 0.15, 0.08])
        home = np.repeat(np.arange(len(size)), size)[: high - low]
        account = np.arange(low, low + len(home))
        shares = (
            ("device", 0.22, 0.9),
            ("card", 0.14, 0.8),
            ("address", 0.12, 0.8),
            ("email", 0.03, 0.9),
            ("phone", 0.03, 0.9),
        )
        for kind, homes, members in shares:
            used = (self.rng.random(len(size)) < homes)[home] & (self.rng.random(len(home)) < members)
            first = self.rng.integers(self.start, self.end - DAY, int(used.sum()))
            self._see(kind, account[used], self._number(kind, len(size)) + home[used], first, 60 * DAY)
        number = self._number("ip", len(size))
        for _ in range(3):
            evening = self.rng.integers(self.start, self.end - 2 * DAY, len(size))[home]
            used = self.rng.random(len(home)) < 0.7
            first = evening[used] + self.rng.integers(0, DAY, int(used.sum()))
            self._see("ip", account[used], number + home[used], first, 20 * HOUR)

    def offices(self) -> None:
        """Workplaces of 10–200 behind one address; one in ten has a shared terminal, one in twenty a company card."""
        size, office = self._groups(int(self.n * 0.06), 10, 200, 2.0)
        account = self._anyone(len(office))
        number = self._number("ip", len(size))
        for _ in range(3):
            monday = self.rng.integers(self.start, self.end - 5 * DAY, len(size))[office]
            used = self.rng.random(len(office)) < 0.5
            first = monday[used] + self.rng.integers(0, 4 * DAY, int(used.sum()))
            self._see("ip", account[used], number + office[used], first, 30 * HOUR)
        for kind, offices, members in (("device", 0.1, 0.8), ("card", 0.05, 0.5)):
            used = (self.rng.random(len(size)) < offices)[office] & (self.rng.random(len(office)) < members)
            first = self.rng.integers(self.start, self.end - DAY, int(used.sum()))
            self._see(kind, account[used], self._number(kind, len(size)) + office[used], first, 60 * DAY)

    def crowds(self) -> None:
        """Strangers on one value: cafés, carrier NATs, an address with 2 % of accounts, a device with 0.5 %, resale."""
        for share, low, high, exponent, weeks in ((0.12, 2, 300, 1.9, 1), (0.12, 300, 5000, 1.7, 26)):
            size, crowd = self._groups(int(self.n * share), low, max(low + 1, min(high, self.n // 20)), exponent)
            opened = self.rng.integers(self.start, self.end - weeks * WEEK + 6 * DAY, len(size))[crowd]
            first = opened + self.rng.integers(0, weeks * WEEK - 6 * DAY, len(crowd))
            self._see("ip", self._anyone(len(crowd)), self._number("ip", len(size)) + crowd, first, 8 * HOUR)
        for kind, share in (("ip", 0.02), ("device", 0.005), ("card", 0.0003), ("address", 0.001)):
            account = self.rng.permutation(self.n)[: int(self.n * share)]
            first = self.rng.integers(self.start, self.end - DAY, len(account))
            self._see(kind, account, self._number(kind, 1) + np.zeros_like(account), first, 20 * DAY)
        for kind, share, high in (
            ("device", 0.012, 60),
            ("card", 0.008, 60),
            ("email", 0.003, 40),
            ("phone", 0.002, 40),
        ):
            size, group = self._groups(int(self.n * share), 2, high, 3.0)
            first = self.rng.integers(self.start, self.end - DAY, len(group))
            self._see(kind, self._anyone(len(group)), self._number(kind, len(size)) + group, first, 30 * DAY)

    def bridges(self) -> None:
        """One ring account in twelve shares a card or a device with an account outside: a victim, or its family."""
        inside = self.rng.permutation(int(self.n * _RINGS))
        inside = inside[: len(inside) // 12]
        both = np.concatenate([inside, self._anyone(len(inside))])
        for kind, half in (("device", slice(0, None, 2)), ("card", slice(1, None, 2))):
            account = both.reshape(2, -1)[:, half].ravel()
            token = np.tile(self._number(kind, len(account) // 2) + np.arange(len(account) // 2), 2)
            self._see(kind, account, token, self.rng.integers(self.start, self.end - DAY, len(account)), 60 * DAY)

    def privates(self) -> None:
        """What nobody shares, up to the exact total of each kind; a sign-up leaves a device and an address."""
        begin = np.maximum(self.created, self.start)
        homes = self._number("ip", self.n)
        for kind, mean in PER_ACCOUNT.items():
            wanted = round(mean * self.n) - self.total(kind)
            turn = 0
            while wanted > 0:
                account = self.rng.permutation(self.n)[:wanted]
                start = begin[account]
                spread = 2 * HOUR if turn == 0 and kind in ("device", "ip") else self.end - DAY - start
                fresh = self.created[account] >= self.start
                later = (self.rng.random(len(account)) * (self.end - DAY - start)).astype(np.int64)
                first = start + np.where(fresh, (self.rng.random(len(account)) * spread).astype(np.int64), later)
                number = self._number(kind, len(account)) + np.arange(len(account))
                if kind == "ip":
                    number = np.where(self.rng.random(len(account)) < 0.6, homes + account, number)
                self._see(kind, account, number, first, 30 * DAY)
                wanted -= len(account)
                turn += 1

    def total(self, kind: str) -> int:
        """How many sightings of a kind there are so far."""
        return sum(len(chunk[0]) for chunk in self.rows[kind])

    def account_table(self) -> dict[str, Any]:
        """One row an account: number, created (seconds), a random number for status and marketplace."""
        luck = self.rng.random((2, self.n))
        order = np.argsort(self.names)
        return {
            "account": self.names[order],
            "created": self.created[order],
            "luck": luck[0],
            "place": luck[1],
        }

    def sighting_table(self) -> dict[str, Any]:
        """One row a sighting in the order of first use, as an event store would hand them over."""
        code = np.concatenate(
            [np.full(len(chunk[0]), index, np.int8) for index, kind in enumerate(KINDS) for chunk in self.rows[kind]]
        )
        account, number, first, last = (
            np.concatenate([chunk[column] for kind in KINDS for chunk in self.rows[kind]]) for column in range(4)
        )
        order = np.argsort(first, kind="stable")
        count = self.rng.geometric(0.3, len(order))
        columns: dict[str, Any] = {"account": self.names[account[order]], "kind": code[order], "number": number[order]}
        return columns | {"first": first[order], "last": last[order], "count": count}

    def _see(self, kind: str, account: Ints, number: Ints, first: Ints, stay: int) -> None:
        """Add sightings of ``stay`` seconds in the mean; those from before the account existed are dropped."""
        fits = (first >= self.created[account]) & (first >= self.start) & (first < self.end)
        account, number, first = account[fits], number[fits], first[fits]
        limit = np.full(len(first), self.end - 1)
        if kind == "ip":
            limit = np.minimum(limit, first - (first - _MONDAY) % WEEK + WEEK - 1)
            stay = min(stay, 12 * HOUR)
        last = np.minimum(limit, first + self.rng.exponential(stay, len(first)).astype(np.int64))
        self.rows[kind].append((account, number, first, last))

    def _number(self, kind: str, count: int) -> int:
        """The first of ``count`` numbers for values of this kind that nothing else uses."""
        first = self.values[kind]
        self.values[kind] += count
        return first

    def _anyone(self, count: int) -> Ints:
        """Random accounts that are in no ring or chain, each at most once while there are enough."""
        low = int(self.n * (_RINGS + _CHAINS))
        return low + self.rng.permutation(self.n - low)[:count]

    def _groups(self, total: int, low: int, high: int, exponent: float) -> tuple[Ints, Ints]:
        """Sizes from a power law cut to [low, high] that add up to ``total``; the group of each member in order."""
        power = 1 - exponent
        draws = self.rng.random(total // low + 1)
        sizes = (low**power + draws * ((high + 1) ** power - low**power)) ** (1 / power)
        group = np.repeat(np.arange(len(draws)), sizes.astype(np.int64))[:total]
        return np.bincount(group), group


def _write(db: duckdb.DuckDBPyConnection, path: Path, rows: dict[str, Any], sql: str) -> None:
    db.register("rows", rows)
    db.execute(f"COPY ({sql}) TO '{path.as_posix()}' (FORMAT parquet, COMPRESSION zstd)")
    db.unregister("rows")


def _accounts_sql() -> str:
    return f"""
        SELECT {account_id("account")} AS account_id, make_timestamp(created * 1000000) AS created_at,
               CASE WHEN luck < .94 THEN 'active' WHEN luck < .97 THEN 'suspended' ELSE 'closed' END AS status,
               CASE WHEN place < .5 THEN 'eu' WHEN place < .8 THEN 'us' WHEN place < .95 THEN 'in' ELSE 'br' END
                   AS marketplace
        FROM rows"""


def _sightings_sql(seed: int) -> str:
    names = ", ".join(f"'{kind}'" for kind in KINDS)
    return f"""
        SELECT account_id, kind, {value("number", seed)} AS value, first_seen, last_seen, count
        FROM (SELECT {account_id("account")} AS account_id, [{names}][1 + kind] AS kind, number, count,
                     make_timestamp("first" * 1000000) AS first_seen, make_timestamp("last" * 1000000) AS last_seen
              FROM rows)"""


if __name__ == "__main__":
    print(json.dumps(write_marketplace(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
