"""Chains of links: the strongest from one account to others, and several that share no evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

import numpy as np

from graphrisk.model import Ints

MOST_PATHS = 5

Beside = dict[int, list[tuple[int, int]]]
"""For each account the other end and the position of each of its links."""


def strongest_path(a: Ints, b: Ints, strength: Ints, start: int, goals: Collection[int]) -> list[int] | None:
    """The positions of the links of a path from ``start`` to one of ``goals``, or None: the path whose weakest link is
    strongest (a widest path; Pollack 1960); of several, one of the fewest links."""
    return _widest(_beside(a, b), strength, start, goals)


def disjoint_paths(
    a: Ints, b: Ints, strength: Ints, under: Sequence[frozenset[int]], start: int, goals: Collection[int]
) -> list[list[int]]:
    """Up to ``MOST_PATHS`` paths, strongest first, no two of which rest on a piece of evidence in common.

    ``under`` gives the pieces under each link. Each takes the strongest that is left, so that another choice may allow more.
    """
    beside, left = _beside(a, b), strength.copy()
    found: list[list[int]] = []
    while len(found) < MOST_PATHS:
        path = _widest(beside, left, start, goals)
        if path is None:
            break
        found.append(path)
        used = frozenset[int]().union(*(under[place] for place in path))
        left[[not used.isdisjoint(pieces) for pieces in under]] = 0
        left[path] = 0
    return found


def _beside(a: Ints, b: Ints) -> Beside:
    beside: Beside = {}
    for place, (one, other) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        beside.setdefault(one, []).append((other, place))
        beside.setdefault(other, []).append((one, place))
    return beside


def _widest(beside: Beside, strength: Ints, start: int, goals: Collection[int]) -> list[int] | None:
    """The strongest path by links of a strength above 0."""
    goals, of_link = set(goals) - {start}, strength.tolist()
    widths = np.unique(strength[strength > 0])[::-1].tolist()
    low, high = 0, len(widths)
    while low < high:
        middle = (low + high) // 2
        if _walk(beside, of_link, widths[middle], start, goals) is None:
            low = middle + 1
        else:
            high = middle
    return _walk(beside, of_link, widths[low], start, goals) if low < len(widths) else None


def _walk(beside: Beside, strength: Sequence[int], width: int, start: int, goals: Collection[int]) -> list[int] | None:
    """The positions of the links of a shortest way to a goal, by links of at least some strength."""
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
            if other not in came and strength[place] >= width:
                came[other] = (place, account)
                edge.append(other)
    return None
