"""propose(): a run and its truth, or the labels known to it → a new reference, and how it does on rings it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from graphrisk.calibration.admission import Comparison, compare
from graphrisk.calibration.examples import Examples, by_labels, by_truth, features_of
from graphrisk.calibration.training import FROM_LABELS, Shrinkage, held_out_logits, kept_prevalence, logits_of, train
from graphrisk.errors import InputError
from graphrisk.evaluation.truth import read_truth
from graphrisk.ledger.reading import view_facts
from graphrisk.ledger.store import Ledger
from graphrisk.runs.store import read_manifest, read_table
from graphrisk.scoring.reference import Reference, read_reference
from graphrisk.settings import Settings

FEWEST_RINGS = 20


@dataclass(frozen=True)
class Proposal:
    """``reference`` is what is proposed; ``comparison`` sets it beside the incumbent on rings held out of its training;
    ``examples`` are the reviewed rings that it learned from."""

    reference: Reference
    comparison: Comparison
    examples: Examples


def propose(settings: Settings, run_id: str, truth: Path | None = None) -> Proposal:
    """A reference learned from the rings of a run, shrunk toward the one in use.

    ``truth`` is a table of account_id and ring; without it the labels known as of the run say which rings are organized,
    and what is learned keeps the incumbent's mean risk, since labelled rings are not drawn at random. Raises
    ``NotFoundError`` (run) or ``InputError`` (too few reviewed rings of either outcome).
    """
    incumbent = read_reference(settings.reference_file)
    rings = read_table(settings.runs, run_id, "rings")
    if truth is not None:
        examples, frozen = by_truth(rings, read_truth(truth)), ()
    else:
        examples, frozen = by_labels(rings, _labels(settings, run_id)), FROM_LABELS
    organized = int(examples.organized.sum())
    if min(organized, len(examples) - organized) < FEWEST_RINGS:
        raise InputError(
            f"Of the rings of {run_id}, {organized} are reviewed as organized and {len(examples) - organized} as innocent; "
            f"calibration needs {FEWEST_RINGS} of each: label more accounts, or give a --truth."
        )
    shrinkage = Shrinkage()
    learned = train(incumbent, examples, shrinkage, frozen)
    held_out = held_out_logits(incumbent, examples, shrinkage, frozen)
    if truth is None:
        learned = kept_prevalence(learned, incumbent, features_of(rings))
    comparison = compare("rings held out of its training", examples, logits_of(examples, incumbent), held_out)
    return Proposal(learned.model_copy(update={"version": f"proposed from {run_id}"}), comparison, examples)


def _labels(settings: Settings, run_id: str) -> pa.Table:
    moment = datetime.fromisoformat(read_manifest(settings.runs, run_id)["as_of"])
    ledger = Ledger(settings.ledger)
    with settings.scratch("calibrate") as scratch, settings.columns(scratch) as columns:
        view_facts(columns, ledger, moment, ledger.loads(moment))
        return columns.sql("SELECT account_id, label FROM labels").to_arrow_table()
