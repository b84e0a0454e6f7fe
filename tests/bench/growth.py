"""``python -m tests.bench.growth``: how load and detection grow with the marketplace, by stage, and the exponent of the growth.

Each size is generated, loaded and detected by processes of their own. The exponent between two sizes is log(ratio of the
seconds) / log(ratio of the sightings): 1 is growth in step.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.bench.processes import Cost, run

REST = "start and rest"


@dataclass(frozen=True)
class Size:
    """What one size took."""

    accounts: int
    sightings: int
    load: Cost
    detect: Cost
    stages: dict[str, float]
    peaks: dict[str, int]


def main() -> None:
    """Measure the sizes that are asked for, smallest first, and print the table after each."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--accounts", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="work in DIR, on a disk that has room (default: a folder of the system's)",
    )
    given = parser.parse_args()
    print(
        f"seed {given.seed}; {os.cpu_count()} cores, load of the machine at the start {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    measured: list[Size] = []
    for accounts in sorted(given.accounts):
        with tempfile.TemporaryDirectory(prefix="graphrisk-bench-", dir=given.work) as folder:
            measured.append(_measured(Path(folder), accounts, given.seed))
        _print(measured)


def _measured(folder: Path, accounts: int, seed: int) -> Size:
    facts, home = folder / "facts", folder / "home"
    made: dict[str, Any] = json.loads(run("-m", "tests.bench.marketplace", facts, str(accounts), str(seed)).output)
    load = run("-m", "graphrisk", "--home", home, "load", facts)
    shutil.rmtree(facts)
    detect = run("-m", "graphrisk", "--home", home, "detect", "--json")
    report: dict[str, Any] = json.loads(detect.output)
    stages = {**report["seconds"], REST: detect.seconds - sum(report["seconds"].values())}
    return Size(accounts, made["sightings"], load, detect, stages, report["peak_mib"])


def _print(sizes: list[Size]) -> None:
    print("\n" + f"{'accounts':<18}" + "".join(f"{each.accounts:>22,}" for each in sizes))
    print(f"{'sightings':<18}" + "".join(f"{each.sightings:>22,}" for each in sizes))
    for name in ("load", "detect"):
        _row(name, sizes, [(getattr(each, name).seconds, getattr(each, name).peak_mib) for each in sizes])
    for stage in sizes[-1].stages:
        _row(f"  {stage}", sizes, [(each.stages.get(stage, 0.0), each.peaks.get(stage, 0)) for each in sizes])


def _row(name: str, sizes: list[Size], measured: list[tuple[float, float]]) -> None:
    """Seconds and peak memory (MiB, so far) of each size, and the exponents of the seconds between them."""
    cells = "".join(f"{f'{seconds:,.1f} s {peak:,.0f} MiB':>22}" for seconds, peak in measured)
    steps = [
        math.log(after[0] / before[0]) / math.log(larger.sightings / smaller.sightings)
        for (before, after), (smaller, larger) in zip(pairwise(measured), pairwise(sizes), strict=True)
        if min(before[0], after[0]) > 0
    ]
    print(
        f"{name:<18}{cells}" + ("   exponent " + ", ".join(f"{step:.2f}" for step in steps) if steps else ""),
        flush=True,
    )


if __name__ == "__main__":
    main()
