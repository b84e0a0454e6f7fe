"""A synthetic marketplace while it is made: its accounts, what they were seen with, its rings.

Times are whole seconds since 1970 in UTC. Accounts are known by their place in ``Market.accounts``; the ids that
people see are dealt out at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np

from graphrisk.worlds.values import Values

T = TypeVar("T")

DAY = 86_400
WEEK = 7 * DAY
START = int(datetime(2026, 1, 2, tzinfo=UTC).timestamp())
END = START + 180 * DAY
"""First second after the period: its last day is 2026-06-30."""

_FIRST_MONDAY = 4 * DAY  # of 1970
MARKETPLACES = ("nordmarkt", "bazaar24", "tradelane")


def week_of(moment: int) -> int:
    """The ISO week of a moment, counted from the first Monday of 1970."""
    return (moment - _FIRST_MONDAY) // WEEK


def week_start(week: int) -> int:
    """The first second of an ISO week."""
    return week * WEEK + _FIRST_MONDAY


@dataclass
class Account:
    """An account, what it truly is, and the first and last moment it did anything in the period.

    ``ring`` names the ring it is a member of; ``role`` is ``core`` for members and ``associate`` for innocents that
    a ring's doings touch (a framed account, a victim's family), who are in no ring.
    """

    created: int
    structure: str
    marketplace: str
    first: int
    last: int
    status: str = "active"
    ring: str = ""
    role: str = ""


@dataclass
class Ring:
    """A planted ring: its members (places in ``Market.accounts``) and when it was at work."""

    name: str
    archetype: str
    members: list[int] = field(default_factory=list[int])
    last: int = START


@dataclass
class Sighting:
    first: int
    last: int
    count: int


class Market:
    """Collects the facts; every draw comes from ``rng``, so that the same seed makes the same marketplace."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.values = Values(rng)
        self.accounts: list[Account] = []
        self.families: list[list[int]] = []
        self.rings: list[Ring] = []
        self.sightings: dict[tuple[int, str, str, int], Sighting] = {}

    def sign_up(self, account: Account) -> int:
        """Add an account and give its place."""
        self.accounts.append(account)
        return len(self.accounts) - 1

    def join(self, ring: Ring, place: int) -> None:
        """Make an account a member of a ring."""
        account = self.accounts[place]
        account.structure, account.ring, account.role = ring.archetype, ring.name, "core"
        ring.members.append(place)
        ring.last = max(ring.last, account.last)

    def saw(self, place: int, kind: str, value: str, first: int, last: int, count: int) -> None:
        """Record that an account used a value; rows of one value are one, but an IP address has one a week."""
        week = -1
        if kind == "ip":
            week = week_of(first)
            last = min(last, week_start(week + 1) - 1)
        last = first if count == 1 else last
        known = self.sightings.setdefault((place, kind, value, week), Sighting(first, last, 0))
        known.first, known.last, known.count = min(known.first, first), max(known.last, last), known.count + count

    def uses(self, place: int, kind: str, value: str, first: int, last: int) -> None:
        """Record use of a value over a stretch of time, as one to three sightings that may spell it differently."""
        parts = int(self.rng.integers(1, 4)) if last - first > WEEK else 1
        cuts = [first, *sorted(self.rng.integers(first, last + 1, parts - 1).tolist()), last]
        for begin, end in zip(cuts, cuts[1:], strict=False):
            self.saw(place, kind, self.values.spelled(kind, value), begin, end, int(self.rng.integers(2, 20)))

    def gives_contacts(self, place: int, phone_share: float) -> None:
        """Give an account a mailbox of its own and, with probability ``phone_share``, a phone."""
        account = self.accounts[place]
        self.uses(place, "email", self.values.email(), account.first, account.last)
        if self.rng.random() < phone_share:
            self.uses(place, "phone", self.values.phone(), account.first, account.last)

    def moment(self, first: int, last: int) -> int:
        """A random moment from ``first`` to ``last``, both included."""
        return int(self.rng.integers(first, last + 1))

    def pick(self, options: Sequence[T]) -> T:
        """One of the options at random."""
        return options[int(self.rng.integers(len(options)))]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """``count`` different options at random (all of them when there are fewer)."""
        return [options[at] for at in self.rng.permutation(len(options))[:count].tolist()]
