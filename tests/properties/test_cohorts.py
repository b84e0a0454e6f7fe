"""Cohorts: which sign-ups of a week are beyond chance, at an address, in a network, and in crowds."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from graphrisk.linkage.cohorts import expected, surprising
from graphrisk.model import DAY_US, HOUR_US
from graphrisk.policy import Policy
from tests.support_detection import MONDAY, WEEK_US, Seen, token_like
from tests.support_linkage import NEW_SHARE, found_links, is_surprise


@given(st.integers(2, 60), st.integers(0, 60), st.integers(0, 240).map(lambda twelfths: twelfths / 12))
def test_the_surprise_test_agrees_with_a_sum_of_poisson_terms(arrived: int, others: int, usual: float) -> None:
    policy = Policy()
    rate = expected(np.array([arrived + others]), np.array([usual]), NEW_SHARE)
    found = surprising(np.array([arrived]), rate, policy.cohorts.significance)
    assert rate[0] == max(0.05, (arrived + others) * NEW_SHARE, usual)
    assert bool(found[0]) == is_surprise(arrived, float(rate[0]), policy)


def linked_newcomers(weeks: dict[int, int], network: bool, residents: int = 0) -> int:
    """How many pairs are linked when so many accounts sign up in each of these weeks, one or each on an address of its
    own in one network, where so many old accounts are seen every week."""
    created: dict[str, int | None] = {}
    rows: list[Seen] = []
    for week, arrivals in weeks.items():
        for each in range(arrivals):
            name, at = f"new{week:02d}{each:03d}", MONDAY + week * WEEK_US + DAY_US
            created[name] = at
            address = token_like(f"{week} {each}" if network else "address")
            rows.append(Seen(name, "ip", address, token_like("net"), at, at + HOUR_US))
        for each in range(residents):
            name, at = f"old{each:03d}", MONDAY + week * WEEK_US
            created[name] = MONDAY - 400 * DAY_US
            rows.append(Seen(name, "ip", token_like(f"old {each}"), token_like("net"), at, at + HOUR_US))
    return len(found_links(created, rows, Policy(), MONDAY + 900 * DAY_US))


def test_accounts_that_sign_up_together_where_nobody_ever_did_are_linked() -> None:
    assert linked_newcomers({0: 6}, network=False) == 15
    assert linked_newcomers({0: 6}, network=True) == 15


def test_sign_ups_on_an_address_where_as_many_sign_up_every_week_are_not_linked() -> None:
    assert linked_newcomers(dict.fromkeys(range(20), 6), network=False) == 0


def showing(weeks: dict[int, int], *kinds: str, residents: int = 0) -> int:
    """How many pairs are linked when so many accounts sign up in each of these weeks and show the same things, as do so
    many old accounts."""
    born = {
        f"new{week:02d}{each:03d}": MONDAY + week * WEEK_US + DAY_US for week, n in weeks.items() for each in range(n)
    }
    old = {f"old{each:03d}": MONDAY for each in range(residents)}
    rows: list[Seen] = []
    for name, at in (born | old).items():
        for kind in kinds:
            own, place = (token_like(name), token_like("pattern")) if kind == "email" else (token_like(kind), None)
            rows.append(Seen(name, kind, own, place, at, at + (200 * DAY_US if name in old else HOUR_US)))
    created: dict[str, int | None] = {**born, **dict.fromkeys(old, MONDAY - 400 * DAY_US)}
    return len(found_links(created, rows, Policy(), MONDAY + 900 * DAY_US))


@pytest.mark.parametrize("kinds", [("email", "user_agent"), ("email", "bin"), ("bin", "user_agent")])
def test_accounts_that_sign_up_together_and_show_two_things_alike_are_linked(kinds: tuple[str, str]) -> None:
    assert showing({20: 6}, *kinds) == 15


@pytest.mark.parametrize("kind", ["email", "user_agent", "bin"])
def test_one_thing_that_strangers_show_links_nobody(kind: str) -> None:
    assert showing({20: 6}, kind) == 0


def test_crowds_have_habits_and_newcomers_are_expected_of_those_who_are_there() -> None:
    assert showing(dict.fromkeys(range(20), 6), "email", "user_agent") == 0
    assert showing({20: 20}, "email", "user_agent", residents=40) == 190
    assert showing({20: 20}, "email", "user_agent", residents=50) == 0


@pytest.mark.parametrize(("alike", "linked"), [(0, 190), (20, 0)])
def test_a_thing_that_many_newcomers_of_a_week_show_makes_two_together_no_surprise(alike: int, linked: int) -> None:
    """Twenty show both things, and besides so many each of the two with something else."""
    created: dict[str, int | None] = {}
    rows: list[Seen] = []
    for name, pattern, browser, count in (
        ("both", "p", "b", 20),
        ("one", "p", "c", alike),
        ("other", "q", "b", alike),
        ("none", "q", "c", 60),
    ):
        for each in range(count):
            account, at = f"{name}{each:02d}", MONDAY + 20 * WEEK_US + DAY_US
            created[account] = at
            rows.append(Seen(account, "email", token_like(account), token_like(pattern), at, at))
            rows.append(Seen(account, "user_agent", token_like(browser), None, at, at))
    together = {
        pair for pair in found_links(created, rows, Policy(), MONDAY + 200 * DAY_US) if pair[0].startswith("both")
    }
    assert len(together) == linked


def test_a_ring_s_sign_ups_do_not_tie_it_to_everybody_who_signs_up_in_a_carrier_s_network() -> None:
    assert linked_newcomers({0: 40}, network=True, residents=39) == 40 * 39 // 2
    assert linked_newcomers({0: 40}, network=True, residents=41) == 0
