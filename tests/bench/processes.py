"""Runs one command as a process of its own and says what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cost:
    """Wall and processor seconds of a process with its children, and the largest memory of any one of them."""

    seconds: float
    cpu: float
    peak_mib: float
    output: str


class CommandError(Exception):
    """A command ended with a non-zero exit code; the text carries what it wrote to standard error."""


def run(*arguments: str | Path) -> Cost:
    """Run ``python arguments…`` to its end. Raises ``CommandError``."""
    command = [sys.executable, *map(str, arguments)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, cwd=ROOT, env=_environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        # Popen must be told, or it would wait for a process that is gone.
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            words = " ".join(map(str, arguments))
            raise CommandError(
                f"`python {words}` ended with {process.returncode}:\n{err.read().decode(errors='replace').strip()}"
            )
        return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read().decode())


def _environment() -> dict[str, str]:
    # A graph or a home that happens to be configured must be neither timed nor filled.
    return {
        name: text for name, text in os.environ.items() if not name.startswith(("GRAPHRISK_NEO4J", "GRAPHRISK_HOME"))
    }
