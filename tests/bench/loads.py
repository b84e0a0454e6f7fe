"""``python -m tests.bench.loads``: whether a load takes longer because many came before it.

Loads of one account and one device, one after the other in this process; the median of each hundred.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from graphrisk import pipeline
from graphrisk.policy import Policy
from graphrisk.settings import Settings

A_ROUND = 100


def main() -> None:
    """Print milliseconds a load, by how many came before."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.loads", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help=f"of {A_ROUND} loads each")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graphrisk-bench-") as folder:
        settings, facts = Settings(home=Path(folder) / "home"), Path(folder) / "facts"
        facts.mkdir()
        for begin in range(0, given.rounds * A_ROUND, A_ROUND):
            spent = [_loaded(settings, facts, begin + number) for number in range(A_ROUND)]
            print(f"{begin:,} to {begin + A_ROUND - 1:,} loads before it: {1000 * statistics.median(spent):,.0f} ms")


def _loaded(settings: Settings, facts: Path, number: int) -> float:
    row = f"account{number},device,device number {number},2026-05-04"
    (facts / "sightings.csv").write_text(f"account_id,kind,value,first_seen\n{row}\n")
    began = time.perf_counter()
    pipeline.load(settings, Policy(), [str(facts)])
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
