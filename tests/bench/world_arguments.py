"""What both generators that are not the product's are asked with, and what they say when that is not possible."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

FEWEST_ACCOUNTS, MOST_ACCOUNTS = 1_000, 200_000
"""One ring may have 150 accounts; beyond the most, a carrier's block would run out of addresses."""


def write_as_asked(
    arguments: Sequence[str] | None,
    program: str,
    says: str,
    presets: Sequence[str],
    write: Callable[[str, int, int, Path], Mapping[str, int]],
) -> int:
    """Write the world that the arguments ask for, and print what is in it; the exit code, 2 when it is not possible.

    ``write`` is given preset, accounts, seed and folder, and tells how many rows of each table it wrote.
    """
    parser = argparse.ArgumentParser(prog=program, description=says)
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write, new or empty")
    parser.add_argument("--preset", choices=presets, default="medium", help="how hard it is to see rings (medium)")
    parser.add_argument("--accounts", type=int, default=31_000, metavar="N", help="how many accounts (31000)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="what every draw comes from (1)")
    given = parser.parse_args(arguments)
    if wrong := _wrong(given.out, given.accounts, given.seed):
        print(wrong, file=sys.stderr)
        return 2
    counts = write(given.preset, given.accounts, given.seed, given.out)
    print(", ".join(f"{count:,} {name}" for name, count in counts.items()))
    return 0


def _wrong(out: Path, accounts: int, seed: int) -> str | None:
    """What is not possible about the arguments, in a sentence."""
    if not FEWEST_ACCOUNTS <= accounts <= MOST_ACCOUNTS:
        return f"A world of {accounts:,} accounts is not possible; ask for {FEWEST_ACCOUNTS:,} to {MOST_ACCOUNTS:,}."
    if seed < 0:
        return f"The seed is {seed}; give 0 or a greater whole number."
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        return f"{out} is there already and is not an empty folder; name a new one, or remove it."
    return None
