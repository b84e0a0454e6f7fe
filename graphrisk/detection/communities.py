# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Communities: blocks of a component under the constant Potts model (CPM), by one call of an engine a component.

CPM has no global term, so a link anywhere changes rings nowhere else (Traag, Van Dooren, Nesterov 2011). The heuristic
that looks for the best partition is kept just as local: one call a component, vertices and links in canonical order,
a seed from the component's content.
"""

from __future__ import annotations

import hashlib
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.detection.blocks import Block, best_partition, first_seen_order, load_engine
from graphrisk.detection.components import Components
from graphrisk.detection.workers import map_shared, started
from graphrisk.logs import step
from graphrisk.model import METHOD_VERSION, Bools, Floats, Ints, Links
from graphrisk.policy import DetectionPolicy

LINKS_WORTH_A_PROCESS = 30_000


def find_communities(
    components: Components, account_ids: pa.Array, policy: DetectionPolicy, engine: str, processes: int
) -> Ints:
    """The community of each linked account, numbered by smallest account, shape (len(components.accounts),).

    ``account_ids`` gives the id of each linked account; ids, not positions, are what the seed is made from.
    """
    load_engine(engine)
    solve = partial(
        best_partition,
        engine=engine,
        resolution=policy.resolution,
        randomness=policy.randomness,
        restarts=policy.restarts,
    )
    hard = np.flatnonzero(~is_one_community(components, policy.resolution))
    if not len(hard):
        return components.component
    members = np.argsort(components.component, kind="stable")
    starts = np.searchsorted(components.component[members], np.arange(components.count + 1))
    of_link = components.component[components.place(components.links.a)]
    links = np.bincount(of_link, minlength=components.count)[hard]
    others = processes - 1 if links.sum() >= LINKS_WORTH_A_PROCESS else 0
    with started(others, engine) as workers, step("Finding communities (links)", int(links.sum())) as progress:
        blocks = _blocks(components, of_link, hard, members, starts, account_ids)
        found = map_shared(solve, blocks, links.tolist(), workers, progress.advance)
    within = np.zeros(len(members), np.int64)
    for component, labels in zip(hard, found, strict=True):
        within[members[starts[component] : starts[component + 1]]] = labels
    return first_seen_order(components.component * (int(within.max(initial=0)) + 1) + within)


def _blocks(
    components: Components, of_link: Ints, wanted: Ints, members: Ints, starts: Ints, account_ids: pa.Array
) -> list[Block]:
    order = np.argsort(of_link, kind="stable")
    order = order[np.isin(of_link[order], wanted)]
    links, of = components.links.take(order), of_link[order]
    first, end = np.searchsorted(of, wanted), np.searchsorted(of, wanted, side="right")
    local = np.empty(len(members), np.int64)
    local[members] = np.arange(len(members)) - starts[components.component[members]]
    a, b = components.place(links.a), components.place(links.b)
    pairs, weights = np.column_stack([local[a], local[b]]), link_weights(links.strength)
    seeds = _seeds(account_ids, a, b, links, first, end)
    return [
        Block(int(starts[component + 1] - starts[component]), pairs[begin:stop], weights[begin:stop], seed)
        for component, begin, stop, seed in zip(wanted, first, end, seeds, strict=True)
    ]


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


def _seeds(account_ids: pa.Array, a: Ints, b: Ints, links: Links, first: Ints, end: Ints) -> list[int]:
    """For each stretch of links a digest of their account ids and strengths, as bytes set apart by 1E and 1F."""
    one = pc.binary_join_element_wise("\x1e", account_ids.take(pa.array(a)), "")
    other, strength = account_ids.take(pa.array(b)), pa.array(links.strength).cast(pa.string())
    text = pc.binary_join_element_wise(one, other, strength, "\x1f").cast(pa.large_string())
    _, offsets, data = text.buffers()
    bounds = np.frombuffer(offsets, np.int64) if len(text) else np.zeros(1, np.int64)
    seeds: list[int] = []
    for begin, stop in zip(bounds[first], bounds[end], strict=True):
        digest = hashlib.blake2b(f"method {METHOD_VERSION}".encode(), digest_size=8)
        digest.update(memoryview(data)[begin:stop])
        seeds.append(int.from_bytes(digest.digest(), "big"))
    return seeds
