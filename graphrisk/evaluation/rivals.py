"""Rivals: what others would do with the same facts, from plain components to dense blocks, each tuned as our rings are not.

A rival sees who holds which value of the kinds that link accounts (``RIVAL_KINDS``; cohorts are ours) and gives groups of
three accounts or more. Each group has a statistic, and is claimed from a threshold on. Statistic and threshold are those
with the best mean account F1 on the tuning worlds, found by ``python -m tests.bench.evaluate --tune-rivals``.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import igraph
import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from graphrisk.evaluation.blocks import dense_blocks
from graphrisk.evaluation.facts import Held
from graphrisk.evaluation.measures import FLAGGED, Found
from graphrisk.model import Bools, Floats, Ints

RIVAL_KINDS = ("device", "card", "bank_account", "email", "phone", "address")
SMALLEST = 3
POPULAR = 10
FURTHER = 2
HUB = 200
"""Values of more accounts give no pairs to Leiden: their weight is small, their pairs are millions."""


@dataclass(frozen=True)
class Rival:
    """``find`` gives each account's group; a group is claimed if its ``statistic`` is at least ``threshold``."""

    name: str
    find: Callable[[Held], Ints]
    statistic: str
    threshold: float


def _kinds(held: Held, names: tuple[str, ...]) -> Bools:
    return np.isin(held.kind, names)


def components(held: Held) -> Ints:
    """Accounts that are connected by any shared value."""
    return _components(held, _kinds(held, RIVAL_KINDS))


def components_without_hubs(held: Held) -> Ints:
    """The same without values of more than ten accounts."""
    return _components(held, _kinds(held, RIVAL_KINDS) & (held.holders <= POPULAR))


def published_rule(held: Held) -> Ints:
    """Neo4j's published rule: a pair shares a card or device that at most ten accounts hold, and at least two further
    values of any kind (an address counts once, however many weeks it was shared in); then components."""
    candidates = _kinds(held, ("card", "device")) & (held.holders <= POPULAR)
    a, b, _ = _pairs(held, candidates, np.ones(len(held.holders)))
    account, value = held.only(held.kind != "cohort")
    shape = (held.accounts, len(held.holders))
    holds = csr_array(coo_array((np.ones(len(account)), (account, value)), shape=shape))
    shared = np.asarray((holds[a].multiply(holds[b])).sum(axis=1)).ravel()
    kept = shared >= 1 + FURTHER
    graph = coo_array((np.ones(int(kept.sum())), (a[kept], b[kept])), shape=(held.accounts, held.accounts))
    return _numbered(cast("Ints", connected_components(graph, directed=False)[1]))


def leiden_modularity(held: Held) -> Ints:
    """Leiden with modularity on the accounts, linked by the sum of ln(accounts / holders) over the values they share."""
    chosen = _kinds(held, RIVAL_KINDS) & (held.holders <= HUB)
    a, b, weight = _pairs(held, chosen, np.log(held.accounts / np.maximum(1, held.holders)))
    graph = igraph.Graph(n=held.accounts, edges=np.column_stack([a, b]).tolist())
    _seed()
    found = graph.community_leiden(objective_function="modularity", weights=weight.tolist(), n_iterations=-1)
    return _numbered(np.array(found.membership, np.int64))


def louvain_bipartite(held: Held) -> Ints:
    """Louvain on the graph of accounts and values as they are."""
    account, value = held.only(_kinds(held, RIVAL_KINDS))
    edges = np.column_stack([account, held.accounts + value]).tolist()
    _seed()
    found = igraph.Graph(n=held.accounts + len(held.holders), edges=edges).community_multilevel()
    return _numbered(np.array(cast("igraph.VertexClustering", found).membership, np.int64)[: held.accounts])


def fraudar_blocks(held: Held) -> Ints:
    """Dense blocks as by FRAUDAR, one after the other in each component."""
    account, value = held.only(_kinds(held, RIVAL_KINDS))
    return _numbered(dense_blocks(held.accounts, account, value), alone=-1)


