"""The smallest evidence that frees an account, against asking detection about every set of the ring's values."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrisk.evidence.cuts import MOST_SUBSETS, Cut, Pieces, separating, smallest_cut
from graphrisk.pipeline.membership import Membership
from tests.support_parts import memberships


def cheapest_by_asking_everything(held: Membership) -> tuple[int, int]:
    """Cost and number of values of the best set, of all there are."""
    worth = held.worth
    cost = dict(zip(worth.value.tolist(), worth.most.tolist(), strict=True))
    sets = [frozenset(some) for size in range(len(cost) + 1) for some in combinations(cost, size)]
    ranked = sorted((sum(cost[each] for each in some), len(some), sorted(some)) for some in sets)
    return next((price, size) for price, size, some in ranked if held.frees(frozenset(some)))


def check(held: Membership, cut: Cut | None) -> None:
    assert cut is not None
    assert held.frees(cut.pieces)
    assert len(cut.pieces) <= MOST_SUBSETS
    for size in range(len(cut.pieces)):
        for some in combinations(cut.pieces, size):
            assert not held.frees(frozenset(some)), "a smaller part of the answer would do"
    if cut.cheapest:
        assert (cut.cost, len(cut.pieces)) == cheapest_by_asking_everything(held)


def test_the_cut_is_the_cheapest_of_all_sets() -> None:
    tried = proved = 0
    for held in memberships(range(120)):
        cut = held.smallest_cut()
        check(held, cut)
        tried, proved = tried + 1, proved + bool(cut and cut.cheapest)
    assert tried > 50
    assert proved > tried / 2


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_the_cut_is_the_cheapest_of_all_sets_ten_thousand_times(part: int) -> None:
    """Five hundred memberships each, so that none runs into the limit of a test."""
    wrong: list[str] = []
    tried = 0
    for held in memberships(range(2_000 * (part + 1), 2_000 * (part + 2))):
        try:
            check(held, held.smallest_cut())
        except AssertionError as error:
            wrong.append(str(error)[:200])
        tried += 1
        if tried == 500:
            break
    assert tried == 500
    assert not wrong, (len(wrong), wrong[:3])


COSTS = st.dictionaries(st.integers(0, 30), st.integers(1, 5), min_size=1, max_size=16)


@given(cost=COSTS, data=st.data())
@settings(max_examples=200, deadline=None)
def test_what_must_be_hit_is_hit_as_cheaply_as_can_be(cost: dict[int, int], data: st.DataObject) -> None:
    """A judge that wants one piece of each of some sets, which is what freeing an account mostly amounts to."""
    some = st.sets(st.sampled_from(sorted(cost)), min_size=1, max_size=4)
    sets = data.draw(st.lists(some, min_size=1, max_size=5))

    def frees(pieces: Pieces) -> bool:
        return all(pieces & each for each in sets)

    cut = smallest_cut(cost, frees, [])
    assert cut
    assert frees(cut.pieces)
    assert all(not frees(cut.pieces - {piece}) for piece in cut.pieces)
    if len(cost) <= 12:
        everything = (frozenset(each) for size in range(len(cost) + 1) for each in combinations(cost, size))
        assert cut.cost == min(sum(cost[piece] for piece in each) for each in everything if frees(each))


def test_an_account_that_nothing_frees_has_no_cut() -> None:
    assert smallest_cut({1: 5}, lambda _: False) is None


@given(data=st.data(), accounts=st.integers(2, 6), values=st.integers(1, 6))
@settings(max_examples=150, deadline=None)
def test_what_separates_two_accounts_is_the_cheapest_that_does(data: st.DataObject, accounts: int, values: int) -> None:
    pairs = st.tuples(st.integers(0, values - 1), st.integers(0, accounts - 1))
    uses = sorted(data.draw(st.sets(pairs, min_size=1, max_size=14)) | {(0, 0), (0, accounts - 1)})
    cost = {value: data.draw(st.integers(1, 4)) for value in {value for value, _ in uses}}

    def connected(without: Pieces) -> bool:
        reached, grown = {0}, True
        while grown:
            held = {value for value, account in uses if account in reached and value not in without}
            new = {account for value, account in uses if value in held} | reached
            grown, reached = new != reached, new
        return accounts - 1 in reached

    found = separating(np.array([use[1] for use in uses]), np.array([use[0] for use in uses]), cost, 0, accounts - 1)
    assert not connected(found)
    everything = (frozenset(each) for size in range(len(cost) + 1) for each in combinations(cost, size))
    assert sum(cost[each] for each in found) == min(
        sum(cost[piece] for piece in each) for each in everything if not connected(each)
    )
