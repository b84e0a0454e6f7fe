"""Communities: blocks of a component under the constant Potts model (CPM), by one call of an engine a component.

CPM has no global term, so a link anywhere changes rings nowhere else (Traag, Van Dooren, Nesterov 2011). The heuristic
that looks for the best partition is kept just as local: one call a component, vertices and links in canonical order,
a seed from the component's content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import numpy as np
import pyarrow as pa

from graphrisk.detection.components import Components
from graphrisk.detection.workers import map_in_processes
from graphrisk.errors import SettingsError
from graphrisk.logs import step
from graphrisk.model import METHOD_VERSION, Bools, Floats, Ints
from graphrisk.policy import DetectionPolicy

ENGINES = ("igraph", "leidenalg", "networkx")
LINKS_WORTH_A_PROCESS = 30_000

Engine = Callable[[int, Ints, Floats, float, float, int], Sequence[int]]
"""``partition(accounts, pairs (m, 2), weights (m,), resolution, randomness, seed)`` gives a block number an account."""


@dataclass(frozen=True)
class Block:
    """One component as an engine sees it: accounts are 0 … size - 1, pairs sorted, weights in (0, 1)."""

    size: int
    pairs: Ints
    weights: Floats
    seed: int


def load_engine(name: str) -> Engine:
    """The engine of that name. Raises ``SettingsError`` when there is none, or its library is not installed."""
    if name not in ENGINES:
        raise SettingsError(f"The engine {name!r} is not known; choose one of {', '.join(ENGINES)}.")
    try:
        return import_module(f"graphrisk.detection.{name}_engine").partition
    except ImportError as error:
        raise SettingsError(f"The engine {name} is not installed; run `pip install 'graphrisk[engines]'`.") from error


def find_communities(
    components: Components, account_ids: pa.Array, policy: DetectionPolicy, engine: str, processes: int
) -> Ints:
    """The community of each linked account, numbered by smallest account, shape (len(components.accounts),).

    ``account_ids`` gives the id of each linked account; ids, not positions, are what the seed is made from.
    """
    load_engine(engine)
    hard = np.flatnonzero(~is_one_community(components, policy.resolution))
    members = np.argsort(components.component, kind="stable")
    starts = np.searchsorted(components.component[members], np.arange(components.count + 1))
    blocks = _blocks(components, hard, members, starts, account_ids)
    within = np.zeros(len(members), np.int64)
    for component, found in zip(hard, _partitions(blocks, policy, engine, processes), strict=True):
        within[members[starts[component] : starts[component + 1]]] = found
    return _by_first_seen(components.component * (int(within.max(initial=0)) + 1) + within)


def _blocks(components: Components, wanted: Ints, members: Ints, starts: Ints, account_ids: pa.Array) -> list[Block]:
    links = components.links
    a, b = components.place(links.a), components.place(links.b)
    weights = link_weights(links.strength)
    order = np.argsort(components.component[a], kind="stable")
    bounds = np.searchsorted(components.component[a][order], np.arange(components.count + 1))
    local = np.empty(len(members), np.int64)
    local[members] = np.arange(len(members)) - starts[components.component[members]]
    blocks: list[Block] = []
    for component in wanted:
        inside = order[bounds[component] : bounds[component + 1]]
        pairs = np.column_stack([local[a[inside]], local[b[inside]]])
        seed = _seed(account_ids, a[inside], b[inside], links.strength[inside])
        blocks.append(Block(int(starts[component + 1] - starts[component]), pairs, weights[inside], seed))
    return blocks


def link_weights(strength: Ints) -> Floats:
    """w = 1 - exp(-S/1000), to nine decimals so that every machine gives the same bytes."""
    weights: Floats = -np.expm1(-strength.astype(np.float64) / 1000)
    return np.round(weights, 9)


def is_one_community(components: Components, resolution: float) -> Bools:
    """Which components are one community by the objective itself, so that no engine need be asked.

    Splitting off a block of s accounts gains resolution·s·(n - s) ≤ resolution·n²/4 and loses the cut. Every cut has at
    least one link; and where each account has n/2 links or more, at least as many as the smallest degree (Chartrand
    1966). So a component stays whole if that many of its weakest link outweigh resolution·n²/4.
    """
    links = components.links
    size = np.bincount(components.component, minlength=components.count)
    ends = np.concatenate([components.place(links.a), components.place(links.b)])
    degree = np.bincount(ends, minlength=len(components.accounts))
    smallest = np.full(components.count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, components.component, degree)
    weakest = np.ones(components.count)
    np.minimum.at(weakest, components.component[components.place(links.a)], link_weights(links.strength))
    cut_links = np.where(2 * smallest >= size, smallest, 1)
    return cut_links * weakest > resolution * size**2 / 4


def quality(block: Block, labels: Ints, resolution: float) -> float:
    """CPM quality: weight inside blocks less resolution times the pairs inside, to six decimals."""
    inside = block.weights[labels[block.pairs[:, 0]] == labels[block.pairs[:, 1]]].sum()
    sizes = np.bincount(labels)
    return round(float(inside - resolution * (sizes * (sizes - 1) / 2).sum()), 6)


def best_partition(block: Block, policy: DetectionPolicy, engine: str) -> Ints:
    """The best of ``restarts`` partitions; ties go to the smallest vector of canonical labels."""
    partition = load_engine(engine)
    found: list[tuple[float, list[int]]] = []
    for restart in range(policy.restarts):
        raw = partition(
            block.size, block.pairs, block.weights, policy.resolution, policy.randomness, block.seed + restart
        )
        labels = _by_first_seen(np.asarray(raw, np.int64))
        found.append((-quality(block, labels, policy.resolution), labels.tolist()))
    return np.asarray(min(found)[1], np.int64)


def _partitions(blocks: list[Block], policy: DetectionPolicy, engine: str, processes: int) -> list[Ints]:
    costs = [len(block.pairs) for block in blocks]
    solve = partial(best_partition, policy=policy, engine=engine)
    with step("Finding communities (links)", sum(costs)) as progress:
        if processes > 1 and sum(costs) >= LINKS_WORTH_A_PROCESS:
            return map_in_processes(solve, blocks, costs, processes, progress.advance)
        results: list[Ints] = []
        for block, cost in zip(blocks, costs, strict=True):
            results.append(solve(block))
            progress.advance(cost)
        return results


def _seed(account_ids: pa.Array, a: Ints, b: Ints, strength: Ints) -> int:
    one, other = account_ids.take(pa.array(a)).to_pylist(), account_ids.take(pa.array(b)).to_pylist()
    digest = hashlib.blake2b(f"method {METHOD_VERSION}".encode(), digest_size=8)
    for link in zip(one, other, strength.tolist(), strict=True):
        digest.update("\x1e{}\x1f{}\x1f{}".format(*link).encode())
    return int.from_bytes(digest.digest(), "big")


def _by_first_seen(labels: Ints) -> Ints:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
