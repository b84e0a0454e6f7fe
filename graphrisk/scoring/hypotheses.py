"""Rival hypotheses: is a found ring organized, or is it people who live, work or meet in one place?

A multinomial logit over ring features with the organized ring as its baseline: every rival has log-odds against it, to
which each feature adds with a sign fixed a priori, in integer milli-logits, so that contributions add up to the odds exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import softmax

from graphrisk.model import Bools, Floats, Ints, Posterior
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


NAMES: dict[str, str] = {
    ORGANIZED: "an organized ring",
    "household": "a household",
    "workplace": "a workplace or business",
    "public_network": "a public or carrier network",
    "agency": "an agency",
    "resold_device": "a resold device",
}
"""Hypothesis → what it is called in a sentence."""


RECOMMENDED = {"high": "review", "medium": "watch", "low": "none"}
"""What a band recommends unless the account's ring is recommended for action; people decide."""


def posterior(features: dict[str, Floats], reference: Reference) -> Posterior:
    """How likely each hypothesis is for each ring, and what each feature adds."""
    standard = standardised(features, reference)
    rivals = [reference.rivals[name] for name in RIVALS]
    told = [contributions(standard, rival.below, rival.above, rival.unknown) for rival in rivals]
    parts = np.stack([np.zeros_like(told[0]), *told], axis=1)
    base = np.array([0, *(rival.intercept for rival in rivals)])
    logit = base + parts.sum(axis=2)
    permille = np.rint(1000 * softmax(logit / 1000, axis=1)).astype(np.int64)
    return Posterior(HYPOTHESES, base, parts, logit, permille)


def recommended(found: Posterior, score: Ints, min_score: int, margin: int) -> Bools:
    """Rings to act on: a score of ``min_score`` or more, and ``margin`` milli-logits or more ahead of every rival."""
    return (score >= min_score) & (found.lead >= margin)


def with_rival(ring: Mapping[str, Any], needed: int | None) -> dict[str, Any]:
    """A ring of a run with ``rival`` told: ``code``, ``text``, ``lead``, ``needed`` (milli-logits) and what ``decides``.

    ``needed`` is the margin of the run's policy. A run from before rivals were told has none of it: null, and no
    hypotheses.
    """
    told = {name: value for name, value in ring.items() if name != "lead"}
    if ring["rival"] is None or needed is None:
        return {**told, "hypotheses": [], "rival": None}
    rival, lead = ring["rival"], ring["lead"]
    text, decides = _nearness(rival, lead, needed), DECIDING[rival]
    return {**told, "rival": {"code": rival, "text": text, "lead": lead, "needed": needed, "decides": decides}}


def _nearness(rival: str, lead: int, needed: int) -> str:
    name = NAMES[rival]
    subject = name[0].upper() + name[1:]
    if lead < 0:
        return f"{subject} is likelier than an organized ring."
    if lead < needed:
        return f"{subject} is nearly as likely as an organized ring."
    return f"{subject} is the likeliest innocent explanation, and clearly less likely than an organized ring."


def decision(band: str, ring: Mapping[str, Any] | None) -> str:
    """``act`` on a core member whose ring is recommended for action and whose own score is high; else what the band says.

    So a ring with an innocent rival too near leaves its accounts at ``review``.
    """
    acted_on = band == "high" and ring is not None and ring["role"] == "core" and ring["recommended"]
    return "act" if acted_on else RECOMMENDED[band]
