"""What learning more would give: ``python -m tests.bench.learned``; the figures in docs/calibration.md are its output.

Prices from reviewed pairs, and calibrators of the ring logit, both learned from worlds of the seeds 141 to 146 and judged
on the tuning seeds 117 and 118 in each preset. It writes nothing. ``--keep DIR`` keeps worlds and runs there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import isotonic_regression

from graphrisk import pipeline
from graphrisk.calibration.admission import Detection, admitted, compare, quality
from graphrisk.calibration.examples import Examples, by_truth, together
from graphrisk.calibration.fitting import FREE, Coefficients, affine_calibration, fit
from graphrisk.calibration.pairs import Pairs
from graphrisk.calibration.pricing import learned_tables
from graphrisk.calibration.training import Shrinkage, held_out_logits, logits_of, with_risk
from graphrisk.calibration.trials import detected_with, detection, pairs_of, with_prices
from graphrisk.evaluation.truth import read_truth
from graphrisk.model import Bools, Floats
from graphrisk.policy import Policy
from graphrisk.runs.store import read_table
from graphrisk.scoring.reference import shipped_reference
from graphrisk.settings import Settings
from graphrisk.worlds import write_world

PRESETS = ("easy", "medium", "hard")
LEARNED = [(preset, 141 + nth) for nth, preset in enumerate(("easy", "medium", "hard") * 2)]
JUDGED = [(preset, seed) for seed in (117, 118) for preset in PRESETS]
RESAMPLES = 2_000
CERTAIN = 0.999
"""Isotonic regression says 0 and 1; a logit needs less."""


class World:
    """One world with its run under the shipped reference."""

    def __init__(self, preset: str, seed: int, accounts: int, kept: Path) -> None:
        folder = kept / f"{preset}-{seed}-{accounts}"
        self.name, self.settings = f"{preset} {seed}", Settings(home=folder / "home")
        if not (folder / "facts").exists():
            write_world(folder / "facts", preset, accounts, seed)
            pipeline.load(self.settings, Policy(), [str(folder / "facts")])
        self.truth = read_truth(folder / "facts")
        self.run = pipeline.detect(self.settings, Policy())["run_id"]

    def pairs(self) -> Pairs:
        accounts = read_table(self.settings.runs, self.run, "accounts")
        ring = self.truth.aligned(accounts["account_id"].combine_chunks()).ring
        return pairs_of(self.settings, self.run, ring[: accounts.num_rows], Policy())

    def examples(self) -> Examples:
        return by_truth(read_table(self.settings.runs, self.run, "rings"), self.truth)


def prices(learned: list[World], judged: list[World]) -> None:
    """Detection with the policy's prices and with learned ones."""
    found = Pairs(*(np.concatenate(parts) for parts in zip(*(world.pairs() for world in learned), strict=True)))
    tables, codes = learned_tables(found, Policy()), Policy().codes()
    for kind in tables:
        of_kind = found.of(codes[kind])
        print(f"{kind}: {of_kind.pairs.sum():,} reviewed pairs, {of_kind.same.sum():,} in one ring")
    reference = with_prices(shipped_reference(), tables)
    for world in judged:
        every = np.ones(len(world.truth.rings), bool)
        runs, run = world.settings.runs, world.run
        before = (read_table(runs, run, "accounts"), read_table(runs, run, "rings"))
        after = detected_with(world.settings, run, reference)
        told = [line(detection(*each, world.truth, Policy(), every)) for each in (before, after)]
        print(f"{world.name}: {len(every)} rings; {told[0]} -> {told[1]}")


def line(found: Detection) -> str:
    return f"precision {found.precision:.3f} recall {found.recall:.3f} Jaccard {found.jaccard:.3f}"


Calibrator = Callable[[Floats], Floats]


