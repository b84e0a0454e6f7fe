"""Comparing groupings of accounts: matched Jaccard, B-cubed, the adjusted Rand index, adjusted mutual information.

A grouping is one number an account, the position of its group, or −1 for an account in no group. Where two groupings
are compared account by account, an account in no group is a group of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln, xlogy

from graphrisk.evaluation.ranking import Scores
from graphrisk.model import Bools, Floats, Ints


@dataclass(frozen=True)
class Matching:
    """For each true group: the group found for it (−1: none), their Jaccard, and the share of the found one that is in it."""

    found: Ints
    jaccard: Floats
    precision: Floats


def overlaps(found: Ints, true: Ints) -> tuple[Ints, Ints, Ints]:
    """The pairs of groups that share accounts: positions of the found and of the true one, and how many they share."""
    both = (found >= 0) & (true >= 0)
    pairs, shared = np.unique(np.column_stack([found[both], true[both]]), axis=0, return_counts=True)
    return pairs[:, 0], pairs[:, 1], shared.astype(np.int64)


def match(found: Ints, true: Ints, groups: int) -> Matching:
    """Give each of ``groups`` true groups at most one found group, and the other way round, so that the sum of the
    Jaccard indices is the largest possible. A true group without a partner has Jaccard and precision 0."""
    one, other, shared = overlaps(found, true)
    candidates, row = np.unique(one, return_inverse=True)
    found_size = np.bincount(found[found >= 0], minlength=1 + int(found.max(initial=0)))
    true_size = np.bincount(true[true >= 0], minlength=groups)
    union = found_size[one] + true_size[other] - shared
    weight = np.zeros((len(candidates), groups))
    weight[row, other] = shared / union
    rows, columns = linear_sum_assignment(weight, maximize=True)
    kept = weight[rows, columns] > 0
    rows, columns = rows[kept], columns[kept]
    partner = np.full(groups, -1, np.int64)
    jaccard, precision = np.zeros(groups), np.zeros(groups)
    partner[columns], jaccard[columns] = candidates[rows], weight[rows, columns]
    common = np.zeros((len(candidates), groups))
    common[row, other] = shared
    precision[columns] = common[rows, columns] / found_size[candidates[rows]]
    return Matching(partner, jaccard, precision)


def majority(found: Ints, true: Ints, groups: int) -> Ints:
    """For each of ``groups`` found groups, the true group that more than half of its accounts are in, or −1."""
    one, other, shared = overlaps(found, true)
    size = np.bincount(found[found >= 0], minlength=groups)
    owner = np.full(groups, -1, np.int64)
    more = 2 * shared > size[one]
    owner[one[more]] = other[more]
    return owner


def alone(grouping: Ints) -> Ints:
    """The grouping with each account that is in no group made a group of its own."""
    free = grouping < 0
    labels = grouping.copy()
    labels[free] = int(grouping.max(initial=-1)) + 1 + np.arange(int(free.sum()))
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def bcubed(found: Ints, true: Ints) -> tuple[Floats, Floats]:
    """B-cubed precision and recall of each account (Amigó et al. 2009): the share of its found group that is in its true
    group, and of its true group that is in its found group."""
    one, other = alone(found), alone(true)
    cell, place = _cells(one, other)
    return cell[place] / np.bincount(one)[one], cell[place] / np.bincount(other)[other]


def adjusted_rand(found: Ints, true: Ints) -> float:
    """The adjusted Rand index (Hubert and Arabie 1985): 1 for equal groupings, 0 on average for independent ones."""
    one, other = alone(found), alone(true)
    together = _pairs(_cells(one, other)[0])
    of_one, of_other, of_all = _pairs(np.bincount(one)), _pairs(np.bincount(other)), _pairs(np.array([len(one)]))
    expected = of_one * of_other / of_all if of_all else 0.0
    largest = (of_one + of_other) / 2
    return 1.0 if largest == expected else float((together - expected) / (largest - expected))


def adjusted_mutual_information(found: Ints, true: Ints) -> float:
    """Mutual information adjusted for chance (Vinh, Epps and Bailey 2010), over the mean of the two entropies."""
    one, other = alone(found), alone(true)
    total = len(one)
    if total == 0:
        return 1.0
    mutual = _entropy(np.bincount(one)) + _entropy(np.bincount(other)) - _entropy(_cells(one, other)[0])
    mean = (_entropy(np.bincount(one)) + _entropy(np.bincount(other))) / 2
    expected = _expected_mutual_information(np.bincount(one), np.bincount(other), total)
    # Two groupings that can be no other (all in one group, or each on its own) agree as well as they can.
    return 1.0 if abs(mean - expected) < 1e-12 else float((mutual - expected) / (mean - expected))


def _cells(one: Ints, other: Ints) -> tuple[Ints, Ints]:
    """How many accounts each non-empty pair of groups shares, and the cell of each account."""
    width = int(other.max(initial=0)) + 1
    _, place, count = np.unique(one * width + other, return_inverse=True, return_counts=True)
    return count.astype(np.int64), place.astype(np.int64)


def _pairs(sizes: Ints) -> float:
    return float((sizes * (sizes - 1) / 2).sum())


def _entropy(sizes: Ints) -> float:
    share = sizes / sizes.sum()
    return float(-xlogy(share, share).sum())


def _expected_mutual_information(one: Ints, other: Ints, total: int) -> float:
    """Over all ways to deal the accounts into groups of these sizes; groups of one size are counted together."""
    sizes_one, count_one = np.unique(one, return_counts=True)
    sizes_other, count_other = np.unique(other, return_counts=True)
    expected = 0.0
    for a, how_many in zip(sizes_one.tolist(), count_one.tolist(), strict=True):
        for b, times in zip(sizes_other.tolist(), count_other.tolist(), strict=True):
            n = np.arange(max(1, a + b - total), min(a, b) + 1)
            chance = np.exp(
                gammaln(a + 1) + gammaln(b + 1) + gammaln(total - a + 1) + gammaln(total - b + 1) - gammaln(total + 1)
                - gammaln(n + 1) - gammaln(a - n + 1) - gammaln(b - n + 1) - gammaln(total - a - b + n + 1)
            )  # fmt: skip
            expected += how_many * times * float((n / total * np.log(total * n / (a * b)) * chance).sum())
    return expected


def claimed(found: Ints, ring_score: Scores, threshold: float) -> Ints:
    """The grouping by the groups that score at least ``threshold`` alone."""
    kept: Bools = np.append(ring_score >= threshold, False)
    return np.where(kept[found], found, -1)
