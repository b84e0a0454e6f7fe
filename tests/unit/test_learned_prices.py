"""Learning prices: which pairs are reviewed, isotonic regression in two directions, and tables that never rise."""

from __future__ import annotations

from itertools import product
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrisk.calibration.pairs import INNOCENT, UNREVIEWED, Pairs, reviewed_pairs
from graphrisk.calibration.pricing import FEWEST_PAIRS, INCUMBENT_PAIRS, doubling, learned_tables, never_rising
from graphrisk.linkage.prices import gaps_priced, prices
from graphrisk.model import DAY_US, Floats, Ints, Uses
from graphrisk.policy import Policy

CODES = Policy().codes()


def uses_of(*values: tuple[str, dict[int, tuple[int, int]]]) -> Uses:
    """Values as (kind, account → first and last day of use)."""
    rows = [(at, who, *days) for at, (_, held) in enumerate(values) for who, days in sorted(held.items())]
    attribute, holder, first, last = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    kind = np.array([CODES[name] for name, _ in values])
    accounts = np.array([len(held) for _, held in values])
    nothing = np.zeros(len(values), np.int64)
    return Uses(attribute, holder, first * DAY_US, last * DAY_US, nothing, kind, nothing, nothing, accounts)


def test_a_pair_is_reviewed_if_both_are_known_and_one_is_in_a_ring() -> None:
    ring = np.array([0, 0, 1, INNOCENT, INNOCENT, UNREVIEWED])
    uses = uses_of(
        ("device", dict.fromkeys(range(6), (0, 9))),
        ("card", {0: (0, 1), 1: (4, 5), 3: (1, 2)}),
        ("email", {3: (0, 1), 4: (0, 1)}),
        ("phone", {0: (0, 1), 5: (0, 1)}),
        ("bin", dict.fromkeys(range(4), (0, 9))),
    )
    with duckdb.connect() as columns:
        found = reviewed_pairs(columns, uses, ring, Policy())
    # Of the device's pairs of the five who are known: 0-1 is one ring, 3-4 is of no ring, the other eight are not one.
    # Of the card's: 0-1 with three days between, 0-3 at one time, 1-3 with two days between.
    assert sorted(zip(*(column.tolist() for column in found), strict=True)) == sorted(
        [(CODES["device"], 6, 0, 9, 1), *((CODES["card"], 3, gap, 1, gap == 3) for gap in (0, 2, 3))]
    )


@pytest.mark.parametrize(
    ("values", "weight", "wanted"),
    [
        ([[5, 3], [2, 1]], [[1, 1], [1, 1]], [[5, 3], [2, 1]]),
        ([[1, 2], [3, 4]], [[1, 1], [1, 1]], [[2.5, 2.5], [2.5, 2.5]]),
        ([[1, 3]], [[1, 3]], [[2.5, 2.5]]),
        ([[1], [3]], [[3], [1]], [[1.5], [1.5]]),
        ([[4, 2, 3]], [[1, 1, 1]], [[4, 2.5, 2.5]]),
    ],
)
def test_tables_that_never_rise_are_known(values: Any, weight: Any, wanted: Any) -> None:
    assert never_rising(np.array(values, float), np.array(weight, float)) == pytest.approx(np.array(wanted), abs=1e-8)


TABLES = st.lists(st.integers(0, 100), min_size=9, max_size=9).map(
    lambda each: np.array(each, float).reshape(3, 3) / 100
)
WEIGHTS = st.lists(st.integers(1, 9), min_size=9, max_size=9).map(lambda each: np.array(each, float).reshape(3, 3))


@given(TABLES, WEIGHTS)
@settings(max_examples=60, deadline=None)
def test_isotonic_in_two_directions_is_the_max_min_formula(values: Floats, weight: Floats) -> None:
    """Robertson, Wright and Dykstra 1988, theorem 1.4.4: over the sets that reach up to a cell and those that reach down."""
    found = never_rising(values, weight)
    lower = [
        np.arange(3) < np.array(ends)[:, None]
        for ends in product(range(4), repeat=3)
        if list(ends) == sorted(ends)[::-1]
    ]
    for row, column in product(range(3), repeat=2):
        near = [each for each in lower if each[row, column]]
        far = [~each for each in lower if not each[row, column]]
        best = max(min(np.average(values[one & other], weights=weight[one & other]) for one in far) for other in near)
        assert found[row, column] == pytest.approx(best, abs=1e-6)


def many(kind: str, accounts: int, gap: int, pairs: int, same: int) -> Pairs:
    return Pairs(*(np.array([each]) for each in (CODES[kind], accounts, gap, pairs, same)))


def test_a_share_of_one_half_is_the_price_of_even_odds() -> None:
    """So many pairs that the prices in use hardly count; half of them in one ring, at every number of accounts and gap."""
    device = Policy().kinds["device"]
    cells = list(product(doubling(2, device.cap).tolist(), doubling(0, gaps_priced(device) - 1).tolist()))
    columns = np.array([(CODES["device"], accounts, gap, 10**9, 5 * 10**8) for accounts, gap in cells]).T
    table = learned_tables(Pairs(*columns), Policy())["device"]
    assert set(np.array(table.prices).ravel().tolist()) == {693}
    assert table.gap_hours[:4] == (0, 24, 72, 168)
    assert table.accounts[:4] == (2, 3, 5, 9)


def test_the_price_in_use_counts_as_so_many_pairs() -> None:
    """A quarter as many accounts seen in every cell, none in one ring: each share falls by a fifth, from .9 at the first."""
    phone = Policy().kinds["phone"]
    cells = list(product(doubling(2, phone.cap).tolist(), doubling(0, gaps_priced(phone) - 1).tolist()))
    seen = round(INCUMBENT_PAIRS / 4)
    columns = np.array([(CODES["phone"], accounts, gap, seen * (accounts - 1), 0) for accounts, gap in cells]).T
    table = learned_tables(Pairs(*columns), Policy())["phone"]
    assert table.prices[0][0] == round(-1000 * np.log(1 - 0.8 * 0.9))


def test_kinds_with_too_few_reviewed_pairs_are_not_learned() -> None:
    assert learned_tables(many("device", 2, 0, FEWEST_PAIRS - 1, 100), Policy()) == {}
    assert set(learned_tables(many("device", 2, 0, FEWEST_PAIRS, 100), Policy())) == {"device"}


@given(
    st.sampled_from(["device", "card", "address", "ip", "cohort"]),
    st.lists(
        st.tuples(st.integers(2, 30), st.integers(0, 300), st.integers(1, 2000), st.floats(0, 1)),
        min_size=1,
        max_size=20,
    ),
)
@settings(max_examples=40, deadline=None)
def test_learned_prices_never_rise_with_accounts_or_gap(kind: str, rows: list[tuple[int, int, int, float]]) -> None:
    columns: list[Ints] = [
        np.array(each)
        for each in zip(
            *((CODES[kind], k, gap, pairs, int(share * pairs)) for k, gap, pairs, share in rows), strict=True
        )
    ]
    enough = many(kind, 2, 0, FEWEST_PAIRS, FEWEST_PAIRS // 2)
    pairs = Pairs(*(np.concatenate(both) for both in zip(columns, enough, strict=True)))
    priced = Policy().priced_by(learned_tables(pairs, Policy())).priced()[kind]
    table = prices(priced, np.arange(2, priced.cap + 1))
    assert table.shape == (priced.cap - 1, gaps_priced(Policy().priced()[kind]))
    assert (np.diff(table, axis=0) <= 0).all()
    assert (np.diff(table, axis=1) <= 0).all()
    assert table.min() >= 0
    assert table[:, 0].min() >= 1
