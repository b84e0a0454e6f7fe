"""CPM by local moves and contraction over networkx graphs: slow, all Python, easy to follow.

networkx lists ``leiden_communities`` but leaves it to backends, and its Louvain knows modularity only. So this is
Louvain's scheme (Blondel et al. 2008) with the CPM gain, and communities that came out disconnected are split.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import networkx as nx

from graphrisk.model import Floats, Ints


def partitions(
    size: int, pairs: Ints, weights: Floats, resolution: float, randomness: float, seeds: Sequence[int]
) -> list[Sequence[int]]:
    """A block number for each of ``size`` accounts, for each seed; ``randomness`` has no place in this scheme and is ignored."""
    original: Any = nx.Graph()
    original.add_nodes_from(range(size), size=1)
    original.add_weighted_edges_from((int(a), int(b), float(w)) for (a, b), w in zip(pairs, weights, strict=True))
    return [_partition(original, resolution, seed) for seed in seeds]


def _partition(original: Any, resolution: float, seed: int) -> Sequence[int]:
    shuffled = random.Random(seed)
    graph, labels = original, list(range(original.number_of_nodes()))
    while True:
        block = _moved(graph, resolution, shuffled)
        if len(set(block.values())) == graph.number_of_nodes():
            return _connected(original, labels)
        labels = [block[label] for label in labels]
        graph = _contracted(graph, block)


def _moved(graph: Any, resolution: float, shuffled: random.Random) -> dict[int, int]:
    block = {node: node for node in graph}
    accounts = {node: graph.nodes[node]["size"] for node in graph}
    order = list(graph)
    shuffled.shuffle(order)
    moved = True
    while moved:
        moved = False
        for node in order:
            size, home = graph.nodes[node]["size"], block[node]
            accounts[home] -= size
            near: defaultdict[int, float] = defaultdict(float)
            for other, tie in graph[node].items():
                if other != node:
                    near[block[other]] += tie["weight"]
            gains = {each: weight - resolution * size * accounts[each] for each, weight in near.items()}
            best = max(sorted(gains), key=lambda each: gains[each], default=home)
            stay = gains.get(home, 0.0)
            if gains.get(best, 0.0) <= stay + 1e-12:
                best = home
            moved |= best != home
            block[node] = best
            accounts[best] += size
    return block


def _contracted(graph: Any, block: dict[int, int]) -> Any:
    smaller: Any = nx.Graph()
    for node in graph:
        smaller.add_node(block[node])
        held = smaller.nodes[block[node]]
        held["size"] = held.get("size", 0) + graph.nodes[node]["size"]
    for a, b, tie in graph.edges(data=True):
        one, other = block[a], block[b]
        before = smaller.edges[one, other]["weight"] if smaller.has_edge(one, other) else 0.0
        smaller.add_edge(one, other, weight=before + tie["weight"])
    return smaller


def _connected(original: Any, labels: list[int]) -> list[int]:
    kept: Any = nx.Graph()
    kept.add_nodes_from(original)
    kept.add_edges_from((a, b) for a, b in original.edges if labels[a] == labels[b])
    found = [0] * len(labels)
    for number, accounts in enumerate(nx.connected_components(kept)):
        for account in accounts:
            found[account] = number
    return found
