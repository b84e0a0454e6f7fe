"""Neo4j Graph Data Science on the loaded graph: pairs projected from Cypher, then WCC and Leiden."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString, cast

import neo4j
import pyarrow as pa

from graphrisk import pipeline
from graphrisk.graph.server import USER, LocalServer
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from tests.bench.graph_science import AS_GRAPH, LEIDEN, WCC, timed
from tests.bench.peers.shared import POPULAR, Answer, peak_mib

PROJECT = f"""
MATCH (a:Account)-[:$types]->(x:Attribute)<-[:$types]-(b:Account)
WHERE x.accounts <= $popular AND a.accountId < b.accountId
{AS_GRAPH}"""


def found_by_science(settings: Settings, kinds: Sequence[str]) -> dict[str, Answer]:
    """What WCC and Leiden say of the facts of a home, from a Neo4j of its own; the time is that from the loaded graph on."""
    types = "|".join(Policy().kinds[kind].relationship for kind in kinds)
    project = cast("LiteralString", PROJECT.replace("$types", types).replace("$popular", str(POPULAR)))
    server = LocalServer(settings.local_graph, heap_mib=4096, page_cache_mib=1024)
    started = server.start()
    try:
        pipeline.sync(settings, Policy())
        with neo4j.GraphDatabase.driver(started.url, auth=(USER, server.password)) as driver:
            _, projecting = timed(driver, project)
            answers = {name: timed(driver, query) for name, query in (("WCC", WCC), ("Leiden", LEIDEN))}
        peak = peak_mib(server.start().pid)
    finally:
        server.stop()
    return {
        f"Neo4j GDS {name}": Answer(
            pa.table({"account_id": [row["account"] for row in rows], "group": [row["group"] for row in rows]}),
            projecting + seconds,
            peak,
        )
        for name, (rows, seconds) in answers.items()
    }
