"""One account more in crowds: which cohorts of two things shown together there would be, would be no more, and would grow."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import NamedTuple
from uuid import UUID

from graphrisk.linkage.attributes import week_of
from graphrisk.pipeline.assessment.gathered import (
    Cohort,
    Ever,
    Newcomers,
    Span,
    cohorts_at,
    different,
    is_early,
    known_at,
    weeks_of,
)
from graphrisk.policy import Policy
from graphrisk.runs.facts import Facts
from graphrisk.schema import CROWD


class Shown(NamedTuple):
    """Something that many strangers show: its kind (code), 16 bytes of its token, first and last use."""

    kind: int
    value: bytes
    first: int
    last: int


@dataclass
class _Pair:
    """Two things that the account shows: from when to when at most, and so for those that it showed when it signed up."""

    kinds: tuple[int, int]
    one: bytes
    other: bytes
    spans: list[Span] = field(default_factory=list)
    early: list[Span] = field(default_factory=list)

    @property
    def week(self) -> int | None:
        """The week in which the account arrives in the crowd, if it does."""
        return week_of(min(self.early)[0]) if self.early else None


def crowds_changed(
    facts: Facts, policy: Policy, expected_share: float, account: int, shown: Sequence[Shown], created: int | None
) -> Iterator[Cohort]:
    """The cohorts that change by what an account shows (``account`` is a number of the caller's).

    A crowd in which the account is already stays as it is, and so do those of which it shows only one thing.
    """
    pairs = _pairs(shown, created, policy)
    for pair in pairs:
        place = crowd_of(pair.one, pair.other)
        rows = facts.arrivals_at(place, CROWD)
        if rows and not any(account in row["newcomers"] for row in rows):
            known, ever = known_at(rows)
            old = cohorts_at((CROWD, place), known, ever, policy, expected_share)
            new = cohorts_at((CROWD, place), *_with(known, ever, pair, pairs, account), policy, expected_share)
            yield from different((CROWD, place), old, new)


def crowd_of(one: bytes, other: bytes) -> bytes:
    """The place that two things shown together stand for, as linkage makes it of their UUIDs."""
    text = f"{UUID(bytes=one)}{UUID(bytes=other)}"
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def _pairs(shown: Sequence[Shown], created: int | None, policy: Policy) -> list[_Pair]:
    found: dict[tuple[int, int, bytes, bytes], _Pair] = {}
    for one, other in product(shown, repeat=2):
        if one.kind < other.kind:
            key = (one.kind, other.kind, one.value, other.value)
            pair = found.setdefault(key, _Pair((one.kind, other.kind), one.value, other.value))
            span = (max(one.first, other.first), max(one.last, other.last))
            pair.spans.append(span)
            if is_early(one.first, created, policy) and is_early(other.first, created, policy):
                pair.early.append(span)
    return list(found.values())


def _with(
    known: dict[int, Newcomers], ever: Ever, pair: _Pair, pairs: list[_Pair], account: int
) -> tuple[dict[int, Newcomers], Ever]:
    """The newcomers of a crowd and how many there ever were, with the account."""
    there = weeks_of(pair.spans)
    found = {
        week: replace(
            each,
            arrived=dict(each.arrived),
            present=each.present + (week in there),
            others=_others(week, each, pair, pairs),
        )
        for week, each in known.items()
    }
    week, (count, first, last) = pair.week, ever
    if week is not None:
        count, first, last = count + 1, min(first, week), max(last, week)
        if week in found:
            found[week].arrived[account] = (*min(pair.early), False)
    return found, (count, first, last)


def _others(week: int, newcomers: Newcomers, pair: _Pair, pairs: list[_Pair]) -> tuple[int, int, int]:
    """What others show in a week, with what the account shows besides the pair itself."""
    also = [each for each in pairs if each is not pair and each.kinds == pair.kinds and each.week == week]
    shows = Counter(part for each in also for part in (each.one, each.other))
    one, other, rest = newcomers.others
    return one + shows[pair.one], other + shows[pair.other], rest + len(also)
