"""``python -m tests.bench.graph_science``: Graph Data Science over the whole graph, beside our rings, against the truth.

On worlds of the preset demo in one Neo4j: accounts that share a value which is no hub are projected as pairs, weighted by how many
values they share; WCC and Leiden answer with the settings of the shipped questions. A group of an answer counts from
the size on that a ring needs; the truth says who was planted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import neo4j

from graphrisk import pipeline
from graphrisk.evaluation.truth import read_truth
from graphrisk.graph.server import USER, LocalServer
from graphrisk.policy import Policy
from graphrisk.runs.store import read_table
from graphrisk.settings import Settings
from graphrisk.worlds import write_world

AS_GRAPH = """
WITH a, b, count(*) AS weight
WITH gds.graph.project('whole', a, b, {
  sourceNodeLabels: 'Account', targetNodeLabels: 'Account', relationshipType: 'LINKED',
  relationshipProperties: {weight: toFloat(weight)}
}, {undirectedRelationshipTypes: ['*']}) AS projected
RETURN projected.relationshipCount / 2 AS pairs
"""
PROJECT = f"""
MATCH (a:Account)-->(x:Attribute)<--(b:Account)
WHERE x.hub = false AND a.accountId < b.accountId
{AS_GRAPH}"""
WCC = """
CALL gds.wcc.stream('whole', {nodeLabels: ['Account'], relationshipTypes: ['LINKED']})
YIELD nodeId, componentId
RETURN gds.util.asNode(nodeId).accountId AS account, componentId AS group
"""
LEIDEN = """
CALL gds.leiden.stream('whole', {
  nodeLabels: ['Account'], relationshipTypes: ['LINKED'], relationshipWeightProperty: 'weight', randomSeed: 1,
  concurrency: 1
})
YIELD nodeId, communityId
RETURN gds.util.asNode(nodeId).accountId AS account, communityId AS group
"""
SIZE = Policy().rings.min_core


def main() -> None:
    """Make each world, ask all three, and print one table a world."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.graph_science", description=__doc__)
    parser.add_argument("--accounts", type=int, nargs="+", default=[2_000, 50_000])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for accounts in given.accounts:
        with tempfile.TemporaryDirectory(prefix="graphrisk-bench-") as folder:
            write_world(Path(folder) / "facts", "demo", accounts, given.seed)
            _compare(Path(folder), accounts)


def _compare(folder: Path, accounts: int) -> None:
    settings = Settings(home=folder / "home")
    pipeline.load(settings, Policy(), [str(folder / "facts")])
    began = time.perf_counter()
    run = pipeline.detect(settings, Policy())["run_id"]
    seconds = time.perf_counter() - began
    pipeline.publish(settings, Policy(), run, "the bench publishes whatever it is")
    server = LocalServer(settings.local_graph, heap_mib=2048, page_cache_mib=512)
    started = server.start()
    try:
        pipeline.sync(settings, Policy())
        with neo4j.GraphDatabase.driver(started.url, auth=(USER, server.password)) as driver:
            (projected,), projecting = timed(driver, PROJECT)
            answers = {name: timed(driver, query) for name, query in (("WCC", WCC), ("Leiden", LEIDEN))}
    finally:
        server.stop()
    table = read_truth(folder / "facts").named().to_pylist()
    truth: dict[str, str] = {row["account_id"]: row["ring"] for row in table if row["ring"]}
    planted = len(set(truth.values()))
    print(f"\n{accounts:,} accounts, {planted} planted rings with {len(truth):,} members; {projected['pairs']:,} pairs")
    print(
        f"{'answer':<18}{'groups':>8}{'accounts':>10}{'members':>9}{'innocents':>11}{'rings alone':>13}{'largest':>9}{'s':>8}"
    )
    for name, (rows, took) in answers.items():
        _tell(name, ((row["account"], row["group"]) for row in rows), truth, projecting + took)
    ours: list[dict[str, Any]] = read_table(settings.runs, run, "accounts").to_pylist()
    bands = {ring["ring_id"]: ring["band"] for ring in read_table(settings.runs, run, "rings").to_pylist()}
    for name, shown in (("ours", ("low", "medium", "high")), ("… high or medium", ("medium", "high"))):
        _tell(
            name,
            ((row["account_id"], row["ring_id"]) for row in ours if bands.get(row["ring_id"]) in shown),
            truth,
            seconds,
        )


def timed(driver: neo4j.Driver, query: Any) -> tuple[list[neo4j.Record], float]:
    """The answer, and the seconds it took."""
    began = time.perf_counter()
    return driver.execute_query(query).records, time.perf_counter() - began


def _tell(name: str, placed: Iterable[tuple[str, Any]], truth: dict[str, str], seconds: float) -> None:
    members = defaultdict[Any, list[str]](list)
    for account, group in placed:
        members[group].append(account)
    groups = [group for group in members.values() if len(group) >= SIZE]
    held = [account for group in groups for account in group]
    found = sum(account in truth for account in held)
    sizes, alone = Counter(truth.values()), set[str]()
    for group in groups:
        inside = Counter(truth[account] for account in group if account in truth)
        # A ring stands alone when one group holds most of it, and is made mostly of it.
        alone |= {ring for ring, count in inside.items() if 2 * count > max(sizes[ring], len(group))}
    print(
        f"{name:<18}{len(groups):>8,}{len(held):>10,}{found:>9,}{len(held) - found:>11,}{len(alone):>13,}"
        f"{max(map(len, groups), default=0):>9,}{seconds:>8.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