# Thresholds: the best account F1 on seeds 117 and 118, `python -m tests.bench.evaluate --seeds 117,118 --tune-rivals`.
RIVALS = (
    Rival("components", components, "size_reuse", 50.0),
    Rival("components, values ≤ 10", components_without_hubs, "size_reuse", 50.0),
    Rival("published rule", published_rule, "size", 5.0),
    Rival("Leiden modularity", leiden_modularity, "size_reuse", 50.0),
    Rival("Louvain bipartite", louvain_bipartite, "size_reuse", 50.0),
    Rival("FRAUDAR blocks", fraudar_blocks, "size_reuse", 50.0),
)


def statistics(held: Held, group: Ints) -> dict[str, Floats]:
    """For each group: its ``size``, its ``reuse`` (account–value rows over distinct values, of shared values), and
    ``size_reuse``, their product."""
    groups = int(group.max(initial=-1)) + 1
    account, value = held.only(_kinds(held, RIVAL_KINDS))
    inside = group[account] >= 0
    pairs = np.unique(np.column_stack([group[account[inside]], value[inside]]), axis=0)
    rows = np.bincount(group[account[inside]], minlength=groups)
    reuse = rows / np.maximum(1, np.bincount(pairs[:, 0], minlength=groups))
    size = np.bincount(group[group >= 0], minlength=groups).astype(np.float64)
    return {"size": size, "reuse": reuse, "size_reuse": size * reuse}


def found_by(rival: Rival, held: Held, accounts: int) -> Found:
    """What a rival finds among ``accounts`` accounts, those of ``held`` first. The claimed have score 500 and above in
    the order of the statistic, the others stay below."""
    group = rival.find(held)
    score = scores(statistics(held, group)[rival.statistic], rival.threshold)
    core = np.append(group, np.full(accounts - held.accounts, -1, np.int64))
    return Found(core, score, np.append(score, 0)[core])


def scores(statistic: Floats, threshold: float) -> Ints:
    """Scores from 0 to 1000 in the order of the statistic, ``FLAGGED`` at the threshold."""
    ratio = statistic / threshold
    return np.floor(1000 * ratio / (ratio + (1000 - FLAGGED) / FLAGGED) + 1e-9).astype(np.int64)


def _seed() -> None:
    igraph.set_random_number_generator(random.Random(0))  # noqa: S311 - the same rings each time, no secret


def _components(held: Held, values: Bools) -> Ints:
    account, value = held.only(values)
    nodes = held.accounts + len(held.holders)
    graph = coo_array((np.ones(len(account)), (account, held.accounts + value)), shape=(nodes, nodes))
    return _numbered(cast("Ints", connected_components(graph, directed=False)[1])[: held.accounts])


def _pairs(held: Held, values: Bools, weight: Floats) -> tuple[Ints, Ints, Floats]:
    """The pairs of accounts that share a chosen value, and the weight of all the chosen values that they share."""
    account, value = held.only(values)
    shape = (held.accounts, len(held.holders))
    holds = csr_array(coo_array((np.sqrt(weight[value]), (account, value)), shape=shape))
    shared = coo_array(holds @ holds.T)
    upper = shared.row < shared.col
    return shared.row[upper].astype(np.int64), shared.col[upper].astype(np.int64), shared.data[upper]


def _numbered(group: Ints, alone: int | None = None) -> Ints:
    """Groups of ``SMALLEST`` accounts or more, numbered from 0; −1 for the others and for those in group ``alone``."""
    _, place, size = np.unique(group, return_inverse=True, return_counts=True)
    kept = size[place] >= SMALLEST
    if alone is not None:
        kept &= group != alone
    found = np.full(len(group), -1, np.int64)
    found[kept] = np.unique(group[kept], return_inverse=True)[1]
    return found
