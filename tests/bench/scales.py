"""Means, scales and the intercept of the shipped scorecard, from small worlds of tuning seeds: ``python -m tests.bench.scales``.

The coefficients are a scorecard's; this only says what they are relative to. The intercept is the one at which the
mean predicted risk of all rings found equals the share of them that were planted (more than half of the core).
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

from graphrisk import pipeline
from graphrisk.model import Bools, Floats
from graphrisk.policy import Policy
from graphrisk.runs.store import read_table
from graphrisk.scoring.reference import SIGNS, shipped_reference
from graphrisk.scoring.ring_risk import FURTHEST
from graphrisk.settings import Settings
from graphrisk.worlds.small import write_small_world

SEEDS = (101, 102, 103, 104, 105)
ACCOUNTS = 20_000


def rings_of(seed: int, accounts: int) -> list[tuple[dict[str, float], str | None]]:
    """Features of each ring found in one world, and the archetype planted there, if any."""
    with tempfile.TemporaryDirectory() as folder:
        facts, settings = Path(folder) / "facts", Settings(home=Path(folder) / "home")
        write_small_world(facts, accounts, seed)
        pipeline.load(settings, Policy(), [str(facts)])
        run = pipeline.detect(settings, Policy())["run_id"]
        rings: list[dict[str, Any]] = read_table(settings.runs, run, "rings").to_pylist()
        with (facts / "truth.csv").open() as handle:
            planted = {row["account_id"]: row["ring"] for row in csv.DictReader(handle)}
    found: list[tuple[dict[str, float], str | None]] = []
    for ring in rings:
        core = [planted[member["account_id"]] for member in ring["members"] if member["role"] == "core"]
        name, count = Counter(core).most_common(1)[0]
        features = {each["code"]: each["value"] for each in ring["features"]}
        found.append((features, name.rsplit("_", 1)[0] if name and 2 * count > len(core) else None))
    return found


def main(accounts: int = ACCOUNTS) -> None:
    """Print the reference's features and intercept, and how the planted rings score by archetype."""
    rings = [ring for seed in SEEDS for ring in rings_of(seed, accounts)]
    planted = np.array([archetype is not None for _, archetype in rings])
    parts = {name: _standardised(name, rings) for name in SIGNS}
    whole = np.sum([*parts.values()], axis=0)
    intercept = _intercept(whole, planted)
    sighted = np.sum([part for name, part in parts.items() if name.startswith("ip_")], axis=0)
    blind = _intercept(whole - sighted, planted)
    print(f"intercept = {round(1000 * intercept)}  # {len(rings)} rings, {int(planted.sum())} planted")
    print(f"ip_coresidence: unknown = {round(1000 * (blind - intercept))}  # as calibrated, when no address is seen")
    risk = 1 / (1 + np.exp(-(whole + intercept)))
    for archetype in sorted({str(archetype) for _, archetype in rings}):
        scores = risk[[str(each) == archetype for _, each in rings]]
        print(
            f"# {archetype:<14} {len(scores):>5} rings, risk quartiles {np.quantile(scores, [0.25, 0.5, 0.75]).round(3)}"
        )


def _standardised(name: str, rings: list[tuple[dict[str, float], str | None]]) -> Floats:
    """The logits of one feature under the shipped coefficient; prints its line of the reference."""
    values = np.array([features.get(name, np.nan) for features, _ in rings])
    mean, scale = float(np.nanmean(values)), max(0.05, float(np.nanstd(values)))
    coefficient = shipped_reference().features[name].coefficient
    print(f"{name:<14} = {{ coefficient = {coefficient:>5}, mean = {mean:.2f}, scale = {scale:.2f} }}")
    return coefficient * np.nan_to_num(np.clip((values - mean) / scale, -FURTHEST, FURTHEST), nan=0.0)


def _intercept(logits: Floats, planted: Bools) -> float:
    def excess(shift: float) -> float:
        return float((1 / (1 + np.exp(-(logits + shift)))).mean() - planted.mean())

    return float(brentq(excess, -20.0, 20.0))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ACCOUNTS)
