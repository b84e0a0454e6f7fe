"""What if: an account with given attributes, as if it had been in the run; computed beside it, writing nothing.

Defined as what detection would find on the components touched if the facts had been loaded: retention counts from the
run's own clock, and verdicts are those that the run knew.
"""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from graphrisk.linkage.local import priced_pairs
from graphrisk.model import NEVER, Ints
from graphrisk.pipeline.assessment.arriving import Arriving, is_place
from graphrisk.pipeline.assessment.crowding import crowds_changed
from graphrisk.pipeline.assessment.gathered import Cohort, Span
from graphrisk.pipeline.assessment.holdings import Holdings, Seen
from graphrisk.pipeline.assessment.overlay import Key, Overlay
from graphrisk.pipeline.assessment.reaching import Reach
from graphrisk.pipeline.rerunning import Formed, Part, open_since
from graphrisk.runs.facts import Facts
from graphrisk.runs.snapshot import Snapshot
from graphrisk.scoring.reference import Reference


@dataclass(frozen=True)
class Newcomer:
    """The account to assess. What the run knows of an account of that id is kept; ``created`` in microseconds."""

    account_id: str
    created: int | None
    sightings: Sequence[Seen]
    status: str = "active"


@dataclass(frozen=True)
class Assessed:
    """The account's part of the graph as it would be: ``number`` is the account's among ``part.accounts``; its links (all of
    them, by number), and what detection made of the part."""

    newcomer: Newcomer
    created: int | None
    number: int
    overlay: Overlay
    part: Part
    formed: Formed
    reach: Reach


class Assessor:
    """A run that is asked what if."""

    def __init__(self, snapshot: Snapshot, facts: Facts, reference: Reference) -> None:
        self.snapshot, self.facts, self.reference = snapshot, facts, reference
        self.policy = snapshot.policy
        self._codes = self.policy.codes()
        self.holdings = Holdings(facts, self.policy, snapshot.manifest["clock"])
        self.caps = np.array([kind.cap for kind in self.policy.priced().values()])

    def assess(self, newcomer: Newcomer) -> Assessed:
        """Links, component, communities and rings with the account in it."""
        number = self._number(newcomer.account_id)
        row = number // 2 if number % 2 == 0 else -1
        created_before = self.facts.created(np.array([row]))[0].as_py() if row >= 0 else None
        given = [each for each in (created_before, newcomer.created) if each is not None]
        created = min(given, default=None)
        before = self.holdings.held(row)
        own = self.holdings.grown(before, newcomer.sightings)
        visits = self.holdings.visits(before, newcomer.sightings)
        share = self.reference.expected_new_share
        arriving = Arriving(self.facts, self.policy, share, row)
        cohorts = list(arriving.changes(visits, created_before, created))
        shown = self.holdings.shown(newcomer.sightings)
        cohorts += crowds_changed(self.facts, self.policy, share, row, shown, created)
        for key, span in own.items():
            cohorts += self._at_hub(arriving, key, before.get(key), span, created_before, created)
        changed = {(each.place, self._codes["cohort"], each.week, each.source) for each in cohorts}
        kept = {key: span for key, span in own.items() if key not in changed}
        overlay = Overlay(self.facts, number, self._codes["cohort"], kept, cohorts)
        return self._detected(newcomer, number, overlay, created)

    def _number(self, account_id: str) -> int:
        row = self.snapshot.account_row(account_id)
        if row is not None:
            return 2 * row
        wanted = account_id.encode()
        ids = range(self.snapshot.accounts.num_rows)
        return 2 * bisect_left(ids, wanted, key=lambda at: self.snapshot.account_id(at).encode()) - 1

    def _at_hub(
        self,
        arriving: Arriving,
        key: Key,
        before: Span | None,
        after: Span,
        created_before: int | None,
        created: int | None,
    ) -> list[Cohort]:
        row, there = self.facts.find(*key)
        names = list(self._codes)
        if not there or key[3] >= 0 or (before == after and created_before == created):
            return []
        held = int(self.facts.accounts(row))
        will = held + (before is None)
        if not is_place(names[key[1]], self.policy, will):
            return []
        was = is_place(names[key[1]], self.policy, held)
        return list(arriving.changes_at_hub(row, was, before, after, created_before, created))

    def _detected(self, newcomer: Newcomer, number: int, overlay: Overlay, created: int | None) -> Assessed:
        near = overlay.near(self.caps)
        links, _ = priced_pairs(overlay.uses_of(near), self.policy).links(self.policy.links.threshold)
        reach = Reach(self.snapshot, self.policy, number, near, links)
        accounts, threshold, raised = reach.component()
        uses, rows = overlay.uses_of(accounts), rows_of(accounts)
        ids, opened = (
            [self.snapshot.account_id(row) for row in rows.tolist()],
            open_since(self.snapshot, self.facts, rows),
        )
        place = int(np.searchsorted(accounts, number))
        ids[place] = newcomer.account_id
        status = newcomer.status if number % 2 else self.snapshot.accounts["status"][number // 2].as_py()
        opened[place] = created if status == "active" and created is not None else NEVER
        part = Part(
            accounts, pa.array(ids, pa.string()), opened, uses, priced_pairs(uses, self.policy), self.policy,
            self.snapshot.manifest["engine"], threshold, len(accounts), raised,
        )  # fmt: skip
        return Assessed(newcomer, created, number, overlay, part, part.formed(np.array([number])), reach)


def rows_of(numbers: Ints) -> Ints:
    """Rows of the run; of an account that it does not know, some row."""
    return np.maximum(numbers, 0) // 2
