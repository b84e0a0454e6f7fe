"""What is known of the accounts of an assessed ring, as the columns that features are computed from."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.model import DAY_US, NEVER, Bools, Ints, Members, RingLinks, Uses
from graphrisk.pipeline.assessment.assessor import Assessed, Assessor, rows_of
from graphrisk.schema import ADDRESS, NETWORK
from graphrisk.scoring.grouping import groups
from graphrisk.scoring.ring_facts import Core, Held, Linking, RingFacts, Shared, Tied, Together


class Known:
    """Facts about accounts (numbers) of an assessment."""

    def __init__(self, assessor: Assessor, found: Assessed) -> None:
        self._assessor, self._found = assessor, found
        self._facts, self._snapshot = assessor.facts, assessor.snapshot

    def verdict(self, numbers: Ints, label: str) -> Bools:
        """Which accounts are known to be good, or bad."""
        known = self._facts.of_account["label"].take(pa.array(rows_of(numbers)))
        return pc.fill_null(pc.equal(known, label), False).to_numpy() & (numbers % 2 == 0)

    def closed(self, numbers: Ints) -> Bools:
        """Which accounts are closed."""
        status = self._snapshot.accounts["status"].take(pa.array(rows_of(numbers)))
        if self._found.number % 2 == 0:
            return pc.equal(status, "closed").to_numpy()
        own = numbers == self._found.number
        return np.where(own, self._found.newcomer.status == "closed", pc.equal(status, "closed").to_numpy())

    def core(self, numbers: Ints) -> Core:
        """Who the core accounts of a ring are."""
        rows, own = rows_of(numbers), numbers == self._found.number
        created = self._facts.created(rows).cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
        created[own] = np.nan if self._found.created is None else self._found.created
        first, last = self.seen(numbers)
        days = np.where(first < NEVER, (last - np.where(first < NEVER, first, 0)) // DAY_US, -1)
        return Core(numbers * 0, created, first, days, self.verdict(numbers, "bad"), self.verdict(numbers, "good"))

    def seen(self, numbers: Ints) -> tuple[Ints, Ints]:
        """First and last sighting of accounts, ``NEVER`` and its negative where nothing is kept."""
        rows, own = rows_of(numbers), numbers == self._found.number
        first, last = (
            pc.fill_null(self._facts.of_account[name].take(pa.array(rows)), none).to_numpy().copy()
            for name, none in (("first", NEVER), ("last", -NEVER))
        )
        first[numbers % 2 == 1], last[numbers % 2 == 1] = NEVER, -NEVER
        for seen in filter(self._assessor.holdings.is_kept, self._found.newcomer.sightings):
            first[own], last[own] = np.minimum(first[own], seen.first), np.maximum(last[own], seen.last)
        return first, last

    def held(self, numbers: Ints) -> Held:
        """What the core accounts of a ring hold, cohorts apart."""
        facts, overlay = self._facts, self._found.overlay
        account, attribute = facts.held_by(numbers[(numbers % 2 == 0) & (numbers != self._found.number)] // 2)
        kept = facts.source[attribute] < 0
        account, attribute = account[kept], attribute[kept]
        own = [key for key in overlay.own if key[3] < 0] if (numbers == self._found.number).any() else []
        rows, place = np.unique(attribute, return_inverse=True)
        values = [facts.value(row) for row in rows.tolist()]
        number_of = {value: number for number, value in enumerate(dict.fromkeys([*values, *(key[0] for key in own)]))}
        crowd = facts.accounts(rows).astype(np.int64)
        for change in overlay.changes.values():
            crowd[rows == (-1 if change.row is None else change.row)] = change.after
        told = [np.array([number_of[value] for value in values], np.int64), facts.kind[rows].astype(np.int64), crowd]
        added = [np.array(each, np.int64) for each in zip(*((number_of[key[0]], key[1], overlay.count(key)) for key in own), strict=True)]  # fmt: skip
        value, kind, crowd = (
            np.concatenate([one[place], added[at] if own else one[:0]]) for at, one in enumerate(told)
        )
        account = np.concatenate([2 * account, np.full(len(own), self._found.number)])
        return Held(account * 0, account, kind, value, crowd)


class _Stays:
    """First and last use of the part's attributes by its accounts, to be looked up."""

    def __init__(self, uses: Uses) -> None:
        # An account that stands before all others has the number −1.
        self._uses, self._width = uses, int(uses.account.max(initial=0)) + 2
        self._key = self._keys(uses.attribute, uses.account)

    def _keys(self, attribute: Ints, account: Ints) -> Ints:
        return attribute * self._width + account + 1

    def of(self, attribute: Ints, account: Ints) -> tuple[Ints, Ints]:
        """First and last use of an attribute by an account."""
        at = np.searchsorted(self._key, self._keys(attribute, account))
        return self._uses.first[at], self._uses.last[at]


