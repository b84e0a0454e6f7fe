"""What links tell by when the accounts at their ends were opened: newcomers, openings in one week, campaigns in pieces."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graphrisk.model import DAY_US, NEVER, Bools, Ints

NEW_DAYS = 30
"""What an account begins to share so soon after its opening, it may have been opened for."""

SEASON_DAYS = 90
"""A newcomer's link to an account that is open for longer may be a family's; it counts inside the campaign alone."""

TOGETHER_DAYS = 7
"""Who opens an account so near in time to others, and shares with them what somebody typed, is not whom they stole it from."""

JOINING_LINKS = 2
"""One may be chance: two of a farm's accounts at a café, or a relative who opened an account that week."""


def of_newcomers(opened: Ints, onset: Ints) -> Bools:
    """Which links arose within days of the opening of one account, to another that is closed or no older than a season.

    ``opened`` (microseconds, shape (2, links)) says when the accounts at the ends were, ``NEVER`` if that is unknown or they
    are no longer open."""
    found = np.zeros(len(onset), bool)
    for one, other in (opened, opened[::-1]):
        is_new = (one <= onset) & (one >= onset - NEW_DAYS * DAY_US)
        found |= is_new & (other >= onset - SEASON_DAYS * DAY_US)
    return found


def of_openings_together(opened: Ints, onset: Ints) -> Bools:
    """Which links arose within days of the openings of two accounts that were opened in one week and are open."""
    early, late = opened.min(axis=0), opened.max(axis=0)
    return (late < NEVER) & (late - early <= TOGETHER_DAYS * DAY_US) & (late >= onset - NEW_DAYS * DAY_US)


def joined(community: Ints, ends: Ints) -> Ints:
    """The communities, joined where several of the links between ``ends`` (places in ``community``, shape (2, links)) lie
    across: pieces of one campaign. Each has the number of its first piece.

    The objective of detection parts what few links hold, and a farm with some accounts a stolen card is held by few.
    """
    sides = np.sort(community[ends], axis=0)
    pairs, times = np.unique(sides[:, sides[0] != sides[1]], axis=1, return_counts=True)
    across = pairs[:, times >= JOINING_LINKS]
    if not across.size:
        return community
    of = pieces(across, int(community.max()) + 1)
    return np.unique(of, return_index=True)[1][of][community]


def pieces(ends: Ints, count: int) -> Ints:
    """The connected component of each of ``count`` places, which are tied where ``ends`` (shape (2, ties)) says."""
    graph = coo_array((np.ones(ends.shape[1], np.int8), tuple(ends)), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)
