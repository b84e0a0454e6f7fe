"""``python -m tests.bench.api``: what the API takes at 1,000,000 accounts, beside a bare route that sends the same bytes.

Server and load generator share the machine. The bare route is a Starlette application on the same kind of server with
the same number of workers; both are asked in turn, over the same number of connections.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.bench.load import Ask, closed_loop, open_loop, request
from tests.bench.processes import run
from tests.bench.served import percentile, prepared, process_of, serving

ACCOUNTS_A_BATCH = 1000
MANY = 1_000_000
SCOPES = [part for scope in ("scores:read", "rings:read", "ops:read") for part in ("--scope", scope)]


def main() -> None:
    """Run the passes and print what each took."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.api", description=__doc__)
    parser.add_argument("--accounts", type=int, default=MANY)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="a home with a published run, instead of making one")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5, help="how long each pass takes")
    parser.add_argument("--repeat", type=int, default=5, help="pairs of passes of the bare route and the product")
    parser.add_argument("--soak", type=float, metavar="SECONDS", help="ask at 70 %% of saturation and watch the worker")
    given = parser.parse_args()
    with prepared(given.home, given.accounts, given.seed) as home:
        ids = _ids(home)
        print(
            f"{len(ids):,} accounts, {given.workers} workers, {os.cpu_count()} cores; medians of {given.repeat} pairs\n"
        )
        _measure(home, ids, given)


def _measure(home: Path, ids: list[str], given: Any) -> None:
    key = json.loads(
        run("-m", "graphrisk", "--home", home, "keys", "create", "bench", *SCOPES, "--rate", "1000000", "--json").output
    )["key"]
    chosen = random.Random(given.seed).sample(ids, min(20_000, len(ids)))
    asks = [request(f"/v1/accounts/{each}", key) for each in chosen]
    with serving(home, given.workers) as (port, worker, ready):
        print(f"start to ready                {ready:.2f} s")
        body = asks[0].answer(port)
        with _bare(body, given.workers) as bare_port:
            rates = [
                (closed_loop(bare_port, asks, given.seconds), closed_loop(port, asks, given.seconds))
                for _ in range(given.repeat)
            ]
        bare, product = (statistics.median(each) for each in zip(*rates, strict=True))
        ratio = statistics.median(ours / theirs for theirs, ours in rates)
        print(f"one account                   {product:,.0f} a second; bare route {bare:,.0f}; ratio {ratio:.2f}")
        delays = open_loop(port, asks, product / 2, given.seconds * 2)
        print(f"at half of saturation         p50 {percentile(delays, 50):.2f} ms, p99 {percentile(delays, 99):.2f} ms")
        _batches(port, worker, key, chosen, given.seconds)
        print(
            f"memory over the interpreter   {_over_interpreter(worker):.0f} MB a worker (private {_private(worker):.0f} MB)"
        )
        if given.soak:
            _soak(port, worker, asks, 0.7 * product, given.soak)


def _batches(port: int, worker: psutil.Process, key: str, ids: list[str], seconds: float) -> None:
    lots = [
        ids[start : start + ACCOUNTS_A_BATCH] for start in range(0, len(ids) - ACCOUNTS_A_BATCH + 1, ACCOUNTS_A_BATCH)
    ]
    asks = [request("/v1/accounts:lookup", key, json.dumps({"ids": each}).encode()) for each in lots]
    before = sum(worker.cpu_times()[:2])
    rate = closed_loop(port, asks, seconds, connections=2) * ACCOUNTS_A_BATCH
    spent = sum(worker.cpu_times()[:2]) - before
    print(
        f"batches of {ACCOUNTS_A_BATCH:,}              {rate:,.0f} accounts a second; {rate * seconds / spent:,.0f} for each second of a core"
    )


def _soak(port: int, worker: psutil.Process, asks: list[Ask], rate: float, seconds: float) -> None:
    begin = _held(worker)
    delays = open_loop(port, asks, rate, seconds)
    end = _held(worker)
    print(
        f"soak of {seconds:.0f} s at {rate:,.0f} a second: p99 {percentile(delays, 99):.2f} ms, memory "
        f"{begin[0] / 1e6:.0f} → {end[0] / 1e6:.0f} MB, descriptors {begin[1]} → {end[1]}"
    )


def _held(worker: psutil.Process) -> tuple[int, int]:
    """Bytes and descriptors, once the worker has seen that the connections before ended."""
    time.sleep(2)
    return worker.memory_info().rss, worker.num_fds()


def _ids(home: Path) -> list[str]:
    script = (
        "import sys; from pathlib import Path; from graphrisk.runs.store import current_run, read_table; h = Path(sys.argv[1]);"
        "print('\\n'.join(read_table(h / 'runs', current_run(h), 'accounts')['account_id'].to_pylist()))"
    )
    return run("-c", script, home).output.split("\n")[:-1]


@contextmanager
def _bare(body: bytes, workers: int) -> Generator[int]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        with process_of(["-m", "tests.bench.bare_api", file.name, "8651", str(workers)]):
            while not request("/v1/accounts/a", "").is_answered(8651):
                time.sleep(0.02)
            yield 8651


def _over_interpreter(worker: psutil.Process) -> float:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as idle:
        time.sleep(0.5)
        bare = psutil.Process(idle.pid).memory_info().rss
        idle.communicate(b"\n")
    return (worker.memory_info().rss - bare) / 1e6


def _private(worker: psutil.Process) -> float:
    return worker.memory_full_info().uss / 1e6


if __name__ == "__main__":
    main()
