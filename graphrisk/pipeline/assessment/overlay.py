"""A run's facts with one account more, or with more known of one: the same questions, without writing anything.

Accounts are numbered anew: the account in row r of the run is 2·r, and one that the run does not know is the odd number
where its id would stand, so that all keep the order of their ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graphrisk.model import Ints, Uses
from graphrisk.pipeline.assessment.gathered import Cohort, Span
from graphrisk.runs.facts import Facts

Key = tuple[bytes, int, int, int]
"""Value, kind (code), week and source (−1 for what is no cohort): the order of attributes."""


_Place = tuple[int] | tuple[int, Key]
"""Twice the row of an attribute of the run; for another one, one less than the next one's, and the key."""


@dataclass(frozen=True)
class Change:
    """An attribute that the account changes: its row in the run (None: the run has none), how many accounts hold it
    before and then, and the holders in the run (rows)."""

    row: int | None
    before: int
    after: int
    holders: Ints


class Overlay:
    """``own`` is everything the account holds, old and new; ``cohorts`` those that change because of it."""

    def __init__(
        self, facts: Facts, number: int, cohort_kind: int, own: dict[Key, Span], cohorts: list[Cohort]
    ) -> None:
        self._facts, self.number, self.own = facts, number, own
        self.row = number // 2 if number % 2 == 0 else None
        self._cohort_kind = cohort_kind
        self.changes: dict[Key, Change] = {}
        self._strange: list[Key] = []
        self._standing: dict[Key, tuple[_Place, int]] = {}
        self._new: dict[Key, dict[int, tuple[int, int, bool]]] = {}
        for key, span in own.items():
            self._note(key, span)
        for cohort in cohorts:
            self._note_cohort(cohort)

    def _note(self, key: Key, span: Span) -> None:
        row, there = self._facts.find(*key)
        if not there:
            return  # Nobody else holds it: it ties the account to none.
        holders = self._facts.holders(row)
        held = self.row is not None and bool((holders == self.row).any())
        first, last = self._facts.stays(row)
        same = held and (int(first[holders == self.row][0]), int(last[holders == self.row][0])) == span
        if not same:
            self.changes[key] = Change(row, len(holders), len(holders) + (not held), holders)

    def _note_cohort(self, cohort: Cohort) -> None:
        key = (cohort.place, self._cohort_kind, cohort.week, cohort.source)
        row, there = self._facts.find(*key)
        holders = self._facts.holders(row) if there else np.zeros(0, np.int64)
        self.changes[key] = Change(row if there else None, len(holders), len(cohort.members), holders)
        self._new[key] = cohort.members

    def near(self, caps: Ints) -> Ints:
        """The accounts of the run (numbers, sorted) whose links may change, with the account itself."""
        found = [np.array([self.number])]
        for key, change in self.changes.items():
            cap = caps[key[1]]
            if change.before <= cap and change.before > 1:
                found.append(2 * change.holders)
            if change.after <= cap:
                members = self._new.get(key)
                others = change.holders if members is None else np.array(list(members), np.int64)
                found.append(2 * others[others >= 0])
        return np.unique(np.concatenate(found))

    def uses_of(self, numbers: Ints) -> Uses:
        """What the accounts (numbers, sorted) share, as ``Facts.uses_of`` would tell it; and all that the account holds."""
        rows = numbers[(numbers % 2 == 0) & (numbers != self.number)] // 2
        base = self._facts.uses_of(rows, [change.row for change in self.changes.values() if change.row is not None])
        gone = [row for key in self._new if (row := self.changes[key].row) is not None]
        kept = ~np.isin(base.row, gone)[base.attribute]
        told = list(self._told(set(numbers.tolist())))
        known = zip(
            base.row.tolist(),
            base.kind.tolist(),
            base.week.tolist(),
            base.source.tolist(),
            base.accounts.tolist(),
            strict=True,
        )
        places: dict[_Place, tuple[int, int, int, int, int]] = {(2 * each[0],): each for each in known}
        for key in dict.fromkeys([*self.changes, *(use[0] for use in told)]):
            place, row = self._stands(key)
            places[place] = (row, *key[1:], self.count(key))
        order = {place: at for at, place in enumerate(sorted(places))}
        of_base = np.array([order[(2 * row,)] for row in base.row.tolist()], np.int64)[base.attribute[kept]]
        of_told = np.array([order[self._stands(use[0])[0]] for use in told], np.int64)
        columns = [np.array([use[part] for use in told], np.int64) for part in (1, 2, 3)]
        attribute = np.concatenate([of_base, of_told])
        account = np.concatenate([2 * base.account[kept], columns[0]])
        first, last = (
            np.concatenate([one[kept], other]) for one, other in zip((base.first, base.last), columns[1:], strict=True)
        )
        by = np.lexsort((account, attribute))
        row, kind, week, source, count = (
            np.array([places[place][part] for place in order], np.int64) for part in range(5)
        )
        return Uses(attribute[by], account[by], first[by], last[by], row, kind, week, source, count)

    def _told(self, wanted: set[int]) -> Iterator[tuple[Key, int, int, int]]:
        """Attribute, account, first and last use: of the account itself, and of the cohorts that change."""
        if self.number in wanted:
            for key, (first, last) in self.own.items():
                yield key, self.number, first, last
        for key, members in self._new.items():
            for account, (first, last, _) in members.items():
                if self._numbered(account) in wanted:
                    yield key, self._numbered(account), first, last

    def _stands(self, key: Key) -> tuple[_Place, int]:
        """Where an attribute stands among all, and its row; what the run does not have gets the rows −1, −2, …"""
        if key not in self._standing:
            row, there = self._facts.find(*key)
            if not there:
                self._strange.append(key)
            self._standing[key] = ((2 * row,), row) if there else ((2 * row - 1, key), -len(self._strange))
        return self._standing[key]

    def count(self, key: Key) -> int:
        """How many accounts hold an attribute."""
        if key in self.changes:
            return self.changes[key].after
        row = self._stands(key)[1]
        return int(self._facts.accounts(row)) if row >= 0 else 1

    def holders_of(self, uses: Uses, attribute: int) -> tuple[Ints, Ints]:
        """Who holds an attribute of what ``uses_of`` gave (numbers), inside the part and outside, and since when."""
        key, row = self._key(uses, attribute), int(uses.row[attribute])
        members = self._new.get(key)
        if members is not None:
            numbers = [self._numbered(account) for account in members]
            return np.array(numbers, np.int64), np.array([first for first, _, _ in members.values()], np.int64)
        numbers, since = np.zeros(0, np.int64), np.zeros(0, np.int64)
        if row >= 0:
            numbers, since = 2 * self._facts.holders(row), self._facts.stays(row)[0]
        if key in self.own:
            others = numbers != self.number
            numbers, since = np.append(numbers[others], self.number), np.append(since[others], self.own[key][0])
        return numbers, since

    def values_of(self, uses: Uses) -> list[bytes]:
        """The value of each attribute of what ``uses_of`` gave."""
        return [self._key(uses, attribute)[0] for attribute in range(len(uses.row))]

    def returned(self, uses: Uses) -> dict[tuple[int, int], bool]:
        """(attribute, account) of each use of a cohort → whether the account came back to the place in a later week."""
        found: dict[tuple[int, int], bool] = {}
        for attribute in np.flatnonzero(uses.source >= 0).tolist():
            key, row = self._key(uses, attribute), int(uses.row[attribute])
            members = self._new.get(key)
            if members is None:
                told = zip(self._facts.holders(row).tolist(), self._facts.returned(row), strict=True)
                found |= {(attribute, 2 * account): bool(back) for account, back in told}
            else:
                for account, (_, _, back) in members.items():
                    found[attribute, self._numbered(account)] = back
        return found

    def _numbered(self, account: int) -> int:
        """The number of a member of a cohort: a row of the run, or −1 for an account that it does not know."""
        return self.number if account < 0 else 2 * account

    def _key(self, uses: Uses, attribute: int) -> Key:
        row = int(uses.row[attribute])
        if row < 0:
            return self._strange[-1 - row]
        facts = self._facts
        return facts.value(row), int(facts.kind[row]), int(facts.week[row]), int(facts.source[row])
