# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Trials: the facts of a run detected again with learned prices, and how well that finds rings they were not learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk import pipeline
from graphrisk.calibration.admission import Detection, PricesCompared
from graphrisk.calibration.pairs import UNREVIEWED, Pairs, reviewed_pairs
from graphrisk.calibration.pricing import learned_tables
from graphrisk.calibration.writing import reference_text
from graphrisk.errors import InputError
from graphrisk.evaluation.found import found_in
from graphrisk.evaluation.measures import Case, Weights, values
from graphrisk.evaluation.truth import Truth
from graphrisk.evidence_tables import EvidenceTable
from graphrisk.model import Bools, Ints
from graphrisk.policy import Policy
from graphrisk.runs.facts import open_facts
from graphrisk.runs.snapshot import Snapshot
from graphrisk.runs.store import read_manifest, read_table
from graphrisk.scoring.reference import Reference
from graphrisk.settings import Settings


@dataclass(frozen=True)
class Trial:
    """Learned prices by kind, and how detection with such prices did on what they were not learned from."""

    tables: dict[str, EvidenceTable]
    comparison: PricesCompared


def try_prices(settings: Settings, run_id: str, truth: Truth, incumbent: Reference) -> Trial | None:
    """Prices learned from the pairs of a run; None where no kind has reviewed pairs enough.

    Judged by prices learned from half of the true rings, on the other half. Raises ``InputError`` when the run was made
    with another reference than the incumbent, and ``NotFoundError`` for a run from before facts were kept.
    """
    if read_manifest(settings.runs, run_id)["reference_hash"] != incumbent.hash:
        raise InputError(f"The reference changed since run {run_id}; detect again, and calibrate from that run.")
    policy = Snapshot(settings.runs, run_id, verify=False).policy
    ids = read_table(settings.runs, run_id, "accounts")["account_id"].combine_chunks()
    known = truth.aligned(ids)
    held_out = np.random.default_rng(0).permutation(len(known.rings)) % 2 == 1
    ring = known.ring[: len(ids)]
    ring = np.where(
        pc.is_in(ids, value_set=pa.array(truth.account_ids)).to_numpy(zero_copy_only=False), ring, UNREVIEWED
    )
    half = pairs_of(settings, run_id, np.where(_of(held_out, ring), UNREVIEWED, ring), policy)
    tables = learned_tables(half, policy)
    if not tables:
        return None
    tried = detected_with(settings, run_id, with_prices(incumbent, tables))
    in_use = (read_table(settings.runs, run_id, "accounts"), read_table(settings.runs, run_id, "rings"))
    codes = policy.codes()
    comparison = PricesCompared(
        {kind: int(half.of(codes[kind]).pairs.sum()) for kind in tables},
        int(held_out.sum()),
        *(detection(*found, truth, policy, held_out) for found in (in_use, tried)),
    )
    whole = learned_tables(pairs_of(settings, run_id, ring, policy), policy)
    return Trial({kind: whole[kind] for kind in tables}, comparison)


def pairs_of(settings: Settings, run_id: str, ring: Ints, policy: Policy) -> Pairs:
    """The reviewed pairs among what the accounts of a run share (see ``reviewed_pairs``)."""
    uses = open_facts(settings.runs, run_id).uses_of(np.arange(len(ring)))
    with settings.scratch("calibrate") as scratch, settings.columns(scratch) as columns:
        return reviewed_pairs(columns, uses, ring, policy)


def with_prices(reference: Reference, tables: dict[str, EvidenceTable]) -> Reference:
    """The reference with these kinds priced anew."""
    return reference.model_copy(update={"evidence": {**reference.evidence, **tables}})


def detected_with(settings: Settings, run_id: str, reference: Reference) -> tuple[pa.Table, pa.Table]:
    """The accounts and the rings that the facts of a run give under another reference; nothing of it is kept."""
    manifest = read_manifest(settings.runs, run_id)
    moment, policy = datetime.fromisoformat(manifest["as_of"]), Policy.model_validate(manifest["policy"])
    with settings.scratch("calibrate") as scratch:
        trial = replace(settings, home=scratch / "home")
        trial.prepare()
        trial.ledger.symlink_to(settings.ledger.resolve())
        trial.reference_file.write_text(reference_text(reference, []), encoding="utf-8")
        run = pipeline.detect(trial, policy, moment, manifest["engine"])["run_id"]
        return read_table(trial.runs, run, "accounts"), read_table(trial.runs, run, "rings")


def detection(accounts: pa.Table, rings: pa.Table, truth: Truth, policy: Policy, of: Bools) -> Detection:
    """How well the true rings ``of`` (a mask over ``truth.rings``) are found among the innocent accounts; members of the
    other rings count for nothing."""
    known = truth.aligned(accounts["account_id"].combine_chunks())
    case = Case(known, found_in(accounts, rings, len(known.ring)), None, policy.bands.high)
    weights = Weights(of.astype(float), np.ones(rings.num_rows), (~_of(~of, known.ring)).astype(float))
    measured = values(case, weights)
    return Detection(*(round(measured[name], 6) for name in ("account_precision", "account_recall", "ring_jaccard")))


def _of(rings: Bools, ring: Ints) -> Bools:
    """Which accounts are in one of the rings."""
    return np.append(rings, False)[np.maximum(ring, -1)]
