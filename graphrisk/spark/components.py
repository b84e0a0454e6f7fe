# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Connected components of links: on the driver while they are few, else by rounds of stars on the cluster.

Large-star and small-star: Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii, Connected Components in MapReduce and Beyond,
SoCC 2014. A round of both joins every account to a smaller neighbour; after O(log² n) rounds every component is a star around
its smallest account. No account's neighbours need fit into memory.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graphrisk.errors import DetectionError
from graphrisk.model import Ints
from graphrisk.spark.work import Work

LINKS_ON_DRIVER = 20_000_000
"""Links that scipy takes in a few seconds and a gigabyte."""

MOST_ROUNDS = 100

LARGE_STAR = """
WITH both AS (SELECT a, b FROM edges UNION ALL SELECT b, a FROM edges), least AS (
    SELECT a, b, least(a, min(b) OVER (PARTITION BY a)) AS smallest FROM both)
SELECT DISTINCT smallest AS a, b FROM least WHERE b > a AND smallest <> b
"""
"""Every account joins its larger neighbours to the smallest one of its neighbours and itself."""

SMALL_STAR = """
WITH least AS (SELECT b AS account, a AS neighbour, min(a) OVER (PARTITION BY b) AS smallest FROM edges)
SELECT DISTINCT smallest AS a, b FROM (
    SELECT smallest, neighbour AS b FROM least UNION ALL SELECT smallest, account FROM least)
WHERE smallest <> b
"""
"""Every account joins its smaller neighbours and itself to the smallest one of them. Of an edge, ``a`` is the smaller."""

CHECKSUM = "SELECT count(*) AS edges, CAST(coalesce(sum(CAST(xxhash64(a, b) AS DECIMAL(38, 0))), 0) AS STRING) AS checksum FROM edges"

COMPONENTS = """
SELECT b AS account, a AS component FROM edges UNION ALL SELECT DISTINCT a, a FROM edges
"""


def find_components(work: Work, links_on_driver: int = LINKS_ON_DRIVER) -> None:
    """Make of ``links`` the table ``components``: each linked account, and the smallest account of its component."""
    if work.number("SELECT count(*) FROM links") <= links_on_driver:
        found = work.fetch("SELECT a, b FROM links")
        accounts, component = components_of(found["a"].to_numpy(), found["b"].to_numpy())
        columns = {"account": pa.array(accounts, pa.int32()), "component": pa.array(component, pa.int32())}
        work.keep("components", work.frame(pa.table(columns)))
        return
    work.view("edges", "SELECT a, b FROM links")
    before = None
    for _ in range(MOST_ROUNDS):
        for star, statement in (("large_star", LARGE_STAR), ("small_star", SMALL_STAR)):
            work.keep(star, statement)
            work.view("edges", f"SELECT a, b FROM {star}")
        now = work.fetch(CHECKSUM).to_pylist()
        if now == before:
            work.keep("components", COMPONENTS)
            return
        before = now
    raise DetectionError(f"Components were not found in {MOST_ROUNDS} rounds; this is a fault of graphrisk.")


def components_of(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """Each account at an end of a link, and the smallest account of its component."""
    accounts, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    count = len(accounts)
    graph = coo_array((np.ones(len(a), np.int8), (places[: len(a)], places[len(a) :])), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    _, first = np.unique(labels, return_index=True)
    return accounts, accounts[first[labels]]
