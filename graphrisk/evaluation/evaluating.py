# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""evaluate(): a run and the truth → all measures, by archetype and innocent type, with intervals and curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from graphrisk import pipeline
from graphrisk.errors import InputError
from graphrisk.evaluation.adversary import BUDGETS, attack
from graphrisk.evaluation.facts import Held, held_values
from graphrisk.evaluation.found import found_in
from graphrisk.evaluation.hypotheses import told_of
from graphrisk.evaluation.measures import (
    Case,
    by_archetype,
    by_innocent_type,
    interval,
    measures,
    resampled,
)
from graphrisk.evaluation.oracle import visible_share
from graphrisk.evaluation.ranking import curve, reliability
from graphrisk.evaluation.truth import read_truth
from graphrisk.evaluation.variants import agreement_after_losses, read_facts
from graphrisk.model import Floats, Ints
from graphrisk.policy import Policy
from graphrisk.runs.store import read_manifest, read_table
from graphrisk.settings import Settings

CURVE_POINTS = 200


@dataclass(frozen=True)
class Evaluation:
    """``report`` is what is written as JSON; ``case``, ``samples`` and ``held`` are what it was computed from."""

    report: dict[str, Any]
    case: Case
    samples: dict[str, Floats]
    held: Held


def evaluate(settings: Settings, run_id: str, truth: Path) -> Evaluation:
    """Measure a run (an id, or ``current``) against the truth in a file or a world's folder.

    Raises ``NotFoundError`` (the run) or ``InputError`` (the truth; or it names none of the run's accounts).
    """
    chosen = pipeline.chosen_run(settings, None if run_id == "current" else run_id)
    manifest = read_manifest(settings.runs, chosen)
    policy = Policy.model_validate(manifest["policy"])
    accounts = read_table(settings.runs, chosen, "accounts")
    ids = accounts["account_id"].combine_chunks()
    read = read_truth(truth)
    if not pc.any(pc.is_in(read.account_ids, value_set=ids)).as_py():
        raise InputError(f"The truth {truth} names no account of run {chosen}; name the truth of the world it saw.")
    known = read.aligned(ids)
    held = held_values(settings, manifest)
    oracle = visible_share(held, known.ring, len(known.rings), policy)
    rings = read_table(settings.runs, chosen, "rings")
    found = replace(found_in(accounts, rings, len(known.ring)), told=told_of(rings, known))
    case = Case(known, found, oracle, policy.bands.high)
    samples = resampled(case)
    return Evaluation(_report(manifest, case, samples), case, samples, held)


def stressed(settings: Settings, found: Evaluation, world: Path, budgets: Sequence[int] = BUDGETS) -> dict[str, Any]:
    """The report with what changes when sightings are lost and when attackers spend a budget; needs the world's folder.

    Detects anew some twenty times, in homes of their own. Raises ``InputError`` when the folder has no facts.
    """
    facts = read_facts(world)
    policy = Policy.model_validate(read_manifest(settings.runs, found.report["run_id"])["policy"])
    truth, before = found.case.truth, found.case.found
    lost = agreement_after_losses(facts, settings, policy, truth, before.core)
    attacked = attack(facts, settings, policy, truth, before, budgets)
    measures = found.report["measures"] | {name: round(value, 6) for name, value in lost.items()}
    return found.report | {"measures": measures, "attack": asdict(attacked)}


def _report(manifest: dict[str, Any], case: Case, samples: dict[str, Floats]) -> dict[str, Any]:
    counts = manifest["counts"]
    found = {**measures(case), "largest_component": counts["largest_component"] / max(1, counts["accounts"])}
    return {
        "run_id": manifest["run_id"],
        "policy_hash": manifest["policy_hash"],
        "reference_hash": manifest["reference_hash"],
        "world": {key: case.truth.about.get(key) for key in ("preset", "accounts", "seed", "knobs")},
        "accounts": len(case.truth.ring),
        "true_rings": len(case.truth.rings),
        "true_members": int(case.in_ring.sum()),
        "found_rings": len(case.found.ring_score),
        "measures": {name: round(value, 6) for name, value in found.items()},
        "intervals": {name: [round(end, 6) for end in interval(drawn)] for name, drawn in samples.items()},
        "archetypes": by_archetype(case),
        "innocents": by_innocent_type(case),
        "curves": _curves(case),
    }


def _curves(case: Case) -> dict[str, Any]:
    weights = case.plain_weights()
    threshold, precision, recall = curve(case.found.account_score, case.in_ring, weights.account)
    thinned = np.unique(np.linspace(0, len(threshold) - 1, min(len(threshold), CURVE_POINTS)).astype(int))
    mass, said, came = reliability(case.found.ring_score / 1000, case.owner >= 0, weights.found)
    partnered = case.owner >= 0
    return {
        "precision_recall": {
            "score": threshold[thinned].tolist(),
            "precision": precision[thinned].tolist(),
            "recall": recall[thinned].tolist(),
        },
        "reliability": {"rings": mass.tolist(), "said": said.tolist(), "came_true": came.tolist()},
        "true_ring_sizes": _sizes(case.truth.ring, len(case.truth.rings)),
        "found_ring_sizes": _sizes(case.found.core, len(partnered)),
        "ring_jaccard": case.matching.jaccard.tolist(),
    }


def _sizes(grouping: Ints, groups: int) -> list[int]:
    return np.bincount(grouping[grouping >= 0], minlength=groups).tolist()
