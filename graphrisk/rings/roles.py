"""Roles: the campaign window of each community, and who is core in it.

Everything here is integer arithmetic over sorted columns, so a community's answer does not depend on its neighbours.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from graphrisk.model import DAY_US, Bools, Ints, Links
from graphrisk.policy import RingPolicy
from graphrisk.rings.newcomers import of_newcomers

HEART = 6
"""Links that accounts of a ring's heart have to one another, where some have so many; more than a family of six has."""

AGED_DAYS = 30
"""An account that was open so long before the campaign may be linked to a member for reasons of its own."""


class Ties(NamedTuple):
    """Links, with the places of their ends among the accounts and when those were opened (microseconds; both of shape
    (2, links)), and whether both were opened in one week."""

    links: Links
    ends: Ints
    opened: Ints
    together: Bools

    def take(self, rows: Ints | Bools) -> Ties:
        """Those in the given rows, in their order."""
        return Ties(self.links.take(rows), self.ends[:, rows], self.opened[:, rows], self.together[rows])

    def among(self, accounts: Bools) -> Ties:
        """Those between accounts of a part of all, with the places of their ends in that part."""
        inside = self.take(accounts[self.ends[0]] & accounts[self.ends[1]])
        return inside._replace(ends=(np.cumsum(accounts) - 1)[inside.ends])


class Roles(NamedTuple):
    """What ``roles_in`` finds: the links inside communities by community and onset, the community of each, and whether it
    counts for the campaign; start and end of each community's window (microseconds); for each account the strength of its
    links that count, and whether it is core."""

    links: Links
    of: Ints
    in_window: Bools
    start: Ints
    end: Ints
    pull: Ints
    core: Bools


def roles_in(community: Ints, open_since: Ints, ties: Ties, policy: RingPolicy) -> Roles:
    """The campaign window of each community, and the roles of its accounts.

    The links in the campaign window, and those of newcomers whenever they came, make a ring's body: its heart, which is
    a k-core, and every account with a link to the body, or with two if it was open long before the campaign (a victim's
    family has one, through the victim). An account of the body is core if such a link to another one proves something
    about it (and, where others typed what is its own, if that one has other links there), or arose soon after both were
    opened in one week.
    """
    of, of_other = community[ties.ends]
    order = np.lexsort((ties.links.b, ties.links.a, ties.links.onset, of))
    order = order[of[order] == of_other[order]]
    links, (a, b), opened, together = ties.take(order)
    of = of[order]
    start, end = campaign_windows(of, links.onset, links.strength, policy, int(community.max(initial=-1)) + 1)
    in_window = (links.onset >= start[of]) & (links.onset <= end[of])
    in_window |= of_newcomers(opened, links.onset)
    aged = open_since < np.where(start <= end, start, 0)[community] - AGED_DAYS * DAY_US
    telling = links._replace(proves_a=links.proves_a | together, proves_b=links.proves_b | together)
    pull, core = _pull_and_core(community, a[in_window], b[in_window], telling.take(in_window), aged)
    return Roles(links, of, in_window, start, end, pull, core)


