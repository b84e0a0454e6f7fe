"""Rings against a slow reading of the method: every interval tried, every member asked for its links, one at a time."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from graphrisk.linkage.links import link
from graphrisk.model import DAY_US, HOUR_US, NEVER, Links
from graphrisk.policy import Policy, RingPolicy
from graphrisk.rings.formation import campaign_windows, form_rings
from tests.support_detection import MONDAY, Seen, facts_in_view, links_of, moment_of, token_like

WIDE = settings(max_examples=250, deadline=None)


class Tie(NamedTuple):
    a: int
    b: int
    strength: int
    onset: int
    proves_a: bool
    proves_b: bool


Community = dict[int, int]
"""Account → community, numbered by smallest account."""


def shortest_window(ties: list[Tie], policy: RingPolicy) -> tuple[int, int]:
    """Of all intervals between two onsets that hold the share of the strength: the shortest, then the earliest."""
    whole = sum(tie.strength for tie in ties)
    onsets = sorted({tie.onset for tie in ties})
    found: list[tuple[int, int, int]] = []
    for start in onsets:
        for end in onsets:
            inside = sum(tie.strength for tie in ties if start <= tie.onset <= end)
            if inside * 100 >= whole * policy.window_percent:
                found.append((end - start, start, end))
    padding = policy.window_padding_days * DAY_US
    return min(found)[1] - padding, min(found)[2] + padding


class Expected(NamedTuple):
    core: dict[int, bool]
    pull: dict[int, int]
    window: tuple[int, int]
    ties: list[tuple[int, int, bool]]
    first: int
    last: int


def body_of(ties: list[Tie], aged: set[int]) -> set[int]:
    """The heart (a 6-core, or else a 5-core, …, all that are linked), grown by one link, of aged ones by two."""
    linked = {end for tie in ties for end in (tie.a, tie.b)}
    body: set[int] = set()
    for links in (6, 5, 4, 3, 2, 1):
        body = set(linked)
        while lonely := {one for one in body if towards(one, body, ties) < links}:
            body -= lonely
        if body:
            break
    while more := {one for one in linked - body if towards(one, body, ties) >= (2 if one in aged else 1)}:
        body |= more
    return body


def of_newcomer(tie: Tie, open_since: dict[int, int]) -> bool:
    """Whether it arose within 30 days of the opening of one account, and the other was not yet open for 90, or is closed."""
    for new, other in ((tie.a, tie.b), (tie.b, tie.a)):
        days = (tie.onset - open_since[new]) / DAY_US if open_since[new] != NEVER else -1
        if 0 <= days <= 30 and (open_since[other] == NEVER or (tie.onset - open_since[other]) / DAY_US <= 90):
            return True
    return False


def core_of(body: set[int], ties: list[Tie], aged: set[int]) -> set[int]:
    """Of the body, whom a link to another of it says something about; an aged account whose own value others typed stays
    only if one who vouches for it has another link to the body."""
    telling = [tie for tie in ties if {tie.a, tie.b} <= body]
    proofs = {(tie.a, tie.b) for tie in telling if tie.proves_a} | {(tie.b, tie.a) for tie in telling if tie.proves_b}
    typed = {tie.a for tie in telling if not tie.proves_a} | {tie.b for tie in telling if not tie.proves_b}
    core = {about for about, _ in proofs}
    known = {about for about, by in proofs if towards(by, body, telling) > 1}
    return {one for one in core if one not in typed & aged or one in known}


def towards(account: int, body: set[int], ties: list[Tie]) -> int:
    return sum(1 for tie in ties if account in (tie.a, tie.b) and {tie.a, tie.b} - {account} <= body)


def expected_rings(
    ties: list[Tie], community: Community, policy: RingPolicy, open_since: dict[int, int]
) -> list[Expected]:
    members: dict[int, list[int]] = defaultdict(list)
    for account, block in sorted(community.items()):
        members[block].append(account)
    found: list[Expected] = []
    for block in sorted(members):
        inside = [tie for tie in ties if community[tie.a] == community[tie.b] == block]
        if not inside:
            continue
        start, end = shortest_window(inside, policy)
        counts = {tie: start <= tie.onset <= end or of_newcomer(tie, open_since) for tie in inside}
        current = [tie for tie in inside if counts[tie]]
        aged = {one for one in members[block] if open_since[one] < start - 30 * DAY_US}
        proven = core_of(body_of(current, aged), current, aged)
        core = {account: account in proven for account in members[block]}
        pull = {
            account: sum(tie.strength for tie in current if account in (tie.a, tie.b)) if core[account] else 0
            for account in members[block]
        }
        onsets = [tie.onset for tie in inside]
        if sum(core.values()) >= policy.min_core:
            listed = sorted((tie.a, tie.b, counts[tie]) for tie in inside)
            found.append(Expected(core, pull, (start, end), listed, min(onsets), max(onsets)))
    return found


@st.composite
def communities(draw: st.DrawFn) -> tuple[list[Tie], Community]:
    """Links among a dozen accounts and any division of them; few distinct onsets, so that intervals compete."""
    days = st.sampled_from((0, 1, 1, 2, 10, 13, 14, 15, 40, 41, 200))
    ends = st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1])
    ties = [
        Tie(a, b, draw(st.integers(693, 5000)), MONDAY + draw(days) * DAY_US, draw(st.booleans()), draw(st.booleans()))
        for a, b in sorted(draw(st.sets(ends, min_size=1, max_size=45)))
    ]
    blocks = {account: draw(st.integers(0, 2)) for tie in ties for account in (tie.a, tie.b)}
    names: dict[int, int] = {}
    return ties, {account: names.setdefault(blocks[account], len(names)) for account in sorted(blocks)}


OPENED = st.lists(
    st.sampled_from((NEVER, *(MONDAY + days * DAY_US for days in (-400, -60, -44, -31, 0, 12)))),
    min_size=12,
    max_size=12,
)


def as_links(ties: list[Tie]) -> Links:
    proofs = [(tie.proves_a, tie.proves_b) for tie in ties]
    return links_of([tie[:4] for tie in ties], lambda number, end: proofs[number][end])


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
    for number, ring in enumerate(expected):
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
    alone = {account: 0 for account, block in community.items() if block == 0}
    few = [tie for tie in ties if tie.a in alone and tie.b in alone]
    whole = expected_like(ties, community, opened)
    assert [ring for ring in whole if set(ring) <= set(alone)] == expected_like(few, alone, opened)


def expected_like(ties: list[Tie], community: Community, opened: list[int]) -> list[dict[int, tuple[bool, int]]]:
    """What ``form_rings`` says of each ring's members, in plain values."""
    accounts = np.array(sorted(community), np.int64)
    labels = np.array([community[int(account)] for account in accounts], np.int64)
    policy = RingPolicy(min_core=2)
    nothing = np.zeros(len(accounts), bool)
    rings, members, _ = form_rings(accounts, labels, np.array(opened)[accounts], as_links(ties), nothing, policy)
    rows = list(zip(*(column.tolist() for column in members), strict=True))
    return [
        {account: (core, pull) for ring, account, core, pull in rows if ring == each} for each in range(len(rings.size))
    ]


