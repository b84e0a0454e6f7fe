"""Ring risk: r = σ(β₀ + Σ β·x), as integer milli-logits, so that reasons sum to the logit exactly.

``β·(x - mean)`` of a linear model is the exact Shapley value of a feature (Lundberg and Lee 2017, section 4.1).
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


def contributions(standard: dict[str, Floats], coefficients: Mapping[str, float], unknown: Mapping[str, int]) -> Ints:
    """Milli-logits of each feature of each ring, shape (rings, features in the order of ``SIGNS``); 0 for a feature
    without a coefficient."""
    values = np.column_stack([standard[name] for name in SIGNS])
    weights = 1000 * np.array([coefficients.get(name, 0.0) for name in SIGNS])
    known = np.rint(weights * np.nan_to_num(values, nan=0.0)).astype(np.int64)
    return np.where(np.isnan(values), np.array([unknown.get(name, 0) for name in SIGNS]), known)


def ring_contributions(features: dict[str, Floats], reference: Reference) -> Ints:
    """Milli-logits that each feature adds to the risk of each ring, shape (rings, features in the order of ``SIGNS``)."""
    return contributions(
        standardised(features, reference),
        {name: each.coefficient for name, each in reference.features.items()},
        {name: each.unknown for name, each in reference.features.items()},
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
