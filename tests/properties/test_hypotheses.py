"""Rival hypotheses of any ring: leads that add up, rivals that never gain by what raises a risk, and recommendations."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graphrisk.model import Floats
from graphrisk.scoring.hypotheses import DECIDING, HYPOTHESES, NAMES, posterior, recommended
from graphrisk.scoring.reference import SIGNS, shipped_reference

VALUES = st.floats(-30, 30) | st.just(float("nan"))
RINGS = st.lists(st.fixed_dictionaries(dict.fromkeys(SIGNS, VALUES)), max_size=5)


def columns(rings: list[dict[str, float]]) -> dict[str, Floats]:
    return {name: np.array([ring[name] for ring in rings], np.float64) for name in SIGNS}


@given(RINGS)
def test_what_a_lead_is_made_of_adds_up_to_it_and_the_rival_is_the_likeliest(rings: list[dict[str, float]]) -> None:
    found = posterior(columns(rings), shipped_reference())
    assert found.lead_parts.sum(axis=1).tolist() == found.lead.tolist()
    for logits, rival, lead in zip(found.logit.tolist(), found.rival.tolist(), found.lead.tolist(), strict=True):
        innocent = dict(enumerate(logits[1:], 1))
        assert innocent[rival] == max(innocent.values()) == -lead


@given(st.fixed_dictionaries(dict.fromkeys(SIGNS, VALUES)), st.sampled_from(list(SIGNS)), st.floats(0, 30))
def test_what_raises_the_risk_of_a_ring_never_raises_a_rival(ring: dict[str, float], name: str, more: float) -> None:
    raised = {**ring, name: ring[name] + more * SIGNS[name]}
    before, after = posterior(columns([ring, raised]), shipped_reference()).logit
    assert (after <= before).all()


@given(RINGS, st.lists(st.integers(0, 1000), min_size=5, max_size=5), st.integers(0, 1000), st.integers(0, 5000))
def test_a_ring_is_recommended_by_its_score_and_its_lead_over_every_rival(
    rings: list[dict[str, float]], scores: list[int], least: int, margin: int
) -> None:
    found = posterior(columns(rings), shipped_reference())
    score = np.array(scores[: len(rings)], np.int64)
    expected = [
        each >= least and all(-logit >= margin for logit in logits[1:])
        for each, logits in zip(score.tolist(), found.logit.tolist(), strict=True)
    ]
    assert recommended(found, score, least, margin).tolist() == expected


def test_every_hypothesis_has_a_name_and_every_rival_what_would_decide() -> None:
    assert set(NAMES) == set(HYPOTHESES)
    assert set(DECIDING) == set(HYPOTHESES[1:])
