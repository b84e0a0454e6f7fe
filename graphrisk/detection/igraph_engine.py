"""Leiden-CPM by igraph (the default engine), and the cuts that only igraph is asked for.

igraph's random generator is process-wide: partitions may run in parallel processes, never in threads.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import igraph

from graphrisk.model import Floats, Ints


def partitions(
    size: int, pairs: Ints, weights: Floats, resolution: float, randomness: float, seeds: Sequence[int]
) -> list[Sequence[int]]:
    """A block number for each of ``size`` accounts, for each seed (Traag, Waltman, van Eck 2019, run until nothing improves)."""
    graph = igraph.Graph(n=size, edges=pairs.tolist())
    weight = weights.tolist()
    found: list[Sequence[int]] = []
    for seed in seeds:
        igraph.set_random_number_generator(random.Random(seed))
        clustering = graph.community_leiden(
            objective_function="CPM", weights=weight, resolution=resolution, beta=randomness, n_iterations=-1
        )
        found.append(clustering.membership)
    return found


def has_bridge(size: int, pairs: Ints) -> bool:
    """Whether some single link, taken away, disconnects the accounts."""
    return len(igraph.Graph(n=size, edges=pairs.tolist()).bridges()) > 0


def min_cut(size: int, pairs: Ints, weights: Floats) -> tuple[float, list[int], list[int]]:
    """The weight of the lightest cut, the smaller side's accounts, and the positions of the links that cross it."""
    cut = igraph.Graph(n=size, edges=pairs.tolist()).mincut(capacity=weights.tolist())
    side = min(cut.partition, key=lambda accounts: (len(accounts), accounts))
    return float(cut.value), list(side), sorted(int(position) for position in cut.cut)
