"""Worker processes for communities: plain subprocesses, so that any script may call detection without a main guard."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from graphrisk.errors import DetectionError

Task = TypeVar("Task")
Result = TypeVar("Result")


def shared_out(costs: Sequence[int], processes: int) -> list[list[int]]:
    """Positions of tasks for each process, the costliest first, each to the process that has least to do."""
    shares: list[list[int]] = [[] for _ in range(processes)]
    burden = [0] * processes
    for place in sorted(range(len(costs)), key=lambda place: (-costs[place], place)):
        idlest = burden.index(min(burden))
        shares[idlest].append(place)
        burden[idlest] += costs[place]
    return shares


def map_in_processes(
    solve: Callable[[Task], Result],
    tasks: Sequence[Task],
    costs: Sequence[int],
    processes: int,
    advance: Callable[[int], None],
) -> list[Result]:
    """``[solve(task) for task in tasks]``, by this process and ``processes - 1`` others; ``solve`` must pickle.

    Raises ``DetectionError`` when a worker dies.
    """
    mine, *theirs = shared_out(costs, processes)
    results: dict[int, Result] = {}
    workers = [_start() for _ in theirs]
    try:
        with ThreadPoolExecutor(max(1, len(workers))) as pool:
            pending = [
                pool.submit(_asked, worker, solve, [tasks[place] for place in share])
                for worker, share in zip(workers, theirs, strict=True)
            ]
            for place in mine:
                results[place] = solve(tasks[place])
                advance(costs[place])
            for share, future in zip(theirs, pending, strict=True):
                results.update(zip(share, future.result(), strict=True))
                advance(sum(costs[place] for place in share))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return [results[place] for place in range(len(tasks))]


def _start() -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "graphrisk.detection.workers"]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )


def _asked(worker: subprocess.Popen[bytes], solve: Callable[[Any], Any], tasks: list[Any]) -> list[Any]:
    output, _ = worker.communicate(pickle.dumps((solve, tasks)))
    if worker.returncode:
        raise DetectionError(
            f"A worker process ended with {worker.returncode}; detect again, with GRAPHRISK_PROCESSES=1 if it recurs."
        )
    return pickle.loads(output)  # noqa: S301 - our own process wrote it


def _serve() -> None:
    solve, tasks = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own parent process wrote it
    sys.stdout.buffer.write(pickle.dumps([solve(task) for task in tasks]))


if __name__ == "__main__":
    _serve()
