"""Logging and progress: bars with counts and time left on a terminal, log lines elsewhere."""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LOG = logging.getLogger("graphrisk")
SECONDS_BETWEEN_LINES = 5.0
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def configure(verbose: bool = False) -> None:
    """Send log lines to standard error, one line each with a UTC time; standard output stays for answers."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    LOG.handlers[:] = [handler]
    LOG.propagate = False
    if verbose:
        LOG.setLevel(logging.DEBUG)
    else:
        LOG.setLevel(logging.WARNING if sys.stderr.isatty() else logging.INFO)


class Step:
    """One long piece of work being done: ``advance`` it as units are finished."""

    def __init__(self, name: str, total: int | None, bar: Progress | None) -> None:
        self._name, self._total, self._bar = name, total, bar
        self._done = 0
        self._started = self._last_line = time.monotonic()
        self._task = bar.add_task(name, total=total) if bar else None

    def advance(self, units: int) -> None:
        """Record that ``units`` more are done."""
        self._done += units
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done)
        elif not _quiet.get() and time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            of = f" of {self._total:,}" if self._total else ""
            LOG.info("%s: %s%s done", self._name, f"{self._done:,}", of)

    def finish(self) -> None:
        if self._bar is None:
            LOG.info("%s: done in %.1f s", self._name, time.monotonic() - self._started)


@contextmanager
def quietly() -> Generator[None]:
    """Around work whose steps are parts of one short answer: none of them is shown or logged."""
    before = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(before)


@contextmanager
def step(name: str, total: int | None = None) -> Generator[Step]:
    """Show ``name`` while the block runs; ``total`` (when known) gives a bar and the time left."""
    if _quiet.get():
        yield Step(name, total, None)
        return
    if not sys.stderr.isatty():
        current = Step(name, total, None)
        yield current
        current.finish()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        yield Step(name, total, bar)


@dataclass
class StageClock:
    """Seconds of each stage, and the peak memory (MiB) of the process when it ended."""

    seconds: dict[str, float] = field(default_factory=dict)
    peak_mib: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)
        self.peak_mib[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        LOG.info("%s: %.1f s, peak %d MiB", name, self.seconds[name], self.peak_mib[name])