def calibrators(logit: Floats, organized: Bools) -> dict[str, Calibrator]:
    """Maps of a logit, each learned from held-out logits: none, affine, beta (Kull et al. 2017), isotonic."""
    slope, shift = affine_calibration(logit, organized)
    wanted = Coefficients(
        centre=np.array([[1.0, 1.0, 0.0]]),
        lower=np.array([[0.0, 0.0, -FREE]]),
        upper=np.array([[FREE, FREE, FREE]]),
        strength=np.array([[1.0, 1.0, 0.0]]),
    )
    beta = fit(_two_sided(logit), organized.astype(np.int64), wanted)[0]
    order = np.argsort(logit, kind="stable")
    share = np.clip(isotonic_regression(organized[order].astype(float)).x, 1 - CERTAIN, CERTAIN)
    steps = np.log(share / (1 - share))
    return {
        "none": lambda x: x,
        "affine": lambda x: slope * x + shift,
        "beta": lambda x: _two_sided(x) @ beta,
        "isotonic": lambda x: np.interp(x, logit[order], steps),
    }


def _two_sided(logit: Floats) -> Floats:
    """ln p, -ln(1 - p) and a column of ones."""
    return np.column_stack([-np.logaddexp(0, -logit), np.logaddexp(0, logit), np.ones(len(logit))])


def calibrated(learned: list[World], judged: list[World]) -> None:
    """Ring risk on the unseen worlds after each calibrator, and what admission says of each beside the affine map."""
    seen = together([world.examples() for world in learned])
    unseen = [(world.name, world.examples()) for world in judged]
    whole = together([examples for _, examples in unseen])
    print(f"{len(seen):,} rings learned from, {int(seen.organized.sum())} organized; {len(whole):,} judged")
    found = after_each(seen, whole)
    for kind, logit in found.items():
        told = quality(logit, whole.organized)
        low, high = np.quantile(gains(found["affine"], logit, whole.organized), [0.025, 0.975])
        print(
            f"{kind}: log loss {told.log_loss:.5f} PR-AUC {told.pr_auc:.3f} ECE {told.calibration_error:.4f}; "
            f"log loss saved beside affine, 95 % of bootstrap samples of rings: {low:.5f} to {high:.5f}"
        )
    parts = [("all", whole, found), *((name, each, after_each(seen, each)) for name, each in unseen)]
    for archetype in sorted(set(seen.archetype) - {""}):
        left = whole.take([name in ("", archetype) for name in whole.archetype])
        without = seen.take([name != archetype for name in seen.archetype])
        parts.append((f"without {archetype}", left, after_each(without, left)))
    for kind in ("beta", "isotonic"):
        compared = [compare(name, each, 1000 * by["affine"], 1000 * by[kind]) for name, each, by in parts]
        better = [each.what for each in compared if each.better]
        print(f"{kind}: admitted {admitted(compared)}; better in {len(better)} of {len(compared)}: {', '.join(better)}")


def after_each(seen: Examples, judged: Examples) -> dict[str, Floats]:
    """Calibrator → logits of the judged rings, model and calibrator learned from the seen ones."""
    shipped, shrinkage = shipped_reference(), Shrinkage()
    logit = logits_of(judged, with_risk(shipped, seen, shrinkage)) / 1000
    maps = calibrators(held_out_logits(shipped, seen, shrinkage) / 1000, seen.organized)
    return {kind: each(logit) for kind, each in maps.items()}


def gains(before: Floats, after: Floats, organized: Bools) -> Floats:
    """Log loss that ``after`` saves on each bootstrap sample of the rings."""
    dice, sign = np.random.default_rng(0), np.where(organized, -1, 1)
    saved = np.logaddexp(0, sign * before) - np.logaddexp(0, sign * after)
    return np.array([saved[dice.integers(0, len(saved), len(saved))].mean() for _ in range(RESAMPLES)])


def main() -> int:
    """Print how learned prices and calibrators do on the tuning seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="keep worlds and runs here, and use those that are there")
    parser.add_argument("--accounts", type=int, default=31_000, help="how large a world is")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        kept = given.keep or Path(scratch)
        learned, judged = ([World(*each, given.accounts, kept) for each in which] for which in (LEARNED, JUDGED))
        prices(learned, judged)
        calibrated(learned, judged)
    return 0


if __name__ == "__main__":
    sys.exit(main())
