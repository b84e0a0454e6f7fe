"""Rival hypotheses: is a found ring organized, or is it people who live, work or meet in one place?

A multinomial logit over ring features with the organized ring as its baseline: every rival has log-odds against it, linear
in the features, with signs fixed a priori, in integer milli-logits, so that contributions add up to the odds exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from graphrisk.model import Bools, Floats, Ints
from graphrisk.scoring.reference import ORGANIZED, RIVALS, Reference
from graphrisk.scoring.ring_risk import contributions, standardised

HYPOTHESES = (ORGANIZED, *RIVALS)

DECIDING: dict[str, str] = {
    "household": "Look whether the accounts buy and sell apart from each other and deliver to one home; payouts to one person or different homes speak for a ring.",
    "workplace": "Look for a registered business at the shared address or on the shared card, and for staff who also have devices and cards of their own.",
    "public_network": "Look whether the shared place is a café, a kiosk or a carrier that many strangers use, and whether the accounts share anything beyond it.",
    "agency": "Ask the account that holds the shared device for its clients' mandates; sellers with payouts of their own speak for an agency.",
    "resold_device": "Look whether the first owner stopped using the device before the next one began; activity of both at one time speaks for a ring.",
}
"""Rival → what would decide between it and an organized ring."""


@dataclass(frozen=True)
class Posterior:
    """``logit`` (milli-logits): log-odds of each hypothesis against an organized ring, shape (rings, hypotheses), 0 for
    the organized ring itself. It is ``base`` (one a hypothesis) plus the sum of ``parts``, shape (rings, hypotheses,
    features in the order of ``SIGNS``). ``permille`` is the posterior."""

    base: Ints
    parts: Ints
    logit: Ints
    permille: Ints

    @property
    def rival(self) -> Ints:
        """The likeliest rival of each ring, as a position in ``HYPOTHESES``."""
        return 1 + np.argmax(self.logit[:, 1:], axis=1)

    @property
    def lead(self) -> Ints:
        """Milli-logits by which an organized ring beats the likeliest rival; below 0 where the rival is likelier."""
        return -self.logit[:, 1:].max(axis=1)


def posterior(features: dict[str, Floats], reference: Reference) -> Posterior:
    """How likely each hypothesis is for each ring, and what each feature adds."""
    standard = standardised(features, reference)
    rivals = [reference.rivals[name] for name in RIVALS]
    told = [contributions(standard, rival.coefficients, rival.unknown) for rival in rivals]
    parts = np.stack([np.zeros_like(told[0]), *told], axis=1)
    base = np.array([0, *(rival.intercept for rival in rivals)])
    logit = base + parts.sum(axis=2)
    permille = np.rint(1000 * softmax(logit / 1000, axis=1)).astype(np.int64)
    return Posterior(base, parts, logit, permille)


def recommended(found: Posterior, score: Ints, min_score: int, margin: int) -> Bools:
    """Rings to act on: a score of ``min_score`` or more, and ``margin`` milli-logits or more ahead of every rival."""
    return (score >= min_score) & (found.lead >= margin)
