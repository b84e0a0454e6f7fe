"""``python -m tests.bench.assessing``: what if over HTTP, so many times a second, whatever is slow.

A real ``graphrisk serve`` with a key, on one worker; one newcomer a request, that uses values of random sightings, so that
hubs come up as often as they are used. Latencies count from the moment when a request was due. Server and load generator
share the machine. A home that is given gets a key and a log of reads.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import duckdb
import psutil

from graphrisk.policy import Policy
from tests.bench.load import Ask, open_loop, request
from tests.bench.processes import run
from tests.bench.served import percentile, prepared, serving

VALUES = 5
ALONE = 100


def main() -> None:
    """Print the latencies of newcomers one after the other, and at the rate."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.assessing", description=__doc__)
    parser.add_argument("--home", type=Path, help="a home with a published run; with --facts, instead of making one")
    parser.add_argument("--facts", type=Path, help="the folder of facts that the home was loaded from")
    parser.add_argument("--accounts", type=int, default=20_000, help="of the marketplace that is made otherwise")
    parser.add_argument("--rate", type=float, default=50, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if (given.home is None) != (given.facts is None):
        parser.error("give --home and --facts together, or neither")
    with prepared(given.home, given.accounts, given.seed) as home:
        facts = given.facts or home.parent / "facts"
        newcomers, at_hubs = _newcomers(facts, ALONE + int(given.rate * given.seconds), given.seed)
        print(f"{len(newcomers):,} newcomers with {VALUES} values each, {at_hubs:.0%} of them with a hub")
        _measure(home, newcomers, given)


def _measure(home: Path, newcomers: list[dict[str, Any]], given: Any) -> None:
    key = json.loads(
        run("-m", "graphrisk", "--home", home, "keys", "create", "bench", "--scope", "assess", "--rate", "1000000", "--json").output
    )["key"]  # fmt: skip
    asks = [request("/v1/accounts:assess", key, json.dumps({"accounts": [each]}).encode()) for each in newcomers]
    with serving(home, 1) as (port, worker, _):
        first = _timed(asks[0], port)[0]
        answers = [_timed(each, port) for each in asks[:ALONE]]
        found = [answer["accounts"][0] for _, answer in answers]
        print(f"the first, which opens the facts  {first:,.0f} ms")
        linked, ringed = sum(bool(each["links"]) for each in found), sum(bool(each["ring"]) for each in found)
        print(f"of {ALONE}: linked {linked}, in a ring {ringed}")
        _print("one after the other", [delay for delay, _ in answers])
        begin = _spent(worker)
        delays = open_loop(port, asks[ALONE:], given.rate, given.seconds)
        _print(f"at {given.rate:g} a second", delays)
        each = 1000 * (_spent(worker) - begin) / len(delays)
        print(f"answered {len(delays):,} in {given.seconds:g} s; {each:.1f} ms of a core each in the worker")


def _newcomers(facts: Path, count: int, seed: int) -> tuple[list[dict[str, Any]], float]:
    """Accounts as they are asked about, and the share of them with a value that more accounts use than count."""
    policy = Policy().priced()
    caps = " ".join(f"WHEN '{kind}' THEN {each.cap}" for kind, each in policy.items() if each.cap > 1)
    with duckdb.connect() as db:
        db.execute("SET threads = 1")  # a sample is the same each time only so
        rows = db.execute(
            f"""
            WITH seen AS (SELECT * FROM read_parquet(?)),
                 drawn AS (SELECT kind, value, last_seen FROM seen USING SAMPLE reservoir({count * VALUES} ROWS) REPEATABLE ({seed})),
                 holders AS (SELECT kind, value, count(DISTINCT account_id) AS accounts FROM seen SEMI JOIN drawn USING (kind, value) GROUP BY ALL)
            SELECT kind, value, strftime(last_seen, '%Y-%m-%dT%H:%M:%SZ'), accounts > CASE kind {caps} ELSE 1e18 END
            FROM drawn JOIN holders USING (kind, value) ORDER BY hash(kind, value, last_seen)""",
            [str(facts / ("sightings/*.parquet" if (facts / "sightings").is_dir() else "sightings.parquet"))],
        ).fetchall()
    lots = [rows[start : start + VALUES] for start in range(0, len(rows) - VALUES + 1, VALUES)]
    newcomers = [
        {
            "account_id": f"newcomer {place}",
            "created_at": min(row[2] for row in lot),
            "sightings": [{"kind": kind, "value": value, "seen_at": at} for kind, value, at, _ in lot],
        }
        for place, lot in enumerate(lots)
    ]
    return newcomers, sum(any(row[3] for row in lot) for lot in lots) / len(lots)


def _timed(ask: Ask, port: int) -> tuple[float, Any]:
    """Milliseconds to an answer over a connection of its own, and the answer."""
    began = time.perf_counter()
    answer = ask.answer(port)
    return 1000 * (time.perf_counter() - began), json.loads(answer)


def _spent(worker: psutil.Process) -> float:
    return sum(worker.cpu_times()[:2])


def _print(name: str, delays: list[float]) -> None:
    told = ", ".join(f"p{share} {percentile(delays, share):,.1f} ms" for share in (50, 95, 99))
    print(f"{name:<33} {told}, most {max(delays):,.1f} ms")


if __name__ == "__main__":
    main()
