"""The time that a world is about: 180 days, by the second and by ISO week. Times are whole seconds since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

DAY = 86_400
WEEK = 7 * DAY
START = int(datetime(2026, 1, 2, tzinfo=UTC).timestamp())
END = START + 180 * DAY
"""First second after the period: its last day is 2026-06-30."""

_FIRST_MONDAY = 4 * DAY  # of 1970


def week_of(moment: int) -> int:
    """The ISO week of a moment, counted from the first Monday of 1970."""
    return (moment - _FIRST_MONDAY) // WEEK


def week_start(week: int) -> int:
    """The first second of an ISO week."""
    return week * WEEK + _FIRST_MONDAY
