"""Who signed up together at a place, as a run knows it and with one account more: which of them are cohorts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphrisk.linkage.attributes import week_of
from graphrisk.linkage.cohorts import CLOCK_SKEW_DAYS, Arrivals, are_cohorts
from graphrisk.model import DAY_US, FIRST_MONDAY_US, WEEK_US
from graphrisk.policy import Policy

Span = tuple[int, int]
Ever = tuple[int, int, int]
"""How many ever arrived at a place, and the first and last week in which any did."""

Member = tuple[int, int, bool]
Place = tuple[int, bytes]
"""A source (as in ``linkage.cohorts``) and a value."""


@dataclass
class Newcomers:
    """Who arrived at a place in a week: first and last use there, and whether they came back; how many were present; and of
    a crowd, what others show (as in ``Arrivals``)."""

    arrived: dict[int, Member] = field(default_factory=dict)
    present: int = 0
    others: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True)
class Cohort:
    """A cohort that the account changes: with its members as they would be, or none where it would be no more."""

    place: bytes
    week: int
    source: int
    members: dict[int, Member]


def is_early(first: int, created: int | None, policy: Policy) -> bool:
    """Whether a first use is by a newcomer: it is about when the account was created."""
    if created is None:
        return False
    return created - CLOCK_SKEW_DAYS * DAY_US <= first <= created + policy.cohorts.new_days * DAY_US


def cohorts_at(
    place: Place, newcomers: dict[int, Newcomers], ever: Ever, policy: Policy, expected_share: float
) -> dict[int, dict[int, Member]]:
    """The members of the cohorts at a place, by week."""
    weeks = sorted(newcomers)
    if not weeks:
        return {}
    rows = [
        (place[0], len(newcomers[week].arrived), newcomers[week].present, *ever, *newcomers[week].others)
        for week in weeks
    ]
    are = are_cohorts(Arrivals(*np.array(rows, np.int64).T), policy.cohorts, expected_share)
    return {week: newcomers[week].arrived for week, accepted in zip(weeks, are.tolist(), strict=True) if accepted}


def week_start(week: int) -> int:
    """The first microsecond of a week."""
    return WEEK_US * week + FIRST_MONDAY_US


def known_at(rows: list[dict[str, Any]]) -> tuple[dict[int, Newcomers], Ever]:
    """What the rows of ``arrivals`` of one place say: newcomers by week, and how many there ever were."""
    weeks = {
        row["week"]: Newcomers(row["newcomers"], row["present"], (row["one_alone"], row["other_alone"], row["rest"]))
        for row in rows
    }
    return weeks, (rows[0]["ever"], rows[0]["first_week"], rows[0]["last_week"])


def weeks_of(stays: Iterable[Span]) -> set[int]:
    """The weeks that stays touch."""
    return {week for first, last in stays for week in range(week_of(first), week_of(last) + 1)}


def different(place: Place, old: dict[int, dict[int, Member]], new: dict[int, dict[int, Member]]) -> Iterator[Cohort]:
    """What becomes of the cohorts at a place, where their members differ."""
    for week in sorted(old.keys() | new.keys()):
        if old.get(week) != new.get(week):
            yield Cohort(place[1], week, place[0], new.get(week, {}))
