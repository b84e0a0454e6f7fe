"""What holds an account in its ring, and the smallest evidence whose removal frees it, with detection as the judge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graphrisk.evidence.cuts import Cut, Pieces, least_subset, separating, smallest_cut
from graphrisk.evidence.paths import disjoint_paths
from graphrisk.model import Bools, Ints, Links
from graphrisk.pipeline.rerunning import Part

DEAREST = 3
"""So many of the values that carry most of a ring are tried one by one: without one of them there may be no ring."""


MOST_LOADED = 5
"""So many of the values under most of a ring's links are taken away one by one, to see what the ring rests on."""


@dataclass(frozen=True)
class Left:
    """What is left of a ring without some evidence: how many of its members each ring would hold, the largest first
    (counted are rings of two of them or more), and how many members would be in none with another."""

    rings: tuple[int, ...]
    free: int

    @property
    def outcome(self) -> str:
        """``dissolved``, ``split``, ``shrank``, or ``continued`` when all members stay together."""
        if not self.rings:
            return "dissolved"
        return "split" if len(self.rings) > 1 else "shrank" if self.free else "continued"


@dataclass(frozen=True)
class Worth:
    """The values under a ring's links, as columns: what each is worth to the pair that it ties most (milli-nats, over all
    its weeks), what it carries in all, and over how many links."""

    value: Ints
    most: Ints
    carried: Ints
    links: Ints


class Membership:
    """One member of a ring of ``part``. Pieces of evidence are values: several attributes are one where they are weeks of one
    address."""

    def __init__(self, part: Part, value: Ints, account: int) -> None:
        """``value`` is the number of the value of each attribute of ``part.uses``, ``account`` a row of the run. Detection
        finds its ring anew."""
        self.part, self.value, self.account = part, value, account
        self.formed = part.formed(np.array([account]))
        self._place = int(np.searchsorted(part.accounts, account))
        ring = int(self.formed.ring[self._place])
        self.is_core = bool(self.formed.core[self._place])
        self._members = np.flatnonzero(self.formed.ring == ring)
        others = self._members[self.formed.core[self._members]]
        self._others = others[others != self._place]
        of_ring = self.formed.ring_links.ring == ring
        self.links, self.in_window = (
            self.formed.ring_links.link.take(of_ring),
            self.formed.ring_links.in_window[of_ring],
        )
        self._own = part.priced.of_account(account)
        self._asked: dict[Pieces, bool] = {}

    def paths(self) -> list[list[int]]:
        """Paths to other core members, as positions of ``links``, strongest first; no two rest on one value."""
        goals = self.part.accounts[self._others].tolist()
        return disjoint_paths(self.links.a, self.links.b, self.links.strength, self._under(), self.account, goals)

    def _under(self) -> tuple[Ints, Ints]:
        """The values under the links of the ring: the position of a link, a value under it."""
        evidence = self.formed.evidence
        rows = np.flatnonzero(_of_pairs(evidence.a, evidence.b, self.links))
        most = int(self.part.accounts.max()) + 1
        order = np.argsort(self.links.a * most + self.links.b)
        keys = (self.links.a * most + self.links.b)[order]
        places = order[np.searchsorted(keys, evidence.a[rows] * most + evidence.b[rows])]
        return places, self.value[evidence.attribute[rows]]

    def frees(self, pieces: Pieces) -> bool:
        """Whether the account would share no ring with another core member if these values were shared by nobody."""
        if pieces not in self._asked:
            again = self.part.formed(np.array([self.account]), self._marked(pieces))
            ring = again.ring[self._place]
            self._asked[pieces] = bool(ring < 0 or not (again.ring[self._others] == ring).any())
        return self._asked[pieces]

    def left(self, pieces: Pieces) -> Left:
        """What would be left of the ring if these values were shared by nobody; detection is run again without them."""
        again = self.part.formed(self.part.accounts[self._members], self._marked(pieces))
        ring = again.ring[self._members]
        together = np.bincount(ring[ring >= 0])
        rings = np.sort(together[together > 1])[::-1].tolist()
        return Left(tuple(rings), len(ring) - sum(rings))

    def most_loaded(self) -> list[int]:
        """The values under most of the ring's links, the first the most loaded."""
        worth = self.worth
        return worth.value[np.lexsort((worth.value, -worth.carried, -worth.links))][:MOST_LOADED].tolist()

    def _marked(self, pieces: Pieces) -> Bools:
        return np.isin(self.value, list(pieces))

    def smallest_cut(self) -> Cut | None:
        """The smallest evidence under the ring's links that frees the account; pieces are values."""
        cost = dict(zip(self.worth.value.tolist(), self.worth.most.tolist(), strict=True))
        return smallest_cut(cost, self.frees, self._candidates(cost)) if len(self._others) else None

    @cached_property
    def worth(self) -> Worth:
        """What the values under the ring's links are worth."""
        priced = self.part.priced
        rows = np.flatnonzero(_of_pairs(priced.a, priced.b, self.links))
        value = self.value[priced.attribute[rows]]
        order = np.lexsort((priced.b[rows], priced.a[rows], value))
        rows, value = rows[order], value[order]
        a, b = priced.a[rows], priced.b[rows]
        first = np.flatnonzero(np.r_[True, (np.diff(value) != 0) | (np.diff(a) != 0) | (np.diff(b) != 0)])
        of_pair = np.add.reduceat(priced.price[rows], first)
        values, begin = np.unique(value[first], return_index=True)
        carried, most = np.add.reduceat(of_pair, begin), np.maximum.reduceat(of_pair, begin)
        return Worth(values, most, carried, np.diff(np.r_[begin, len(first)]))

    def _candidates(self, cost: dict[int, int]) -> list[Pieces]:
        uses, own = self.part.uses, self._own
        its = set(self.value[own.attribute[_of_pairs(own.a, own.b, self.links)]].tolist())
        found = [least_subset(its, cost, self._isolates)]
        held = np.isin(self.value, list(cost))[uses.attribute] & np.isin(
            uses.account, np.r_[self.links.a, self.links.b]
        )
        pull = np.zeros(len(self.part.accounts), np.int64)
        for ends in (self.links.a, self.links.b):
            np.add.at(pull, np.searchsorted(self.part.accounts, ends), self.links.strength)
        anchor = int(self.part.accounts[self._others[np.argmax(pull[self._others])]])
        found.append(separating(uses.account[held], self.value[uses.attribute[held]], cost, self.account, anchor))
        worth = self.worth
        found += [frozenset({int(worth.value[each])}) for each in np.argsort(-worth.carried, kind="stable")[:DEAREST]]
        return [pieces for pieces in found if pieces]

    def _isolates(self, pieces: Pieces) -> bool:
        """Whether the account keeps no link inside the ring without these."""
        links, _ = self._own.links(self.part.policy.links.threshold, self._marked(pieces))
        return not _of_pairs(links.a, links.b, self.links).any()


def _of_pairs(a: Ints, b: Ints, links: Links) -> Bools:
    """Which of the pairs (a, b) are links."""
    most = int(max(a.max(initial=0), b.max(initial=0), links.b.max(initial=0))) + 1
    return np.isin(a * most + b, links.a * most + links.b)
