"""The first load of a large ledger into an empty Neo4j, by ``neo4j-admin database import``; its rate and its memory."""

from __future__ import annotations

from pathlib import Path

import neo4j

from graphrisk.graph.server import USER, LocalServer
from tests.bench.processes import run

HELD = """
MATCH (n) WITH count(n) AS nodes
MATCH ()-[r]->() RETURN nodes, count(r) AS relationships
"""


def measure(folder: Path, accounts: int, seed: int) -> None:
    """Import a quarter of the accounts, then all, each into a server of its own."""
    for each in (accounts // 4, accounts):
        home = folder / str(each)
        run("-m", "tests.bench.marketplace", folder / "facts", str(each), str(seed))
        run("-m", "graphrisk", "--home", home, "load", folder / "facts")
        server = LocalServer(home / "neo4j")
        started = server.start()
        try:
            cost = run("-m", "graphrisk", "--home", home, "graph", "sync")
            with neo4j.GraphDatabase.driver(started.url, auth=(USER, server.password)) as driver:
                nodes, relationships = driver.execute_query(HELD).records[0].values()
        finally:
            server.stop()
        print(
            f"  {each:>9,} accounts: {nodes:,} nodes and {relationships:,} relationships in {cost.seconds:.0f} s, "
            f"{(nodes + relationships) / cost.seconds:,.0f} a second, peak {cost.peak_mib:,.0f} MiB",
            flush=True,
        )
