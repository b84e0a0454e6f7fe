"""Identity: permanent ring ids, carried over from the live run by overlap of cores, and the lineage of each id.

An id is issued once, when a ring is born, and always resolves: a retired one names what superseded it.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

import numpy as np

from graphrisk.model import DAY_US, METHOD_VERSION, Lineage
from graphrisk.policy import RingPolicy

ID_BYTES = 8
WEIGHT = 10**9


@dataclass(frozen=True)
class Identified:
    """The id of each ring, in the order they were given, and the lineage of every id ever issued, sorted by id."""

    ring_ids: list[str]
    lineage: list[Lineage]


def ring_key(core: list[str]) -> str:
    """A digest (32 hex digits) of the sorted core and the method version: equal exactly when the cores are."""
    digest = hashlib.blake2b(f"method {METHOD_VERSION}".encode(), digest_size=16)
    for account_id in sorted(core, key=str.encode):
        digest.update(b"\x1f" + account_id.encode())
    return digest.hexdigest()


def new_ring_id(key: str, issued: Mapping[str, object]) -> str:
    """The id of a ring born with this key; another one when that was issued before."""
    attempt = 0
    while True:
        digest = hashlib.blake2b(f"{key}/{attempt}".encode(), digest_size=ID_BYTES).digest()
        ring_id = "ring_" + base64.b32encode(digest).decode().lower().rstrip("=")
        if ring_id not in issued:
            return ring_id
        attempt += 1


def identify(
    cores: list[list[str]],
    live: set[str],
    known: list[Lineage],
    run_id: str,
    as_of: int,
    policy: RingPolicy,
    same: Set[str] = frozenset(),
) -> Identified:
    """Give each ring its id and record what happened to every id.

    ``cores`` are the core members of each ring; ``live`` the ids of the live run's rings; ``known`` the lineage of
    every id issued so far, with the cores of those that are live or were retired a short while ago; ``as_of`` is in
    microseconds. ``same`` are ids of other live rings whose cores are as they were: a core is in one ring alone, so that
    nothing competes with them.
    """
    issued = {each.ring_id: each for each in known}
    old = {ring_id: set(issued[ring_id].core) for ring_id in live}
    carried = _carry(cores, old, policy.min_overlap)
    fresh_enough = as_of - policy.remember_days * DAY_US
    remembered = {
        each.ring_id: set(each.core)
        for each in known
        if each.ring_id not in live and each.ring_id not in same and each.core and each.event_at >= fresh_enough
    }
    rest = [number for number in range(len(cores)) if number not in carried]
    revived = {
        rest[place]: ring_id
        for place, ring_id in _carry([cores[n] for n in rest], remembered, policy.min_overlap).items()
    }
    ring_ids = _named(cores, {**carried, **revived}, issued)
    alive, back = set(ring_ids), set(revived.values())
    flows = _flows(cores, ring_ids, old)
    happened = _Happened(run_id, as_of, flows, old, issued)
    lineage = dict(issued)
    for ring_id, core in zip(ring_ids, cores, strict=True):
        lineage[ring_id] = happened.to_ring(ring_id, core, ring_id in back)
    for ring_id in live - alive:
        lineage[ring_id] = happened.to_retired(ring_id)
    for each in known:
        if each.ring_id not in live and each.ring_id not in same and each.ring_id not in alive:
            kept = each.core if each.event_at >= fresh_enough else ()
            lineage[each.ring_id] = replace(each, status="retired", core=kept)
    return Identified(ring_ids, [lineage[ring_id] for ring_id in sorted(lineage)])


def _named(cores: list[list[str]], kept: dict[int, str], issued: Mapping[str, Lineage]) -> list[str]:
    """The id of each ring: the one it kept, or a new one that was never issued."""
    ids, taken = dict(kept), dict[str, object](issued)
    for number, core in enumerate(cores):
        if number not in ids:
            ids[number] = new_ring_id(ring_key(core), taken)
            taken[ids[number]] = None
    return [ids[number] for number in range(len(cores))]


def _carry(cores: list[list[str]], old: dict[str, set[str]], least: float) -> dict[int, str]:
    """New ring → old id, by the assignment of largest total Jaccard among pairs of at least ``least``."""
    holders: dict[str, list[str]] = defaultdict(list)
    for ring_id in sorted(old):
        for account in old[ring_id]:
            holders[account].append(ring_id)
    overlaps: dict[tuple[int, str], int] = defaultdict(int)
    for number, core in enumerate(cores):
        for account in core:
            for ring_id in holders.get(account, ()):
                overlaps[number, ring_id] += 1
    candidates = {
        (number, ring_id): shared / (len(cores[number]) + len(old[ring_id]) - shared)
        for (number, ring_id), shared in overlaps.items()
    }
    candidates = {pair: jaccard for pair, jaccard in candidates.items() if jaccard >= least}
    carried: dict[int, str] = {}
    for numbers, ring_ids in _blocks(candidates):
        carried.update(_assigned(numbers, ring_ids, candidates, cores))
    return carried


def _blocks(candidates: Mapping[tuple[int, str], float]) -> list[tuple[list[int], list[str]]]:
    """Candidates that compete with each other, each group on its own."""
    root: dict[object, object] = {}

    def find(one: object) -> object:
        while root.setdefault(one, one) != one:
            one = root[one]
        return one

    for number, ring_id in candidates:
        root[find(number)] = find(ring_id)
    groups: dict[object, tuple[set[int], set[str]]] = defaultdict(lambda: (set(), set()))
    for number, ring_id in candidates:
        numbers, ring_ids = groups[find(number)]
        numbers.add(number)
        ring_ids.add(ring_id)
    return [(sorted(numbers), sorted(ring_ids)) for numbers, ring_ids in groups.values()]


def _assigned(
    numbers: list[int], ring_ids: list[str], candidates: Mapping[tuple[int, str], float], cores: list[list[str]]
) -> dict[int, str]:
    if len(numbers) == len(ring_ids) == 1:
        return {numbers[0]: ring_ids[0]}
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - half a second that few runs need

    numbers = sorted(numbers, key=lambda number: min(cores[number], key=str.encode).encode())
    gain = np.zeros((len(numbers), len(ring_ids)))
    for row, number in enumerate(numbers):
        for column, ring_id in enumerate(ring_ids):
            if (number, ring_id) in candidates:
                tie = 1 - (row * len(ring_ids) + column) / (2 * gain.size)
                gain[row, column] = round(candidates[number, ring_id] * WEIGHT) + tie
    rows, columns = linear_sum_assignment(gain, maximize=True)
    chosen = zip(rows.tolist(), columns.tolist(), strict=True)
    return {numbers[row]: ring_ids[column] for row, column in chosen if gain[row, column] > 0}


def _flows(cores: list[list[str]], ring_ids: list[str], old: dict[str, set[str]]) -> dict[tuple[str, str], int]:
    """(old id, new id) → how many core accounts went from one to the other."""
    holder = {account: ring_id for ring_id, core in old.items() for account in core}
    flows: dict[tuple[str, str], int] = defaultdict(int)
    for ring_id, core in zip(ring_ids, cores, strict=True):
        for account in core:
            if account in holder:
                flows[holder[account], ring_id] += 1
    return flows


class _Happened:
    """Tells the event of each ring id between the live run and this one."""

    def __init__(
        self,
        run_id: str,
        as_of: int,
        flows: Mapping[tuple[str, str], int],
        old: dict[str, set[str]],
        issued: Mapping[str, Lineage],
    ) -> None:
        self._run_id, self._as_of, self._old, self._issued = run_id, as_of, old, issued
        self._into: dict[str, dict[str, int]] = defaultdict(dict)
        self._from: dict[str, dict[str, int]] = defaultdict(dict)
        for (before, after), accounts in flows.items():
            self._into[before][after] = accounts
            self._from[after][before] = accounts

    def to_ring(self, ring_id: str, core: list[str], revived: bool) -> Lineage:
        before = self._issued.get(ring_id)
        ordered = tuple(sorted(core, key=str.encode))
        if before and ring_id in self._old and self._old[ring_id] == set(core):
            return before
        born_run, born_at = (before.born_run, before.born_at) if before else (self._run_id, self._as_of)
        event, related = self._event(ring_id, core, revived)
        return Lineage(
            ring_id, "live", event, self._run_id, self._as_of, born_run, born_at, (), related, ring_key(core), ordered
        )

    def to_retired(self, ring_id: str) -> Lineage:
        into = self._into[ring_id]
        heirs = tuple(sorted(after for after, accounts in into.items() if self._is_heir(ring_id, accounts)))
        event = "dissolved" if not heirs else "merged" if len(heirs) == 1 else "split"
        before = self._issued[ring_id]
        return replace(
            before,
            status="retired",
            event=event,
            event_run=self._run_id,
            event_at=self._as_of,
            superseded_by=heirs,
            related=heirs,
        )

    def _event(self, ring_id: str, core: list[str], revived: bool) -> tuple[str, tuple[str, ...]]:
        others = {before: accounts for before, accounts in self._from[ring_id].items() if before != ring_id}
        absorbed = tuple(sorted(before for before, accounts in others.items() if self._is_heir(before, accounts)))
        if ring_id not in self._old:
            return ("revived" if revived else "born"), absorbed
        gone = {after: accounts for after, accounts in self._into[ring_id].items() if after != ring_id}
        pieces = tuple(sorted(after for after, accounts in gone.items() if self._is_heir(ring_id, accounts)))
        if absorbed:
            return "merged", absorbed
        if pieces:
            return "split", pieces
        size = len(self._old[ring_id])
        return ("grew" if len(core) > size else "shrank" if len(core) < size else "continued"), ()

    def _is_heir(self, before: str, accounts: int) -> bool:
        """Three accounts or more, and a fifth of the old core: fewer are accounts that changed sides, not a piece."""
        return accounts >= 3 and 5 * accounts >= len(self._old[before])
