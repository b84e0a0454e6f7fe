"""Formation: the campaign window of each community, who is core and who is associate, and which communities are rings.

Everything here is integer arithmetic over sorted columns, so a community's answer does not depend on its neighbours.
"""

from __future__ import annotations

import numpy as np

from graphrisk.model import DAY_US, Bools, Ints, Links, Members, RingLinks, Rings
from graphrisk.policy import RingPolicy

HEART = 4
AGED_DAYS = 30


def form_rings(
    accounts: Ints, community: Ints, created: Ints, links: Links, oversize: Bools, policy: RingPolicy
) -> tuple[Rings, Members, RingLinks]:
    """The rings among communities.

    ``accounts`` (sorted) and ``community`` say which community each linked account is in; ``oversize`` is the flag
    of each linked account's component. A ring has ``policy.min_core`` core members or more. An account is core if a
    link to a member lies in the campaign window and proves something about it; else it is an associate.
    """
    of_a, of_b = (community[np.searchsorted(accounts, ends)] for ends in (links.a, links.b))
    inside = of_a == of_b
    links, of = links.take(inside), of_a[inside]
    order = np.lexsort((links.b, links.a, links.onset, of))
    links, of = links.take(order), of[order]
    start, end = campaign_windows(of, links.onset, links.strength, policy, int(community.max(initial=-1)) + 1)
    in_window = (links.onset >= start[of]) & (links.onset <= end[of])
    aged = created < np.where(start < end, start, 0)[community] - AGED_DAYS * DAY_US
    pull, core = _roles(accounts, community, links, in_window, aged)
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
    a, b = np.searchsorted(accounts, links.a[in_window]), np.searchsorted(accounts, links.b[in_window])
    strength = links.strength[in_window]
    pull = np.zeros(len(accounts), np.int64)
    np.add.at(pull, a, strength)
    np.add.at(pull, b, strength)
    body = _body(community, a, b, aged)
    inside = body[a] & body[b]
    core = np.zeros(len(accounts), bool)
    core[a[inside & links.proves_a[in_window]]] = True
    core[b[inside & links.proves_b[in_window]]] = True
    return pull, core


def _body(community: Ints, a: Ints, b: Ints, aged: Bools) -> Bools:
    """The accounts that links in the window hold together: those in its heart, and from there on each that has a link
    to one of them, or two if it is aged."""
    body = _hearts(community, a, b)
    while True:
        held = np.bincount(a, body[b], len(body)) + np.bincount(b, body[a], len(body))
        grown = body | (held >= np.where(aged, 2, 1))
        if (grown == body).all():
            return body
        body = grown


def _hearts(community: Ints, a: Ints, b: Ints) -> Bools:
    """The accounts of each community that have ``HEART`` links to one another, or as many as any have."""
    left = np.zeros(len(community), bool)
    left[a] = left[b] = True
    heart = left
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