def formed(rows: list[Seen], opened: int = NEVER) -> dict[str, bool]:
    """Account → core, over the rings found when all that is linked is one community, and all opened at one time."""
    with facts_in_view({row.account: None for row in rows}, rows) as columns:
        links = link(columns, Policy(), moment_of(MONDAY + 900 * DAY_US), 0.02).links
        names = [name for (name,) in columns.execute("SELECT account_id FROM ids ORDER BY account").fetchall()]
    accounts = np.unique(np.concatenate([links.a, links.b]))
    nothing = np.zeros(len(accounts), np.int64)
    _, members, _ = form_rings(accounts, nothing, nothing + opened, links, nothing.astype(bool), RingPolicy())
    return {names[account]: core for account, core in zip(members.account.tolist(), members.core.tolist(), strict=True)}


def framing(kind: str, innocent_first: bool, own_device: bool = False, thieves: int = 12) -> dict[str, bool]:
    """A ring on one device types a value of an account that has nothing else to do with it."""
    begin = MONDAY + 300 * DAY_US
    first = begin - DAY_US if innocent_first else begin + DAY_US
    rows = [Seen("innocent", kind, token_like("typed"), None, first, begin + 2 * DAY_US)]
    if own_device:
        rows.append(Seen("innocent", "device", token_like("theirs"), None, begin, begin + DAY_US))
    for number in range(thieves):
        at = begin + number * HOUR_US
        rows.append(Seen(f"thief{number:02d}", kind, token_like("typed"), None, at, at + DAY_US))
        rows.append(Seen(f"thief{number:02d}", "device", token_like("theirs"), None, at, at + DAY_US))
    return formed(rows)


@pytest.mark.parametrize("kind", ["card", "bank_account", "email", "phone"])
@pytest.mark.parametrize("thieves", [10, 25])
def test_an_innocent_whose_value_a_ring_types_is_an_associate(kind: str, thieves: int) -> None:
    roles = framing(kind, innocent_first=True, thieves=thieves)
    if "innocent" in roles:
        assert roles.pop("innocent") is False
    assert len(roles) == thieves
    assert all(roles.values())


