"""All tests but the long ones and most of Spark's, in two halves at once: ``python -m tests``.

The first half shows how far it is; what the second says is kept until both have ended, so that neither is torn. No two
tests that start Neo4j run at once, and each half is what ``python -m pytest`` runs for the folders.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
FIRST = ("tests/contracts", "tests/e2e", "tests/properties")
"""Folders; whatever is in no folder of these is in the second half."""


def start(*words: str, said: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow and not spark", *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT if said else None)


def code_of(process: subprocess.Popen[bytes]) -> int:
    """Wait for it to end; Ctrl-C is told to it as well, and it has servers to stop then."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def main() -> int:
    """Run both; 1 if either failed."""
    with tempfile.TemporaryFile() as said:
        second = start("tests", *(f"--ignore={folder}" for folder in FIRST), said=said)
        first = start(*FIRST)
        codes = [code_of(first), code_of(second)]
        said.seek(0)
        sys.stdout.buffer.write(said.read())
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
