"""Leiden-CPM by leidenalg, the reference implementation of its authors."""

from __future__ import annotations

from collections.abc import Sequence

import igraph
import leidenalg

from graphrisk.model import Floats, Ints

LARGEST_SEED = 2**31 - 1


def partition(
    size: int, pairs: Ints, weights: Floats, resolution: float, randomness: float, seed: int
) -> Sequence[int]:
    """A block number for each of ``size`` accounts; ``randomness`` is fixed inside leidenalg and ignored."""
    graph = igraph.Graph(n=size, edges=pairs.tolist())
    found = leidenalg.find_partition(
        graph,
        leidenalg.CPMVertexPartition,
        weights=weights.tolist(),
        resolution_parameter=resolution,
        n_iterations=-1,
        seed=seed % LARGEST_SEED,
    )
    return found.membership
