"""Scores: reasons add up exactly, signs are monotone, nearness and features agree with a slow reading, T means T."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from graphrisk import pipeline
from graphrisk.detection.communities import link_weights
from graphrisk.model import DAY_US, Ints, Links, Members
from graphrisk.runs.store import current_run, read_table
from graphrisk.scoring.account_risk import AccountRisk, account_risk, bad_nearness
from graphrisk.scoring.reference import SIGNS, shipped_reference
from graphrisk.scoring.ring_risk import LOGIT_LIMIT, ring_contributions, ring_logits
from graphrisk.worlds import write_world
from tests import support_detection as support
from tests.support_detection import MONDAY

PARTS_OF_ACCOUNTS = {"membership", "near_bad", "near_good"}
Row = dict[str, Any]


class World:
    """A small marketplace that was loaded, and the run that is live in its home."""

    def __init__(self, folder: Path) -> None:
        write_world(folder / "facts", "demo", 1_000, 3, format="csv")
        self.facts = support.read_facts(folder / "facts")
        self.at = support.settings(folder / "home")
        self.run = support.night(self.at, folder / "facts", force="the first run")
        self.accounts: list[Row] = read_table(self.at.runs, self.run, "accounts").to_pylist()
        self.rings: dict[str, Row] = {
            row["ring_id"]: row for row in read_table(self.at.runs, self.run, "rings").to_pylist()
        }
        self.links: list[Row] = read_table(self.at.runs, self.run, "links").to_pylist()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("scored"))


def parts(row: Row) -> dict[str, int]:
    return {each["code"]: each["contribution"] for each in row["reasons"]}


def score_of(logit: int) -> int:
    return round(1000 / (1 + math.exp(-logit / 1000)))


def core_of(ring: Row) -> set[str]:
    return {member["account_id"] for member in ring["members"] if member["role"] == "core"}


def test_reasons_of_every_ring_add_up_to_its_logit_and_score(world: World) -> None:
    assert len(world.rings) >= 4
    for ring in world.rings.values():
        assert sum(parts(ring).values()) == ring["logit"]
        assert parts(ring)["base"] == shipped_reference().intercept
        assert set(parts(ring)) <= {"base", *SIGNS}
        assert ring["score"] == score_of(ring["logit"])


def test_reasons_of_every_account_add_up_to_its_logit_and_score(world: World) -> None:
    roles: set[str | None] = set()
    for account in world.accounts:
        roles.add(account["role"])
        told = parts(account)
        assert sum(told.values()) == account["logit"]
        assert account["score"] == score_of(account["logit"])
        assert told.get("near_bad", 0) >= 0 >= told.get("near_good", 0)
        if account["role"] == "core":
            own = {code: part for code, part in told.items() if code not in PARTS_OF_ACCOUNTS}
            assert own == parts(world.rings[account["ring_id"]])
            # An account stays within ±8000 milli-logits and a ring does not, so that a ring below counts as at the limit.
            floor = max(0, -LOGIT_LIMIT - world.rings[account["ring_id"]]["logit"])
            assert told.get("membership", 0) <= floor
        else:
            assert told["base"] == -LOGIT_LIMIT
            assert set(told) <= {"base", "near_bad", "near_good"}
    assert roles >= {"core", None}


def test_evidence_of_every_link_adds_up_to_its_strength(world: World) -> None:
    assert world.links
    assert all(sum(each["milli_nats"] for each in link["evidence"]) == link["strength"] for link in world.links)


@given(st.sampled_from(list(SIGNS)), st.floats(-30, 30), st.floats(0, 30))
def test_more_of_a_feature_never_moves_a_ring_against_its_sign(name: str, value: float, more: float) -> None:
    reference = shipped_reference()
    features = {each: np.array([part.mean, part.mean]) for each, part in reference.features.items()}
    features[name] = np.array([value, value + more])
    low, high = ring_logits(ring_contributions(features, reference), reference).tolist()
    assert (high - low) * SIGNS[name] >= 0


def test_what_is_not_known_of_a_ring_counts_as_the_reference_says() -> None:
    reference = shipped_reference()
    unknown = {name: np.array([np.nan]) for name in SIGNS}
    assert ring_logits(ring_contributions(unknown, reference), reference).tolist() == [
        reference.intercept + sum(feature.unknown for feature in reference.features.values())
    ]


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
            clean = math.prod(1 - tie.get((neighbour, other), 0.0) / 2 for other in others)
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


def features(ring: Row) -> dict[str, float]:
    return {each["code"]: each["value"] for each in ring["features"]}


def test_link_features_of_every_ring_are_those_of_a_slow_count(world: World) -> None:
    for ring in world.rings.values():
        members = {member["account_id"] for member in ring["members"]}
        inside = [link for link in world.links if {link["account_a"], link["account_b"]} <= members]
        kinds = [{each["kind"] for each in link["evidence"]} for link in inside]
        onsets = sorted(link["onset"] for link in inside)
        low, high = onsets[(len(onsets) - 1) // 10], onsets[math.ceil(0.9 * (len(onsets) - 1))]
        told = features(ring)
        assert told["log_n"] == pytest.approx(math.log(len(core_of(ring))))
        assert told["cohort_share"] == pytest.approx(sum("cohort" in each for each in kinds) / len(kinds))
        if "ip_coresidence" in told:
            assert told["ip_coresidence"] == pytest.approx(sum("ip" in each for each in kinds) / len(kinds))
        assert told["onset_spread"] == pytest.approx(math.log1p((high - low).total_seconds() / 86_400))
        assert ring["kinds"] == sorted(set[str]().union(*kinds))
        assert (ring["first_link_at"], ring["last_link_at"]) == (onsets[0], onsets[-1])


NEW = support.timedelta(days=30)


def tail(n: int, p: float, least: int) -> float:
    """P(Bin(n, p) ≥ least)."""
    return sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(max(least, 0), n + 1))


def test_sign_up_and_label_features_of_every_ring_are_those_of_a_slow_count(world: World) -> None:
    created = {row["account_id"]: support.datetime.fromisoformat(row["created_at"]) for row in world.facts["accounts"]}
    verdicts = {
        row["account_id"]: row["label"] for row in sorted(world.facts["labels"], key=lambda r: r["labelled_at"])
    }
    reference = shipped_reference()
    for ring in world.rings.values():
        core, told = core_of(ring), features(ring)
        window = [each for each in world.links if ring["window_start"] <= each["onset"] <= ring["window_end"]]
        members = {member["account_id"] for member in ring["members"]}
        joined: dict[str, Any] = {}
        for each in window:
            for account in (each["account_a"], each["account_b"]):
                if {each["account_a"], each["account_b"]} <= members:
                    joined[account] = min(joined.get(account, each["onset"]), each["onset"])
        fresh = sum((joined[account] - created[account]).total_seconds() <= 30 * 86_400 for account in core)
        moments = [created[account].timestamp() for account in core]
        most = max(sum(one <= other <= one + 7 * 86_400 for other in moments) for one in moments)
        chance = min(1.0, len(core) * tail(len(core) - 1, reference.seven_day_share, most - 1))
        bad = sum(verdicts.get(account) == "bad" for account in core)
        assert told["new_share"] == pytest.approx(fresh / len(core))
        assert told["burst"] == pytest.approx(min(30.0, -math.log10(chance)) if most > 1 else 0.0, abs=1e-6)
        came: dict[str, Any] = {}
        for each in (each for each in world.links if {each["account_a"], each["account_b"]} <= core):
            for account in (each["account_a"], each["account_b"]):
                came[account] = min(came.get(account, each["onset"]), each["onset"])
        old = [came[account].timestamp() for account in core & set(came) if joined[account] - created[account] > NEW]
        most = max((sum(one <= other <= one + 7 * 86_400 for other in old) for one in old), default=0)
        week = support.timedelta(days=7) / (ring["window_end"] - ring["window_start"])
        share = min(1.0, max(reference.seven_day_share, week))
        chance = min(1.0, len(old) * tail(len(old) - 1, share, most - 1)) if most > 1 else 1.0
        assert told["raid"] == pytest.approx(min(30.0, abs(math.log10(chance))), abs=1e-6)
        expected = -math.log10(tail(len(core), reference.bad_rate, bad)) if bad else 0.0
        assert told["label_enrich"] == pytest.approx(min(30.0, expected), abs=1e-6)


@pytest.mark.parametrize("by", ["labelled_at", "load"])
def test_labels_after_the_moment_change_nothing_at_the_moment(tmp_path: Path, by: str) -> None:
    at, now = support.settings(tmp_path / "home"), support.datetime.now(support.UTC)
    facts = {"sightings": support.farm("a", 6, 0) + support.farm("b", 5, 20)}
    support.load(at, support.write_facts(tmp_path / "facts", facts))
    moment = support.datetime.now(support.UTC)
    before = support.detect(at, moment)["output_digest"]
    labelled = now + support.timedelta(hours=3) if by == "labelled_at" else support.moment_of(MONDAY + 9 * DAY_US)
    labels = [{"account_id": "a000", "label": "bad", "labelled_at": labelled.isoformat()}]
    support.load(at, support.write_facts(tmp_path / "labels", {"labels": labels}))
    later = support.datetime.now(support.UTC)
    assert support.detect(at, later if by == "labelled_at" else moment)["output_digest"] == before
    known = support.detect(at, later + support.timedelta(hours=6))["output_digest"]
    assert known != before


def test_an_account_is_explained_with_reasons_that_add_up(world: World) -> None:
    assert current_run(world.at.home) == world.run
    by_ring: dict[str | None, str] = {row["ring_id"]: row["account_id"] for row in world.accounts}
    for account_id in by_ring.values():
        shown = pipeline.account(world.at, account_id)
        assert sum(reason["contribution"] for reason in shown["reasons"]) == shown["logit"]
        sizes = [abs(reason["contribution"]) for reason in shown["reasons"]]
        assert all(one >= other for one, other in pairwise(sizes))
        assert all(reason["text"] for reason in shown["reasons"])
    assert defaultdict(int, by_ring)
