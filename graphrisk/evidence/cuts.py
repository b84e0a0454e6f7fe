"""The smallest evidence whose removal frees an account: found, and proved by asking detection again.

A piece of evidence is a shared value; taking it away takes it from every link it carries, and it is paid for once. What
frees an account is not a property of paths alone (values add up to links, links to communities, communities to rings),
so detection itself is the judge, and the search only decides what to ask it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from graphrisk.model import Ints

Pieces = frozenset[int]
Frees = Callable[[Pieces], bool]

MOST_SEARCHED = 12
"""Up to so many pieces all sets are searched for the cheapest; above, the answer is the cheapest of some candidates."""

MOST_ASKED = 24
"""An answer is called the cheapest only where so few sets cost less that each of them can be asked about."""

MOST_SUBSETS, MOST_SUBSETS_OF_MANY = 8, 4
"""Up to so many pieces in the answer, every subset of it is asked about; above, each piece is left out in turn. The
second where the ring rests on more pieces than are searched: there a question costs more."""

ENDLESS = np.int32(1 << 30)


@dataclass(frozen=True)
class Cut:
    """Pieces that free the account when they are taken away, and no fewer of them do. ``cheapest``: no other set of
    the ring's pieces costs less."""

    pieces: Pieces
    cost: int
    cheapest: bool


def smallest_cut(cost: Mapping[int, int], frees: Frees, candidates: Iterable[Pieces] = ()) -> Cut | None:
    """The cheapest pieces that free an account (of equal ones, the fewest), or None if not even all of them do.

    ``cost`` (milli-nats) is that of each piece. Of more than ``MOST_SEARCHED`` pieces only subsets of ``candidates``
    and of the whole are considered.
    """
    whole = frozenset(cost)
    if not frees(whole):
        return None
    if len(cost) > MOST_SEARCHED:
        order = sorted({*candidates, whole}, key=lambda pieces: _rank(pieces, cost))
        found = next(pieces for pieces in order if frees(pieces))
        return _cut(_irreducible(found, cost, frees, MOST_SUBSETS_OF_MANY), cost, False)
    found = _by_hitting_sets(cost, frees)
    cheaper = _cheaper(found, cost)
    if len(cheaper) > MOST_ASKED:
        return _cut(_irreducible(found, cost, frees, MOST_SUBSETS), cost, False)
    return _cut(next((pieces for pieces in cheaper if frees(pieces)), found), cost, True)


def _cut(pieces: Pieces, cost: Mapping[int, int], cheapest: bool) -> Cut:
    return Cut(pieces, sum(cost[piece] for piece in pieces), cheapest)


def _cheaper(found: Pieces, cost: Mapping[int, int]) -> list[Pieces]:
    """The sets that would be better than one that was found, the best first; no more than one over ``MOST_ASKED``."""
    pieces, limit, better = sorted(cost), _rank(found, cost), list[Pieces]()
    for size in range(1, len(pieces) + 1):
        for some in combinations(pieces, size):
            if _rank(frozenset(some), cost) < limit:
                better.append(frozenset(some))
        if len(better) > MOST_ASKED:
            break
    return sorted(better, key=lambda one: _rank(one, cost))


def _by_hitting_sets(cost: Mapping[int, int], frees: Frees) -> Pieces:
    """Implicit hitting sets (Chandrasekaran, Karp, Moreno-Centeno, Vempala 2011): whatever does not free the account is
    grown as far as it does not; what frees it has to take something from what was left. So few questions suffice.

    It would be the cheapest if whatever frees the account still did with more taken away, which is nearly always so:
    communities are not monotone."""
    pieces = sorted(cost, key=lambda piece: (cost[piece], piece))
    subsets = np.arange(1 << len(pieces))
    bits = (subsets[:, None] >> np.arange(len(pieces))) & 1
    price, size = bits @ np.array([cost[piece] for piece in pieces], np.int64), bits.sum(axis=1)
    open_ = subsets[np.lexsort((subsets, size, price))]
    while True:
        subset = int(open_[0])
        chosen = {piece for place, piece in enumerate(pieces) if subset >> place & 1}
        if frees(frozenset(chosen)):
            return frozenset(chosen)
        for piece in reversed(pieces):
            if piece not in chosen and not frees(frozenset(chosen | {piece})):
                chosen.add(piece)
        left = sum(1 << place for place, piece in enumerate(pieces) if piece not in chosen)
        open_ = open_[(open_ & left) != 0]


def _irreducible(pieces: Pieces, cost: Mapping[int, int], frees: Frees, most: int) -> Pieces:
    """A subset that frees the account while no proper subset of it does."""
    for piece in sorted(pieces, key=lambda piece: (-cost[piece], piece)):
        if len(pieces) > 1 and frees(pieces - {piece}):
            pieces -= {piece}
    if len(pieces) > most:
        return pieces
    for size in range(1, len(pieces)):
        smaller = sorted(
            (frozenset(some) for some in combinations(sorted(pieces), size)), key=lambda one: _rank(one, cost)
        )
        for some in smaller:
            if frees(some):
                return some
    return pieces


def _rank(pieces: Pieces, cost: Mapping[int, int]) -> tuple[int, int, list[int]]:
    return sum(cost[piece] for piece in pieces), len(pieces), sorted(pieces)


def least_subset(pieces: Iterable[int], cost: Mapping[int, int], enough: Frees) -> Pieces:
    """A cheap subset that is still ``enough`` (which all pieces are): the dearest are left out where they can be."""
    kept = frozenset(pieces)
    for piece in sorted(kept, key=lambda piece: (-cost[piece], piece)):
        if enough(kept - {piece}):
            kept -= {piece}
    return kept


def separating(holder: Ints, piece: Ints, cost: Mapping[int, int], start: int, goal: int) -> Pieces:
    """The cheapest pieces that every chain of shared values from ``start`` to ``goal`` passes (a minimum cut by maximum
    flow; Ford and Fulkerson 1956), given who holds what, one element a use. Empty when nothing connects them."""
    accounts, of = np.unique(holder, return_inverse=True)
    pieces, which = np.unique(piece, return_inverse=True)
    ends = np.searchsorted(accounts, [start, goal])
    n, m = len(accounts), len(pieces)
    enter, leave = n + which, n + m + which
    capacity = np.array([cost[each] for each in pieces.tolist()], np.int32)
    graph = csr_array(
        (
            np.concatenate([np.full(2 * len(of), ENDLESS), capacity]),
            (np.concatenate([of, leave, n + np.arange(m)]), np.concatenate([enter, of, n + m + np.arange(m)])),
        ),
        shape=(n + 2 * m, n + 2 * m),
    )
    flow = maximum_flow(graph, int(ends[0]), int(ends[1])).flow
    residual = csr_array(graph - flow)
    residual.data = np.maximum(residual.data, 0)
    residual.eliminate_zeros()
    reached = np.zeros(n + 2 * m, bool)
    reached[breadth_first_order(residual, int(ends[0]), return_predecessors=False)] = True
    return frozenset(pieces[reached[n : n + m] & ~reached[n + m :]].tolist())
