"""A slow reading of linkage: every pair, every shared value, every place, one at a time, in exact arithmetic."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from itertools import combinations, product
from math import exp
from typing import NamedTuple
from uuid import UUID

from graphrisk.linkage.links import link
from graphrisk.model import DAY_US
from graphrisk.policy import Policy
from tests.support_detection import MONDAY, WEEK_US, Seen, facts_in_view, moment_of, price, week_of

NEW_SHARE = 0.02


class Shared(NamedTuple):
    """A value with the first and last use of everyone who holds it; ``source`` is what a cohort came from."""

    kind: str
    token: str
    week: int
    source: int
    held: dict[str, tuple[int, int]]


class Outcome(NamedTuple):
    strength: int
    onset: int
    proves_a: bool
    proves_b: bool
    with_ip: bool
    with_cohort: bool
    evidence: frozenset[tuple[str, str, int, int, int]]


def merge(held: dict[str, tuple[int, int]], account: str, first: int, last: int) -> None:
    before = held.get(account, (first, last))
    held[account] = (min(before[0], first), max(before[1], last))


def retained(rows: list[Seen], policy: Policy, as_of: int) -> tuple[list[Seen], list[Seen], int]:
    """What is kept as evidence, what cohorts still remember besides, and the oldest week of addresses."""
    clock = (min(max(row.last for row in rows), as_of) // DAY_US + 1) * DAY_US
    young = [row for row in rows if row.last >= clock - policy.kinds[row.kind].retention_days * DAY_US]
    kept = [row for row in young if policy.kinds[row.kind].cap > 1]
    remembered = [
        row
        for row in [each for each in rows if each.kind == "ip"] + [each for each in young if each.kind in CROWDED]
        if row.last >= clock - policy.cohort.retention_days * DAY_US
    ]
    return kept, remembered, week_of(clock - policy.kinds["ip"].retention_days * DAY_US)


def shared_values(kept: list[Seen], oldest_week: int) -> list[Shared]:
    found: dict[tuple[str, str, int], dict[str, tuple[int, int]]] = defaultdict(dict)
    for row in kept:
        if row.kind != "ip":
            merge(found[row.kind, row.token, 0], row.account, row.first, row.last)
            continue
        for week in range(max(week_of(row.first), oldest_week), week_of(row.last) + 1):
            begin = MONDAY + (week - week_of(MONDAY)) * WEEK_US
            first, last = max(row.first, begin), min(row.last, begin + WEEK_US - 1)
            merge(found[row.kind, row.token, week], row.account, first, last)
    return [Shared(*key, 0, held) for key, held in found.items() if len(held) > 1]


Stay = tuple[int, str, str, int, int]
CROWDED = ("bin", "email", "user_agent")


class Crowd(NamedTuple):
    """Two things that accounts show together, and the place that this is."""

    kinds: tuple[str, str]
    one: str
    other: str

    @property
    def place(self) -> str:
        both = "".join(str(UUID(each.partition(":")[2])) for each in (self.one, self.other))
        return f"test1:{hashlib.md5(both.encode(), usedforsecurity=False).hexdigest()}"


def in_crowds(shown: list[Seen]) -> list[tuple[Crowd, str, int, int]]:
    """Who shows two things of different kinds, from when, until when the later of the two was seen."""
    things = [(row, row.network if row.kind == "email" else row.token) for row in shown if row.kind in CROWDED]
    return [
        (Crowd((one.kind, two.kind), token, other), one.account, max(one.first, two.first), max(one.last, two.last))
        for (one, token), (two, other) in product(things, things)
        if one.account == two.account and one.kind < two.kind and token and other
    ]


def by_chance(crowd: Crowd, week: int, arrived: dict[Crowd, Counter[int]]) -> float:
    """How many of the week's newcomers would show both things if the one had nothing to do with the other."""
    here = arrived[crowd][week]
    alike = {each: weeks[week] for each, weeks in arrived.items() if each.kinds == crowd.kinds}
    one = sum(count for each, count in alike.items() if each.one == crowd.one) - here
    other = sum(count for each, count in alike.items() if each.other == crowd.other) - here
    return one * other / max(1, sum(alike.values()) - here)


def cohorts(created: dict[str, int | None], visits: list[Seen], values: list[Shared], policy: Policy) -> list[Shared]:
    def is_early(account: str, first: int) -> bool:
        born = created[account]
        return born is not None and born - DAY_US <= first <= born + policy.cohorts.new_days * DAY_US

    addresses = [row for row in visits if row.kind == "ip"]
    stays = [(0, row.token, row.account, row.first, row.last) for row in addresses]
    stays += [(1, row.network, row.account, row.first, row.last) for row in addresses if row.network]
    for value in values:
        kind = policy.kinds[value.kind]
        if kind.cohorts and value.kind != "ip" and len(value.held) > kind.cap:
            stays += [(2, value.token, account, *times) for account, times in value.held.items()]
    arrivals = [stay for stay in stays if is_early(stay[2], stay[3])]
    newly_shown = in_crowds([row for row in visits if is_early(row.account, row.first)])
    crowds = {crowd.place: crowd for crowd, *_ in newly_shown}
    arrivals += [(3, crowd.place, account, first, last) for crowd, account, first, last in newly_shown]
    stays += [(3, crowd.place, account, first, last) for crowd, account, first, last in in_crowds(visits)]
    arrived: dict[tuple[int, str], dict[str, tuple[int, int]]] = defaultdict(dict)
    for source, place, account, first, last in arrivals:
        before = arrived[source, place].get(account)
        if before is None or (first, last) < before:
            arrived[source, place][account] = (first, last)
    in_weeks = {
        crowds[place]: Counter(week_of(first) for first, _ in held.values())
        for (source, place), held in arrived.items()
        if source == 3
    }
    found: list[Shared] = []
    for (source, place), newcomers in arrived.items():
        weeks = [week_of(first) for first, _ in newcomers.values()]
        for week in set(weeks):
            usual = (len(weeks) - weeks.count(week)) / (max(12, max(weeks) - min(weeks) + 1) - 1)
            group = {account: times for account, times in newcomers.items() if week_of(times[0]) == week}
            there = [stay for stay in stays if stay[:2] == (source, place)]
            present = {stay[2] for stay in there if week_of(stay[3]) <= week <= week_of(stay[4])}
            if len(group) < policy.cohorts.min_accounts or (source == 1 and 2 * len(group) < len(present)):
                continue
            rate = max(0.05, len(present) * NEW_SHARE, usual)
            if source == 3:
                rate = max(rate, by_chance(crowds[place], week, in_weeks))
            if is_surprise(len(group), rate, policy) and (source < 3 or len(group) >= 16 * rate):
                found.append(Shared("cohort", place, week, source, group))
    return found