def facts_of_ring(assessor: Assessor, found: Assessed, members: Members, links: RingLinks) -> RingFacts:
    """What ``ring_facts`` would give for a ring, as it would be with the account in it."""
    known, core, uses = Known(assessor, found), members.account[members.core], found.part.uses
    evidence, backbone = found.formed.evidence, found.part.priced.backbone
    most = int(found.part.accounts.max()) + 1
    inside = np.isin(evidence.a * most + evidence.b, links.link.a * most + links.link.b)
    inside &= backbone[uses.kind[evidence.attribute]]
    a, b, attribute = evidence.a[inside], evidence.b[inside], evidence.attribute[inside]
    stays = _Stays(uses)
    (first_a, last_a), (first_b, last_b) = stays.of(attribute, a), stays.of(attribute, b)
    apart = np.maximum(0, np.maximum(first_a, first_b) - np.minimum(last_a, last_b)) // DAY_US
    by_core, several = np.isin(uses.account, core), uses.accounts[uses.attribute] > 1
    of_cohort = np.isin(uses.source, (ADDRESS, NETWORK))[uses.attribute]
    linking = (backbone & (np.arange(len(backbone)) != found.part.priced.cohort_kind))[uses.kind]
    linking &= uses.accounts <= assessor.caps[uses.kind]
    shared = uses.attribute[by_core & several & linking[uses.attribute]]
    return RingFacts(
        known.core(core),
        known.held(core),
        _linking(known, found, stays, np.concatenate([attribute, attribute]), np.concatenate([a, b])),
        Tied(a * 0, a, b, uses.kind[attribute], apart),
        Shared(shared * 0, shared),
        _together(found, np.flatnonzero(by_core & several & of_cohort)),
    )


def _linking(known: Known, found: Assessed, stays: _Stays, attribute: Ints, account: Ints) -> Linking:
    each = groups(attribute, account).at
    attribute, account = attribute[each], account[each]
    first, last = stays.of(attribute, account)
    linking, place = np.unique(attribute, return_inverse=True)
    held = [found.overlay.holders_of(found.part.uses, one) for one in linking.tolist()]
    of = np.repeat(np.arange(len(held)), [len(holders) for holders, _ in held])
    holders, since = (np.concatenate([np.zeros(0, np.int64), *(one[part] for one in held)]) for part in (0, 1))
    closed, closed_first = known.closed(holders), np.full(len(linking), NEVER)
    np.minimum.at(closed_first, of[closed], since[closed])
    seen_first, seen_last = known.seen(account)
    # A cohort may be older than what is kept.
    seen_first, seen_last = (np.where(seen_first < NEVER, *each) for each in ((seen_first, first), (seen_last, last)))
    return Linking(attribute * 0, attribute, first, last, seen_first, seen_last, closed_first[place])


def _together(found: Assessed, rows: Ints) -> Together:
    uses, returned = found.part.uses, found.overlay.returned(found.part.uses)
    attribute, account = uses.attribute[rows], uses.account[rows]
    back = [bool(returned[each]) for each in zip(attribute.tolist(), account.tolist(), strict=True)]
    return Together(account * 0, account, np.array(back, bool))
