"""Links and components with the account in the graph: what changes is computed anew, the rest is what the run has."""

from __future__ import annotations

import numpy as np

from graphrisk.detection.components import THRESHOLD_STEP
from graphrisk.model import Ints, Links
from graphrisk.policy import Policy
from graphrisk.runs.snapshot import Snapshot

Link = tuple[int, bool, bool]
"""Strength, and whether it proves something about the lower and the higher end."""


class Reach:
    """``near`` (numbers, sorted) are the accounts whose links to each other may differ from the run's; ``links`` are all
    that they have to each other, the account's own included."""

    def __init__(self, snapshot: Snapshot, policy: Policy, number: int, near: Ints, links: Links) -> None:
        self._snapshot, self._policy, self.number = snapshot, policy, number
        self._near, self._links = set(near.tolist()), links
        self._again: dict[int, dict[int, int]] = {}
        self._known: dict[int, dict[int, int]] = {}
        for a, b, strength in zip(links.a.tolist(), links.b.tolist(), links.strength.tolist(), strict=True):
            self._again.setdefault(a, {})[b] = strength
            self._again.setdefault(b, {})[a] = strength

    def links_of(self, account: int) -> dict[int, int]:
        """The accounts that one of those that are ``near`` would be linked to, and the strength of each link."""
        if account not in self._known:
            stored = zip(*self._stored(account), strict=True)
            kept = {other: strength for other, strength in stored if other not in self._near}
            self._known[account] = {**self._again.get(account, {}), **kept}
        return self._known[account]

    def component(self) -> tuple[Ints, int, bool]:
        """The accounts that links lead to, the threshold that they hold at, and whether it had to be raised: one that
        is too large raises it step by step (see ``find_components``)."""
        threshold, raised = self._policy.links.threshold, False
        while (found := self._reached(threshold)) is None:
            threshold, raised = threshold + THRESHOLD_STEP, True
        return np.array(sorted(found), np.int64), threshold, raised

    def _reached(self, threshold: int) -> set[int] | None:
        # One account after the other: components are long chains, where arrays of one level have one element.
        found, edge = {self.number}, [self.number]
        while edge:
            account = edge.pop()
            if account in self._near:
                others = {other for other, strength in self.links_of(account).items() if strength >= threshold}
            else:
                others = {2 * row for row in self._snapshot.neighbours_of(account // 2, threshold)}
            others -= found
            found |= others
            edge += others
            if len(found) > self._policy.detection.oversize:
                return None
        return found

    def around(self) -> tuple[Links, Ints]:
        """The links of the account and of whom it is linked to, between positions in the accounts (numbers, sorted)."""
        told: dict[tuple[int, int], Link] = {}
        beside = {self.number, *self.links_of(self.number)}
        columns = (column.tolist() for column in self._links[:6])
        for a, b, strength, _, proves_a, proves_b in zip(*columns, strict=True):
            if a in beside or b in beside:
                told[a, b] = (strength, proves_a, proves_b)
        for account in beside:
            proves_of = self._snapshot.proves(account // 2) if account % 2 == 0 else []
            for other, strength, proves in zip(*self._stored(account), proves_of, strict=True):
                if account in self._near and other in self._near:
                    continue
                pair = (min(account, other), max(account, other))
                _, low, high = told.get(pair, (strength, False, False))
                told[pair] = (strength, proves, high) if account < other else (strength, low, proves)
        accounts = np.unique(np.array([self.number, *(end for pair in told for end in pair)], np.int64))
        a, b = (np.searchsorted(accounts, np.array([pair[end] for pair in told], np.int64)) for end in (0, 1))
        strength = np.array([link[0] for link in told.values()], np.int64)
        proves_a, proves_b = (np.array([link[part] for link in told.values()], bool) for part in (1, 2))
        nothing = np.zeros(len(told), bool)
        return Links(a, b, strength, np.zeros(len(told), np.int64), proves_a, proves_b, nothing, nothing), accounts

    def _stored(self, account: int) -> tuple[list[int], list[int]]:
        """The links of an account in the run: other ends and strengths, strongest first."""
        if account % 2:
            return [], []
        rows, others = self._snapshot.links_of(account // 2)
        return (2 * others).tolist(), self._snapshot.strength[rows].tolist()
