"""What a publication writes that changes one membership in a hundred, as the server counts it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import neo4j

from graphrisk import pipeline
from graphrisk.graph.server import USER, LocalServer
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from tests.support import Row, sighting, write_facts

MEMBERS = 10
DAY = "2026-01-05T10:00:00Z"
INTERVALS = """
MATCH ()-[r:MEMBER_OF|LINKED|SCORED_BY]->()
RETURN type(r) AS type, count(r) AS all, sum(toInteger(r.fromRun = 2)) AS begun, sum(toInteger(r.toRun = 2)) AS ended
ORDER BY type
"""


def measure(folder: Path, rings: int) -> None:
    """Publish ``rings`` rings of ten accounts, then a run in which one ring in a hundred has one account more."""
    settings = Settings(home=folder / "home")
    _publish(settings, write_facts(folder / "one", *_facts(range(rings), range(MEMBERS))))
    server = LocalServer(settings.local_graph, heap_mib=2048, page_cache_mib=512)
    started = server.start()
    try:
        pipeline.sync(settings, Policy())
        _publish(settings, write_facts(folder / "two", *_facts(range(0, rings, 100), (MEMBERS,))), sync=True)
        with neo4j.GraphDatabase.driver(started.url, auth=(USER, server.password)) as driver:
            for record in driver.execute_query(INTERVALS).records:
                kind, every, begun, ended = record.values()
                kept = every - begun
                print(f"  {kind:<10}{kept:>9,} before, {begun:>6,} begun, {ended:>6,} ended ({ended / kept:.2%})")
    finally:
        server.stop()


def _publish(settings: Settings, facts: Path, sync: bool = False) -> None:
    pipeline.load(settings, Policy(), [str(facts)])
    if sync:
        pipeline.sync(settings, Policy())  # the facts, so that what follows is the publication alone
    run = pipeline.detect(settings, Policy())
    pipeline.publish(settings, Policy(), run["run_id"], "the bench publishes whatever it is")
    if sync:
        began = time.perf_counter()
        with counted() as told:
            pipeline.sync(settings, Policy())
        print(f"  {time.perf_counter() - began:.1f} s; the server counts {dict(sorted(told.items()))}")


def _facts(rings: range, members: range | tuple[int, ...]) -> tuple[Iterator[Row], Iterator[Row]]:
    names = [(ring, f"ring{ring:05}-{member:02}") for ring in rings for member in members]
    accounts: Iterator[Row] = ({"account_id": name, "created_at": DAY, "marketplace": "de"} for _, name in names)
    seen: Iterator[Row] = (
        sighting(name, kind, f"{kind}-of-{ring}", DAY) for ring, name in names for kind in ("device", "card")
    )
    return accounts, seen


@contextmanager
def counted() -> Generator[Counter[str]]:
    """What the server says it wrote, of every statement that is run meanwhile."""
    told, read = Counter[str](), neo4j.Result.data

    def data(result: neo4j.Result, *keys: int | str) -> list[dict[str, object]]:
        rows = read(result, *keys)
        counters = result.consume().counters
        for name in ("nodes_created", "relationships_created", "relationships_deleted", "properties_set"):
            told[name] += getattr(counters, name)
        return rows

    neo4j.Result.data = data  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield told
    finally:
        neo4j.Result.data = read
