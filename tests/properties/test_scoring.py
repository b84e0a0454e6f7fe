"""Scores: reasons add up exactly, signs are monotone, nearness and features agree with a slow reading, T means T."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from graphrisk import pipeline
from graphrisk.model import DAY_US
from graphrisk.runs.store import current_run, read_table
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
        assert set(parts(ring)) <= {"base", "rival", *SIGNS}
        assert parts(ring).get("rival", 0) == -(max(0, -ring["lead"]) // 2)
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


def features(ring: Row) -> dict[str, float]:
    return {each["code"]: each["value"] for each in ring["features"]}


def links_among(accounts: set[str], world: World) -> list[Row]:
    return [link for link in world.links if {link["account_a"], link["account_b"]} <= accounts]


def test_link_features_of_every_ring_are_those_of_a_slow_count(world: World) -> None:
    for ring in world.rings.values():
        members = {member["account_id"] for member in ring["members"]}
        inside = links_among(members, world)
        core = links_among(set(core_of(ring)), world) or inside
        kinds = [{each["kind"] for each in link["evidence"]} for link in core]
        onsets = sorted(link["onset"] for link in core)
        low, high = onsets[(len(onsets) - 1) // 10], onsets[math.ceil(0.9 * (len(onsets) - 1))]
        told = features(ring)
        assert told["log_n"] == pytest.approx(math.log(len(core_of(ring))))
        assert told["cohort_share"] == pytest.approx(sum("cohort" in each for each in kinds) / len(kinds))
        if "ip_coresidence" in told:
            assert told["ip_coresidence"] == pytest.approx(sum("ip" in each for each in kinds) / len(kinds))
        assert told["onset_spread"] == pytest.approx(math.log1p((high - low).total_seconds() / 86_400))
        assert ring["kinds"] == sorted({each["kind"] for link in inside for each in link["evidence"]})
        every = sorted(link["onset"] for link in inside)
        assert (ring["first_link_at"], ring["last_link_at"]) == (every[0], every[-1])


NEW = support.timedelta(days=30)


def counts(link: Row, ring: Row, opened: dict[str, Any]) -> bool:
    """Whether a link is in the window, or a newcomer's to an account that is closed or new itself."""
    if ring["window_start"] <= link["onset"] <= ring["window_end"]:
        return True
    a, b = link["account_a"], link["account_b"]
    return any(
        one in opened
        and support.timedelta(0) <= link["onset"] - opened[one] <= NEW
        and (other not in opened or link["onset"] - opened[other] <= 3 * NEW)
        for one, other in ((a, b), (b, a))
    )


def tail(n: int, p: float, least: int) -> float:
    """P(Bin(n, p) ≥ least)."""
    return sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(max(least, 0), n + 1))


def test_sign_up_and_label_features_of_every_ring_are_those_of_a_slow_count(world: World) -> None:
    created = {row["account_id"]: support.datetime.fromisoformat(row["created_at"]) for row in world.facts["accounts"]}
    verdicts = {
        row["account_id"]: row["label"] for row in sorted(world.facts["labels"], key=lambda r: r["labelled_at"])
    }
    reference = shipped_reference()
    closed = {row["account_id"] for row in world.facts["accounts"] if row["status"] != "active"}
    opened = {account: moment for account, moment in created.items() if account not in closed}
    seen: dict[str, Any] = {}
    for row in world.facts["sightings"]:
        first = support.datetime.fromisoformat(row["first_seen"] or row["seen_at"])
        seen[row["account_id"]] = min(seen.get(row["account_id"], first), first)
    for ring in world.rings.values():
        core, told = core_of(ring), features(ring)
        window = [each for each in world.links if counts(each, ring, opened)]
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
        aged = {account for account in core & set(came) if joined[account] - created[account] > NEW}
        old = [came[account].timestamp() for account in aged if came[account] - seen[account] >= NEW]
        most = max((sum(one <= other <= one + 7 * 86_400 for other in old) for one in old), default=0)
        week = support.timedelta(days=7) / (ring["window_end"] - ring["window_start"])
        chance = min(1.0, len(old) * tail(len(old) - 1, min(1.0, max(1 / 6, week)), most - 1)) if most > 1 else 1.0
        explained = most_on_one_payment(world.facts["sightings"], core) / len(core)
        assert told["raid"] == pytest.approx((1 - explained) * min(30.0, abs(math.log10(chance))), abs=1e-6)
        expected = -math.log10(tail(len(core), reference.bad_rate, bad)) if bad else 0.0
        assert told["label_enrich"] == pytest.approx(min(30.0, expected), abs=1e-6)


def most_on_one_payment(sightings: list[Row], core: set[str]) -> int:
    """How many of the core hold its commonest card or bank account, however they are written."""
    holders: dict[str, set[str]] = {}
    for row in sightings:
        if row["kind"] in ("card", "bank_account") and row["account_id"] in core:
            holders.setdefault(re.sub(r"\W", "", row["value"]).lower(), set()).add(row["account_id"])
    return max(map(len, holders.values()), default=0)


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
