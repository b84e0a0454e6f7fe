"""A home and a server over it, for the benches of the API."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.bench.load import request
from tests.bench.processes import run


@contextmanager
def prepared(given: Path | None, accounts: int, seed: int) -> Generator[Path]:
    """The home that was given, or one of a marketplace, whose facts are in ``facts`` beside it."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="graphrisk-bench-") as folder:
        run("-m", "tests.bench.marketplace", Path(folder) / "facts", str(accounts), str(seed))
        run("-m", "graphrisk", "--home", Path(folder) / "home", "run", Path(folder) / "facts")
        yield Path(folder) / "home"


@contextmanager
def serving(home: Path, workers: int) -> Generator[tuple[int, psutil.Process, float]]:
    """The port, one worker process, and the seconds from start to ready."""
    command = ["-m", "graphrisk", "--home", str(home), "serve", "--quiet", "--port", "8650", "--workers", str(workers)]
    started = time.perf_counter()
    with process_of(command) as process:
        probe = request("/readyz", "")
        while not probe.is_answered(8650):
            time.sleep(0.02)
        ready = time.perf_counter() - started
        yield 8650, psutil.Process(process.pid).children()[0], ready


@contextmanager
def process_of(arguments: list[str]) -> Generator[subprocess.Popen[bytes]]:
    """A process of Python that is ended afterwards."""
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def percentile(values: list[float], share: int) -> float:
    """The value that ``share`` of a hundred lie below."""
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]
