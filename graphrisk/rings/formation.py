"""Formation: the campaign window of each community, who is core and who is associate, and which communities are rings.

Everything here is integer arithmetic over sorted columns, so a community's answer does not depend on its neighbours.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from graphrisk.model import DAY_US, Bools, Ints, Links, Members, RingLinks, Rings
from graphrisk.policy import RingPolicy
from graphrisk.rings.newcomers import joined, of_newcomers, of_openings_together

HEART = 6
"""Links that accounts of a ring's heart have to one another, where some have so many; more than a family of six has."""

AGED_DAYS = 30
"""An account that was open so long before the campaign may be linked to a member for reasons of its own."""


def form_rings(
    accounts: Ints, community: Ints, open_since: Ints, links: Links, oversize: Bools, policy: RingPolicy
) -> tuple[Rings, Members, RingLinks]:
    """The rings among communities.

    ``accounts`` (sorted) and ``community`` say which community each linked account is in; ``oversize`` is the flag
    of each linked account's component; ``open_since`` (microseconds) is when it was opened, ``NEVER`` if that is
    unknown or it is no longer open. Communities that one campaign opened are joined. A ring has ``policy.min_core`` core
    members or more.

    The links in the campaign window, and those of newcomers whenever they came, make a ring's body: its heart, which is
    a k-core, and every account with a link to the body, or with two if it was open long before the campaign (a victim's
    family has one, through the victim). An account of the body is core if such a link to another one proves something
    about it (and, where others typed what is its own, if that one has other links there), or arose soon after both were
    opened in one week; all others are associates.
    """
    ends = np.stack([np.searchsorted(accounts, each) for each in (links.a, links.b)])
    opened = open_since[ends]
    together = of_openings_together(opened, links.onset)
    # Strangers to each other sign up at one place, so that links with a cohort do not make two communities one.
    community = joined(community, ends[:, together & ~links.with_cohort])
    of, of_other = community[ends]
    order = np.lexsort((links.b, links.a, links.onset, of))
    order = order[of[order] == of_other[order]]
    links, of, opened, together = links.take(order), of[order], opened[:, order], together[order]
    start, end = campaign_windows(of, links.onset, links.strength, policy, int(community.max(initial=-1)) + 1)
    in_window = (links.onset >= start[of]) & (links.onset <= end[of])
    in_window |= of_newcomers(opened, links.onset)
    aged = open_since < np.where(start <= end, start, 0)[community] - AGED_DAYS * DAY_US
    telling = links._replace(proves_a=links.proves_a | together, proves_b=links.proves_b | together)
    pull, core = _roles(accounts, community, telling, in_window, aged)
    core_size = np.bincount(community, weights=core, minlength=len(start)).astype(np.int64)
    is_ring = core_size >= policy.min_core
    ring_of = np.cumsum(is_ring) - 1
    member = is_ring[community]
    sorted_members = np.lexsort((accounts[member], community[member]))
    members = Members(
        ring_of[community[member]][sorted_members],
        accounts[member][sorted_members],
        core[member][sorted_members],
        np.where(core, pull, 0)[member][sorted_members],
    )
    kept = is_ring[of]
    in_order = np.lexsort((links.b[kept], links.a[kept], of[kept]))
    ring_links = RingLinks(ring_of[of[kept]][in_order], links.take(kept).take(in_order), in_window[kept][in_order])
    return _described(members, ring_links, start[is_ring], end[is_ring], accounts, oversize), members, ring_links


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


def _roles(accounts: Ints, community: Ints, links: Links, in_window: Bools, aged: Bools) -> tuple[Ints, Bools]:
    """Per linked account: the strength of its links in the window, and whether it is core."""
    links = links.take(in_window)
    a, b = np.searchsorted(accounts, links.a), np.searchsorted(accounts, links.b)
    pull = np.zeros(len(accounts), np.int64)
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


def _described(members: Members, links: RingLinks, start: Ints, end: Ints, accounts: Ints, oversize: Bools) -> Rings:
    count = len(start)
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(first, links.ring, links.link.onset)
    np.maximum.at(last, links.ring, links.link.onset)
    flagged = np.zeros(count, bool)
    flagged[members.ring[oversize[np.searchsorted(accounts, members.account)]]] = True
    return Rings(
        size=np.bincount(members.ring, minlength=count),
        core_size=np.bincount(members.ring, weights=members.core, minlength=count).astype(np.int64),
        window_start=start,
        window_end=end,
        first_link_at=first,
        last_link_at=last,
        links=np.bincount(links.ring, minlength=count),
        oversize=flagged,
    )
