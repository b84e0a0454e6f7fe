"""Lost sightings and attackers with a budget: what is changed in the facts, what the attackers choose, what is reported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from graphrisk import pipeline
from graphrisk.errors import InputError
from graphrisk.evaluation.adversary import LOOKAHEAD, MOVES, Crowd, planned
from graphrisk.evaluation.evaluating import evaluate, stressed
from graphrisk.evaluation.measures import Found
from graphrisk.evaluation.truth import Truth, read_truth
from graphrisk.evaluation.variants import Facts, read_facts
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from graphrisk.worlds import write_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stress") / "world"
    write_world(folder, "easy", 1_500, 5, prevalence=0.1, mix={"take_over": 0, "mule_network": 0})
    return folder


@pytest.fixture(scope="module")
def known(world: Path) -> tuple[Facts, Truth]:
    return read_facts(world), read_truth(world)


def seen(facts: Facts) -> Counter[tuple[str, str, str]]:
    columns = (facts.sightings[name].to_pylist() for name in ("account_id", "kind", "value"))
    return Counter(zip(*columns, strict=True))


def test_each_account_of_a_ring_adds_one_sighting_a_step_and_nobody_else_any(known: tuple[Facts, Truth]) -> None:
    facts, truth = known
    plan = [np.full(len(truth.rings), move) for move in range(len(MOVES))]
    added = seen(Crowd(facts, truth).after(plan)) - seen(facts)
    of_rings = set(pa.array(truth.account_ids).filter(pa.array(truth.ring >= 0)).to_pylist())
    assert Counter(account for account, _, _ in added.elements()) == dict.fromkeys(of_rings, len(MOVES))
    before = seen(facts)
    innocents = {value for account, _, value in before if account not in of_rings}
    bought = [value for _, _, value in added.elements() if value not in innocents]
    assert len(bought) == len(set(bought)) == 2 * len(of_rings), "what is bought is nobody else's"


def test_what_attackers_add_lies_in_their_own_time(known: tuple[Facts, Truth]) -> None:
    facts, truth = known
    more = Crowd(facts, truth).after([np.zeros(len(truth.rings), np.int64)])
    times: dict[str, tuple[object, object]] = {}
    rows = zip(*(facts.sightings[name].to_pylist() for name in ("account_id", "first_seen", "last_seen")), strict=True)
    for account, first, last in rows:
        low, high = times.get(account, (first, last))
        times[account] = min(low, first), max(high, last)  # pyright: ignore[reportArgumentType]
    for row in more.sightings.slice(facts.sightings.num_rows).to_pylist():
        low, high = times[row["account_id"]]
        assert low <= row["first_seen"] <= row["last_seen"] <= high


def test_each_ring_chooses_the_move_that_lowers_its_own_score_most(known: tuple[Facts, Truth]) -> None:
    facts, truth = known
    before, wanted = seen(facts), np.arange(len(truth.rings)) % 2 * 4  # popular addresses, or cards of their own
    place = {account: n for n, account in enumerate(pa.array(truth.account_ids).to_pylist())}

    def detected(changed: Facts) -> Found:
        """Scores that fall for a ring with each sighting of the kind that hurts it, and rise with any other."""
        score = np.where(truth.ring >= 0, 520, 0)
        for account, kind, value in (seen(changed) - before).elements():
            ring = truth.ring[place[account]]
            hurts = kind == "ip" if wanted[ring] == 0 else kind == "card" and value.startswith("bought")
            score[place[account]] += -15 if hurts else 5
        return Found(truth.ring, np.full(len(truth.rings), 500), score)

    found = planned(Crowd(facts, truth), detected, truth, detected(facts), (0, 1, 3, 4))
    assert found.recall == [1.0, 1.0, 0.0, 0.0]
    shares = {move: float((wanted == place).mean()) for place, move in enumerate(MOVES)}
    assert found.chosen_first == shares
    assert LOOKAHEAD == 3, "the fourth step repeats what was chosen"


def test_a_report_under_stress_says_how_stable_the_rings_are_and_what_a_budget_buys(
    world: Path, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "home")
    pipeline.load(settings, Policy(), [str(world)])
    found = evaluate(settings, pipeline.detect(settings, Policy())["run_id"], world)
    report = stressed(settings, found, world, budgets=(0, 1))
    assert report["attack"]["recall"][0] == pytest.approx(report["measures"]["account_recall"], abs=1e-6)
    assert report["attack"]["recall"][1] <= report["attack"]["recall"][0] + 0.1
    assert 0.5 < report["measures"]["ari_dropped_1"] <= 1
    assert 0.2 < report["measures"]["ari_dropped_5"] <= 1


def test_stress_needs_the_facts_of_the_world(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no table accounts; name the folder that `graphrisk world` wrote"):
        read_facts(tmp_path)
