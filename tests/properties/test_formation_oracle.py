"""Rings against a slow reading of the method: every interval tried, every member asked for its links, one at a time."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from graphrisk.model import DAY_US, NEVER
from graphrisk.policy import RingPolicy
from graphrisk.rings.formation import form_rings
from graphrisk.rings.roles import campaign_windows
from tests.support_detection import MONDAY, links_of
from tests.support_formation import (
    Community,
    Tie,
    as_links,
    expected_like,
    expected_rings,
    joined_by_hand,
    shortest_window,
)

WIDE = settings(max_examples=250, deadline=None)


@st.composite
def communities(draw: st.DrawFn) -> tuple[list[Tie], Community]:
    """Links among a dozen accounts and any division of them; few distinct onsets, so that intervals compete."""
    days = st.sampled_from((0, 1, 1, 2, 10, 13, 14, 15, 40, 41, 200))
    ends = st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1])
    ties = [
        Tie(a, b, draw(st.integers(693, 5000)), MONDAY + draw(days) * DAY_US, *(draw(st.booleans()) for _ in range(4)))
        for a, b in sorted(draw(st.sets(ends, min_size=1, max_size=45)))
    ]
    blocks = {account: draw(st.integers(0, 2)) for tie in ties for account in (tie.a, tie.b)}
    names: dict[int, int] = {}
    return ties, {account: names.setdefault(blocks[account], len(names)) for account in sorted(blocks)}


OPENED = st.lists(
    st.sampled_from((NEVER, *(MONDAY + days * DAY_US for days in (-400, -60, -44, -37, -31, 0, 12)))),
    min_size=12,
    max_size=12,
)


POLICIES = st.builds(
    RingPolicy,
    min_core=st.integers(2, 4),
    window_percent=st.sampled_from((1, 50, 80, 100)),
    window_padding_days=st.sampled_from((0, 1, 14)),
)


@given(communities(), POLICIES, OPENED)
@WIDE
def test_rings_windows_roles_and_pulls_are_those_of_a_slow_reading(
    given_links: tuple[list[Tie], Community], policy: RingPolicy, opened: list[int]
) -> None:
    ties, community = given_links
    accounts = np.array(sorted(community), np.int64)
    labels = np.array([community[int(account)] for account in accounts], np.int64)
    oversize = labels == 1
    open_since = np.array(opened)[accounts]
    rings, members, ring_links = form_rings(accounts, labels, open_since, as_links(ties), oversize, policy)
    expected = expected_rings(ties, community, policy, dict(enumerate(opened)))
    assert len(rings.size) == len(expected)
    assert len(members.account) == sum(len(ring.core) for ring in expected)
    assert len(ring_links.in_window) == sum(len(ring.ties) for ring in expected)
    smallest = [int(members.account[members.ring == number].min()) for number in range(len(rings.size))]
    for number, ring in zip(np.argsort(smallest), expected, strict=True):
        here, tied = members.ring == number, ring_links.ring == number
        held = ring_links.link
        ends = zip(held.a[tied].tolist(), held.b[tied].tolist(), ring_links.in_window[tied].tolist(), strict=True)
        assert dict(zip(members.account[here].tolist(), members.core[here].tolist(), strict=True)) == ring.core
        assert dict(zip(members.account[here].tolist(), members.pull[here].tolist(), strict=True)) == ring.pull
        assert list(ends) == ring.ties
        assert (rings.window_start[number], rings.window_end[number]) == ring.window
        assert (rings.first_link_at[number], rings.last_link_at[number]) == (ring.first, ring.last)
        assert (rings.size[number], rings.core_size[number]) == (len(ring.core), sum(ring.core.values()))
        assert rings.links[number] == len(ring.ties)
        assert rings.oversize[number] == any(community[account] == 1 for account in ring.core)


@given(communities(), POLICIES)
@WIDE
def test_the_campaign_window_is_the_shortest_interval_that_holds_the_share(
    given_links: tuple[list[Tie], Community], policy: RingPolicy
) -> None:
    ties, community = given_links
    inside = sorted((community[tie.a], tie.onset, tie.strength) for tie in ties if community[tie.a] == community[tie.b])
    block_of, onset_of, strength_of = (np.array([row[part] for row in inside], np.int64) for part in range(3))
    count = max(community.values()) + 2
    start, end = campaign_windows(block_of, onset_of, strength_of, policy, count)
    for block in range(count):
        here = [Tie(0, 0, strength, onset, True, True) for each, onset, strength in inside if each == block]
        if here:
            assert (start[block], end[block]) == shortest_window(here, policy)
        else:
            assert start[block] > end[block]


@given(communities(), OPENED)
@WIDE
def test_a_community_is_judged_the_same_whatever_else_is_there(
    given_links: tuple[list[Tie], Community], opened: list[int]
) -> None:
    ties, community = given_links
    whole_of = joined_by_hand(ties, community, dict(enumerate(opened)))
    alone = {account: 0 for account, block in whole_of.items() if block == 0}
    few = [tie for tie in ties if tie.a in alone and tie.b in alone]
    whole = expected_like(ties, community, opened)
    assert [ring for ring in whole if set(ring) <= set(alone)] == expected_like(few, alone, opened)


@given(communities(), OPENED, st.integers(0, 2**16))
@WIDE
def test_around_an_account_its_rings_are_formed_as_among_all(
    given_links: tuple[list[Tie], Community], opened: list[int], draw: int
) -> None:
    ties, community = given_links
    account = sorted(community)[draw % len(community)]
    whole_of = joined_by_hand(ties, community, dict(enumerate(opened)))
    block = {each for each, of in whole_of.items() if of == whole_of[account]}
    wanted = [ring for ring in expected_like(ties, community, opened) if set(ring) <= block]
    assert expected_like(ties, community, opened, around=[account]) == wanted


def test_no_links_no_rings() -> None:
    nothing = np.zeros(0, np.int64)
    rings, members, ring_links = form_rings(nothing, nothing, nothing, links_of([]), nothing.astype(bool), RingPolicy())
    assert not len(rings.size) + len(members.account) + len(ring_links.ring)
