"""The command that other teams' programs follow: signals, as newline-delimited JSON on standard output."""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated

import typer

from graphrisk import pipeline
from graphrisk.cli.application import Home, settings_of
from graphrisk.runs.feed import read_signals

LINES_AT_A_TIME = 1_000
SECONDS_BETWEEN_LOOKS = 1.0

After = Annotated[
    str | None, typer.Option("--after", metavar="CURSOR", help="Only signals behind this one; else from the first.")
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many.")]
Follow = Annotated[bool, typer.Option("--follow", help="Wait for more, until stopped.")]


def register(app: typer.Typer) -> None:
    """Add the command ``signals`` to the application."""
    app.command()(signals)


def signals(after: After = None, limit: Limit = None, follow: Follow = False, home: Home = None) -> None:
    """Print what changed with each publication, one JSON object a line, oldest first."""
    settings, left, told = settings_of(home), limit, None
    while True:
        lag = pipeline.catch_up(settings)
        if lag and lag != told:
            print(f"graphrisk: {lag}", file=sys.stderr)
        told = lag
        while left is None or left > 0:
            most = LINES_AT_A_TIME if left is None else min(left, LINES_AT_A_TIME)
            lines, after = read_signals(settings.home, after, most)
            if not lines:
                break
            _print(lines)
            left = None if left is None else left - len(lines)
        if not follow or left == 0:
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _print(lines: list[bytes]) -> None:
    try:
        sys.stdout.buffer.writelines(lines)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the reader has what it wanted; nothing is left to say at the end either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None
