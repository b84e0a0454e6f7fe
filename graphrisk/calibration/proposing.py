"""propose(): a run and its truth, or the labels known to it → a new reference, and how it does on rings it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from graphrisk.calibration.admission import Comparison, PricesCompared, compare
from graphrisk.calibration.examples import Examples, by_labels, by_truth, features_of
from graphrisk.calibration.training import FROM_LABELS, Shrinkage, held_out_logits, kept_prevalence, logits_of, train
from graphrisk.calibration.trials import detected_with, try_prices, with_prices
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
    """``reference`` is the incumbent with what is better: coefficients, by ``comparison`` on rings held out of their
    training, and prices, by ``prices`` (None: not learned). ``examples`` are the reviewed rings that were learned from."""

    reference: Reference
    comparison: Comparison
    prices: PricesCompared | None
    examples: Examples

    @property
    def better(self) -> bool:
        """Whether anything of it is better than the reference in use."""
        return self.comparison.better or (self.prices is not None and self.prices.better)


def propose(settings: Settings, run_id: str, truth: Path | None = None) -> Proposal:
    """A reference learned from the rings of a run, shrunk toward the one in use.

    ``truth`` is a table of account_id and ring, from which prices are learned too; where those are better, coefficients
    are learned from the rings that they give. Without it the labels known as of the run say which rings are organized,
    and what is learned keeps the incumbent's mean risk, since labelled rings are not drawn at random. Raises
    ``NotFoundError`` (run) or ``InputError`` (too few reviewed rings of either outcome).
    """
    incumbent = read_reference(settings.reference_file)
    rings = read_table(settings.runs, run_id, "rings")
    if truth is None:
        examples = _enough(run_id, by_labels(rings, _labels(settings, run_id)))
        learned, comparison = _learned(incumbent, examples, FROM_LABELS)
        learned = kept_prevalence(learned, incumbent, features_of(rings))
        return _proposal(run_id, incumbent, learned, comparison, None, examples)
    known = read_truth(truth)
    examples = _enough(run_id, by_truth(rings, known))
    trial = try_prices(settings, run_id, known, incumbent)
    if trial and trial.comparison.better:
        incumbent = with_prices(incumbent, trial.tables)
        examples = _enough(run_id, by_truth(detected_with(settings, run_id, incumbent)[1], known))
    learned, comparison = _learned(incumbent, examples)
    return _proposal(run_id, incumbent, learned, comparison, trial.comparison if trial else None, examples)


def _learned(incumbent: Reference, examples: Examples, frozen: tuple[str, ...] = ()) -> tuple[Reference, Comparison]:
    shrinkage = Shrinkage()
    held_out = held_out_logits(incumbent, examples, shrinkage, frozen)
    comparison = compare("rings held out of its training", examples, logits_of(examples, incumbent), held_out)
    return train(incumbent, examples, shrinkage, frozen), comparison


def _enough(run_id: str, examples: Examples) -> Examples:
    organized = int(examples.organized.sum())
    if min(organized, len(examples) - organized) < FEWEST_RINGS:
        raise InputError(
            f"Of the rings of {run_id}, {organized} are reviewed as organized and {len(examples) - organized} as innocent; "
            f"calibration needs {FEWEST_RINGS} of each: label more accounts, or give a --truth."
        )
    return examples


def _proposal(
    run_id: str,
    incumbent: Reference,
    learned: Reference,
    comparison: Comparison,
    prices: PricesCompared | None,
    examples: Examples,
) -> Proposal:
    chosen = learned if comparison.better else incumbent
    named = chosen.model_copy(update={"version": f"proposed from {run_id}"})
    return Proposal(named, comparison, prices, examples)


def _labels(settings: Settings, run_id: str) -> pa.Table:
    moment = datetime.fromisoformat(read_manifest(settings.runs, run_id)["as_of"])
    ledger = Ledger(settings.ledger)
    with settings.scratch("calibrate") as scratch, settings.columns(scratch) as columns:
        view_facts(columns, ledger, moment, ledger.loads(moment))
        return columns.sql("SELECT account_id, label FROM labels").to_arrow_table()
