"""What is known of the accounts of an assessed ring, as the tables that features are computed from."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.model import Ints, Members, RingLinks, Uses
from graphrisk.pipeline.assessment.assessor import Assessed, Assessor, rows_of
from graphrisk.policy import Policy

APART = 1 << 32
"""More than there are accounts: what sets the accounts, values and attributes of one ring apart from those of the next."""


class Known:
    """Facts about accounts (numbers) of an assessment."""

    def __init__(self, assessor: Assessor, found: Assessed) -> None:
        self._assessor, self._found = assessor, found
        self._facts, self._snapshot = assessor.facts, assessor.snapshot

    def labels(self, numbers: Ints) -> Any:
        """The verdict on each account, '' for none."""
        verdicts = self._facts.of_account["label"].take(pa.array(rows_of(numbers))).to_pylist()
        known = (numbers % 2 == 0).tolist()
        return np.array([verdict if here and verdict else "" for verdict, here in zip(verdicts, known, strict=True)])

    def statuses(self, numbers: Ints) -> tuple[list[str], list[int | None]]:
        """The status of each account, and when it was created."""
        status = self._snapshot.accounts["status"].take(pa.array(rows_of(numbers))).to_pylist()
        created = self._facts.created(rows_of(numbers)).to_pylist()
        at = int(np.searchsorted(numbers, self._found.number))
        created[at] = self._found.created
        if self._found.number % 2:
            status[at] = self._found.newcomer.status
        return status, created

    def held_by(self, numbers: Ints) -> list[tuple[int, int, bytes, int]]:
        """Account, kind, value and week of everything that accounts hold, cohorts apart."""
        held: list[tuple[int, int, bytes, int]] = []
        for number in numbers.tolist():
            keys = (
                self._found.overlay.own if number == self._found.number else self._assessor.holdings.held(number // 2)
            )
            held += [(number, kind, value, week) for value, kind, week, source in keys if source < 0]
        return held

    def closed_holders(self, attributes: Ints) -> dict[int, tuple[Ints, Ints]]:
        """Closed accounts (numbers) outside the part that hold attributes of it, and since when."""
        closed: dict[int, tuple[Ints, Ints]] = {}
        for attribute in attributes.tolist():
            row = int(self._found.part.uses.row[attribute])
            if row >= 0:
                holders = self._facts.holders(row)
                outside = ~np.isin(2 * holders, self._found.part.accounts)
                status = self._snapshot.accounts["status"].take(pa.array(holders)).to_pylist()
                chosen = outside & (np.array(status) == "closed")
                closed[attribute] = (2 * holders[chosen], self._facts.stays(row)[0][chosen])
        return closed

    def returned(self) -> list[bool | None]:
        """Of each use of a cohort in the part, whether the account came back later."""
        uses = self._found.part.uses
        told = self._found.overlay.returned(uses)
        return [
            told.get((attribute, account))
            for attribute, account in zip(uses.attribute.tolist(), uses.account.tolist(), strict=True)
        ]

    def spans(self, numbers: Ints) -> list[tuple[int, int, int]]:
        """Account, first and last sighting of what is still kept; none for accounts without any."""
        rows = self._facts.of_account.select(["first", "last"]).take(pa.array(rows_of(numbers))).to_pylist()
        spans: list[tuple[int, int, int]] = []
        for number, row in zip(numbers.tolist(), rows, strict=True):
            known = [(row["first"], row["last"])] if row["first"] is not None and number % 2 == 0 else []
            if number == self._found.number:
                known += [
                    (seen.first, seen.last)
                    for seen in self._found.newcomer.sightings
                    if self._assessor.holdings.is_kept(seen)
                ]
            if known:
                spans.append((number, min(first for first, _ in known), max(last for _, last in known)))
        return spans


def feature_tables(assessor: Assessor, found: Assessed, members: Members, links: RingLinks) -> dict[str, pa.Table]:
    """The tables of linkage that ``ring_features`` reads, over the accounts of one ring; ``kind_rules`` apart."""
    known, core = Known(assessor, found), members.account[members.core]
    uses, evidence = found.part.uses, found.formed.evidence
    most = int(found.part.accounts.max()) + 1
    in_ring = np.isin(evidence.a * most + evidence.b, links.link.a * most + links.link.b)
    closed = known.closed_holders(np.unique(evidence.attribute[in_ring]))
    accounts = np.unique(np.concatenate([found.part.accounts, *(each for each, _ in closed.values())]))
    own, held = found.overlay.values_of(uses), known.held_by(core)
    values = {value: number for number, value in enumerate(dict.fromkeys([*own, *(each[2] for each in held)]))}
    return {
        "weekly": _table(
            {"account": pa.int64(), "kind": pa.int32(), "value": pa.int64(), "week": pa.int32()},
            ((account, kind, values[value], week) for account, kind, value, week in held),
        ),
        "attributes": _attributes(uses, [values[value] for value in own]),
        "uses": _uses(uses, known.returned(), closed),
        **_accounts(known, accounts),
        "evidence": pa.table(
            {
                "a": evidence.a[in_ring],
                "b": evidence.b[in_ring],
                "kind": pa.array(uses.kind[evidence.attribute[in_ring]], pa.int32()),
                "attribute": evidence.attribute[in_ring],
            }
        ),
        "retained": _table({"account": pa.int64(), "first": pa.int64(), "last": pa.int64()}, known.spans(core)),
    }


def _attributes(uses: Uses, values: list[int]) -> pa.Table:
    shared = np.flatnonzero(uses.accounts > 1)
    return pa.table(
        {
            "attribute": shared,
            "kind": pa.array(uses.kind[shared], pa.int32()),
            "value": pa.array(np.array(values, np.int64)[shared]),
            "week": pa.array(uses.week[shared], pa.int32()),
            "source": pa.array(uses.source[shared], mask=uses.source[shared] < 0),
            "accounts": uses.accounts[shared],
        }
    )


def _uses(uses: Uses, returned: list[bool | None], closed: dict[int, tuple[Ints, Ints]]) -> pa.Table:
    """The uses in the part, and the first ones by closed accounts outside it."""
    attribute = np.repeat(np.array(list(closed), np.int64), [len(who) for who, _ in closed.values()])
    account, first = (np.concatenate([uses.account[:0], *(each[at] for each in closed.values())]) for at in (0, 1))
    return pa.table(
        {
            "attribute": np.concatenate([uses.attribute, attribute]),
            "account": np.concatenate([uses.account, account]),
            "first": np.concatenate([uses.first, first]),
            "last": np.concatenate([uses.last, first]),
            "returned": pa.array([*returned, *([None] * len(attribute))], pa.bool_()),
        }
    )


def _accounts(known: Known, accounts: Ints) -> dict[str, pa.Table]:
    """The tables ``ids`` and ``labels``."""
    (status, created), labels = known.statuses(accounts), known.labels(accounts)
    ids = pa.array([str(account) for account in accounts.tolist()], pa.string())
    told = pa.array(labels != "")
    return {
        "ids": pa.table(
            {
                "account": accounts,
                "account_id": ids,
                "created": pa.array(created, pa.int64()),
                "closed": pa.array([each == "closed" for each in status]),
            }
        ),
        "labels": pa.table({"account_id": ids, "label": pa.array(labels.tolist(), pa.string())}).filter(told),
    }


def _table(columns: dict[str, Any], rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    listed = list(rows)
    return pa.table(
        {name: pa.array([row[at] for row in listed], kind) for at, (name, kind) in enumerate(columns.items())}
    )


def apart(table: pa.Table, ring: int) -> pa.Table:
    """A table of ``feature_tables`` with accounts, values and attributes of its own."""
    for place, name in enumerate(table.column_names):
        column = table[name]
        if name in ("account", "a", "b", "attribute", "value"):
            table = table.set_column(place, name, pc.add(column.cast(pa.int64()), ring * APART))
        elif name == "account_id":
            table = table.set_column(place, name, pc.binary_join_element_wise(str(ring), column, "/"))
    return table


def kind_rules(policy: Policy) -> pa.Table:
    """What features need to know of kinds; the same for all rings."""
    kinds = list(policy.priced().values())
    return pa.table(
        {
            "kind": pa.array(range(len(kinds)), pa.int32()),
            "cap": pa.array([kind.cap for kind in kinds], pa.int32()),
            "backbone": [kind.backbone for kind in kinds],
        }
    )
