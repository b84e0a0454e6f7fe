"""The scores of an assessed account: features, ring risk, rivals and account risk by the code that scores a run."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from graphrisk.detection.communities import link_weights
from graphrisk.model import Floats, Ints, Links, Members, RingLinks, Rings
from graphrisk.pipeline.assessment.assessor import Assessed, Assessor
from graphrisk.pipeline.assessment.tables import APART, Known, apart, feature_tables, kind_rules
from graphrisk.pipeline.rerunning import Formed
from graphrisk.runs.assembly import BASE, MEMBERSHIP, NEAR_BAD, NEAR_GOOD
from graphrisk.scoring.account_risk import account_risk
from graphrisk.scoring.features import ring_features
from graphrisk.scoring.hypotheses import posterior, recommended
from graphrisk.scoring.reference import SIGNS
from graphrisk.scoring.ring_risk import LOGIT_LIMIT, ring_contributions, ring_logits, to_score

OneRing = tuple[Rings, Members, RingLinks]
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


def assessed_rings(assessor: Assessor, found: Sequence[Assessed]) -> list[AssessedRing | None]:
    """The ring that each account is in, scored; None without one. Their features are found together, which costs little
    more than those of one."""
    alone = [_its_ring(each) for each in found]
    there = [place for place, each in enumerate(alone) if each is not None]
    answers: list[AssessedRing | None] = [None] * len(found)
    if not there:
        return answers
    chosen = [(found[place], each) for place, each in enumerate(alone) if each is not None]
    features = _features(assessor, chosen)
    parts = ring_contributions(features, assessor.reference)
    logits = ring_logits(parts, assessor.reference)
    rivals, policy, scores = posterior(features, assessor.reference), assessor.policy, to_score(logits)
    wanted = policy.recommendation
    acted = recommended(rivals, scores, policy.bands.start(wanted.band), wanted.margin)
    for row, (place, (_, (_, members, _))) in enumerate(zip(there, chosen, strict=True)):
        told = {name: float(values[row]) for name, values in features.items() if not np.isnan(values[row])}
        rival, lead = rivals.names[int(rivals.rival[row])], int(rivals.lead[row])
        core = members.account[members.core]
        answers[place] = AssessedRing(
            members.account, core, told, parts[row], int(logits[row]), int(scores[row]), rival, lead, bool(acted[row])
        )
    return answers


def _its_ring(found: Assessed) -> OneRing | None:
    ring = int(found.formed.ring[np.searchsorted(found.part.accounts, found.number)])
    return None if ring < 0 else _only(found.formed, ring)


def _only(formed: Formed, ring: int) -> OneRing:
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
    verdicts = Known(assessor, found).labels(numbers)
    risk = account_risk(
        len(numbers), links, link_weights(links.strength), member, logit, verdicts == "bad", verdicts == "good"
    )
    base = assessor.reference.intercept if core else -LOGIT_LIMIT
    parts = [(BASE, base)]
    if core and ring:
        parts += zip(SIGNS, ring.parts.tolist(), strict=True)
    near = ((MEMBERSHIP, risk.membership), (NEAR_BAD, risk.near_bad), (NEAR_GOOD, risk.near_good))
    parts += [(code, int(each[at])) for code, each in near]
    total = int(risk.logit[at])
    return AssessedScore(total, int(to_score(np.array([total]))[0]), [(code, part) for code, part in parts if part])


def _features(assessor: Assessor, chosen: Sequence[tuple[Assessed, OneRing]]) -> dict[str, Floats]:
    """The features of several rings, by the queries that find them for a run, over tables of what is known of their
    accounts: each ring has accounts, values and attributes of its own, whether or not others hold them as well."""
    told = [feature_tables(assessor, found, ring[1], ring[2]) for found, ring in chosen]
    rings: list[Any] = [np.concatenate(parts) for parts in zip(*(ring[0] for _, ring in chosen), strict=True)]
    members = [_moved(ring[1], place) for place, (_, ring) in enumerate(chosen)]
    links = [_moved_links(ring[2], place) for place, (_, ring) in enumerate(chosen)]
    tables = {name: pa.concat_tables(apart(each[name], ring) for ring, each in enumerate(told)) for name in told[0]} | {
        "kind_rules": kind_rules(assessor.policy)
    }
    with assessor.columns() as columns:
        for name, table in tables.items():
            columns.register(name, table)
        found = ring_features(
            columns, assessor.policy, assessor.reference, Rings(*rings), _joined(members), _joined_links(links)
        )
        for name in tables:
            columns.unregister(name)
    return found


def _moved(members: Members, ring: int) -> Members:
    return members._replace(ring=members.ring + ring, account=members.account + ring * APART)


def _moved_links(links: RingLinks, ring: int) -> RingLinks:
    link = links.link._replace(a=links.link.a + ring * APART, b=links.link.b + ring * APART)
    return RingLinks(links.ring + ring, link, links.in_window)


def _joined(several: Sequence[Members]) -> Members:
    columns: list[Any] = [np.concatenate(parts) for parts in zip(*several, strict=True)]
    return Members(*columns)


def _joined_links(several: Sequence[RingLinks]) -> RingLinks:
    link: list[Any] = [np.concatenate(parts) for parts in zip(*(each.link for each in several), strict=True)]
    ring, in_window = (
        np.concatenate([each.ring for each in several]),
        np.concatenate([each.in_window for each in several]),
    )
    return RingLinks(ring, Links(*link), in_window)
