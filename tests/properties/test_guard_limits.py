"""What is usual: learned from the past, never narrower than the floors, and forgiving to the few."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrisk.policy import GuardPolicy
from graphrisk.publication.limits import CLOCK, Figure, is_above, is_below, usual

POLICY = GuardPolicy()
shares = st.integers(1, 10_000).flatmap(lambda of: st.integers(0, of).map(lambda x: [float(x), float(of)]))
amounts = st.floats(0, 1e9).map(lambda x: [x, None])
pasts = st.one_of(st.lists(shares, max_size=12), st.lists(amounts, max_size=12))


def alarms(now: Figure, past: list[Figure], name: str = "figure") -> str:
    limits = usual(name, now, past, POLICY)
    if limits is None:
        return "unknown"
    return "above" if is_above(now, limits) else "below" if is_below(now, limits) else ""


@given(pasts.filter(bool))
def test_what_was_there_the_last_time_is_usual(past: list[Figure]) -> None:
    assert alarms(past[-1], past) in ("", "unknown")


@given(pasts.filter(bool))
def test_limits_hold_the_middle_and_know_no_order_but_the_last(past: list[Figure]) -> None:
    limits = usual("figure", past[-1], past, POLICY)
    again = usual("figure", past[-1], [*sorted(past[:-1], key=str), past[-1]], POLICY)
    assert limits == again
    if limits:
        assert limits.least <= limits.middle * (1 + 1e-9)
        assert limits.middle <= limits.most * (1 + 1e-9)


@given(st.integers(5, 20), st.floats(1, 3.9), st.floats(1, 1e6))
def test_amounts_may_change_by_the_floor(runs: int, factor: float, x: float) -> None:
    past: list[Figure] = [[x, None]] * runs
    assert alarms([x * factor, None], past) == ""
    assert alarms([x / factor, None], past) == ""
    assert alarms([x * 4.1, None], past) == "above"
    assert alarms([x / 4.1, None], past) == "below"


def test_until_five_runs_are_known_the_floor_is_twice_as_wide() -> None:
    assert alarms([15.0, None], [[1.0, None]] * 4) == ""
    assert alarms([17.0, None], [[1.0, None]] * 4) == "above"
    assert alarms([5.0, None], [[1.0, None]] * 5) == "above"
    assert alarms([5.0, None], []) == "unknown"


def test_a_share_of_few_says_nothing_and_a_share_of_some_needs_more_than_chance() -> None:
    past: list[Figure] = [[0.0, 1000.0]] * 6
    assert alarms([4.0, 4.0], past) == "unknown"
    assert alarms([1.0, 20.0], past) == ""
    assert alarms([10.0, 20.0], past) == "above"
    assert alarms([49.0, 1000.0], past) == ""  # five of a hundred: the floor of shares
    assert alarms([90.0, 1000.0], past) == "above"


def test_what_varies_may_vary_but_for_the_one_most_extreme_run() -> None:
    varied: list[Figure] = [[float(x), None] for x in (10, 100, 20, 90, 100, 15)]
    assert alarms([100.0, None], varied) == ""
    level: list[Figure] = [[10.0, None]] * 3
    once: list[Figure] = [*level, [1e6, None], *level]
    assert alarms([1e6, None], once) == "above"


def test_a_level_that_was_published_is_usual_from_then_on() -> None:
    level: list[Figure] = [[990.0, 1000.0]] * 8
    moved: list[Figure] = [*level, [10.0, 1000.0]]
    assert alarms([10.0, 1000.0], moved) == ""
    assert alarms([990.0, 1000.0], moved) == ""
    assert alarms([10.0, 1000.0], moved[:-1]) == "below"


@pytest.mark.parametrize(("hour", "told"), [(23.9, ""), (0.2, ""), (5.0, "above"), (20.0, "below")])
def test_the_clock_goes_round(hour: float, told: str) -> None:
    past: list[Figure] = [[86_399.0, None], [30.0, None]] * 4
    assert alarms([hour * 3600, None], past, CLOCK) == told
    assert alarms([hour * 3600, None], past[:4], CLOCK) == "unknown"


@given(pasts.filter(bool), st.floats(1, 1e6), st.floats(1.01, 1e300))
def test_any_policy_gives_limits_that_are_numbers(past: list[Figure], deviations: float, floor: float) -> None:
    policy = GuardPolicy(deviations=deviations, min_odds=floor, min_ratio=floor)
    limits = usual("figure", past[-1], past, policy)
    assert limits is None or all(math.isfinite(each) for each in limits)


def test_a_share_is_never_told_beyond_none_or_all() -> None:
    limits = usual("figure", [0.0, 10.0], [[0.0, 10.0], [10.0, 10.0]] * 5, POLICY)
    assert limits is not None
    assert 0 <= limits.least <= limits.middle <= limits.most <= 1
    assert not any(math.isnan(each) for each in limits)
