"""Measures of a run against known truth: each against obvious slow code, and floors that fall when linkage is broken."""

from __future__ import annotations

import json
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import igraph
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from graphrisk import pipeline
from graphrisk.evaluation.clusters import adjusted_rand, bcubed, match
from graphrisk.evaluation.evaluating import evaluate
from graphrisk.evaluation.ranking import average_precision, recall_at_precision
from graphrisk.evaluation.rivals import RIVALS, found_by
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from graphrisk.worlds import write_world
from tests.support import call_cli

ACCOUNTS = 8_000
GROUPINGS = st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 3)), min_size=2, max_size=14)
SCORED = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=20)
Loaded = tuple[Settings, Path]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("evaluation")
    write_world(folder / "world", "easy", ACCOUNTS, 120, prevalence=0.05)
    settings = Settings(home=folder / "home")
    pipeline.load(settings, Policy(), [str(folder / "world")])
    return settings, folder / "world"


def measured(loaded: Loaded, **sections: Any) -> dict[str, float]:
    settings, world = loaded
    changed = Policy.model_validate(Policy().model_dump() | sections)
    run = pipeline.detect(settings, changed)["run_id"]
    return evaluate(settings, run, world).report["measures"]


def holds(found: dict[str, float]) -> bool:
    """The floors of the fast check: wide, since one small world has few rings; what breaks linkage falls far below."""
    return found["account_f1"] >= 0.65 and found["ring_jaccard"] >= 0.48 and found["ordinary_flagged"] <= 0.01


def test_the_floors_hold(loaded: Loaded) -> None:
    found = measured(loaded)
    assert holds(found), found


@pytest.mark.parametrize(
    "broken", ["devices and cards weigh nothing", "no two accounts are linked", "whoever meets on an address is linked"]
)
def test_the_floors_fall_when_linkage_is_broken(loaded: Loaded, broken: str) -> None:
    kinds = Policy().model_dump()["kinds"]
    sections: dict[str, Any] = {
        "devices and cards weigh nothing": {
            "kinds": kinds | {name: kinds[name] | {"rho": 0.01} for name in ("device", "card", "bank_account")}
        },
        "no two accounts are linked": {"links": {"threshold": 1_000_000}},
        "whoever meets on an address is linked": {
            "kinds": kinds
            | {"ip": kinds["ip"] | {"backbone": True, "rho": 0.9, "kappa": 1000, "cap": 10_000, "half_life_days": 9}},
            "detection": {"oversize": 1_000_000},
        },
    }[broken]
    found = measured(loaded, **sections)
    assert not holds(found), found


def test_a_run_is_ahead_of_every_rival_on_the_same_facts(loaded: Loaded) -> None:
    settings, world = loaded
    found = evaluate(settings, pipeline.detect(settings, Policy())["run_id"], world)
    truth = found.case.truth
    ring = truth.ring >= 0
    for rival in RIVALS:
        flagged = found_by(rival, found.held, len(truth.ring)).account_score >= 500
        right = (flagged & ring).sum()
        f1 = 2 * right / max(1, flagged.sum() + ring.sum())
        assert found.report["measures"]["account_f1"] > f1, rival.name


@examples(max_examples=150, deadline=None)
@given(GROUPINGS)
def test_rings_are_matched_as_by_trying_every_assignment(rows: list[tuple[int, int]]) -> None:
    found, true = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    groups = int(true.max(initial=-1)) + 1
    candidates = [*range(int(found.max(initial=-1)) + 1), *[-1] * groups]

    def jaccard(one: int, other: int) -> float:
        mine, theirs = set(np.flatnonzero(found == one)), set(np.flatnonzero(true == other))
        return len(mine & theirs) / len(mine | theirs) if one >= 0 and mine | theirs else 0.0

    best = max(
        (sum(jaccard(one, other) for other, one in enumerate(chosen)) for chosen in permutations(candidates, groups)),
        default=0.0,
    )
    assert match(found, true, groups).jaccard.sum() == pytest.approx(best)


@examples(max_examples=200, deadline=None)
@given(GROUPINGS)
def test_bcubed_is_what_its_definition_says(rows: list[tuple[int, int]]) -> None:
    found, true = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    precision, recall = bcubed(found, true)

    def group(grouping: Any, place: int) -> set[int]:
        return {place} if grouping[place] < 0 else set(np.flatnonzero(grouping == grouping[place]).tolist())

    for place in range(len(rows)):
        mine, theirs = group(found, place), group(true, place)
        assert precision[place] == pytest.approx(len(mine & theirs) / len(mine))
        assert recall[place] == pytest.approx(len(mine & theirs) / len(theirs))


@examples(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=30))
def test_the_adjusted_rand_index_is_that_of_igraph(rows: list[tuple[int, int]]) -> None:
    found, true = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    same = all((a == b) == (c == d) for (a, c), (b, d) in combinations(rows, 2))
    theirs = igraph.compare_communities(found.tolist(), true.tolist(), method="adjusted_rand")
    assert adjusted_rand(found, true) == pytest.approx(1.0 if same else theirs)


@examples(max_examples=200, deadline=None)
@given(SCORED)
def test_average_precision_and_recall_are_those_of_every_threshold(rows: list[tuple[int, bool]]) -> None:
    score, positive = (np.array(column) for column in zip(*rows, strict=True))
    area = before = best = 0.0
    for threshold in sorted(set(score.tolist()), reverse=True):
        flagged = score >= threshold
        precision = (flagged & positive).sum() / flagged.sum()
        recall = (flagged & positive).sum() / max(1, positive.sum())
        area, before = area + (recall - before) * precision, recall
        best = max(best, recall) if precision >= 0.9 else best
    ones = np.ones(len(rows))
    assert average_precision(score, positive, ones) == pytest.approx(area)
    assert recall_at_precision(score, positive, ones, 0.9) == pytest.approx(best)


def test_the_command_writes_figures_and_a_report_that_needs_nothing_else(loaded: Loaded, tmp_path: Path) -> None:
    settings, world = loaded
    run = pipeline.detect(settings, Policy())["run_id"]
    files = ["--json", tmp_path / "r.json", "--report", tmp_path / "r.html"]
    done = call_cli("evaluate", run, world, *files, home=settings.home)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "r.json").read_text())
    assert figures["measures"] == evaluate(settings, run, world).report["measures"]
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") >= 4
    assert "http" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize(("truth", "told"), [("nowhere", "nowhere"), ("other.csv", "names no account")])
def test_a_truth_that_does_not_fit_is_told(loaded: Loaded, tmp_path: Path, truth: str, told: str) -> None:
    settings, _ = loaded
    (tmp_path / "other.csv").write_text("account_id,ring\nsomebody,r1\n")
    run = pipeline.detect(settings, Policy())["run_id"]
    done = call_cli("evaluate", run, tmp_path / truth, home=settings.home)
    assert done.returncode == 3
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
