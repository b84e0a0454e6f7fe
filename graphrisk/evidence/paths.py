"""Chains of links: the strongest from one account to others, and several that share no evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

import numpy as np

from graphrisk.model import Bools, Ints

MOST_PATHS = 5

Beside = dict[int, list[tuple[int, int]]]
"""For each account the other end and the position of each of its links."""


def strongest_path(a: Ints, b: Ints, strength: Ints, start: int, goals: Collection[int]) -> list[int] | None:
    """The positions of the links of a path from ``start`` to one of ``goals``, or None: the path whose weakest link is
    strongest (a widest path; Pollack 1960); of several, one of the fewest links."""
    goals = set(goals) - {start}
    widths = np.unique(strength)[::-1]
    low, high = 0, len(widths)
    while low < high:
        middle = (low + high) // 2
        if _walk(_beside(a, b, strength >= widths[middle]), start, goals) is None:
            low = middle + 1
        else:
            high = middle
    return _walk(_beside(a, b, strength >= widths[low]), start, goals) if low < len(widths) else None


def disjoint_paths(
    a: Ints, b: Ints, strength: Ints, under: Sequence[frozenset[int]], start: int, goals: Collection[int]
) -> list[list[int]]:
    """Up to ``MOST_PATHS`` paths, strongest first, no two of which rest on a piece of evidence in common.

    ``under`` gives the pieces under each link. Each takes the strongest that is left, so that another choice may allow more.
    """
    left: Bools = np.ones(len(a), bool)
    found: list[list[int]] = []
    while len(found) < MOST_PATHS:
        places = np.flatnonzero(left)
        path = strongest_path(a[places], b[places], strength[places], start, goals)
        if path is None:
            break
        path = [int(places[place]) for place in path]
        found.append(path)
        used = frozenset[int]().union(*(under[place] for place in path))
        left &= np.array([used.isdisjoint(pieces) for pieces in under], bool)
        left[path] = False
    return found


def _beside(a: Ints, b: Ints, chosen: Bools) -> Beside:
    beside: Beside = {}
    places = np.flatnonzero(chosen)
    for one, other, place in zip(a[places].tolist(), b[places].tolist(), places.tolist(), strict=True):
        beside.setdefault(one, []).append((other, place))
        beside.setdefault(other, []).append((one, place))
    return beside


def _walk(beside: Beside, start: int, goals: Collection[int]) -> list[int] | None:
    """The positions of the links of a shortest way to a goal."""
    came: dict[int, tuple[int, int]] = {start: (-1, start)}
    edge = deque([start])
    while edge:
        account = edge.popleft()
        if account in goals:
            path: list[int] = []
            while account != start:
                place, account = came[account]
                path.append(place)
            return path[::-1]
        for other, place in beside.get(account, ()):
            if other not in came:
                came[other] = (place, account)
                edge.append(other)
    return None
