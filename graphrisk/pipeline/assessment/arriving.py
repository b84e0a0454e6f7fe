"""One account more at its places: which cohorts there would be, would no longer be, and would grow.

What it does to crowds is in ``crowding``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphrisk.linkage.attributes import week_of
from graphrisk.pipeline.assessment.gathered import (
    Cohort,
    Ever,
    Member,
    Newcomers,
    Place,
    Span,
    cohorts_at,
    different,
    is_early,
    known_at,
    week_start,
    weeks_of,
)
from graphrisk.policy import Policy
from graphrisk.runs.facts import Facts
from graphrisk.schema import ADDRESS, HUB, NETWORK


@dataclass(frozen=True)
class Visits:
    """Where an account was and when, first and last of each stay: known before, and with what is added."""

    before: dict[Place, list[Span]]
    after: dict[Place, list[Span]]


class Arriving:
    """Cohorts at the places of one account (``account`` is a number of the caller's) once its visits are known."""

    def __init__(self, facts: Facts, policy: Policy, expected_share: float, account: int) -> None:
        self._facts, self._policy, self._share, self._account = facts, policy, expected_share, account

    def changes(self, visits: Visits, created_before: int | None, created: int | None) -> Iterator[Cohort]:
        """The cohorts that change at the places visited, by address and network."""
        for place in sorted(visits.after):
            source, value = place
            rows = self._facts.arrivals_at(value, source)
            if rows:
                yield from self._at(
                    place,
                    *known_at(rows),
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
            if holder != self._account and is_early(one, moment, self._policy):
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
        yield from different(place, old, new)

    def _at(
        self,
        place: Place,
        known: dict[int, Newcomers],
        ever: Ever,
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
        yield from different(place, old, new)

    def _without(
        self, known: dict[int, Newcomers], ever: Ever, stays: list[Span], created: int | None
    ) -> tuple[dict[int, Newcomers], Ever]:
        there = weeks_of(stays)
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
        ever: Ever,
        stays: list[Span],
        created: int | None,
        came_back: bool = False,
    ) -> tuple[dict[int, Newcomers], Ever]:
        there, arrival = weeks_of(stays), self._arrival(stays, created)
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

    def _accepted(self, place: Place, known: tuple[dict[int, Newcomers], Ever]) -> dict[int, dict[int, Member]]:
        return cohorts_at(place, *known, self._policy, self._share)

    def _arrival(self, stays: list[Span], created: int | None) -> Span | None:
        """The first stay that begins about when the account was created."""
        return min((stay for stay in stays if is_early(stay[0], created, self._policy)), default=None)


def is_place(kind: str, policy: Policy, accounts: int) -> bool:
    """Whether so many accounts on a value of the kind make it a hub where cohorts may be."""
    rules = policy.kinds[kind]
    return rules.cohorts and rules.normaliser != "ip" and accounts > rules.cap


def places_of(address: bytes, network: bytes | None) -> list[Place]:
    """The places of a visit."""
    return [(ADDRESS, address), *([(NETWORK, network)] if network else [])]
