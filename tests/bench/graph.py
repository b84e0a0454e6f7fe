"""``python -m tests.bench.graph``: rows a second into a real Neo4j, beside a bare driver loop in the same run.

One marketplace on one server: the bare loop (the same nodes and relationships, UNWIND 5,000, a static type, no
watermark, rows ready in memory), the product's sync (from the ledger), the bare loop again, and the first import.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import neo4j

from graphrisk import pipeline
from graphrisk.graph.server import USER, LocalServer
from graphrisk.graph.transactions import autocommit
from graphrisk.ledger.reading import view_facts
from graphrisk.ledger.store import Ledger
from graphrisk.pipeline import graphing
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from tests.bench.processes import run

BATCH = 5_000
ACCOUNTS = "UNWIND $rows AS row MERGE (:Account {accountId: row.a})"
ATTRIBUTES = "UNWIND $rows AS row MERGE (:Attribute {token: row.t})"
USES = """
UNWIND $rows AS row
MATCH (a:Account {accountId: row.a})
MATCH (x:Attribute {token: row.t})
MERGE (a)-[u:%s]->(x)
SET u.firstSeen = row.f, u.lastSeen = row.l, u.count = row.c
"""
HELD = """
SELECT kind, account_id AS a, token AS t, epoch_ms(min(first_seen)) AS f, epoch_ms(max(last_seen)) AS l, sum(count)::BIGINT AS c
FROM fact_sightings GROUP BY ALL ORDER BY kind, token, account_id
"""


def main() -> None:
    """Run the passes and print rows a second of each."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.graph", description=__doc__)
    parser.add_argument("--accounts", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graphrisk-bench-") as folder:
        home = Path(folder) / "home"
        run("-m", "tests.bench.marketplace", Path(folder) / "facts", str(given.accounts), str(given.seed))
        run("-m", "graphrisk", "--home", home, "load", Path(folder) / "facts")
        server = LocalServer(home / "neo4j", heap_mib=2048, page_cache_mib=1024)
        server.start()
        try:
            _passes(Settings(home=home), server, given.accounts)
        finally:
            server.stop()


def _passes(settings: Settings, server: LocalServer, accounts: int) -> None:
    print(f"{accounts:,} accounts; {os.cpu_count()} cores; rows are accounts, attributes and relationships")
    rows = _rows(settings)
    graphing.SIGHTINGS_WORTH_AN_IMPORT = 1 << 62
    with _driver(server) as driver, driver.session() as session:
        pipeline.sync(settings, Policy())  # constraints, and a warm server
        autocommit(session, "load/empty")
        for attempt in (1, 2):
            _tell("bare loop", *_bare(session, rows))
            autocommit(session, "load/empty")
            if attempt == 1:
                _tell("sync", *_sync(settings))
                autocommit(session, "load/empty")
    graphing.SIGHTINGS_WORTH_AN_IMPORT = 1
    _tell("import", *_sync(settings))


def _tell(name: str, rows: int, seconds: float) -> None:
    print(f"{name:<10}{rows / seconds:>10,.0f} rows a second ({rows:,} in {seconds:.1f} s)")


def _driver(server: LocalServer) -> neo4j.Driver:
    running = server.running()
    assert running
    return neo4j.GraphDatabase.driver(running.url, auth=(USER, server.password), notifications_min_severity="OFF")


def _sync(settings: Settings) -> tuple[int, float]:
    began = time.perf_counter()
    pipeline.sync(settings, Policy())
    seconds = time.perf_counter() - began
    rows = _rows(settings)
    return len(rows) + len({row["a"] for row in rows}) + len({row["t"] for row in rows}), seconds


def _bare(session: neo4j.Session, rows: list[dict[str, Any]]) -> tuple[int, float]:
    work: list[tuple[Any, list[dict[str, Any]]]] = [
        (ACCOUNTS, [{"a": value} for value in sorted({row["a"] for row in rows})]),
        (ATTRIBUTES, [{"t": value} for value in sorted({row["t"] for row in rows})]),
    ]
    for kind, policy in Policy().kinds.items():
        work.append((USES % policy.relationship, [row for row in rows if row["kind"] == kind]))
    began = time.perf_counter()
    for query, each in work:
        for start in range(0, len(each), BATCH):
            session.run(query, rows=each[start : start + BATCH]).consume()
    return sum(len(each) for _, each in work), time.perf_counter() - began


def _rows(settings: Settings) -> list[dict[str, Any]]:
    ledger = Ledger(settings.ledger)
    loads = ledger.loads()
    with settings.columns(None) as columns:
        view_facts(columns, ledger, loads[-1].accepted_at, loads)
        return columns.sql(HELD).to_arrow_table().to_pylist()


if __name__ == "__main__":
    main()
