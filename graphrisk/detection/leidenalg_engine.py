"""Leiden-CPM by leidenalg, the reference implementation of its authors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import igraph
import leidenalg

from graphrisk.model import Floats, Ints

LARGEST_SEED = 2**31 - 1


def partitions(
    size: int, pairs: Ints, weights: Floats, resolution: float, randomness: float, seeds: Sequence[int]
) -> list[Sequence[int]]:
    """A block number for each of ``size`` accounts, for each seed; ``randomness`` is fixed inside leidenalg and ignored."""
    graph = igraph.Graph(n=size, edges=pairs.tolist())
    find, weight = leidenalg.find_partition, weights.tolist()
    options: dict[str, Any] = {"weights": weight, "resolution_parameter": resolution, "n_iterations": -1}
    method = leidenalg.CPMVertexPartition
    return [find(graph, method, seed=seed % LARGEST_SEED, **options).membership for seed in seeds]
