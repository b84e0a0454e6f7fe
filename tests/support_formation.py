"""A slow reading of what rings are: every interval tried, every member asked for its links, one at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from graphrisk.model import DAY_US, NEVER, Links
from graphrisk.policy import RingPolicy
from graphrisk.rings.formation import form_rings
from tests.support_detection import links_of


class Tie(NamedTuple):
    a: int
    b: int
    strength: int
    onset: int
    proves_a: bool
    proves_b: bool
    with_cohort: bool = False
    with_ip: bool = False


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
    """The heart (a 6-core, or else a 5-core, …, all that are linked), grown by one link, of aged ones by two. What may be a
    family's links (at one address, one of both aged) are one at most to an aged account, and to another one none if alone."""
    linked = {end for tie in ties for end in (tie.a, tie.b)}
    body: set[int] = set()
    for links in (6, 5, 4, 3, 2, 1):
        body = set(linked)
        while lonely := {one for one in body if towards(one, body, ties) < links}:
            body -= lonely
        if body:
            break
    family = [tie for tie in ties if tie.with_ip and {tie.a, tie.b} & aged]
    others = [tie for tie in ties if tie not in family]

    def is_held(one: int) -> bool:
        strong, weak = towards(one, body, others), towards(one, body, family)
        return strong + min(weak, 1) >= 2 if one in aged else strong >= 1 or weak >= 2

    while more := {one for one in linked - body if is_held(one)}:
        body |= more
    return body


def of_newcomer(tie: Tie, open_since: dict[int, int]) -> bool:
    """Whether it arose within 30 days of the opening of one account, and the other was not yet open for 90, or is closed."""
    for new, other in ((tie.a, tie.b), (tie.b, tie.a)):
        days = (tie.onset - open_since[new]) / DAY_US if open_since[new] != NEVER else -1
        if 0 <= days <= 30 and (open_since[other] == NEVER or (tie.onset - open_since[other]) / DAY_US <= 90):
            return True
    return False


def of_opened_together(tie: Tie, open_since: dict[int, int]) -> bool:
    """Whether both accounts are open, were opened within 7 days, and linked no later than 30 days after."""
    when = sorted((open_since[tie.a], open_since[tie.b]))
    return NEVER not in when and (when[1] - when[0]) / DAY_US <= 7 and (tie.onset - when[1]) / DAY_US <= 30


def joined_by_hand(ties: list[Tie], community: Community, open_since: dict[int, int]) -> Community:
    """Communities with two links across, of accounts that were opened together and without a cohort, made one, again and again."""
    across = Counter(
        frozenset((community[tie.a], community[tie.b]))
        for tie in ties
        if not tie.with_cohort and of_opened_together(tie, open_since)
    )
    whole = {block: block for block in community.values()}
    for _ in whole:
        for pair, times in across.items():
            if times >= 2:
                smallest = min(whole[block] for block in pair)
                whole |= dict.fromkeys(pair, smallest)
    return {account: whole[block] for account, block in community.items()}


def core_of(body: set[int], ties: list[Tie], aged: set[int]) -> set[int]:
    """Of the body, whom a link to another of it says something about. Typed values (which prove one end alone) say nothing
    of an aged account if the other end is new or was at one address with it. An aged account whose own value others typed
    stays only if one who vouches for it has another link to the body; from one address, to somebody whom it is not linked to.
    """
    telling = [tie for tie in ties if {tie.a, tie.b} <= body]
    one_home = {frozenset(tie[:2]) for tie in telling if tie.with_ip}
    proofs: set[tuple[int, int]] = set()
    for tie in telling:
        for about, by, proves in ((tie.a, tie.b, tie.proves_a), (tie.b, tie.a, tie.proves_b)):
            typed_alone = not (tie.proves_a and tie.proves_b)
            if proves and not (typed_alone and about in aged and (by not in aged or tie.with_ip)):
                proofs.add((about, by))
    typed = {tie.a for tie in telling if not tie.proves_a} | {tie.b for tie in telling if not tie.proves_b}
    core = {about for about, _ in proofs}
    near = {one: {end for tie in telling if one in tie[:2] for end in tie[:2]} - {one} for one in body}
    known = {
        about
        for about, by in proofs
        if (near[by] - {about} - near[about] if frozenset((about, by)) in one_home else near[by] - {about})
    }
    return {one for one in core if one not in typed & aged or one in known}


