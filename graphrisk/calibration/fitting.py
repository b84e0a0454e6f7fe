"""Sign-bounded L2 multinomial logit, shrunk toward given coefficients; two classes make it a logistic regression.

The objective is convex, its gradient exact and the start fixed, so the same data give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from graphrisk.errors import InputError
from graphrisk.model import Bools, Floats, Ints

FREE = np.inf


@dataclass(frozen=True)
class Coefficients:
    """What to fit and within what: shapes (classes - 1, columns), classes counted without the baseline.

    ``centre`` is where the penalty pulls, with ``strength`` (0 leaves the column unpenalised).
    """

    centre: Floats
    lower: Floats
    upper: Floats
    strength: Floats


def fit(design: Floats, classes: Ints, wanted: Coefficients) -> Floats:
    """Log-odds coefficients of each class against class 0, shape (classes - 1, columns).

    Minimises the log loss (a sum, so that more rings outweigh the penalty) plus
    ``Σ strength/2 · (coefficient - centre)²`` by L-BFGS-B (Byrd, Lu, Nocedal and Zhu 1995). Raises ``InputError`` when a
    class of ``wanted`` has no example.
    """
    shape = wanted.centre.shape
    counts = np.bincount(classes, minlength=shape[0] + 1)
    if not counts.all():
        raise InputError(
            f"There is no ring of {np.flatnonzero(counts == 0).tolist()} among {len(classes):,} reviewed rings; "
            "give more truth or more labels."
        )
    chosen = np.eye(shape[0] + 1)[classes][:, 1:]
    total = len(design)

    def loss(flat: Floats) -> tuple[float, Floats]:
        coefficients = flat.reshape(shape)
        odds = design @ coefficients.T
        top = np.maximum(odds.max(axis=1), 0.0)
        whole = top + np.log(np.exp(-top) + np.exp(odds - top[:, None]).sum(axis=1))
        off = coefficients - wanted.centre
        value = float((whole - (chosen * odds).sum(axis=1)).sum() + (wanted.strength * off**2).sum() / 2)
        slope = (np.exp(odds - whole[:, None]) - chosen).T @ design + wanted.strength * off
        return value / total, slope.ravel() / total

    bounds = list(zip(wanted.lower.ravel(), wanted.upper.ravel(), strict=True))
    start = np.clip(wanted.centre, wanted.lower, wanted.upper).ravel()
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 5_000, "ftol": 1e-12, "gtol": 1e-8}
    )
    return found.x.reshape(shape)


def affine_calibration(logit: Floats, happened: Bools) -> tuple[float, float]:
    """Slope (0.2 to 5) and shift with which ``slope·logit + shift`` is calibrated on held-out predictions.

    Beta calibration with a = b (Kull, Silva Filho and Flach 2017, section 3): an affine map of the logit, which folds
    into coefficients and intercept, so that reasons stay exact and no step hides one ring behind another.
    """
    design = np.column_stack([logit, np.ones(len(logit))])
    wanted = Coefficients(
        centre=np.array([[1.0, 0.0]]),
        lower=np.array([[0.2, -FREE]]),
        upper=np.array([[5.0, FREE]]),
        strength=np.array([[1.0, 0.0]]),
    )
    slope, shift = fit(design, happened.astype(np.int64), wanted)[0].tolist()
    return slope, shift
