"""Chains of links against trying every way."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrisk.evidence.paths import disjoint_paths, strongest_path

ACCOUNTS = 6
PAIRS = [(a, b) for a in range(ACCOUNTS) for b in range(a + 1, ACCOUNTS)]
GRAPHS = st.dictionaries(st.sampled_from(PAIRS), st.integers(1, 4), max_size=12)


def columns(graph: dict[tuple[int, int], int]) -> list[np.ndarray]:
    rows = [(a, b, strength) for (a, b), strength in sorted(graph.items())]
    return [np.array([row[part] for row in rows], np.int64) for part in range(3)]


def ways(graph: dict[tuple[int, int], int], way: list[int], goals: set[int]) -> Iterator[list[int]]:
    """Every way from the last account of ``way`` to a goal that visits none twice."""
    if len(way) > 1 and way[-1] in goals:
        yield way
        return
    for a, b in graph:
        if way[-1] in (a, b):
            other = a + b - way[-1]
            if other not in way:
                yield from ways(graph, [*way, other], goals)


def worth(graph: dict[tuple[int, int], int], way: list[int]) -> tuple[int, int]:
    strengths = [graph[min(a, b), max(a, b)] for a, b in pairwise(way)]
    return min(strengths), -len(strengths)


@given(graph=GRAPHS, goals=st.sets(st.integers(1, ACCOUNTS - 1), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_the_strongest_path_is_the_best_of_all_ways(graph: dict[tuple[int, int], int], goals: set[int]) -> None:
    a, b, strength = columns(graph)
    path = strongest_path(a, b, strength, 0, goals)
    possible = [worth(graph, way) for way in ways(graph, [0], goals)]
    if path is None:
        assert not possible
        return
    way = [0]
    for place in path:
        assert way[-1] in (a[place], b[place])
        way.append(int(a[place] + b[place]) - way[-1])
    assert way[-1] in goals
    assert worth(graph, way) == max(possible)


@given(graph=GRAPHS, goals=st.sets(st.integers(1, ACCOUNTS - 1), min_size=1, max_size=3), data=st.data())
@settings(max_examples=200, deadline=None)
def test_paths_that_are_told_rest_on_nothing_in_common(
    graph: dict[tuple[int, int], int], goals: set[int], data: st.DataObject
) -> None:
    a, b, strength = columns(graph)
    under = [frozenset(data.draw(st.sets(st.integers(0, 6), min_size=1, max_size=2))) for _ in graph]
    told = [(place, piece) for place, pieces in enumerate(under) for piece in pieces]
    link, piece = np.array(told, np.int64).reshape(-1, 2).T
    found = disjoint_paths(a, b, strength, (link, piece), 0, goals)
    pieces = [frozenset[int]().union(*(under[place] for place in path)) for path in found]
    assert all(one.isdisjoint(other) for place, one in enumerate(pieces) for other in pieces[:place])
    widths = [min(int(strength[place]) for place in path) for path in found]
    assert widths == sorted(widths, reverse=True)
    used = frozenset[int]().union(*pieces)
    left = [place for place in range(len(graph)) if used.isdisjoint(under[place])]
    assert len(found) == 5 or strongest_path(a[left], b[left], strength[left], 0, goals) is None
