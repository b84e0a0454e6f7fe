"""Formation: which communities are rings, and who is core and who is associate in them."""

from __future__ import annotations

import numpy as np

from graphrisk.model import Bools, Ints, Links, Members, RingLinks, Rings
from graphrisk.policy import RingPolicy
from graphrisk.rings.newcomers import joined, of_openings_together, pieces
from graphrisk.rings.roles import Roles, Ties, roles_in


def form_rings(
    accounts: Ints,
    community: Ints,
    open_since: Ints,
    links: Links,
    oversize: Bools,
    policy: RingPolicy,
    around: Ints | None = None,
) -> tuple[Rings, Members, RingLinks]:
    """The rings among communities.

    ``accounts`` (sorted) and ``community`` say which community each linked account is in; ``oversize`` is the flag
    of each linked account's component; ``open_since`` (microseconds) is when it was opened, ``NEVER`` if that is
    unknown or it is no longer open. Communities that one campaign opened are joined, and those that hold several
    campaigns are parted. A ring has ``policy.min_core`` core members (``roles_in``) or more; all others are associates.
    """
    ends = np.stack([np.searchsorted(accounts, each) for each in (links.a, links.b)])
    opened = open_since[ends]
    ties = Ties(links, ends, opened, of_openings_together(opened, links.onset))
    # Strangers to each other sign up at one place, so that links with a cohort do not make two communities one.
    community = joined(community, ends[:, ties.together & ~links.with_cohort])
    if around is not None:
        kept = np.isin(community, community[np.isin(accounts, around)])
        accounts, open_since, oversize = accounts[kept], open_since[kept], oversize[kept]
        community, ties = np.unique(community[kept], return_inverse=True)[1], ties.among(kept)
    community, found = _campaigns_apart(community, open_since, ties, policy)
    is_ring = _are_rings(community, found.core, policy)
    ring_of = np.cumsum(is_ring) - 1
    member = is_ring[community]
    sorted_members = np.lexsort((accounts[member], community[member]))
    members = Members(
        ring_of[community[member]][sorted_members],
        accounts[member][sorted_members],
        found.core[member][sorted_members],
        np.where(found.core, found.pull, 0)[member][sorted_members],
    )
    kept = is_ring[found.of]
    of, inside = found.of[kept], found.links.take(kept)
    in_order = np.lexsort((inside.b, inside.a, of))
    ring_links = RingLinks(ring_of[of][in_order], inside.take(in_order), found.in_window[kept][in_order])
    rings = _described(members, ring_links, found.start[is_ring], found.end[is_ring], accounts, oversize)
    return rings, members, ring_links


def _campaigns_apart(community: Ints, open_since: Ints, ties: Ties, policy: RingPolicy) -> tuple[Ints, Roles]:
    """The communities, less what is a ring by itself once a ring's core is taken away: a community of its own; and the
    roles in all of them.

    Detection knows no time: what a mule network and the workplace of one of its members have in common makes them
    one community, and the window of the stronger one leaves the other out.
    """
    a, b = ties.ends
    found = roles_in(community, open_since, ties, policy)
    core, new, parted = found.core, np.ones(len(community), bool), False
    while True:
        left = new & ~core & _are_rings(community, core, policy)[community]
        if np.count_nonzero(left) < policy.min_core:
            break
        among = ties.take(left[a] & left[b] & (community[a] == community[b]))
        piece = pieces(among.ends, len(community))
        apart = left & _are_rings(piece, roles_in(piece, open_since, among, policy).core, policy)[piece]
        if not apart.any():
            break
        new, parted = np.isin(community, community[apart]), True
        count = int(community.max()) + 1
        community = np.unique(np.where(apart, count + piece, community), return_inverse=True)[1]
        core = np.where(new, roles_in(community, open_since, ties.take(new[a] & new[b]), policy).core, core)
    return community, roles_in(community, open_since, ties, policy) if parted else found


def _are_rings(community: Ints, core: Bools, policy: RingPolicy) -> Bools:
    """Which communities have core members enough."""
    count = int(community.max(initial=-1)) + 1
    return np.bincount(community, weights=core, minlength=count) >= policy.min_core


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
