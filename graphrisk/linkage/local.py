"""Linkage among a few accounts, from the shared facts of a run: the same links to the last milli-nat, without DuckDB.

``priced_pairs`` prices everything that any two of the accounts share, once; ``Priced.links`` adds it up, as often as is
wanted, with some of the values left out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from graphrisk.linkage.prices import every_price
from graphrisk.model import HOUR_US, Bools, Ints, Links, Uses
from graphrisk.policy import Policy
from graphrisk.schema import COHORT, NETWORK

_PER_KIND = ("ceiling", "backbone", "cohort_kind")


class Evidence(NamedTuple):
    """Evidence as columns, in the order of ``Priced``: the pair (``a``, ``b``), the attribute, its milli-nats."""

    a: Ints
    b: Ints
    attribute: Ints
    milli_nats: Ints


@dataclass(frozen=True)
class Priced:
    """What pairs share, one element a pair and value, sorted by (a, b, kind, price from the largest, value).

    ``attribute`` counts within the ``Uses`` that were priced; ``onset`` in microseconds; prices are above 0.
    """

    a: Ints
    b: Ints
    attribute: Ints
    kind: Ints
    price: Ints
    onset: Ints
    proves_a: Bools
    proves_b: Bools
    cohort_rank: Ints
    """Which cohort of a week a pair keeps: the smallest; −1 for what is no cohort."""
    cohort_group: Ints
    ceiling: Ints
    backbone: Ints
    cohort_kind: int

    def links(self, threshold: int, without: Bools | None = None) -> tuple[Links, Evidence]:
        """The links of at least ``threshold`` milli-nats, and all evidence of all pairs, as if the attributes marked in
        ``without`` were shared by nobody."""
        kept = np.ones(len(self.a), bool) if without is None else ~without[self.attribute]
        kept &= self._one_cohort_a_pair(kept)
        rows = np.flatnonzero(kept)
        a, b, kind, price = self.a[rows], self.b[rows], self.kind[rows], self.price[rows]
        pair = _starts(a, b)
        group = _starts(a, b, kind)
        total = np.cumsum(price)
        within = total - (total - price)[group][np.cumsum(_marks(group, len(rows))) - 1] if len(rows) else total
        ceiling = self.ceiling[kind]
        milli_nats = np.minimum(within, ceiling) - np.minimum(within - price, ceiling)
        backbone = self.backbone[kind]
        if not len(rows):
            return _no_links(), Evidence(a, b, self.attribute[rows], milli_nats)
        strength = np.add.reduceat(milli_nats, pair)
        is_linked = np.logical_or.reduceat(backbone, pair) & (strength >= threshold)
        onset = np.maximum.reduceat(np.where(backbone, self.onset[rows], np.iinfo(np.int64).min), pair)
        found = Links(
            a[pair],
            b[pair],
            strength,
            onset,
            np.logical_or.reduceat(backbone & self.proves_a[rows], pair),
            np.logical_or.reduceat(backbone & self.proves_b[rows], pair),
            np.logical_or.reduceat(~backbone, pair),
            np.logical_or.reduceat(kind == self.cohort_kind, pair),
        )
        return found.take(is_linked), Evidence(a, b, self.attribute[rows], milli_nats)

    def of_account(self, account: int) -> Priced:
        """Only what one account shares with others."""
        rows = (self.a == account) | (self.b == account)
        columns = {each.name: getattr(self, each.name)[rows] for each in fields(self) if each.name not in _PER_KIND}
        return replace(self, **columns)

    def _one_cohort_a_pair(self, kept: Bools) -> Bools:
        """Of cohorts that tell of the same sign-ups the strongest counts (see ``links``)."""
        chosen = np.ones(len(self.a), bool)
        cohorts = np.flatnonzero(kept & (self.cohort_rank >= 0))
        if len(cohorts):
            order = cohorts[np.lexsort((self.cohort_rank[cohorts], self.cohort_group[cohorts]))]
            first = np.r_[True, np.diff(self.cohort_group[order]) != 0]
            chosen[order[~first]] = False
        return chosen


def priced_pairs(uses: Uses, policy: Policy, of: int | None = None) -> Priced:
    """Everything two of the accounts share that has a price above 0; with ``of``, only what that account shares."""
    kinds = list(policy.priced().values())
    cap = np.array([kind.cap for kind in kinds])
    one, other = _pairs(uses, cap)
    if of is not None:
        its = (uses.account[one] == of) | (uses.account[other] == of)
        one, other = one[its], other[its]
    attribute = uses.attribute[one]
    a, b = uses.account[one], uses.account[other]
    kind, accounts = uses.kind[attribute], uses.accounts[attribute]
    gap_us = np.array([each.gap_hours * HOUR_US for each in kinds])[kind]
    first, last = np.maximum(uses.first[one], uses.first[other]), np.minimum(uses.last[one], uses.last[other])
    price = _prices(policy, kind, accounts, np.maximum(0, first - last) // gap_us)
    typed = np.array([each.typed for each in kinds])[kind]
    proves_a, proves_b = (
        ~typed | (uses.first[one] >= uses.first[other]),
        ~typed | (uses.first[other] >= uses.first[one]),
    )
    rows = np.flatnonzero(price > 0)
    rows = rows[np.lexsort((attribute[rows], accounts[rows], -price[rows], kind[rows], b[rows], a[rows]))]
    a, b, attribute, kind, price = a[rows], b[rows], attribute[rows], kind[rows], price[rows]
    onset, proves_a, proves_b = first[rows], proves_a[rows], proves_b[rows]
    cohort = policy.codes()[COHORT.name]
    rank, group = _cohorts(uses, cohort, a, b, attribute, kind, price, onset, proves_a, proves_b)
    return Priced(
        a, b, attribute, kind, price, onset, proves_a, proves_b, rank, group,
        np.array([each.ceiling for each in kinds]), np.array([each.backbone for each in kinds]), cohort,
    )  # fmt: skip


def pairs_among(uses: Uses, policy: Policy) -> int:
    """How many pairs ``priced_pairs`` would look at, which takes some 200 bytes for each."""
    cap = np.array([kind.cap for kind in policy.priced().values()])
    held = np.bincount(uses.attribute, minlength=len(uses.kind))[uses.accounts <= cap[uses.kind]]
    return int((held * (held - 1) // 2).sum())


def _pairs(uses: Uses, cap: Ints) -> tuple[Ints, Ints]:
    """The places in ``uses`` of every two accounts that hold the same value, unless it is a hub."""
    priced = uses.accounts <= cap[uses.kind]
    places = np.flatnonzero(priced[uses.attribute])
    end = np.searchsorted(uses.attribute[places], uses.attribute[places], side="right")
    later = end - np.arange(len(places)) - 1
    one = np.repeat(np.arange(len(places)), later)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(later) - later, later)
    return places[one], places[other]


def _prices(policy: Policy, kind: Ints, accounts: Ints, gap: Ints) -> Ints:
    found = np.zeros(len(kind), np.int64)
    every = list(policy.priced().values())
    for code in np.flatnonzero(np.bincount(kind, minlength=len(every))).tolist():
        of_kind = np.flatnonzero(kind == code)
        # A power of two, so that few tables are ever made.
        most = 1 << int(accounts[of_kind].max()).bit_length()
        table = every_price(every[code], most)  # pyright: ignore[reportArgumentType] - frozen models have a hash
        near = of_kind[gap[of_kind] < table.shape[1]]
        found[near] = table[accounts[near] - 2, gap[near]]
    return found


def _cohorts(
    uses: Uses, cohort: int, a: Ints, b: Ints, attribute: Ints, kind: Ints, price: Ints, onset: Ints,
    proves_a: Bools, proves_b: Bools,
) -> tuple[Ints, Ints]:  # fmt: skip
    """For cohorts: the order in which a pair would keep one, and a number for each (pair, week, place: address and network are one)."""
    rank, group = np.full(len(a), -1), np.full(len(a), -1)
    rows = np.flatnonzero(kind == cohort)
    if len(rows):
        of = attribute[rows]
        week, source = uses.week[of], uses.source[of]
        order = np.lexsort((of, source, proves_b[rows], proves_a[rows], onset[rows], uses.accounts[of], -price[rows]))
        rank[rows[order]] = np.arange(len(rows))
        keys = np.column_stack([a[rows], b[rows], np.maximum(source, NETWORK), week])
        group[rows] = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    return rank, group


def _starts(*columns: Ints) -> Ints:
    """Where a new combination of the (sorted) columns begins."""
    if not len(columns[0]):
        return np.zeros(0, np.int64)
    changes = np.logical_or.reduce([np.diff(column) != 0 for column in columns])
    return np.flatnonzero(np.r_[True, changes])


def _marks(starts: Ints, count: int) -> Ints:
    marks = np.zeros(count, np.int64)
    marks[starts] = 1
    return marks


def _no_links() -> Links:
    ints, bools = np.zeros(0, np.int64), np.zeros(0, bool)
    return Links(ints, ints, ints, ints, bools, bools, bools, bools)
