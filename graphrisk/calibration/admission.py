"""Admission: a proposed reference is adopted only if it beats the incumbent on worlds that it has not seen."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from graphrisk.calibration.examples import Examples
from graphrisk.errors import InputError
from graphrisk.evaluation.ranking import average_precision, calibration_error
from graphrisk.model import Bools, Floats


@dataclass(frozen=True)
class Quality:
    """How well ring logits tell organized rings: mean log loss (nats), area under precision and recall, and the
    expected calibration error over ten bins of equal width."""

    log_loss: float
    pr_auc: float
    calibration_error: float


@dataclass(frozen=True)
class Comparison:
    """The incumbent and the proposal on the same rings, none of which the proposal was trained on."""

    what: str
    rings: int
    organized: int
    incumbent: Quality
    proposed: Quality

    @property
    def better(self) -> bool:
        """Lower log loss, and no smaller area."""
        return self.proposed.log_loss < self.incumbent.log_loss and self.proposed.pr_auc >= self.incumbent.pr_auc


@dataclass(frozen=True)
class Detection:
    """How well true rings are found: precision and recall of the accounts that are flagged, and the mean Jaccard of true
    rings with what was found of each."""

    precision: float
    recall: float
    jaccard: float


@dataclass(frozen=True)
class PricesCompared:
    """Detection with the prices in use and with learned ones, measured on ``rings`` true rings none of which was learned
    from; ``pairs`` is how many reviewed pairs were, by kind."""

    pairs: dict[str, int]
    rings: int
    incumbent: Detection
    proposed: Detection

    @property
    def better(self) -> bool:
        """Nothing is worse, and something is better."""
        before, after = astuple(self.incumbent), astuple(self.proposed)
        return after != before and all(one >= other for one, other in zip(after, before, strict=True))


def quality(logit: Floats, organized: Bools) -> Quality:
    """The quality of ring logits (in logits). Raises ``InputError`` when only one of the two outcomes is there."""
    if organized.all() or not organized.any():
        raise InputError(
            f"All of {len(organized):,} reviewed rings are {'organized' if organized.any() else 'innocent'}; "
            "quality needs both, so give more truth or more labels."
        )
    signed, alike = np.where(organized, logit, -logit), np.ones(len(logit))
    return Quality(
        round(float(np.logaddexp(0, -signed).mean()), 6),
        round(average_precision(logit, organized, alike), 6),
        round(calibration_error(1 / (1 + np.exp(-logit)), organized, alike), 6),
    )


def compare(what: str, examples: Examples, incumbent: Floats, proposed: Floats) -> Comparison:
    """Both references' logits (milli-logits) on the same examples."""
    truth = examples.organized
    return Comparison(
        what, len(truth), int(truth.sum()), quality(incumbent / 1000, truth), quality(proposed / 1000, truth)
    )


def admitted(comparisons: list[Comparison]) -> bool:
    """Whether the proposal is better in the first comparison, which is of everything, and in most of the others, which
    are of what was left out on purpose."""
    whole, *others = comparisons
    return whole.better and 2 * sum(each.better for each in others) >= len(others)