def towards(account: int, body: set[int], ties: list[Tie]) -> int:
    return sum(1 for tie in ties if account in (tie.a, tie.b) and {tie.a, tie.b} - {account} <= body)


def judged(members: set[int], ties: list[Tie], policy: RingPolicy, open_since: dict[int, int]) -> Expected | None:
    """What a community is, ring or not; nothing without a link."""
    inside = [tie for tie in ties if {tie.a, tie.b} <= members]
    if not inside:
        return None
    start, end = shortest_window(inside, policy)
    counts = {tie: start <= tie.onset <= end or of_newcomer(tie, open_since) for tie in inside}
    current = [
        tie._replace(proves_a=True, proves_b=True) if of_opened_together(tie, open_since) else tie
        for tie in inside
        if counts[tie]
    ]
    aged = {one for one in members if open_since[one] < start - 30 * DAY_US}
    proven = core_of(body_of(current, aged), current, aged)
    core = {account: account in proven for account in sorted(members)}
    pull = {
        account: sum(tie.strength for tie in current if account in (tie.a, tie.b)) if core[account] else 0
        for account in core
    }
    onsets = [tie.onset for tie in inside]
    listed = sorted((tie.a, tie.b, counts[tie]) for tie in inside)
    return Expected(core, pull, (start, end), listed, min(onsets), max(onsets))


def pieces_of(accounts: set[int], ties: list[Tie]) -> list[set[int]]:
    """The accounts, by what is connected."""
    pieces = [{one} for one in accounts]
    for tie in ties:
        if {tie.a, tie.b} <= accounts:
            touched = [piece for piece in pieces if piece & {tie.a, tie.b}]
            pieces = [piece for piece in pieces if piece not in touched] + [set().union(*touched)]
    return pieces


def rings_in(members: set[int], ties: list[Tie], policy: RingPolicy, open_since: dict[int, int]) -> list[Expected]:
    """The ring that a community is, if it is one; first, what is a ring by itself among those beside its core is parted."""
    found = judged(members, ties, policy, open_since)
    if found is None or sum(found.core.values()) < policy.min_core:
        return []
    beside = {account for account, is_core in found.core.items() if not is_core}
    apart = []
    for piece in pieces_of(beside, ties):
        alone = judged(piece, ties, policy, open_since)
        if alone and sum(alone.core.values()) >= policy.min_core:
            apart.append(piece)
    if not apart:
        return [found]
    parts = [members - set().union(*apart), *apart]
    return [ring for part in parts for ring in rings_in(part, ties, policy, open_since)]


def expected_rings(
    ties: list[Tie], community: Community, policy: RingPolicy, open_since: dict[int, int]
) -> list[Expected]:
    """By their smallest account."""
    community = joined_by_hand(ties, community, open_since)
    members: dict[int, set[int]] = defaultdict(set)
    for account, block in community.items():
        members[block].add(account)
    found = [ring for each in members.values() for ring in rings_in(each, ties, policy, open_since)]
    return sorted(found, key=lambda ring: min(ring.core))


def as_links(ties: list[Tie]) -> Links:
    proofs = [(tie.proves_a, tie.proves_b) for tie in ties]
    links = links_of([tie[:4] for tie in ties], lambda number, end: proofs[number][end])
    with_cohort, with_ip = (np.array([tie[place] for tie in ties], bool) for place in (6, 7))
    return links._replace(with_cohort=with_cohort, with_ip=with_ip)


def expected_like(
    ties: list[Tie], community: Community, opened: list[int], min_core: int = 2, around: Sequence[int] | None = None
) -> list[dict[int, tuple[bool, int]]]:
    """What ``form_rings`` says of each ring's members, in plain values."""
    accounts = np.array(sorted(community), np.int64)
    labels = np.array([community[int(account)] for account in accounts], np.int64)
    policy = RingPolicy(min_core=min_core)
    nothing = np.zeros(len(accounts), bool)
    since, wanted = np.array(opened)[accounts], None if around is None else np.array(around, np.int64)
    rings, members, _ = form_rings(accounts, labels, since, as_links(ties), nothing, policy, wanted)
    rows = list(zip(*(column.tolist() for column in members), strict=True))
    return [
        {account: (core, pull) for ring, account, core, pull in rows if ring == each} for each in range(len(rings.size))
    ]
