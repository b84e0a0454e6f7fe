"""Ring risk: r = σ(β₀ + Σ β·x), as integer milli-logits, so that reasons sum to the logit exactly.

``β·(x - mean)`` of a linear model is the exact Shapley value of a feature (Lundberg and Lee 2017, section 4.1).
"""

from __future__ import annotations

import numpy as np

from graphrisk.model import Floats, Ints
from graphrisk.scoring.reference import SIGNS, Reference

FURTHEST = 4.0
"""Standard deviations from the mean past which a feature adds no more."""

LOGIT_LIMIT = 8_000


def ring_contributions(features: dict[str, Floats], reference: Reference) -> Ints:
    """Milli-logits of each feature of each ring, shape (rings, features in the order of ``SIGNS``)."""
    parts: list[Ints] = []
    for name in SIGNS:
        feature = reference.features[name]
        standard = np.clip((features[name] - feature.mean) / feature.scale, -FURTHEST, FURTHEST)
        known = np.rint(1000 * feature.coefficient * np.nan_to_num(standard, nan=0.0)).astype(np.int64)
        parts.append(np.where(np.isnan(standard), feature.unknown, known))
    return np.column_stack(parts)


def ring_logits(contributions: Ints, reference: Reference) -> Ints:
    """The logit of each ring in milli-logits, shape (rings,)."""
    return reference.intercept + contributions.sum(axis=1)


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
