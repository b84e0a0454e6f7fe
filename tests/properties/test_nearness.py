"""Account risk: nearness to bad accounts against a walk over every path, and what labels may and may not do."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from graphrisk.detection.communities import link_weights
from graphrisk.model import Ints, Links, Members
from graphrisk.scoring.account_risk import AccountRisk, account_risk, bad_nearness
from graphrisk.scoring.ring_risk import LOGIT_LIMIT
from tests import support_detection as support


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Links, np.ndarray, np.ndarray]:
    ends = st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1])
    rows = [(a, b, draw(st.integers(693, 6000)), 0) for a, b in sorted(draw(st.sets(ends, max_size=24)))]
    verdicts = draw(st.lists(st.sampled_from(("", "", "bad", "good")), min_size=12, max_size=12))
    bad, good = (np.array([verdict == name for verdict in verdicts]) for name in ("bad", "good"))
    proofs = draw(st.lists(st.booleans(), min_size=48, max_size=48))
    return 12, support.links_of(rows, lambda number, end: proofs[2 * number + end]), bad, good


def slow_nearness(count: int, links: Links, weights: list[float], bad: list[bool]) -> list[float]:
    """The smaller of Σ -ln(1 - ½^hops·P) over all paths to each bad account, and of Σ -ln(1 - ½·w·p) over neighbours."""
    tie: dict[tuple[int, int], float] = {}
    ends = zip(links.a.tolist(), links.b.tolist(), links.proves_a.tolist(), links.proves_b.tolist(), strict=True)
    for (a, b, proves_a, proves_b), weight in zip(ends, weights, strict=True):
        tie |= ({(a, b): weight} if proves_a else {}) | ({(b, a): weight} if proves_b else {})
    found: list[float] = []
    for account in range(count):
        others = [other for other in range(count) if bad[other] and other != account]
        by_source = by_neighbour = 0.0
        for other in others:
            direct = tie.get((account, other), 0.0)
            around = [tie.get((account, k), 0.0) * tie.get((k, other), 0.0) for k in range(count)]
            by_source -= math.log1p(-(0.5 if direct else 0.25) * max(direct, *around))
        for neighbour in range(count):
            past = [other for other in others if (account, other) not in tie]
            clean = math.prod(1 - tie.get((neighbour, other), 0.0) / 2 for other in past)
            risk = 1.0 if bad[neighbour] else 1 - clean
            by_neighbour -= math.log1p(-tie.get((account, neighbour), 0.0) / 2 * risk)
        found.append(min(by_source, by_neighbour))
    return found


NOBODY = Members(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, np.int64))


def risk_of(count: int, links: Links, members: Members, ring_logit: Ints, bad: Any, good: Any) -> AccountRisk:
    return account_risk(count, links, link_weights(links.strength), members, ring_logit, bad, good)


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_nearness_to_bad_accounts_is_that_of_all_paths_and_of_every_neighbour(given_graph: Any) -> None:
    count, links, bad, _ = given_graph
    weights = link_weights(links.strength)
    found = bad_nearness(count, links, weights, bad) / 1e6
    assert found.tolist() == pytest.approx(slow_nearness(count, links, weights.tolist(), bad.tolist()), abs=1e-5)


def test_a_relative_of_one_victim_is_not_flagged_for_all_the_ring_behind_the_victim() -> None:
    relative, victim, ring = 0, 1, range(2, 30)
    rows = [(relative, victim, 3000, 0), *((victim, thief, 3000, 0) for thief in ring)]
    bad = np.arange(30) >= victim
    risk = risk_of(30, support.links_of(rows), NOBODY, np.zeros(0, np.int64), bad, np.zeros(30, bool))
    assert risk.logit[relative] < 0, "half at most by one neighbour, who is as bad as can be"
    twice = [*rows, *((relative, thief, 3000, 0) for thief in (2, 3))]
    assert (
        risk_of(30, support.links_of(twice), NOBODY, np.zeros(0, np.int64), bad, np.zeros(30, bool)).logit[relative] > 0
    )


def test_a_family_that_lives_with_a_bad_account_does_not_echo_it_to_one_another() -> None:
    bad_one, family, ring = 0, range(1, 5), range(5, 25)
    rows = [(bad_one, other, 5000, 0) for other in (*family, *ring)]
    rows += [(a, b, 5000, 0) for a in family for b in family if a < b]
    bad = np.isin(np.arange(25), [bad_one, *ring])
    risk = risk_of(25, support.links_of(rows), NOBODY, np.zeros(0, np.int64), bad, np.zeros(25, bool))
    assert (risk.logit[1:5] < 0).all(), "each is linked to one bad account, and so are the others, to the same one"


def test_an_innocent_whose_card_bad_accounts_typed_is_not_nearer_to_them_and_who_used_it_later_is() -> None:
    framed, thieves, mule = 0, (1, 2, 3), 4
    rows = [(framed, thief, 5000, 0) for thief in thieves] + [(thief, mule, 5000, 0) for thief in thieves]
    links = support.links_of(rows, lambda number, end: end == 1)
    bad = np.isin(np.arange(5), thieves)
    risk = risk_of(5, links, NOBODY, np.zeros(0, np.int64), bad, np.zeros(5, bool))
    assert risk.logit[framed] == -LOGIT_LIMIT
    assert risk.logit[mule] > 0


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_accounts_in_no_ring_have_nearness_alone_halved_by_each_good_one_they_are_linked_to(given_graph: Any) -> None:
    count, links, bad, good = given_graph
    weights = link_weights(links.strength).tolist()
    logits = risk_of(count, links, NOBODY, np.zeros(0, np.int64), bad, good).logit.tolist()
    pairs = list(zip(links.a.tolist(), links.b.tolist(), strict=True))
    for account, nats in enumerate(slow_nearness(count, links, weights, bad.tolist())):
        friends = sum(good[a + b - account] for a, b in pairs if account in (a, b))
        near = -math.expm1(-nats) * max(0.1, 0.5 ** int(friends))
        expected = max(-LOGIT_LIMIT, 1000 * math.log(near / (1 - near))) if near else -LOGIT_LIMIT
        assert logits[account] == pytest.approx(expected, abs=1.5)


@given(graphs(), st.integers(-6000, 6000), st.integers(0, 11))
@settings(max_examples=150, deadline=None)
def test_bad_labels_never_lower_and_good_ones_never_raise_a_risk_and_none_is_its_own_evidence(
    given_graph: Any, ring_logit: int, chosen: int
) -> None:
    count, links, bad, good = given_graph
    members = Members(np.zeros(3, np.int64), np.arange(3), np.array([True, True, False]), np.array([900, 4000, 0]))
    rings = np.array([ring_logit])
    before = risk_of(count, links, members, rings, bad, good)
    core = members.account[members.core].tolist()
    for account in range(count):
        base = ring_logit if account in core else -LOGIT_LIMIT
        told = before.membership[account] + before.near_bad[account] + before.near_good[account]
        assert base + told == before.logit[account]
    marked = np.arange(count) == chosen
    worse = risk_of(count, links, members, rings, bad | marked, good)
    better = risk_of(count, links, members, rings, bad, good | marked)
    assert (worse.logit >= before.logit).all()
    assert (better.logit <= before.logit).all()
    assert worse.logit[chosen] == before.logit[chosen]
    assert better.logit[chosen] == before.logit[chosen]
