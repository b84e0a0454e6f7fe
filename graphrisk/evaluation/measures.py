"""The measures of a run: rings against true rings, accounts against their truth, and innocents by what they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from graphrisk.evaluation.clusters import (
    Matching,
    adjusted_mutual_information,
    adjusted_rand,
    bcubed,
    claimed,
    majority,
    match,
)
from graphrisk.evaluation.hypotheses import UNKNOWN_HYPOTHESIS, Told
from graphrisk.evaluation.ranking import average_precision, calibration_error, recall_at_precision, share
from graphrisk.evaluation.truth import Truth
from graphrisk.model import Bools, Floats, Ints

FLAGGED = 500
"""Accounts are flagged, and rings are claimed, from this score on."""

RESAMPLES = 200
MISSED_AT = 0.5


@dataclass(frozen=True)
class Found:
    """What somebody found, in the order of the truth's accounts: the ring that each account is in the core of (−1: none),
    each ring's score and each account's score (0–1000), and what else is said of each ring."""

    core: Ints
    ring_score: Ints
    account_score: Ints
    told: Told | None = None


@dataclass(frozen=True)
class Weights:
    """How often each true ring, each found ring and each account counts; all ones unless they are resampled."""

    ring: Floats
    found: Floats
    account: Floats


@dataclass(frozen=True)
class Case:
    """A truth, what was found, what is visible of each true ring (``oracle``), and the score from which one acts."""

    truth: Truth
    found: Found
    oracle: Floats | None
    action_line: int

    @cached_property
    def matching(self) -> Matching:
        """Found rings' cores matched with true rings, whatever the rings' score."""
        return match(self.found.core, self.truth.ring, len(self.truth.rings))

    @cached_property
    def owner(self) -> Ints:
        """The true ring that each found ring is (more than half of its core), or −1."""
        return majority(self.found.core, self.truth.ring, len(self.found.ring_score))

    @cached_property
    def flagged(self) -> Bools:
        return self.found.account_score >= FLAGGED

    @cached_property
    def in_ring(self) -> Bools:
        return self.truth.ring >= 0

    @cached_property
    def claims(self) -> Ints:
        """The grouping by found rings that are claimed."""
        return claimed(self.found.core, self.found.ring_score, FLAGGED)

    @cached_property
    def compared(self) -> Bools:
        """Accounts in a true ring or a claimed one."""
        return self.in_ring | (self.claims >= 0)

    @cached_property
    def agreement(self) -> tuple[Floats, Floats]:
        """B-cubed precision and recall of each of the compared accounts."""
        return bcubed(self.claims[self.compared], self.truth.ring[self.compared])

    def plain_weights(self) -> Weights:
        rings, found, accounts = len(self.truth.rings), len(self.found.ring_score), len(self.truth.ring)
        return Weights(np.ones(rings), np.ones(found), np.ones(accounts))


def values(case: Case, weights: Weights) -> dict[str, float]:
    """The measures that can be resampled, by name; shares and indices between 0 and 1."""
    return {**_of_rings(case, weights), **_of_found_rings(case, weights.found), **_of_accounts(case, weights.account)}


def measures(case: Case) -> dict[str, float]:
    """All measures of a case by name."""
    claims, ring = case.claims[case.compared], case.truth.ring[case.compared]
    return {
        **values(case, case.plain_weights()),
        "ami": adjusted_mutual_information(claims, ring),
        "ari": adjusted_rand(claims, ring),
    }


def _of_rings(case: Case, weights: Weights) -> dict[str, float]:
    matching, weight = case.matching, weights.ring
    whole, partnered = float(weight.sum()), matching.found >= 0
    mean = share(float((weight * matching.jaccard).sum()), whole)
    found = {
        "ring_jaccard": mean,
        "rings_half": share(float(weight[matching.jaccard >= MISSED_AT].sum()), whole),
        "member_precision": share(
            float((weight * matching.precision)[partnered].sum()), float(weight[partnered].sum())
        ),
    }
    if case.oracle is not None:
        visible = share(float((weight * case.oracle).sum()), whole)
        found |= {"oracle_jaccard": visible, "ring_jaccard_of_oracle": share(mean, visible)}
    if case.found.told is not None:
        acted_on = np.isin(np.arange(len(weight)), case.owner[case.found.told.recommended])
        found["recommended_recall"] = share(float(weight[acted_on].sum()), whole)
    precision, recall = (share(float((part * weights.account[case.compared]).sum()), float(weights.account[case.compared].sum())) for part in case.agreement)  # fmt: skip
    return {**found, "bcubed_precision": precision, "bcubed_recall": recall, "bcubed_f1": f1(precision, recall)}


def _of_found_rings(case: Case, weight: Floats) -> dict[str, float]:
    score, true = case.found.ring_score, case.owner >= 0
    return {
        "ring_pr_auc": average_precision(score, true, weight),
        "ring_ece": calibration_error(score / 1000, true, weight),
        **(_of_hypotheses(case.found.told, weight) if case.found.told is not None else {}),
    }


def _of_hypotheses(told: Told, weight: Floats) -> dict[str, float]:
    known, right = told.hypothesis != UNKNOWN_HYPOTHESIS, told.likeliest == told.hypothesis
    return {
        "hypothesis_accuracy": share(float(weight[known & right].sum()), float(weight[known].sum())),
        "organized_ece": calibration_error(told.chance, told.organized, weight),
        "recommended_precision": _rate(weight, told.recommended, told.organized),
    }


def _of_accounts(case: Case, weight: Floats) -> dict[str, float]:
    positive, flagged = case.in_ring, case.flagged
    right = float(weight[positive & flagged].sum())
    precision, recall = share(right, float(weight[flagged].sum())), share(right, float(weight[positive].sum()))
    acted = case.found.account_score >= case.action_line
    return {
        "account_precision": precision,
        "account_recall": recall,
        "account_f1": f1(precision, recall),
        "account_recall_at_95": recall_at_precision(case.found.account_score, positive, weight, 0.95),
        "ordinary_flagged": _rate(weight, case.truth.in_group("ordinary"), flagged),
        "business_flagged": _rate(weight, case.truth.in_group("business"), flagged),
        "family_flagged": _rate(weight, case.truth.in_group("ring_family"), flagged),
        "framed_acted_on": _rate(weight, case.truth.in_group("framed"), acted),
    }


def _rate(weight: Floats, group: Bools, hit: Bools) -> float:
    return share(float(weight[group & hit].sum()), float(weight[group].sum()))


def f1(precision: float, recall: float) -> float:
    """The harmonic mean of precision and recall; 0 if both are."""
    return share(2 * precision * recall, precision + recall)


def by_archetype(case: Case) -> dict[str, dict[str, float]]:
    """For each archetype: its rings and accounts, account recall, mean matched Jaccard, and what is visible of its rings."""
    found: dict[str, dict[str, float]] = {}
    for code in np.unique(case.truth.archetype).tolist():
        rings = case.truth.archetype == code
        accounts = case.in_ring & rings[case.truth.ring]
        row: dict[str, float] = {
            "rings": int(rings.sum()),
            "accounts": int(accounts.sum()),
            "recall": float(case.flagged[accounts].mean()),
            "jaccard": float(case.matching.jaccard[rings].mean()),
        }
        if case.oracle is not None:
            row["oracle"] = float(case.oracle[rings].mean())
        found[case.truth.structures[code]] = row
    return found


def by_innocent_type(case: Case) -> dict[str, dict[str, Any]]:
    """For each innocent structure: its group, its accounts, how many are flagged and acted on, and the share flagged."""
    found: dict[str, dict[str, Any]] = {}
    acted = case.found.account_score >= case.action_line
    for code, name in enumerate(case.truth.structures):
        accounts = ~case.in_ring & (case.truth.structure == code)
        if accounts.any():
            found[name] = {
                "group": case.truth.groups[code],
                "accounts": int(accounts.sum()),
                "flagged": int(case.flagged[accounts].sum()),
                "acted_on": int(acted[accounts].sum()),
                "share_flagged": float(case.flagged[accounts].mean()),
            }
    return found


def resampled(case: Case, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Floats]:
    """The measures on ``resamples`` bootstrap samples, each drawn with replacement by cluster.

    A true ring is a cluster with its members; innocents whom a found ring holds together are one; any other innocent is
    a cluster alone. Rings and innocents are drawn apart, so that every sample has the same number of each.
    """
    dice = np.random.default_rng(seed)
    rings, found = len(case.truth.rings), len(case.found.ring_score)
    together = np.where(case.found.core >= 0, case.found.core, found + np.arange(len(case.truth.ring)))
    _, cluster = np.unique(together, return_inverse=True)
    of_ring = np.unique(together, return_index=True)[0]
    place = np.searchsorted(of_ring, np.arange(found))
    samples: list[dict[str, float]] = []
    for _ in range(resamples):
        ring = _drawn(dice, rings)
        innocent = _drawn(dice, len(of_ring))
        account = np.where(case.in_ring, np.append(ring, 0.0)[case.truth.ring], innocent[cluster])
        weight = np.where(case.owner >= 0, np.append(ring, 0.0)[case.owner], innocent[place])
        samples.append(values(case, Weights(ring, weight, account)))
    return {name: np.array([sample[name] for sample in samples]) for name in samples[0]} if samples else {}


def _drawn(dice: np.random.Generator, size: int) -> Floats:
    return np.bincount(dice.integers(0, size, size), minlength=size).astype(np.float64) if size else np.zeros(0)


def interval(samples: Floats) -> tuple[float, float]:
    """The middle 95 % of bootstrap samples."""
    low, high = np.quantile(samples, [0.025, 0.975])
    return float(low), float(high)
