"""A synthetic marketplace while it is made: its accounts, what they were seen with, its rings.

Times are whole seconds since 1970 in UTC. Accounts are known by their place in ``Market.accounts``; the ids that
people see are dealt out at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from graphrisk.worlds.dice import Dice
from graphrisk.worlds.values import Values

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


class Sighting(NamedTuple):
    """First and last moment of a use, and how many events it stands for."""

    first: int
    last: int
    events: int


class Market:
    """Collects the facts; every draw comes from ``dice``, so that the same seed makes the same marketplace.

    ``families`` are homes (places of accounts) whose members share a device or a card.
    """

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.values = Values(dice)
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
        key = (place, kind, value, week)
        if known := self.sightings.get(key):
            first, last, count = min(known.first, first), max(known.last, last), known.events + count
        self.sightings[key] = Sighting(first, last, count)

    def uses(self, place: int, kind: str, value: str, first: int, last: int) -> None:
        """Record use of a value over a stretch of time, as one to three sightings that may spell it differently."""
        cuts = self.dice.below(3) if last - first > WEEK else 0
        moments = sorted((first, *(self.dice.between(first, last) for _ in range(cuts)), last))
        for begin, end in pairwise(moments):
            self.saw(place, kind, self.values.spelled(kind, value), begin, end, self.dice.between(2, 20))

    def gives_contacts(self, place: int, phone_share: float) -> None:
        """Give an account a mailbox of its own and, with probability ``phone_share``, a phone."""
        account = self.accounts[place]
        self.uses(place, "email", self.values.email(), account.first, account.last)
        if self.dice.chance(phone_share):
            self.uses(place, "phone", self.values.phone(), account.first, account.last)
