"""Moments as whole microseconds, to and fro."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from graphrisk.model import microseconds, moment_of

LATEST = microseconds(datetime(9999, 12, 31, tzinfo=UTC))


@given(at=st.integers(-LATEST // 100, LATEST))
def test_no_microsecond_is_lost(at: int) -> None:
    assert microseconds(moment_of(at)) == at


@given(
    moment=st.datetimes(
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9)), timezone(timedelta(hours=5, minutes=45))])
    )
)
def test_a_moment_is_the_same_in_every_zone(moment: datetime) -> None:
    assert moment_of(microseconds(moment)) == moment
