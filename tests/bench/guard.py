"""``python -m tests.bench.guard``: how many faults the guard stops, and how many clean weeks it stops as well.

Each fault spoils the last week of one world. Clean weeks are those of other worlds, published one after the other with
limits learned on the way; a week that is stopped is published by force, so that the next is judged as in real life.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from graphrisk import pipeline
from graphrisk.errors import PublicationRefusedError
from graphrisk.policy import Policy
from graphrisk.worlds import write_world
from tests.faults import FAULTS, UNSEEN
from tests.support_detection import load, settings
from tests.support_weeks import DAYS, days_of, lived_weeks, said_of_fault

WEEKS = 12
PRESETS = ("medium", "medium", "hard", "medium", "easy", "medium", "extreme", "medium", "hard")


def try_faults(folder: Path, accounts: int, seed: int, only: list[str]) -> None:
    """Print what stops each fault, and how many are stopped."""
    weeks = lived_weeks(folder / "weeks", accounts, seed, 8)
    stopped = named = tried = 0
    for name, fault in FAULTS.items():
        if only and name not in only:
            continue
        said = said_of_fault(weeks, fault, folder / "try")
        tried, stopped = tried + 1, stopped + (said is not None)
        named += said is not None and all(word in said for word in fault.words)
        print(f"{name}: {' '.join(said.split()) if said else 'NOT STOPPED'}", flush=True)
    print(f"faults stopped: {stopped} of {tried}; cause named: {named}", flush=True)
    for name, fault in UNSEEN.items():
        if not only:
            said = said_of_fault(weeks, fault, folder / "try")
            print(f"looks like a quiet week: {name}: {said or 'not stopped'}", flush=True)


def clean(folder: Path, accounts: int, seed: int, preset: str, days: int) -> Iterator[list[str]]:
    """The guard's objections to each part of a world that only lives; a part is so many days."""
    write_world(folder / "world", preset, accounts, seed, days=WEEKS * DAYS + 1, format="csv", processes=1)
    at, lived = settings(folder / "home"), days_of(folder / "world")
    load(at, folder / "world" / "history")
    pipeline.publish(at, Policy(), pipeline.detect(at, Policy())["run_id"], "the first")
    for start in range(0, len(lived), days):
        load(at, *lived[start : start + days])
        run = pipeline.detect(at, Policy())["run_id"]
        try:
            pipeline.publish(at, Policy(), run)
            yield []
        except PublicationRefusedError as refused:
            pipeline.publish(at, Policy(), run, "nothing is wrong with it")
            yield refused.reasons
    shutil.rmtree(folder)


def try_clean(folder: Path, accounts: int, seeds: list[int], days: int) -> None:
    """Print each false stop, and how many there are in how many publications and weeks."""
    parts = stops = weeks = bad_weeks = 0
    for place, seed in enumerate(seeds):
        preset, bad = PRESETS[place % len(PRESETS)], set[int]()
        for number, reasons in enumerate(clean(folder / str(seed), accounts, seed, preset, days)):
            parts, stops = parts + 1, stops + bool(reasons)
            if reasons:
                bad.add(number * days // DAYS)
            for reason in reasons:
                print(f"{preset} {seed}, publication {number + 1}: {reason}", flush=True)
        weeks, bad_weeks = weeks + WEEKS, bad_weeks + len(bad)
        print(
            f"{preset} {seed}: false stops so far: {stops} of {parts} publications, {bad_weeks} of {weeks} weeks",
            flush=True,
        )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=4_000)
    parser.add_argument("--faults", nargs="*", help="only the faults, or only those named")
    parser.add_argument("--clean", type=int, nargs="*", help="only the clean weeks, or only of these seeds")
    parser.add_argument("--days", type=int, default=DAYS, choices=(1, DAYS), help="days that are published at once")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graphrisk-guard-") as name:
        if given.faults is not None or given.clean is None:
            try_faults(Path(name), given.accounts, 11, given.faults or [])
        if given.clean is not None or given.faults is None:
            try_clean(Path(name), given.accounts, given.clean or list(range(21, 30)), given.days)


if __name__ == "__main__":
    main()