def test_the_framed_account_is_shown_as_an_associate_of_the_ring() -> None:
    assert framing("card", innocent_first=True, thieves=10)["innocent"] is False


def test_an_account_that_typed_a_value_of_the_ring_later_is_core() -> None:
    assert framing("card", innocent_first=False)["innocent"] is True


def test_an_account_that_used_the_ring_s_device_is_core_whatever_it_held_first() -> None:
    assert framing("card", innocent_first=True, own_device=True)["innocent"] is True


def raided(family: int, opened: int) -> dict[str, bool]:
    """Ten old accounts are used from one device within hours; the first one's family has a tablet of its own."""
    begin = MONDAY + 300 * DAY_US
    rows = [
        Seen(f"victim{each:02d}", "device", token_like("thief's"), None, begin + each * HOUR_US, begin + DAY_US)
        for each in range(10)
    ]
    for who in ("victim00", *(f"relative{each}" for each in range(family))):
        rows.append(Seen(who, "device", token_like("tablet"), None, begin + DAY_US, begin + 3 * DAY_US))
    return formed(rows, opened)


@pytest.mark.parametrize("family", [1, 2, 3])
def test_the_family_of_an_account_that_was_taken_over_is_an_associate(family: int) -> None:
    roles = raided(family, opened=MONDAY)
    assert [who for who, core in sorted(roles.items()) if not core] == [f"relative{each}" for each in range(family)]
    assert sum(roles.values()) == 10


def test_an_account_opened_during_the_campaign_needs_one_link_only() -> None:
    assert all(raided(family=1, opened=MONDAY + 299 * DAY_US).values())


def test_an_innocent_who_is_framed_is_not_proved_by_a_relative_s_tablet() -> None:
    begin = MONDAY + 300 * DAY_US
    rows = [Seen("innocent", "card", token_like("typed"), None, begin - DAY_US, begin + 2 * DAY_US)]
    rows += [Seen(who, "device", token_like("tablet"), None, begin, begin + DAY_US) for who in ("innocent", "relative")]
    for number in range(8):
        at = begin + number * HOUR_US
        rows.append(Seen(f"thief{number:02d}", "card", token_like("typed"), None, at, at + DAY_US))
        rows.append(Seen(f"thief{number:02d}", "device", token_like("theirs"), None, at, at + DAY_US))
    roles = formed(rows, opened=MONDAY)
    assert (roles["innocent"], roles["relative"]) == (False, False)
    assert sum(roles.values()) == 8


@pytest.mark.parametrize("relative_opened", [MONDAY, MONDAY + 295 * DAY_US])
def test_an_innocent_whose_card_many_typed_is_not_proved_by_a_relative_who_is_new(relative_opened: int) -> None:
    # The innocent is in the heart, since ten links lead to it, and so the relative is in the body by the tablet.
    ties = [Tie(0, thief, 900, MONDAY + 300 * DAY_US, False, True) for thief in range(2, 12)]
    ties += [Tie(a, b, 3000, MONDAY + 300 * DAY_US, True, True) for a in range(2, 12) for b in range(a + 1, 12)]
    ties.append(Tie(0, 1, 3000, MONDAY + 300 * DAY_US, True, True))
    opened = [MONDAY, relative_opened, *[MONDAY + 299 * DAY_US] * 10]
    ((ring,),) = (expected_like(sorted(ties), dict.fromkeys(range(12), 0), opened),)
    assert ring[0][0] is False, "the innocent"
    assert all(ring[thief][0] for thief in range(2, 12))


def came_back(other_closed: bool, days: int) -> bool:
    """Whether an account that opened, and used a card of old sellers, days after their campaign is core with them."""
    ties = [Tie(a, b, 3000, MONDAY + 300 * DAY_US, True, True) for a in range(5) for b in range(a + 1, 5)]
    late = MONDAY + (300 + days) * DAY_US
    ties.append(Tie(0, 5, 1500, late, True, True))
    opened = [NEVER if other_closed else MONDAY] * 5 + [late - DAY_US]
    ((ring,),) = (expected_like(sorted(ties), dict.fromkeys(range(6), 0), opened + [NEVER] * 6),)
    return ring[5][0]


def test_a_banned_seller_who_comes_back_after_the_campaign_is_core() -> None:
    assert came_back(other_closed=True, days=60)


def test_a_newcomer_in_the_home_of_an_old_open_account_is_an_associate() -> None:
    assert not came_back(other_closed=False, days=60)


def test_no_links_no_rings() -> None:
    nothing = np.zeros(0, np.int64)
    rings, members, ring_links = form_rings(nothing, nothing, nothing, links_of([]), nothing.astype(bool), RingPolicy())
    assert not len(rings.size) + len(members.account) + len(ring_links.ring)
