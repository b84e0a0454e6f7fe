"""Tests in two halves at once: ``python -m tests`` runs all but the long ones and most of Spark's, ``python -m tests spark`` the latter.

The first half shows how far it is; what the second says is kept until both have ended, so that neither is torn. No two
tests that start Neo4j run at once, and each half is what ``python -m pytest`` runs for the places.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
SUITES = {
    "most": ("not slow and not spark", "tests", ("tests/contracts", "tests/e2e", "tests/properties")),
    "spark": ("spark", "tests/spark", ("tests/spark/test_spark_components.py", "tests/spark/test_spark_runs.py")),
}
"""What is selected, where, and the places of the first half; whatever is in none of these is in the second."""


def start(selected: str, *words: str, said: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-q", "-m", selected, *words]
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
    selected, everywhere, places = SUITES[sys.argv[1] if len(sys.argv) > 1 else "most"]
    with tempfile.TemporaryFile() as said:
        second = start(selected, everywhere, *(f"--ignore={place}" for place in places), said=said)
        first = start(selected, *places)
        codes = [code_of(first), code_of(second)]
        said.seek(0)
        sys.stdout.buffer.write(said.read())
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
