"""``python -m tests.bench.increment``: what a night costs when a hundredth of the facts is new, beside a whole run.

A marketplace whose latest sightings (by when they began) are loaded as a second load. Each way is a process of its own, in turn:
``graphrisk detect`` on the live run, and ``graphrisk detect --anew`` of the same facts; the digests are compared. Wall-clock
and processor seconds with the start of Python, and the peak of memory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import duckdb

from tests.bench.marketplace import write_marketplace
from tests.bench.processes import Cost, run


def split(folder: Path, share: float) -> dict[str, int]:
    """Part the facts of a folder into ``base`` and ``day`` below it; sightings of each."""
    with duckdb.connect() as db:
        files = {name: folder / f"{name}.parquet" for name in ("accounts", "sightings")}
        rows = db.execute(f"SELECT quantile_disc(first_seen, {1 - share}) FROM '{files['sightings']}'").fetchall()
        counts: dict[str, int] = {}
        for part, when in (("base", "<"), ("day", ">=")):
            (folder / part).mkdir()
            told = f"SELECT * FROM '{files['sightings']}' WHERE first_seen {when} '{rows[0][0]}'"
            db.execute(f"COPY ({told}) TO '{folder / part / 'sightings.parquet'}'")
            counts[part] = db.execute(f"SELECT count(*) FROM ({told})").fetchall()[0][0]
        seen = f"'{folder / 'base' / 'sightings.parquet'}'"
        for part, join in (("base", "SEMI"), ("day", "ANTI")):
            told = f"SELECT * FROM '{files['accounts']}' {join} JOIN {seen} USING (account_id)"
            db.execute(f"COPY ({told}) TO '{folder / part / 'accounts.parquet'}'")
    return counts


def detected(home: Path, *options: str) -> tuple[Cost, dict[str, object]]:
    """What a detection costs, and its manifest; the run is removed again."""
    cost = run("-m", "graphrisk", "--home", home, "detect", "--json", *options)
    manifest = json.loads(cost.output)
    shutil.rmtree(home / "runs" / str(manifest["run_id"]))
    return cost, manifest


def main() -> None:
    """Print both ways, and the ratio of each round."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.increment", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--share", type=float, default=0.01, help="of the sightings that are new")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graphrisk-bench-") as folder:
        facts, home = Path(folder) / "facts", Path(folder) / "home"
        write_marketplace(facts, given.accounts, given.seed)
        counts = split(facts, given.share)
        for words in (("load", facts / "base"), ("detect",), ("publish",), ("load", facts / "day")):
            run("-m", "graphrisk", "--home", home, *words)
        print(f"{given.accounts:,} accounts, {counts['base']:,} sightings, then {counts['day']:,} (seed {given.seed})")
        first, manifest = detected(home)
        print(f"first, which merges the load: {first.seconds:.1f} s")
        ratios: list[float] = []
        for _ in range(given.rounds):
            (part, told), (whole, again) = detected(home), detected(home, "--anew")
            if told["output_digest"] != again["output_digest"] or "increment" not in told or "increment" in again:
                sys.exit("The increment is not the run that all facts give, or was none.")
            ratios.append(part.seconds / whole.seconds)
            for name, cost, run_ in (("increment", part, told), ("anew", whole, again)):
                print(f"{name:10s} {cost.seconds:5.1f} s, {cost.cpu:5.1f} of processor, {cost.peak_mib:5.0f} MiB; {run_['seconds']}")  # fmt: skip
            print(f"increment / anew: {ratios[-1]:.3f}")
        print(f"median {statistics.median(ratios):.3f}; {manifest['increment']}")


if __name__ == "__main__":
    main()
