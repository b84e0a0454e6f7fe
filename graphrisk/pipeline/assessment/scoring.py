"""The scores of an assessed account: features, ring risk, rivals and account risk by the code that scores a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphrisk.detection.communities import link_weights
from graphrisk.model import Ints, Members, RingLinks, Rings
from graphrisk.pipeline.assessment.assessor import Assessed, Assessor
from graphrisk.pipeline.assessment.tables import Known, facts_of_ring
from graphrisk.pipeline.rerunning import Formed
from graphrisk.runs.assembly import BASE, MEMBERSHIP, NEAR_BAD, NEAR_GOOD, RIVAL
from graphrisk.scoring.account_risk import account_risk
from graphrisk.scoring.features import ring_features
from graphrisk.scoring.hypotheses import posterior, recommended
from graphrisk.scoring.reference import SIGNS
from graphrisk.scoring.ring_facts import among_core
from graphrisk.scoring.ring_risk import LOGIT_LIMIT, ring_logits, ring_parts, to_score

Reasons = list[tuple[str, int]]


@dataclass(frozen=True)
class AssessedRing:
    """The account's ring as it would be: core members (numbers), milli-logits, score, the likeliest innocent
    rival and the lead over it, recommended for action or not."""

    accounts: Ints
    core: Ints
    features: dict[str, float]
    parts: Ints
    logit: int
    score: int
    rival: str
    lead: int
    recommended: bool


@dataclass(frozen=True)
class AssessedScore:
    """Milli-logits, score and reasons (code, milli-logits) that add up to the logit."""

    logit: int
    score: int
    reasons: Reasons


def assessed_ring(assessor: Assessor, found: Assessed) -> AssessedRing | None:
    """The ring that the account is in, scored; None without one."""
    ring = int(found.formed.ring[np.searchsorted(found.part.accounts, found.number)])
    if ring < 0:
        return None
    rings, members, links = _only(found.formed, ring)
    links = among_core(members, links)
    facts = facts_of_ring(assessor, found, members, links)
    features = ring_features(facts, assessor.policy, assessor.reference, rings, members, links)
    rivals = posterior(features, assessor.reference)
    parts = ring_parts(features, assessor.reference, rivals.lead)
    logits = ring_logits(parts, assessor.reference)
    policy, score = assessor.policy, to_score(logits)
    wanted = policy.recommendation
    acted = recommended(rivals, score, policy.bands.start(wanted.band), wanted.margin)
    return AssessedRing(
        accounts=members.account,
        core=members.account[members.core],
        features={name: float(values[0]) for name, values in features.items() if not np.isnan(values[0])},
        parts=parts[0],
        logit=int(logits[0]),
        score=int(score[0]),
        rival=rivals.names[int(rivals.rival[0])],
        lead=int(rivals.lead[0]),
        recommended=bool(acted[0]),
    )


def _only(formed: Formed, ring: int) -> tuple[Rings, Members, RingLinks]:
    """One ring of several, as if it were the only one."""
    of, inside = formed.members.ring == ring, formed.ring_links.ring == ring
    rings: list[Any] = [column[ring : ring + 1] for column in formed.rings]
    members, links = formed.members, formed.ring_links
    return (
        Rings(*rings),
        Members(members.ring[of] * 0, members.account[of], members.core[of], members.pull[of]),
        RingLinks(links.ring[inside] * 0, links.link.take(inside), links.in_window[inside]),
    )


def assessed_score(assessor: Assessor, found: Assessed, ring: AssessedRing | None) -> AssessedScore:
    """The account's own risk: its ring's, if it is core there, and nearness to accounts known to be bad."""
    links, numbers = found.reach.around()
    at = int(np.searchsorted(numbers, found.number))
    core = ring is not None and bool((ring.core == found.number).any())
    members = found.formed.members
    pull = members.pull[members.account == found.number] if core else np.zeros(0, np.int64)
    member = Members(np.zeros(len(pull), np.int64), np.full(len(pull), at), np.ones(len(pull), bool), pull)
    logit = np.array([ring.logit if ring else 0])
    bad, good = (Known(assessor, found).verdict(numbers, label) for label in ("bad", "good"))
    risk = account_risk(len(numbers), links, link_weights(links.strength), member, logit, bad, good)
    base = assessor.reference.intercept if core else -LOGIT_LIMIT
    parts = [(BASE, base)]
    if core and ring:
        parts += zip((*SIGNS, RIVAL), ring.parts.tolist(), strict=True)
    near = ((MEMBERSHIP, risk.membership), (NEAR_BAD, risk.near_bad), (NEAR_GOOD, risk.near_good))
    parts += [(code, int(each[at])) for code, each in near]
    total = int(risk.logit[at])
    return AssessedScore(total, int(to_score(np.array([total]))[0]), [(code, part) for code, part in parts if part])
