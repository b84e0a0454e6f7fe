"""Rows a second into a real Neo4j: the product's sync, and bare driver loops on the same server in the same run.

The loops write the same nodes, relationships, labels and properties, times as numbers.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import neo4j

from graphrisk import pipeline
from graphrisk.graph.facts import empty_graph
from graphrisk.graph.server import USER, LocalServer
from graphrisk.ledger.reading import view_facts
from graphrisk.ledger.store import Ledger
from graphrisk.pipeline import graphing
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from tests.bench.processes import run

LOOPS = ((5_000, 1), (10_000, 1), (20_000, 1), (5_000, 2), (10_000, 2))
"""Rows a batch, and how many connections write at once."""
ROUNDS = 3
ACCOUNTS = """
UNWIND $rows AS row
MERGE (a:Account {accountId: row.a})
SET a.createdAt = row.c, a.status = row.s, a.marketplace = row.m
"""
ATTRIBUTES = """
UNWIND $rows AS row
MERGE (x:Attribute {token: row.t})
SET x:%s, x.kind = row.k, x.hint = row.h, x.accounts = row.n, x.hub = row.u
"""
USES = """
UNWIND $rows AS row
MATCH (a:Account {accountId: row.a})
MATCH (x:Attribute {token: row.t})
MERGE (a)-[u:%s]->(x)
SET u.firstSeen = row.f, u.lastSeen = row.l, u.count = row.c
"""
KNOWN = """
SELECT account_id AS a, epoch_ms(created_at) AS c, status AS s, marketplace AS m FROM accounts ORDER BY account_id
"""
VALUES = """
SELECT kind AS k, token AS t, min(hint) AS h, count(DISTINCT account_id) AS n, n > 200 AS u
FROM fact_sightings GROUP BY ALL ORDER BY kind, token
"""
HELD = """
SELECT kind, account_id AS a, token AS t, epoch_ms(min(first_seen)) AS f, epoch_ms(max(last_seen)) AS l, sum(count)::BIGINT AS c
FROM fact_sightings GROUP BY ALL ORDER BY kind, token, account_id
"""

Rows = list[dict[str, Any]]
Work = list[tuple[Any, Rows]]


def measure(folder: Path, accounts: int, seed: int) -> None:
    """Load a marketplace, find the best bare loop, then time it and the sync in turn."""
    home = folder / "home"
    run("-m", "tests.bench.marketplace", folder / "facts", str(accounts), str(seed))
    run("-m", "graphrisk", "--home", home, "load", folder / "facts")
    settings, server = Settings(home=home), LocalServer(home / "neo4j", heap_mib=2048, page_cache_mib=1024)
    started = server.start()
    graphing.SIGHTINGS_WORTH_AN_IMPORT = 1 << 62
    try:
        with neo4j.GraphDatabase.driver(
            started.url, auth=(USER, server.password), notifications_min_severity="OFF"
        ) as driver:
            _compare(settings, driver, accounts)
    finally:
        server.stop()


def _compare(settings: Settings, driver: neo4j.Driver, accounts: int) -> None:
    work = _work(settings)
    rows = sum(len(each) for _, each in work)
    print(f"{accounts:,} accounts, {rows:,} rows: accounts, attributes and relationships")
    pipeline.sync(settings, Policy())  # constraints, and a warm server
    tried = {loop: _seconds(driver, lambda loop=loop: _bare(driver, work, *loop)) for loop in LOOPS}
    for (batch, writers), seconds in tried.items():
        print(f"  bare loop, batches of {batch:>6,}, {writers} at once {rows / seconds:>10,.0f} rows a second")
    best = min(tried, key=lambda loop: tried[loop])
    bare: list[float] = []
    ours: list[float] = []
    for _ in range(ROUNDS):
        bare.append(_seconds(driver, lambda: _bare(driver, work, *best)))
        ours.append(_seconds(driver, lambda: pipeline.sync(settings, Policy())))
    for name, found in ((f"bare loop of {best[0]:,} x {best[1]}", bare), ("sync", ours)):
        rates = ", ".join(f"{rows / seconds:,.0f}" for seconds in found)
        print(f"  {name:<24}{rows / statistics.median(found):>10,.0f} rows a second (median of {rates})")
    print(f"  sync / bare loop: {statistics.median(bare) / statistics.median(ours):.2f} of its rate")


def _seconds(driver: neo4j.Driver, write: Callable[[], object]) -> float:
    with driver.session() as session:
        empty_graph(session)
    began = time.perf_counter()
    write()
    return time.perf_counter() - began


def _bare(driver: neo4j.Driver, work: Work, batch: int, writers: int) -> None:
    with ThreadPoolExecutor(writers) as pool:
        for query, rows in work:
            batches = [rows[start : start + batch] for start in range(0, len(rows), batch)]
            list(pool.map(lambda each, query=query: _write(driver, query, each), batches))


def _write(driver: neo4j.Driver, query: Any, rows: Rows) -> None:
    with driver.session() as session:  # two at once can lock in a circle, which the driver tries again
        session.execute_write(lambda transaction: transaction.run(query, rows=rows).consume())


def _work(settings: Settings) -> Work:
    ledger = Ledger(settings.ledger)
    loads = ledger.loads()
    with settings.columns(None) as columns:
        view_facts(columns, ledger, loads[-1].accepted_at, loads)
        known, values, held = (columns.sql(each).to_arrow_table().to_pylist() for each in (KNOWN, VALUES, HELD))
    kinds = Policy().kinds.items()
    return [
        (ACCOUNTS, known),
        *((ATTRIBUTES % kind.label, [row for row in values if row["k"] == name]) for name, kind in kinds),
        *((USES % kind.relationship, [row for row in held if row["kind"] == name]) for name, kind in kinds),
    ]
