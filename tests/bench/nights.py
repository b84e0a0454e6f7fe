"""``python -m tests.bench.nights``: a world that lives night by night by `graphrisk run`, with kill -9 in many of them.

The history is run first, then one day a night, each as a process of its own. With ``--kills``, a share of the nights is
killed up to three times, at drawn moments of each stage, and the same command is run again until it ends by itself. It
then has published or was refused; a refused night is published by force, as an operator does who has read the reasons
and knows the source to be sound, so that the next night is judged by what became usual.

In the end: replay computes the live run again; a home of its own to which the same folders were loaded without kills
has the same loads and, found in one go, the same accounts, rings and links (ring ids apart, which come from the runs
before); and nothing is left behind. The exit code is 1 if anything of that is otherwise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from graphrisk import pipeline
from graphrisk.errors import GraphriskError
from graphrisk.runs.store import current_run, publications
from graphrisk.settings import Settings
from graphrisk.worlds import write_world
from tests.support_homes import differences, left_behind, undisturbed
from tests.support_nights import Night, NightError, Nights, alive, places

KEEP = 21
"""Runs that each night keeps: the guard learns from twenty, and the last nights of thirty have some to remove."""


def main() -> int:
    """Live through the nights that the arguments ask for; the exit code."""
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="graphrisk-nights-") as name:
        return 1 if lived(Path(name), given.accounts, given.nights, given.seed, given.kills) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.nights", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", action="store_true", help="kill the processes of a share of the nights")
    return parser


def lived(folder: Path, accounts: int, count: int, seed: int, kills: bool) -> list[str]:
    """Print the nights of a world, and what is wrong in the end; the latter is returned."""
    # The last days of a world are no nights of it: all that still goes on in it ends there.
    write_world(folder / "world", accounts=accounts, seed=seed, days=count + 1)
    folders = [folder / "world" / "history", *sorted((folder / "world").glob("day-*"))[:count]]
    print(f"{accounts:,} accounts, {count} nights, seed {seed}, kills: {'yes' if kills else 'no'}", flush=True)
    nights, told = Nights(folder / "home", seed, kills, KEEP), list[Night]()
    wrong: list[str] = []
    for each in folders:
        try:
            told.append(nights.live(each))
        except NightError as error:
            wrong.append(str(error))
            break
        print(told[-1].line(), flush=True)
    began = time.perf_counter()
    if not wrong:
        wrong = judged(nights, folder / "undisturbed", folders)
    for each in wrong:
        print(f"WRONG: {each}")
    print(_summary(told, folder / "home", len(wrong), time.perf_counter() - began), flush=True)
    return wrong


def judged(nights: Nights, other: Path, folders: list[Path]) -> list[str]:
    """What is wrong with a home in the end."""
    home = nights.home
    wrong = [f"left behind: {each}" for each in left_behind(home)]
    wrong += [f"process {each} still runs" for each in alive(nights.pids)]
    try:
        pipeline.replay(Settings(home=home), current_run(home) or "")
    except GraphriskError as error:
        wrong.append(f"replay: {error}")
    return wrong + differences(home, other, undisturbed(other, home / "token.key", folders))


def _summary(told: list[Night], home: Path, wrong: int, seconds: float) -> str:
    hit = ", ".join(f"{count} {place}" for place, count in sorted(places(told).items()))
    refused = sum(bool(night.reasons) for night in told)
    return (
        f"{len(told)} nights in {sum(night.seconds for night in told):.0f} s, {refused} of them refused; "
        f"{sum(places(told).values())} kills{f' ({hit})' if hit else ''}; {len(publications(home))} publications; "
        f"compared in {seconds:.0f} s; {wrong or 'nothing'} wrong"
    )


if __name__ == "__main__":
    sys.exit(main())
