"""Evidence tables from reviewed pairs: how often two accounts that share a value are in one ring, as a price."""

from __future__ import annotations

import numpy as np
from scipy.optimize import isotonic_regression

from graphrisk.calibration.pairs import Pairs
from graphrisk.evidence_tables import LARGEST_PRICE, EvidenceTable
from graphrisk.linkage.prices import LARGEST_PROBABILITY, gaps_priced, prices
from graphrisk.model import Floats, Ints
from graphrisk.policy import KindPolicy, Policy

FEWEST_PAIRS = 500
"""Reviewed pairs of a kind below which its prices stay what they are."""

INCUMBENT_PAIRS = 20.0
"""The price in use counts in each cell of a table as so many pairs."""

CLOSE_ENOUGH = 1e-10


def learned_tables(pairs: Pairs, policy: Policy) -> dict[str, EvidenceTable]:
    """Kind → its prices, for the kinds with enough reviewed pairs."""
    found: dict[str, EvidenceTable] = {}
    for code, (name, kind) in enumerate(policy.priced().items()):
        of_kind = pairs.of(code)
        if of_kind.pairs.sum() >= FEWEST_PAIRS:
            found[name] = _table(of_kind, kind)
    return found


def _table(pairs: Pairs, kind: KindPolicy) -> EvidenceTable:
    accounts, gaps = doubling(2, kind.cap), doubling(0, gaps_priced(kind) - 1)
    cell = (_place(accounts, pairs.accounts), _place(gaps, pairs.gap))
    # A value tells as much as accounts hold it, not as the pairs of them: they are in one ring or in none together.
    weight = 1 / (pairs.accounts - 1)
    shape = (len(accounts), len(gaps))
    seen, same = np.zeros(shape), np.zeros(shape)
    np.add.at(seen, cell, weight * pairs.pairs)
    np.add.at(same, cell, weight * pairs.same)
    before = _in_use(kind, accounts, gaps)
    share = (same + INCUMBENT_PAIRS * before) / (seen + INCUMBENT_PAIRS)
    falling = never_rising(share, seen + INCUMBENT_PAIRS)
    milli_nats = np.rint(-1000 * np.log1p(-np.clip(falling, 0, LARGEST_PROBABILITY))).astype(np.int64)
    milli_nats[:, 0] = np.maximum(milli_nats[:, 0], 1)
    return EvidenceTable(
        accounts=tuple(accounts.tolist()),
        gap_hours=tuple((gaps * kind.gap_hours).tolist()),
        prices=tuple(tuple(row) for row in np.minimum(milli_nats, LARGEST_PRICE).tolist()),
    )


def doubling(start: int, end: int) -> Ints:
    """start, start + 1, start + 3, start + 7, … up to ``end``: each step is twice the one before."""
    steps = 2 ** np.arange(64 - 2) - 1
    return start + steps[steps <= end - start]


def never_rising(values: Floats, weight: Floats) -> Floats:
    """The table nearest to ``values`` (weighted least squares) that rises along neither axis.

    Isotonic regression along rows and along columns in turn, by Dykstra's (1983) projections onto the two cones.
    """
    found, off_rows, off_columns = values, np.zeros_like(values), np.zeros_like(values)
    while True:
        by_rows = _falling(found + off_rows, weight)
        off_rows = found + off_rows - by_rows
        by_columns = _falling((by_rows + off_columns).T, weight.T).T
        off_columns = by_rows + off_columns - by_columns
        if max(np.abs(by_columns - found).max(), np.abs(by_columns - by_rows).max()) < CLOSE_ENOUGH:
            return np.minimum.accumulate(np.minimum.accumulate(by_columns, axis=0), axis=1)
        found = by_columns


def _falling(values: Floats, weight: Floats) -> Floats:
    rows = [
        isotonic_regression(row, weights=each, increasing=False).x for row, each in zip(values, weight, strict=True)
    ]
    return np.array(rows)


def _in_use(kind: KindPolicy, accounts: Ints, gaps: Ints) -> Floats:
    """The mean probability in each cell of the prices in use."""
    degrees = np.arange(2, kind.cap + 1)
    probability = -np.expm1(-prices(kind, degrees) / 1000)
    summed = np.add.reduceat(np.add.reduceat(probability, accounts - 2, axis=0), gaps, axis=1)
    sizes = np.outer(np.diff(np.append(accounts, kind.cap + 1)), np.diff(np.append(gaps, probability.shape[1])))
    return summed / sizes


def _place(knots: Ints, values: Ints) -> Ints:
    return np.searchsorted(knots, values, side="right") - 1
