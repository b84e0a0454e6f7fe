"""One account more at its places: which cohorts there would be, would no longer be, and would grow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import numpy as np

from graphrisk.linkage.attributes import week_of
from graphrisk.linkage.cohorts import CLOCK_SKEW_DAYS, Arrivals, are_cohorts
from graphrisk.model import DAY_US, FIRST_MONDAY_US, WEEK_US, Ints
from graphrisk.policy import Policy
from graphrisk.runs.facts import Facts
from graphrisk.schema import ADDRESS, CROWD, HUB, NETWORK

Span = tuple[int, int]
Place = tuple[int, bytes]
"""A source (as in ``linkage.cohorts``) and a value."""


@dataclass
class Newcomers:
    """Who arrived at a place in a week: first and last use there, and whether they came back; and who was present."""

    arrived: dict[int, tuple[int, int, bool]] = field(default_factory=dict)
    present: int = 0


@dataclass(frozen=True)
class Cohort:
    """A cohort that the account changes: with its members as they would be, or none where it would be no more."""

    place: bytes
    week: int
    source: int
    members: dict[int, tuple[int, int, bool]]


@dataclass(frozen=True)
class Visits:
    """Where an account was and when, first and last of each stay: known before, and with what is added."""

    before: dict[Place, list[Span]]
    after: dict[Place, list[Span]]


class Shown(NamedTuple):
    """Something that many strangers show: its kind (code), 16 bytes of its token, first and last use."""

    kind: int
    value: bytes
    first: int
    last: int


class Arriving:
    """Cohorts at the places of one account (``account`` is a number of the caller's) once its visits are known."""

    def __init__(self, facts: Facts, policy: Policy, expected_share: float, account: int) -> None:
        self._facts, self._policy, self._share, self._account = facts, policy, expected_share, account
        self._cohort = policy.codes()["cohort"]

    def changes(self, visits: Visits, created_before: int | None, created: int | None) -> Iterator[Cohort]:
        """The cohorts that change at the places visited, by address and network."""
        for place in sorted(visits.after):
            source, value = place
            rows = self._facts.arrivals_at(value, source)
            if rows:
                known = {row["week"]: Newcomers(_told(row["newcomers"]), row["present"]) for row in rows}
                first = rows[0]
                yield from self._at(
                    place,
                    known,
                    (first["ever"], first["first_week"], first["last_week"]),
                    (visits.before.get(place, []), visits.after[place]),
                    (created_before, created),
                )

    def changes_at_hub(
        self,
        attribute: int,
        was_hub: bool,
        before: Span | None,
        after: Span,
        created_before: int | None,
        created: int | None,
    ) -> Iterator[Cohort]:
        """The cohorts that change at a device or card that is a hub, or becomes one with this account."""
        accounts, (first, last) = self._facts.holders(attribute), self._facts.stays(attribute)
        born = self._facts.created(accounts).to_pylist()
        known: dict[int, Newcomers] = {}
        weeks: list[int] = []
        for holder, moment, one, end in zip(accounts.tolist(), born, first.tolist(), last.tolist(), strict=True):
            if holder != self._account and self._is_early(one, moment):
                weeks.append(week_of(one))
                known.setdefault(week_of(one), Newcomers()).arrived[holder] = (one, end, False)
        other = accounts != self._account
        for week, newcomers in known.items():
            there = (first < week_start(week + 1)) & (last >= week_start(week))
            newcomers.present = int((other & there).sum())
        # Here the account is left out of what is known, so that it arrives anew.
        ever = (len(weeks), min(weeks, default=0), max(weeks, default=0))
        place = (HUB, self._facts.value(attribute))
        old = (
            {}
            if not was_hub
            else self._accepted(place, self._with(known, ever, [before] if before else [], created_before))
        )
        new = self._accepted(place, self._with(known, ever, [after], created))
        yield from _different(place, old, new)

    def joined_crowds(self, shown: Sequence[Shown], created: int | None) -> Iterator[Cohort]:
        """The cohorts of crowds, as the run found them, that the account joins by showing both things when it signs up."""
        early = [each for each in shown if self._is_early(each.first, created)]
        for one in early:
            for other in early:
                if one.kind < other.kind:
                    week = week_of(max(one.first, other.first))
                    place = crowd_of(one.value, other.value)
                    row, there = self._facts.find(place, self._cohort, week, CROWD)
                    holders = self._facts.holders(row).tolist() if there else []
                    if there and self._account not in holders:
                        first, last = self._facts.stays(row)
                        spans = zip(holders, first.tolist(), last.tolist(), strict=True)
                        members = {account: (begin, end, False) for account, begin, end in spans}
                        members[self._account] = (max(one.first, other.first), max(one.last, other.last), False)
                        yield Cohort(place, week, CROWD, members)

    def _at(
        self,
        place: Place,
        known: dict[int, Newcomers],
        ever: tuple[int, int, int],
        stays: tuple[list[Span], list[Span]],
        created: tuple[int | None, int | None],
    ) -> Iterator[Cohort]:
        """As known, less what the account did there before, with what it does now."""
        # Cohorts remember longer who arrived than addresses are kept.
        arrived = [each.arrived[self._account] for each in known.values() if self._account in each.arrived]
        begun = {week_of(first) for first, _ in stays[0]}
        gone = [(first, last) for first, last, _ in arrived if week_of(first) not in begun]
        came_back = any(back for _, _, back in arrived)
        before, after = gone + stays[0], gone + stays[1]
        without, count = self._without(known, ever, before, created[0])
        old = self._accepted(place, self._with(without, count, before, created[0], came_back))
        new = self._accepted(place, self._with(without, count, after, created[1], came_back))
        yield from _different(place, old, new)

    def _without(
        self, known: dict[int, Newcomers], ever: tuple[int, int, int], stays: list[Span], created: int | None
    ) -> tuple[dict[int, Newcomers], tuple[int, int, int]]:
        there = _weeks_of(stays)
        left = {
            week: Newcomers(
                {account: told for account, told in each.arrived.items() if account != self._account},
                each.present - (week in there),
            )
            for week, each in known.items()
        }
        return left, (ever[0] - (self._arrival(stays, created) is not None), *ever[1:])

    def _with(
        self,
        known: dict[int, Newcomers],
        ever: tuple[int, int, int],
        stays: list[Span],
        created: int | None,
        came_back: bool = False,
    ) -> tuple[dict[int, Newcomers], tuple[int, int, int]]:
        there, arrival = _weeks_of(stays), self._arrival(stays, created)
        found = {week: Newcomers(dict(each.arrived), each.present + (week in there)) for week, each in known.items()}
        count, first, last = ever
        if arrival is not None:
            week = week_of(arrival[0])
            first, last = (min(first, week), max(last, week)) if count else (week, week)
            count += 1
            if week in found:
                returned = came_back or any(end >= week_start(week + 1) for _, end in stays)
                found[week].arrived[self._account] = (*arrival, returned)
        return found, (count, first, last)

    def _accepted(
        self, place: Place, known: tuple[dict[int, Newcomers], tuple[int, int, int]]
    ) -> dict[int, dict[int, tuple[int, int, bool]]]:
        """The members of the cohorts at a place, by week."""
        newcomers, ever = known
        weeks = sorted(newcomers)
        if not weeks:
            return {}
        counts = np.array([[place[0], len(newcomers[week].arrived), newcomers[week].present, *ever] for week in weeks])
        are = are_cohorts(_arrivals(counts), self._policy.cohorts, self._share)
        return {week: newcomers[week].arrived for week, accepted in zip(weeks, are.tolist(), strict=True) if accepted}

    def _arrival(self, stays: list[Span], created: int | None) -> Span | None:
        """The first stay that begins about when the account was created."""
        return min((stay for stay in stays if self._is_early(stay[0], created)), default=None)

    def _is_early(self, first: int, created: int | None) -> bool:
        if created is None:
            return False
        return created - CLOCK_SKEW_DAYS * DAY_US <= first <= created + self._policy.cohorts.new_days * DAY_US


def is_place(kind: str, policy: Policy, accounts: int) -> bool:
    """Whether so many accounts on a value of the kind make it a hub where cohorts may be."""
    rules = policy.kinds[kind]
    return rules.cohorts and rules.normaliser != "ip" and accounts > rules.cap


def crowd_of(one: bytes, other: bytes) -> bytes:
    """The place that two things shown together stand for, as linkage makes it of their UUIDs."""
    text = f"{UUID(bytes=one)}{UUID(bytes=other)}"
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def places_of(address: bytes, network: bytes | None) -> list[Place]:
    """The places of a visit."""
    return [(ADDRESS, address), *([(NETWORK, network)] if network else [])]


def week_start(week: int) -> int:
    """The first microsecond of a week."""
    return WEEK_US * week + FIRST_MONDAY_US


def _arrivals(counts: Ints) -> Arrivals:
    source, arrived, present, ever, first, last = counts.T
    return Arrivals(source, arrived, present, ever, first, last, np.zeros(len(counts)))


def _told(newcomers: list[dict[str, int]]) -> dict[int, tuple[int, int, bool]]:
    return {each["account"]: (each["first"], each["last"], bool(each["returned"])) for each in newcomers}


def _weeks_of(stays: list[Span]) -> set[int]:
    return {week for first, last in stays for week in range(week_of(first), week_of(last) + 1)}


def _different(
    place: Place, old: dict[int, dict[int, tuple[int, int, bool]]], new: dict[int, dict[int, tuple[int, int, bool]]]
) -> Iterator[Cohort]:
    for week in sorted(old.keys() | new.keys()):
        if old.get(week) != new.get(week):
            yield Cohort(place[1], week, place[0], new.get(week, {}))
