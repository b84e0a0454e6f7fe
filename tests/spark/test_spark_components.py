"""Components by rounds of stars are those of scipy, down to their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graphrisk.spark.components import find_components
from graphrisk.spark.session import Cluster
from graphrisk.spark.work import on_disk, work_in
from tests.support_spark import active_session

pytestmark = pytest.mark.spark


def by_scipy(a: Any, b: Any) -> dict[int, int]:
    """Each account at an end of a link, and the smallest account that it is connected to."""
    count = max([0, *a, *b]) + 1
    labels = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(count, count)), directed=False)[1]
    smallest = {int(label): int(np.flatnonzero(labels == label)[0]) for label in set(labels.tolist())}
    return {int(account): smallest[int(labels[account])] for account in {*a.tolist(), *b.tolist()}}


def found(folder: Path, a: Any, b: Any, links_on_driver: int) -> dict[int, int]:
    session = active_session()
    with work_in(session, on_disk(folder)) as work:
        low, high = np.minimum(a, b), np.maximum(a, b)
        work.named("links", work.frame(pa.table({"a": pa.array(low, pa.int32()), "b": pa.array(high, pa.int32())})))
        find_components(work, links_on_driver)
        rows = work.fetch("SELECT account, component FROM components").to_pylist()
    assert len({row["account"] for row in rows}) == len(rows)
    return {row["account"]: row["component"] for row in rows}


def several(seed: int) -> tuple[Any, Any]:
    """Random graphs beside each other, from hardly linked to one component, a star of 2,000, and cliques."""
    dice, start, ends = np.random.default_rng(seed), 0, list[Any]()
    for accounts, links in ((60, 20), (60, 30), (60, 60), (60, 200), (200, 190), (3, 2)):
        ends.append(start + dice.integers(0, accounts, (links, 2)))
        start += accounts
    ends.append(start + np.column_stack([np.full(1_999, dice.integers(0, 2_000)), np.arange(1_999)]))
    ends.append(start + 2_000 + np.argwhere(np.triu(np.ones((12, 12)), 1)))
    pairs = np.unique(np.sort(np.concatenate(ends), axis=1), axis=0)
    pairs = dice.permutation(start + 2_012)[pairs[pairs[:, 0] != pairs[:, 1]]]
    return pairs[:, 0], pairs[:, 1]


def test_random_graphs_and_stars(spark: Cluster, tmp_path: Path) -> None:
    a, b = several(1)
    wanted = by_scipy(a, b)
    assert len(set(wanted.values())) > 20
    assert found(tmp_path, a, b, links_on_driver=-1) == wanted
    assert found(tmp_path, a, b, links_on_driver=len(a)) == wanted


def test_no_links(spark: Cluster, tmp_path: Path) -> None:
    nothing = np.zeros(0, np.int64)
    assert found(tmp_path, nothing, nothing, links_on_driver=-1) == {}
    assert found(tmp_path, nothing, nothing, links_on_driver=1) == {}


@pytest.mark.parametrize("seed", range(2, 5))
def test_more_random_graphs(spark: Cluster, tmp_path: Path, seed: int) -> None:
    a, b = several(seed)
    assert found(tmp_path, a, b, links_on_driver=-1) == by_scipy(a, b)


def test_a_chain_of_ten_thousand(spark: Cluster, tmp_path: Path) -> None:
    """The worst case for the number of rounds."""
    order = np.random.default_rng(1).permutation(10_000)
    assert set(found(tmp_path, order[:-1], order[1:], links_on_driver=-1).values()) == {0}
