"""Weak bridges: rings that a very light cut would split into two halves of three accounts or more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrisk.detection.communities import link_weights
from graphrisk.detection.igraph_engine import has_bridge, min_cut
from graphrisk.model import Bools, Floats, Ints, Links

SMALLEST_SIDE = 3


@dataclass(frozen=True)
class Bridge:
    """A light cut of one ring: its weight and the pairs of accounts whose links cross it."""

    ring: int
    weight: float
    pairs: tuple[tuple[int, int], ...]


def weak_bridges(ring: Ints, links: Links, size: Ints) -> list[Bridge]:
    """The rings whose lightest cut weighs ≤ ½·log10(max(10, n)) and leaves ≥ 3 accounts on both sides.

    ``ring`` (sorted) is the ring of each link, ``size`` the number of accounts of each ring.
    """
    limit = np.log10(np.maximum(10, size)) / 2
    weights = link_weights(links.strength)
    bounds = np.searchsorted(ring, np.arange(len(size) + 1))
    found: list[Bridge] = []
    for each in np.flatnonzero(_may_split(ring, links, size, weights, limit)):
        inside = slice(bounds[each], bounds[each + 1])
        a, b = links.a[inside], links.b[inside]
        accounts, places = np.unique(np.concatenate([a, b]), return_inverse=True)
        pairs = places.reshape(2, -1).T
        two_links_are_too_heavy = 2 * float(weights[inside].min()) > limit[each]
        if two_links_are_too_heavy and not has_bridge(len(accounts), pairs):
            continue
        weight, side, crossing = min_cut(len(accounts), pairs, weights[inside])
        if weight <= limit[each] and len(side) >= SMALLEST_SIDE:
            found.append(Bridge(int(each), weight, tuple((int(a[place]), int(b[place])) for place in crossing)))
    return found


def _may_split(ring: Ints, links: Links, size: Ints, weights: Floats, limit: Floats) -> Bools:
    """Rings that are large enough and not so dense that every cut is heavier than the limit (see communities)."""
    weakest = np.ones(len(size))
    np.minimum.at(weakest, ring, weights)
    ends, of = np.concatenate([links.a, links.b]), np.concatenate([ring, ring])
    order = np.lexsort((ends, of))
    changes = (
        np.flatnonzero(np.r_[True, (np.diff(ends[order]) != 0) | (np.diff(of[order]) != 0)]) if len(ends) else ends
    )
    degree = np.diff(np.r_[changes, len(ends)])
    smallest = np.full(len(size), np.iinfo(np.int64).max)
    np.minimum.at(smallest, of[order][changes], degree)
    cut_links = np.where(2 * smallest >= size, smallest, 1)
    return (size >= 2 * SMALLEST_SIDE) & (cut_links * weakest <= limit)
