# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Signals: what changed between the run that was live and the one that is, as JSON that other teams follow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

UNSAID_BAND = "low"
"""The band of an account that no signal has named: in no ring, and nothing against it."""

SIGNALS: dict[str, str] = {
    "run.published": "a run went live; first of its publication. `verb` is publish or rollback",
    "ring.born": "a new ring",
    "ring.revived": "a ring that was retired lately is back",
    "ring.grew": "more core members than before",
    "ring.shrank": "fewer core members than before",
    "ring.continued": "as many core members as before, not all the same",
    "ring.merged": "it took in pieces of the rings in `related`; or it is gone, and the one in `superseded_by` took over",
    "ring.split": "pieces of it went to the rings in `related`; or it is gone, and those in `superseded_by` took over",
    "ring.dissolved": "it is gone, and no ring took over",
    "ring.returned": "a ring of an older run is live again, after a rollback or a forced publication",
    "ring.withdrawn": "a ring is gone with its run, after a rollback or a forced publication",
    "account.ring_changed": "the account went `from` one ring `to` another (null: none), where it has the `role`",
    "account.role_changed": "the account went `from` core `to` associate, or back, in the same ring",
    "account.band_changed": "the account's band went `from` one `to` another, with the `score` it has now",
    "account.erased": "a signal of an account that was erased since; its place is kept, so that cursors stay good",
    "feed.gap": "the runs in `missing` were deleted before their changes were written: read the live run anew",
}
"""Every type of signal, in the order of a publication, and what it says."""

_RING_COLUMNS = ("ring_id", "ring_key", "size", "core_size", "score", "band")


@dataclass(frozen=True)
class Move:
    """One move of the pointer: its number, when (ISO 8601), to which run, from which, by which verb."""

    seq: int
    at: str
    run_id: str
    previous_run_id: str | None
    verb: str


@dataclass(frozen=True)
class Findings:
    """What a run found: its tables ``accounts``, ``rings``, ``lineage``, and the run that was live when it was made."""

    made_against: str | None
    accounts: pa.Table
    rings: pa.Table
    lineage: pa.Table


def changes(move: Move, before: Findings | None, after: Findings) -> pa.Array:
    """The signals of one publication, in order: the run, its rings by id, its accounts by id.

    Each is text: the members of a JSON object, without braces. ``before`` is ``None`` for the first publication, which
    tells every ring, and every account that is in one or has another band than low. Equal runs give equal text.
    """
    texts = [_published(move), *_rings(move, before, after)]
    return pa.concat_arrays([pa.array(texts, pa.large_string()), _accounts(move, before, after)])


def gap(move: Move, missing: list[str]) -> pa.Array:
    """The signals of a publication whose changes are not known, because runs were deleted."""
    return pa.array([_published(move), _text(move, "feed.gap", missing=missing)], pa.large_string())


def _published(move: Move) -> str:
    return _text(move, "run.published", verb=move.verb)


def _text(move: Move, kind: str, **more: Any) -> str:
    head = {"seq": move.seq, "at": move.at, "type": kind, "run_id": move.run_id}
    signal = {**head, "previous_run_id": move.previous_run_id, **more}
    return json.dumps(signal, ensure_ascii=False, separators=(",", ":"))[1:-1]


def _rings(move: Move, before: Findings | None, after: Findings) -> list[str]:
    old = _by_id(before.rings.select(_RING_COLUMNS)) if before else {}
    new = _by_id(after.rings.select(_RING_COLUMNS))
    told = _told(move, after, old)
    texts: list[str] = []
    for ring_id in sorted(told.keys() | old.keys() | new.keys()):
        event = told.get(ring_id, {})
        kind = event["event"] if event else _compared(old.get(ring_id), new.get(ring_id))
        if kind is None:
            continue
        now = new.get(ring_id, {})
        shown = {name: now.get(name) for name in ("size", "core_size", "score", "band")}
        others = {name: event.get(name, []) for name in ("related", "superseded_by")}
        texts.append(_text(move, f"ring.{kind}", ring_id=ring_id, **shown, **others))
    return texts


def _told(move: Move, after: Findings, old: dict[str, Any]) -> dict[str, Any]:
    """The events of the run's own lineage, as far as they are about the run that was live before."""
    if move.verb != "publish":
        return {}
    columns = ["ring_id", "event", "related", "superseded_by"]
    events = _by_id(after.lineage.filter(pc.equal(after.lineage["event_run"], move.run_id)).select(columns))
    if after.made_against == move.previous_run_id:
        return events
    return {
        ring_id: row for ring_id, row in events.items() if ring_id not in old and row["event"] in ("born", "revived")
    }


