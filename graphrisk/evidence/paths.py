"""Chains of links: the strongest from one account to others, and several that share no evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

import numpy as np

from graphrisk.model import Ints

MOST_PATHS = 5


def strongest_path(a: Ints, b: Ints, strength: Ints, start: int, goals: Collection[int]) -> list[int] | None:
    """The positions of the links of a path from ``start`` to one of ``goals``, or None: the path whose weakest link is
    strongest (a widest path; Pollack 1960); of several, one of the fewest links."""
    return _widest(_Beside(a, b), strength, start, goals)


def disjoint_paths(
    a: Ints, b: Ints, strength: Ints, under: tuple[Ints, Ints], start: int, goals: Collection[int]
) -> list[list[int]]:
    """Up to ``MOST_PATHS`` paths, strongest first, no two of which rest on a piece of evidence in common.

    ``under`` gives the pieces under the links, as columns: the position of a link, a piece under it. Each path takes the
    strongest that is left, so that another choice may allow more.
    """
    beside, left = _Beside(a, b), strength.copy()
    link, piece = under
    found: list[list[int]] = []
    while len(found) < MOST_PATHS:
        path = _widest(beside, left, start, goals)
        if path is None:
            break
        found.append(path)
        left[link[np.isin(piece, piece[np.isin(link, path)])]] = 0
        left[path] = 0
    return found


class _Beside:
    """For each account the other end and the position of each of its links, listed when they are first wanted: a path
    visits few accounts."""

    def __init__(self, a: Ints, b: Ints) -> None:
        ends = np.concatenate([a, b])
        order = np.lexsort((np.tile(np.arange(len(a)), 2), ends))
        self._of, self._other, self._place = ends[order], np.concatenate([b, a])[order], order % max(1, len(a))
        self._listed: dict[int, list[tuple[int, int]]] = {}

    def __getitem__(self, account: int) -> list[tuple[int, int]]:
        if account not in self._listed:
            its = slice(*np.searchsorted(self._of, [account, account + 1]).tolist())
            self._listed[account] = list(zip(self._other[its].tolist(), self._place[its].tolist(), strict=True))
        return self._listed[account]


def _widest(beside: _Beside, strength: Ints, start: int, goals: Collection[int]) -> list[int] | None:
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


def _walk(beside: _Beside, strength: Sequence[int], width: int, start: int, goals: Collection[int]) -> list[int] | None:
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
        for other, place in beside[account]:
            if other not in came and strength[place] >= width:
                came[other] = (place, account)
                edge.append(other)
    return None
