"""Who wrote a world: the product's own generator, or one of those that were made from the description alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

OWN = "own"
PROGRAMS = {
    OWN: ("graphrisk", "world"),
    "other": ("tests.bench.otherworld",),
    "third": ("tests.bench.thirdworld",),
}
"""Each hand's program. Only the product's own knows mixes, and presets besides easy, medium and hard."""


def write_by(
    hand: str, facts: Path, preset: str, accounts: int, seed: int, mix: Mapping[str, float] | None = None
) -> None:
    """Write a world's facts and truth into a new folder."""
    mixed = [word for name, weight in (mix or {}).items() for word in ("--mix", f"{name}={weight:g}")]
    given = ("--preset", preset, "--accounts", str(accounts), "--seed", str(seed), *mixed)
    # In a process of its own, as people write one: its memory does not stay with what is measured afterwards.
    subprocess.run([sys.executable, "-m", *PROGRAMS[hand], str(facts), *given], check=True, stdout=sys.stderr)