def is_surprise(arrived: int, rate: float, policy: Policy) -> bool:
    term = total = exp(-rate)
    for events in range(1, arrived):
        term *= rate / events
        total += term
    return 1 - total < policy.cohorts.significance


Priced = tuple[Shared, int]


def outcome(pair: tuple[str, str], chosen: list[Priced], policy: Policy) -> Outcome | None:
    a, b = pair
    by_kind: dict[str, list[Priced]] = defaultdict(list)
    for value, milli_nats in chosen:
        by_kind[value.kind].append((value, milli_nats))
    evidence: set[tuple[str, str, int, int, int]] = set()
    for kind, priced in by_kind.items():
        room = policy.priced()[kind].ceiling
        for value, milli_nats in sorted(priced, key=lambda one: (-one[1], len(one[0].held), one[0].token, one[0].week)):
            part = min(room, milli_nats)
            room -= part
            evidence.add((kind, value.token, value.week, len(value.held), part))
    strength = sum(each[-1] for each in evidence)
    backbone = [value for value, _ in chosen if policy.priced()[value.kind].backbone]
    if not backbone or strength < policy.links.threshold:
        return None
    typed = {value.token: policy.priced()[value.kind].typed for value in backbone}
    firsts = [(value.held[a][0], value.held[b][0], typed[value.token]) for value in backbone]
    return Outcome(
        strength,
        max(max(one, other) for one, other, _ in firsts),
        any(not anyone or one >= other for one, other, anyone in firsts),
        any(not anyone or other >= one for one, other, anyone in firsts),
        "ip" in by_kind,
        "cohort" in by_kind,
        frozenset(evidence),
    )


def possible_links(
    created: dict[str, int | None], rows: list[Seen], policy: Policy, as_of: int
) -> dict[tuple[str, str], list[Outcome | None]]:
    """Each pair's link; several where equally good cohorts of one pair and week leave a choice."""
    kept, visits, oldest_week = retained(rows, policy, as_of)
    values = shared_values(kept, oldest_week)
    found: dict[tuple[str, str], list[Outcome | None]] = {}
    everything = values + cohorts(created, visits, values, policy)
    for a, b in combinations(sorted(created, key=str.encode), 2):
        plain: list[Priced] = []
        rivals: dict[tuple[int, int], list[Priced]] = defaultdict(list)
        for value in (value for value in everything if a in value.held and b in value.held):
            (first_a, last_a), (first_b, last_b) = value.held[a], value.held[b]
            gap = max(0, max(first_a, first_b) - min(last_a, last_b))
            milli_nats = price(policy.priced()[value.kind], len(value.held), gap)
            if milli_nats and value.kind == "cohort":
                rivals[max(1, value.source), value.week].append((value, milli_nats))
            elif milli_nats:
                plain.append((value, milli_nats))
        best = [[one for one in group if one[1] == max(other[1] for other in group)] for group in rivals.values()]
        found[a, b] = [outcome((a, b), [*plain, *choice], policy) for choice in product(*best)]
    return found


def found_links(
    created: dict[str, int | None], rows: list[Seen], policy: Policy, as_of: int
) -> dict[tuple[str, str], Outcome]:
    with facts_in_view(created, rows) as columns:
        links = link(columns, policy, moment_of(as_of), NEW_SHARE).links
        names = [row[0] for row in columns.execute("SELECT account_id FROM ids ORDER BY account").fetchall()]
        evidence = columns.execute(
            "SELECT a, b, kind, token_of(value), week, accounts, milli_nats FROM evidence"
        ).fetchall()
    kinds = list(policy.priced())
    under: dict[tuple[int, int], set[tuple[str, str, int, int, int]]] = defaultdict(set)
    for a, b, kind, *rest in evidence:
        under[a, b].add((kinds[kind], *rest))
    assert len(evidence) == sum(map(len, under.values()))
    assert {ends: sum(each[-1] for each in under[ends]) for ends in under} == dict(
        zip(zip(links.a.tolist(), links.b.tolist(), strict=True), links.strength.tolist(), strict=True)
    ), "evidence adds up to the strength of every link"
    found: dict[tuple[str, str], Outcome] = {}
    for a, b, strength, onset, *flags in zip(*(column.tolist() for column in links), strict=True):
        proves_a, proves_b, with_ip, with_cohort = flags
        under_it = frozenset(under[a, b])
        found[names[a], names[b]] = Outcome(strength, onset, proves_a, proves_b, with_ip, with_cohort, under_it)
    return found
