"""Ring risk: r = σ(β₀ + Σ f(x)), as integer milli-logits, so that reasons sum to the logit exactly.

Each ``f`` is monotone and made of two straight lines that meet at 0 where the feature has its mean (a generalized additive
model; Hastie and Tibshirani 1990). Since features only add up, what each adds is its exact Shapley value against a ring at
the mean of everything (Sundararajan and Najmi 2020, baseline Shapley).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphrisk.model import Floats, Ints
from graphrisk.scoring.reference import SIGNS, Reference

FURTHEST = 4.0
"""Standard deviations from the mean past which a feature adds no more."""

LOGIT_LIMIT = 8_000


def standardised(features: dict[str, Floats], reference: Reference) -> dict[str, Floats]:
    """Each feature in standard deviations from the reference's mean, at most four; ``nan`` stays."""
    return {
        name: np.clip((features[name] - each.mean) / each.scale, -FURTHEST, FURTHEST)
        for name, each in reference.features.items()
    }


def contributions(
    standard: dict[str, Floats], below: Mapping[str, float], above: Mapping[str, float], unknown: Mapping[str, int]
) -> Ints:
    """Milli-logits of each feature of each ring, shape (rings, features in the order of ``SIGNS``); 0 for a feature
    without a weight."""
    values = np.column_stack([standard[name] for name in SIGNS])
    low, high = (1000 * np.array([side.get(name, 0.0) for name in SIGNS]) for side in (below, above))
    zeroed = np.nan_to_num(values, nan=0.0)
    known = np.rint(np.where(zeroed < 0, low, high) * zeroed).astype(np.int64)
    return np.where(np.isnan(values), np.array([unknown.get(name, 0) for name in SIGNS]), known)


def ring_contributions(features: dict[str, Floats], reference: Reference) -> Ints:
    """Milli-logits that each feature adds to the risk of each ring, shape (rings, features in the order of ``SIGNS``)."""
    told = reference.features.items()
    return contributions(
        standardised(features, reference),
        {name: each.below for name, each in told},
        {name: each.above for name, each in told},
        {name: each.unknown for name, each in told},
    )


def ring_logits(contributions: Ints, reference: Reference) -> Ints:
    """The logit of each ring in milli-logits, shape (rings,)."""
    return reference.intercept + contributions.sum(axis=1)


def ring_parts(features: dict[str, Floats], reference: Reference, lead: Ints) -> Ints:
    """All that is added to the intercept for the logit of each ring: its features' contributions in the order of ``SIGNS``,
    then what the likeliest rival takes away; ``lead`` is an organized ring's over that one. Shape (rings, features + 1)."""
    return np.column_stack([ring_contributions(features, reference), held_against(lead)])


def held_against(lead: Ints) -> Ints:
    """What the likeliest innocent explanation takes from a ring's logit: half of its lead over an organized ring, rounded
    toward 0, and nothing where an organized ring is as likely or likelier.

    Two models judge the same features. Where the second one says innocent, the mean of their log-odds counts (a
    logarithmic opinion pool; Genest and Zidek 1986).
    """
    return -(np.maximum(0, -lead) // 2)


def probability(logit: Ints) -> Floats:
    """σ of a logit in milli-logits."""
    return 1 / (1 + np.exp(-logit / 1000))


def to_score(logit: Ints) -> Ints:
    """The score (0–1000) of a logit in milli-logits."""
    return np.rint(1000 * probability(logit)).astype(np.int64)


def to_logit(risk: Floats) -> Ints:
    """Milli-logits of a probability, kept within ±8000."""
    inside = np.clip(risk, 1e-12, 1 - 1e-12)
    return np.clip(np.rint(1000 * np.log(inside / (1 - inside))), -LOGIT_LIMIT, LOGIT_LIMIT).astype(np.int64)
