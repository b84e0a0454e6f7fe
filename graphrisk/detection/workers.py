"""Worker processes for communities: plain subprocesses, so that any script may call detection without a main guard."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from graphrisk.detection.blocks import load_engine
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


@contextmanager
def started(count: int, engine: str) -> Generator[list[subprocess.Popen[bytes]]]:
    """So many worker processes, which load the engine while the caller prepares their tasks."""
    environment = {
        "OPENBLAS_NUM_THREADS": "1",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    command = [sys.executable, "-m", "graphrisk.detection.workers", engine]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603 - our own
        for _ in range(count)
    ]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                if pipe:
                    pipe.close()


def map_shared(
    solve: Callable[[Task], Result],
    tasks: Sequence[Task],
    costs: Sequence[int],
    workers: Sequence[subprocess.Popen[bytes]],
    advance: Callable[[int], None],
) -> list[Result]:
    """``[solve(task) for task in tasks]``, by this process and the workers; ``solve`` must pickle.

    Raises ``DetectionError`` when a worker dies.
    """
    mine, *theirs = shared_out(costs, len(workers) + 1)
    results: dict[int, Result] = {}
    with ThreadPoolExecutor(max(1, len(workers))) as pool:
        pending = [
            pool.submit(_asked, worker, solve, [tasks[place] for place in share])
            for worker, share in zip(workers, theirs, strict=True)
        ]
        try:
            for place in mine:
                results[place] = solve(tasks[place])
                advance(costs[place])
        except BaseException:
            for worker in workers:  # the pool waits for those that wait for them
                worker.kill()
            raise
        for share, future in zip(theirs, pending, strict=True):
            results.update(zip(share, future.result(), strict=True))
            advance(sum(costs[place] for place in share))
    return [results[place] for place in range(len(tasks))]


def _asked(worker: subprocess.Popen[bytes], solve: Callable[[Any], Any], tasks: list[Any]) -> list[Any]:
    output, _ = worker.communicate(pickle.dumps((solve, tasks)))
    if worker.returncode:
        raise DetectionError(
            f"A worker process ended with {worker.returncode}; detect again, with GRAPHRISK_PROCESSES=1 if it recurs."
        )
    return pickle.loads(output)  # noqa: S301 - our own process wrote it


def _serve(engine: str) -> None:
    load_engine(engine)
    solve, tasks = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own parent process wrote it
    sys.stdout.buffer.write(pickle.dumps([solve(task) for task in tasks]))


if __name__ == "__main__":
    _serve(sys.argv[1])
