"""How well scores rank and how true they are as probabilities; every function takes weights, so that it can be resampled."""

from __future__ import annotations

import numpy as np

from graphrisk.model import Bools, Floats, Ints

Scores = Floats | Ints


def curve(score: Scores, positive: Bools, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Thresholds from high to low, with precision and recall of what scores at least each of them.

    Equal scores are taken together. Without a positive the recall is 0 everywhere.
    """
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if len(score) else np.zeros(0, np.int64)
    taken = np.cumsum(weight[order])[last]
    true = np.cumsum(np.where(positive, weight, 0.0)[order])[last]
    whole = true[-1] if len(true) else 0.0
    precision = np.divide(true, taken, out=np.ones(len(last)), where=taken > 0)
    recall = true / whole if whole > 0 else np.zeros(len(last))
    return ordered[last].astype(np.float64), precision, recall


def average_precision(score: Scores, positive: Bools, weight: Floats) -> float:
    """The area under the precision–recall curve as Σ (R_i − R_{i−1})·P_i; 0 without a positive."""
    _, precision, recall = curve(score, positive, weight)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def recall_at_precision(score: Scores, positive: Bools, weight: Floats, precision: float) -> float:
    """The largest recall of any threshold whose precision is at least this; 0 if there is none."""
    _, reached, recall = curve(score, positive, weight)
    return float(recall[reached >= precision].max(initial=0.0))


def reliability(chance: Floats, positive: Bools, weight: Floats, bins: int = 10) -> tuple[Floats, Floats, Floats]:
    """For ``bins`` equal parts of [0, 1]: the weight in each, the mean predicted chance and the share that came true.

    Both are 0 where there is no weight.
    """
    part = np.minimum((chance * bins).astype(np.int64), bins - 1)
    mass = np.bincount(part, weight, bins).astype(np.float64)
    said = np.divide(np.bincount(part, weight * chance, bins), mass, out=np.zeros(bins), where=mass > 0)
    came = np.divide(np.bincount(part, weight * positive, bins), mass, out=np.zeros(bins), where=mass > 0)
    return mass, said, came


def calibration_error(chance: Floats, positive: Bools, weight: Floats) -> float:
    """Expected calibration error over ten equal parts of [0, 1]: the mean distance of what was said from what came true."""
    mass, said, came = reliability(chance, positive, weight)
    return share(float((mass * np.abs(said - came)).sum()), float(mass.sum()))


def share(part: float, whole: float) -> float:
    """``part / whole``, or 0 of nothing."""
    return part / whole if whole else 0.0
