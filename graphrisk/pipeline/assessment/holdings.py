"""What an account holds and where it was: as the run knows it, and with the sightings that are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphrisk.linkage.attributes import week_of
from graphrisk.model import DAY_US
from graphrisk.pipeline.assessment.arriving import Visits, places_of
from graphrisk.pipeline.assessment.crowding import Shown
from graphrisk.pipeline.assessment.gathered import Place, Span, week_start
from graphrisk.pipeline.assessment.overlay import Key
from graphrisk.policy import Policy
from graphrisk.runs.facts import Facts


@dataclass(frozen=True)
class Seen:
    """A sighting as the ledger would keep it: kind, 16 bytes of the token, and of the network's for an address; first and
    last use in microseconds."""

    kind: str
    value: bytes
    network: bytes | None
    first: int
    last: int


class Holdings:
    """Reads a run's facts; ``clock`` (microseconds) is where its retention counts from."""

    def __init__(self, facts: Facts, policy: Policy, clock: int) -> None:
        self._facts, self._policy, self._clock = facts, policy, clock
        self._codes = policy.codes()

    def is_kept(self, seen: Seen) -> bool:
        """Whether a sighting is recent enough to be evidence."""
        kind = self._policy.kinds[seen.kind]
        return kind.cap > 1 and seen.last >= self._clock - kind.retention_days * DAY_US

    def held(self, row: int) -> dict[Key, Span]:
        """What the run knows that an account holds."""
        facts, found = self._facts, dict[Key, Span]()
        for attribute in facts.attributes_of(row).tolist() if row >= 0 else ():
            first, last = facts.stays(attribute)
            at = facts.holders(attribute) == row
            key = (
                facts.value(attribute),
                int(facts.kind[attribute]),
                int(facts.week[attribute]),
                int(facts.source[attribute]),
            )
            found[key] = (int(first[at][0]), int(last[at][0]))
        return found

    def grown(self, before: dict[Key, Span], sightings: Sequence[Seen]) -> dict[Key, Span]:
        """What the account holds with the sightings, by attribute; an address once a week."""
        own = dict(before)
        for seen in sightings:
            if not self.is_kept(seen):
                continue
            kind, code = self._policy.kinds[seen.kind], self._codes[seen.kind]
            kept_from = self._clock - kind.retention_days * DAY_US
            spans = [(0, seen.first, seen.last)]
            if kind.normaliser == "ip":
                oldest = max(week_of(seen.first), week_of(kept_from))
                spans = [_in_week(week, seen) for week in range(oldest, week_of(seen.last) + 1)]
            for week, first, last in spans:
                key = (seen.value, code, week, -1)
                known = own.get(key, (first, last))
                own[key] = (min(known[0], first), max(known[1], last))
        return own

    def shown(self, sightings: Sequence[Seen]) -> list[Shown]:
        """What of the sightings many strangers show: patterns of e-mail addresses, and kinds that are never evidence."""
        oldest = self._clock - self._policy.cohort.retention_days * DAY_US
        found: list[Shown] = []
        for seen in sightings:
            kind, code = self._policy.kinds[seen.kind], self._codes[seen.kind]
            value = seen.network if kind.normaliser == "email" else seen.value if kind.cap == 1 else None
            if kind.cohorts and value is not None and seen.last >= oldest:
                found.append(Shown(code, value, seen.first, seen.last))
        return found

    def visits(self, before: dict[Key, Span], sightings: Sequence[Seen]) -> Visits:
        """Stays at addresses and networks, before and after."""
        address = next(
            (
                self._codes[name]
                for name, kind in self._policy.kinds.items()
                if kind.normaliser == "ip" and kind.cohorts
            ),
            -1,
        )
        known: dict[bytes, list[Span]] = {}
        for value, _, _, _ in sorted(key for key in before if key[1] == address):
            if value not in known:
                weeks = sorted(key for key in before if key[0] == value and key[1] == address)
                known[value] = _stays([before[key] for key in weeks])
        old, new = dict[Place, list[Span]](), dict[Place, list[Span]]()
        networks = {value: self._facts.network_of(value) for value in known}
        grown = {value: list(stays) for value, stays in known.items()}
        oldest = self._clock - self._policy.cohort.retention_days * DAY_US
        for seen in sightings:
            if self._codes[seen.kind] == address and seen.last >= oldest:
                networks[seen.value] = seen.network
                grown[seen.value] = _added(grown.get(seen.value, []), (seen.first, seen.last))
        for found, stays in ((old, known), (new, grown)):
            for value, spans in stays.items():
                for place in places_of(value, networks[value]):
                    found.setdefault(place, []).extend(spans)
        return Visits(old, new)


def _in_week(week: int, seen: Seen) -> tuple[int, int, int]:
    return week, max(seen.first, week_start(week)), min(seen.last, week_start(week + 1) - 1)


def _stays(spans: list[Span]) -> list[Span]:
    """Weeks that follow on each other without a gap, as the one stay that they were."""
    found: list[Span] = []
    for first, last in spans:
        begins = first == week_start(week_of(first))
        if found and begins and found[-1][1] == first - 1:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def _added(stays: list[Span], stay: Span) -> list[Span]:
    """Stays that begin in one week are one."""
    for place, (first, last) in enumerate(stays):
        if week_of(first) == week_of(stay[0]):
            return [*stays[:place], (min(first, stay[0]), max(last, stay[1])), *stays[place + 1 :]]
    return [*stays, stay]