def campaign_windows(community: Ints, onset: Ints, strength: Ints, policy: RingPolicy, count: int) -> tuple[Ints, Ints]:
    """Start and end (microseconds, padded) of the shortest interval that holds ``window_percent`` of each community's
    strength by onset; of several, the earliest. Columns are sorted by (community, onset); shape (count,) each, empty
    windows where a community has no link.
    """
    start, end = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    if not len(onset):
        return start, end
    total = np.cumsum(strength)
    before = total - strength
    first = np.searchsorted(community, np.arange(count), side="left")
    last = np.searchsorted(community, np.arange(count), side="right") - 1
    has = last >= first
    whole = np.zeros(count, np.int64)
    whole[has] = total[last[has]] - before[first[has]]
    needed = -(-whole * policy.window_percent // 100)
    closes = np.searchsorted(total, before + needed[community], side="left")
    possible = closes <= last[community]
    opens = np.flatnonzero(possible)
    length = onset[closes[opens]] - onset[opens]
    best = np.lexsort((onset[opens], length, community[opens]))
    found, place = np.unique(community[opens][best], return_index=True)
    chosen = opens[best][place]
    padding = policy.window_padding_days * DAY_US
    start[found], end[found] = onset[chosen] - padding, onset[closes[chosen]] + padding
    return start, end


def _pull_and_core(community: Ints, a: Ints, b: Ints, links: Links, aged: Bools) -> tuple[Ints, Bools]:
    """Of each account: the strength of these links, whose ends are at the places ``a`` and ``b``, and whether it is core."""
    pull = np.zeros(len(community), np.int64)
    np.add.at(pull, a, links.strength)
    np.add.at(pull, b, links.strength)
    body = _body(community, a, b, aged, links.with_ip)
    inside = body[a] & body[b]
    return pull, _proven(aged, a[inside], b[inside], links.take(inside))


def _proven(aged: Bools, a: Ints, b: Ints, links: Links) -> Bools:
    """Which accounts of the body some link to another one of them says something about; ``a`` and ``b`` are the places of
    the ends.

    That an old account and one that the campaign opened, or a housemate (they were at one address), hold a typed
    value says nothing about the old one, whoever was seen with it first: owners of a card are seen with it seldom. Where
    others typed what it held first, those who vouch for it have to be linked to somebody else of the body; a housemate, to
    somebody whom it is not linked to itself. Its family, which is drawn in through it or holds the same card, is no reason to
    keep it.
    """
    home, count = links.with_ip, len(aged)
    core, typed, vouched = (np.zeros(count, bool) for _ in range(3))
    linked_to = np.bincount(a, minlength=count) + np.bincount(b, minlength=count)
    sides = ((a, b, links.proves_a, links.proves_b), (b, a, links.proves_b, links.proves_a))
    for one, _, proves, _ in sides:
        typed[one[~proves & aged[one]]] = True
    for one, other, proves, proves_other in sides:
        # A value that cannot be typed says something of both.
        told = proves & (proves_other | ~aged[one] | (aged[other] & ~home))
        core[one[told]] = True
        vouches = told & typed[one] & (linked_to[other] > 1)
        family = np.flatnonzero(vouches & home)
        if len(family):
            linked = csr_array((np.ones(2 * len(a), np.int64), (np.r_[a, b], np.r_[b, a])), shape=(count, count))
            common = linked[one[family]].multiply(linked[other[family]]).sum(axis=1)
            vouches[family] = linked_to[other[family]] - 1 > common
        vouched[one[vouches]] = True
    return core & (~typed | vouched)


def _body(community: Ints, a: Ints, b: Ints, aged: Bools, home: Bools) -> Bools:
    """Which accounts the links hold together: each community's heart, and whoever has a link to it, or two if aged.

    Links between people at one address (``home``), one of whom is aged, may be those of a family. To an aged account, all of
    these are one; to another, one of these is none.
    """
    body = _hearts(community, a, b)
    weak = home & (aged[a] | aged[b])
    ends = [(a[kind], b[kind]) for kind in (~weak, weak)]
    while True:
        strong, housemates = (
            np.bincount(one, body[other], len(body)) + np.bincount(other, body[one], len(body)) for one, other in ends
        )
        grown = body | np.where(aged, strong + np.minimum(housemates, 1) >= 2, (strong >= 1) | (housemates >= 2))
        if (grown == body).all():
            return body
        body = grown


def _hearts(community: Ints, a: Ints, b: Ints) -> Bools:
    """The accounts of each community with ``HEART`` links to one another, or with as many as any there have."""
    left = np.zeros(len(community), bool)
    left[a] = left[b] = True
    heart = left.copy()
    for links in range(2, HEART + 1):
        left = _peeled(left, a, b, links)
        reached = np.zeros(int(community.max(initial=-1)) + 1, bool)
        reached[community[left]] = True
        heart = np.where(reached[community], left, heart)
    return heart


def _peeled(left: Bools, a: Ints, b: Ints, links: int) -> Bools:
    """The accounts that remain when those with fewer links to the rest are taken away, again and again: a k-core
    (Seidman, Network structure and minimum degree, 1983)."""
    while True:
        a, b = a[both := left[a] & left[b]], b[both]
        kept = np.bincount(a, minlength=len(left)) + np.bincount(b, minlength=len(left)) >= links
        if (kept == left).all():
            return left
        left = kept
