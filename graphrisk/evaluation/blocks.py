"""Dense blocks by greedy peeling with column weights (FRAUDAR: Hooi et al., KDD 2016), block after block."""

from __future__ import annotations

import heapq
from typing import cast

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graphrisk.model import Floats, Ints

SMALLEST = 3
MOST_BLOCKS = 20
"""Blocks looked for in one component."""


def dense_blocks(accounts: int, account: Ints, value: Ints) -> Ints:
    """For each of ``accounts`` accounts the number of its dense block, or −1.

    A row (account, value) weighs 1 / ln(5 + accounts on the value). Peeling takes away whatever node has the least weight
    left and keeps the set with the most weight a node; its rows are then removed and the next block is looked for. Blocks
    in different components do not touch, so that each component is peeled alone.
    """
    weight = 1 / np.log(5 + np.bincount(value))[value]
    nodes = accounts + int(value.max(initial=-1)) + 1
    other = accounts + value
    graph = coo_array((np.ones(len(account)), (account, other)), shape=(nodes, nodes))
    component = cast("Ints", connected_components(graph, directed=False)[1])[account]
    order = np.argsort(component, kind="stable")
    bounds = np.flatnonzero(np.diff(component[order], prepend=-1, append=-1))
    block, number = np.full(accounts, -1, np.int64), 0
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        rows = order[start:end]
        for members in _blocks(account[rows], other[rows], weight[rows]):
            free = members[block[members] < 0]
            if len(free) >= SMALLEST:
                block[free] = number
                number += 1
    return block


def _blocks(account: Ints, other: Ints, weight: Floats) -> list[Ints]:
    found: list[Ints] = []
    while len(found) < MOST_BLOCKS and len(np.unique(account)) >= SMALLEST:
        kept = densest(account, other, weight)
        members = np.unique(account[np.isin(account, kept)])
        if len(members) < SMALLEST:
            break
        found.append(members)
        rest = ~np.isin(account, members)
        account, other, weight = account[rest], other[rest], weight[rest]
    return found


def densest(one: Ints, other: Ints, weight: Floats) -> Ints:
    """The nodes of the densest set that peeling meets: the total weight of rows inside it over its nodes is the largest."""
    nodes, place = np.unique(np.concatenate([one, other]), return_inverse=True)
    ends = place.reshape(2, -1)
    near: list[list[tuple[int, float]]] = [[] for _ in nodes]
    for a, b, heavy in zip(ends[0].tolist(), ends[1].tolist(), weight.tolist(), strict=True):
        near[a].append((b, heavy))
        near[b].append((a, heavy))
    left = np.bincount(ends[0], weight, len(nodes)) + np.bincount(ends[1], weight, len(nodes))
    left = left.tolist()
    total, alive = float(weight.sum()), len(nodes)
    heap = [(degree, node) for node, degree in enumerate(left)]
    heapq.heapify(heap)
    removed: list[int] = []
    gone = [False] * len(nodes)
    best, best_after = total / alive, 0
    while alive > 1:
        degree, node = heapq.heappop(heap)
        if gone[node] or degree > left[node]:
            continue
        gone[node] = True
        removed.append(node)
        total, alive = total - left[node], alive - 1
        for neighbour, heavy in near[node]:
            if not gone[neighbour]:
                left[neighbour] -= heavy
                heapq.heappush(heap, (left[neighbour], neighbour))
        if total / alive > best + 1e-12:
            best, best_after = total / alive, len(removed)
    outside = np.zeros(len(nodes), bool)
    outside[removed[:best_after]] = True
    return nodes[~outside]
