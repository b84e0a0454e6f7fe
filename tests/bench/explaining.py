"""``python -m tests.bench.explaining HOME``: what it costs to say why and what if, on the live run of a home.

Members by the size of their ring, and accounts in no ring, are explained one after the other; newcomers that hold values of
five random accounts each are assessed, alone and a hundred at once. Wall-clock seconds of this process, nothing beside it.
``--linked SIZE`` explains in a home of its own instead: ten groups of so many accounts that are all linked.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from graphrisk import pipeline
from graphrisk.pipeline.assessing import what_if
from graphrisk.pipeline.assessment.assessor import Newcomer
from graphrisk.pipeline.assessment.holdings import Seen
from graphrisk.pipeline.assessment.scoring import assessed_ring, assessed_score
from graphrisk.pipeline.explaining import explainer
from graphrisk.policy import Policy
from graphrisk.settings import Settings

SIZES = ((3, 20), (20, 100), (100, 400), (400, 1_000_000))
AT_ONCE = 100
GROUPS = 10
FIRST_DAY = datetime(2026, 5, 4, tzinfo=UTC)


def main() -> None:
    """Print median, 95th and 99th percentile of each."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.explaining", description=__doc__)
    parser.add_argument("home", type=Path, nargs="?", help="a home with a published run")
    parser.add_argument(
        "--linked", type=int, metavar="SIZE", help="groups of so many linked accounts instead of a home"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=200, help="of each kind at most")
    given = parser.parse_args()
    dice = random.Random(given.seed)
    if given.linked:
        with tempfile.TemporaryDirectory(prefix="graphrisk-bench-") as folder:
            settings = Settings(home=Path(folder) / "home")
            _load_groups(settings, Path(folder) / "facts", given.linked, dice)
            _explained(settings, dice, given.cases)
        return
    if given.home is None:
        parser.error("give a home, or --linked")
    settings = Settings(home=given.home)
    _explained(settings, dice, given.cases)
    _assessed(settings, dice, given.cases)


def _load_groups(settings: Settings, folder: Path, size: int, dice: random.Random) -> None:
    """Accounts that use two devices each of a pool, and a card of another: every group is one component."""
    sightings: list[dict[str, str]] = []
    for account in range(GROUPS * size):
        group, opened = account // size, FIRST_DAY + timedelta(hours=dice.randrange(24 * 14))
        held = [("device", dice.randrange(size // 4)) for _ in range(2)] + [("card", dice.randrange(size // 5))]
        sightings += [
            {
                "account_id": f"account{account:06d}",
                "kind": kind,
                "value": f"{kind} {number} of {group}",
                "seen_at": (opened + timedelta(hours=dice.randrange(48))).isoformat(),
            }
            for kind, number in held
        ]
    folder.mkdir()
    with (folder / "sightings.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(sightings[0]))
        writer.writeheader()
        writer.writerows(sightings)
    policy = Policy()
    pipeline.load(settings, policy, [str(folder)])
    pipeline.publish(settings, policy, pipeline.detect(settings, policy)["run_id"], "a bench")


def _explained(settings: Settings, dice: random.Random, cases: int) -> None:
    asked = explainer(settings)
    snapshot = asked.snapshot
    ring_of = np.asarray(snapshot.ring_of)
    sizes = np.bincount(ring_of[ring_of >= 0], minlength=snapshot.rings.num_rows)
    of_account = np.where(ring_of >= 0, sizes[ring_of], 0)
    print(f"{len(ring_of):,} accounts, {len(sizes):,} rings, the largest of {sizes.max():,} accounts")
    for low, high in SIZES:
        rows = np.flatnonzero((of_account >= low) & (of_account < high)).tolist()
        name = f"members of rings of {low} to {min(high - 1, int(sizes.max())):,}"
        _print(name, _timed([snapshot.account_id(row) for row in _some(rows, dice, cases)], asked.account))
    free = np.flatnonzero(of_account == 0).tolist()
    _print("accounts in no ring", _timed([snapshot.account_id(row) for row in _some(free, dice, cases)], asked.account))


def _assessed(settings: Settings, dice: random.Random, cases: int) -> None:
    asked = what_if(settings)
    assessor, facts = asked.assessor, asked.assessor.facts
    names = list(assessor.policy.priced())
    held = [row for row in range(len(facts.kind)) if facts.source[row] < 0][:: max(1, len(facts.kind) // 200_000)]

    def newcomer(number: int) -> Newcomer:
        seen: list[Seen] = []
        for row in dice.sample(held, 5):
            first, last = (int(each[0]) for each in facts.stays(row))
            value = facts.value(row)
            seen.append(Seen(names[facts.kind[row]], value, facts.network_of(value), first, last))
        return Newcomer(f"newcomer {number}", min(each.first for each in seen), seen)

    def assess(newcomers: Sequence[Newcomer]) -> None:
        for each in newcomers:
            found = assessor.assess(each)
            assessed_score(assessor, found, assessed_ring(assessor, found))

    everyone = [newcomer(number) for number in range(cases)]
    _print("what if, links and component alone", _timed(everyone, assessor.assess))
    _print("what if, with ring and score", _timed([[each] for each in everyone], assess))
    lots = [everyone[at : at + AT_ONCE] for at in range(0, len(everyone), AT_ONCE)]
    _print(f"what if, {AT_ONCE} at once", _timed(lots, assess))
    rows = [
        {"account_id": "a", "kind": "email", "value": f"someone{n}@mail.example", "seen_at": "2026-05-01T00:00:00Z"}
        for n in range(5)
    ]
    _print("normalising five values", _timed([rows] * 50, asked.judge))


def _some(rows: list[int], dice: random.Random, cases: int) -> list[int]:
    return dice.sample(rows, min(cases, len(rows)))


def _timed(cases: Sequence[Any], work: Callable[[Any], object]) -> list[float]:
    spent: list[float] = []
    for case in cases:
        began = time.perf_counter()
        work(case)
        spent.append(time.perf_counter() - began)
    return sorted(spent)


def _print(name: str, spent: list[float]) -> None:
    if not spent:
        print(f"  {name:<40} none")
        return
    told = ", ".join(
        f"p{share} {1000 * spent[min(len(spent) - 1, len(spent) * share // 100)]:,.1f} ms" for share in (50, 95, 99)
    )
    print(f"  {name:<40} {told} ({len(spent)} cases)", flush=True)


if __name__ == "__main__":
    main()