def _compared(old: dict[str, Any] | None, new: dict[str, Any] | None) -> str | None:
    """What became of a ring of which the lineage tells nothing."""
    if old is None or new is None:
        return "returned" if new else "withdrawn"
    if old["ring_key"] == new["ring_key"]:
        return None
    difference = new["core_size"] - old["core_size"]
    return "grew" if difference > 0 else "shrank" if difference < 0 else "continued"


def _by_id(table: pa.Table) -> dict[str, Any]:
    return {row["ring_id"]: row for row in table.to_pylist()}


def _accounts(move: Move, before: Findings | None, after: Findings) -> pa.Array:
    changed = _changed(before.accounts if before else after.accounts.slice(0, 0), after.accounts)
    rings, roles, bands = (changed[name].to_numpy(zero_copy_only=False) for name in ("ring", "role", "band"))
    moved, turned, banded = (np.flatnonzero(each) for each in (rings, roles & ~rings, bands))
    texts = pa.concat_arrays(
        [
            _texts(move, "account.ring_changed", changed, moved, {"from": "ring_0", "to": "ring_1", "role": "role_1"}),
            _texts(
                move, "account.role_changed", changed, turned, {"ring_id": "ring_1", "from": "role_0", "to": "role_1"}
            ),
            _texts(move, "account.band_changed", changed, banded, {"from": "band_0", "to": "band_1", "score": "score"}),
        ]
    )
    return texts.take(pa.array(np.argsort(np.concatenate([moved, turned, banded]), kind="stable")))


def _changed(old: pa.Table, new: pa.Table) -> pa.Table:
    """Accounts whose ring, role or band differs, by id: ``ring_0`` before, ``ring_1`` after, ``ring`` whether it differs.

    An account that one of the runs does not have is there in no ring and of the band low.
    """
    old, new = _plain(old), _plain(new)
    place = pc.index_in(new["account_id"], value_set=old["account_id"].combine_chunks())
    gone = old.filter(pc.invert(pc.is_in(old["account_id"], value_set=new["account_id"].combine_chunks())))
    nothing = new.slice(0, 0).take(pa.nulls(gone.num_rows, pa.int32()))
    left = pa.concat_tables([old.take(place), gone])
    right = pa.concat_tables([new, nothing])
    ids = pa.chunked_array([*new["account_id"].chunks, *gone["account_id"].chunks], pa.string())
    columns = {"account_id": ids, "score": right["score"]}
    for name, column, unsaid in (("ring", "ring_id", ""), ("role", "role", ""), ("band", "band", UNSAID_BAND)):
        was, now = pc.fill_null(left[column], unsaid), pc.fill_null(right[column], unsaid)
        columns |= {name: pc.not_equal(was, now), f"{name}_0": was, f"{name}_1": now}
    table = pa.table(columns)
    differs = pc.or_(pc.or_(table["ring"], table["role"]), table["band"])
    found = table.filter(differs)
    return found.take(pc.sort_indices(found["account_id"])).combine_chunks()


def _plain(accounts: pa.Table) -> pa.Table:
    return accounts.select(["account_id", "ring_id", "role", "score", "band"]).combine_chunks()


def _texts(move: Move, kind: str, changed: pa.Table, rows: Any, fields: dict[str, str]) -> pa.Array:
    """The members of one type's signals, for the rows given; each field's name and its column."""
    here = changed.take(pa.array(rows))
    parts: list[Any] = [_text(move, kind) + ',"account_id":', _json(here["account_id"].to_pylist())]
    for name, column in fields.items():
        values = here[column].to_pylist()
        parts += [f',"{name}":', _json(value if value != "" else None for value in values)]
    if not len(rows):
        return pa.array([], pa.large_string())
    wide = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*wide, pa.scalar("", pa.large_string()))


def _json(values: Iterable[Any]) -> pa.Array:
    """Each value as JSON, encoded in one go: no line feed stands raw inside JSON text, so one can part the values."""
    text = json.dumps(list(values), ensure_ascii=False, separators=("\n", ":"))[1:-1]
    return pa.array(text.split("\n"), pa.large_string())
