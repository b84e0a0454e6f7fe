# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Splicing: a run's tables of facts with some attributes in the place of others, in the order that they are kept in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from graphrisk.model import Bools, Ints
from graphrisk.runs.tables import build


class Keys(NamedTuple):
    """What orders attributes, as columns: a value's first and last eight bytes as numbers, kind (code), week and source."""

    first: Any
    last: Any
    kind: Ints
    week: Ints
    source: Ints


def keys_of(attributes: pa.Table) -> Keys:
    """The keys of a run's ``attributes``."""
    numbers = (attributes[name].combine_chunks().to_numpy() for name in ("kind", "week", "source"))
    return Keys(*words(attributes["value"]), *numbers)


def sixteen(column: pa.ChunkedArray) -> Any:
    """A column of 16 bytes each as numpy has them."""
    whole = column.combine_chunks()
    storage = whole.storage if isinstance(whole, pa.ExtensionArray) else whole
    return np.frombuffer(storage.buffers()[1] or b"", "S16")[storage.offset : storage.offset + len(storage)]


def words(column: pa.ChunkedArray) -> tuple[Any, Any]:
    """The two halves of each of 16 bytes, as numbers of the same order."""
    halves = sixteen(column).view(">u8").reshape(-1, 2)
    return halves[:, 0].astype(np.uint64), halves[:, 1].astype(np.uint64)


def located(known: Sequence[Any], wanted: Sequence[Any]) -> tuple[Ints, Bools]:
    """For each key (columns, the first decides first) the row where it stands among the known ones, which are sorted, or
    before which it would; and whether it does."""
    low = np.searchsorted(known[0], wanted[0], side="left")
    rows = np.searchsorted(known[0], wanted[0], side="right") - low
    at = ranges(low, rows)
    of = np.repeat(np.arange(len(low)), rows)
    smaller, same = np.zeros(len(at), bool), np.ones(len(at), bool)
    for here, there in zip(known[1:], wanted[1:], strict=True):
        smaller |= same & (here[at] < there[of])
        same &= here[at] == there[of]
    before = np.bincount(of[smaller], minlength=len(low))
    return low + before, np.bincount(of[same], minlength=len(low)) > 0


class Splice(NamedTuple):
    """Which rows the new ``attributes`` take, in their order: of the base, and past its end of those that are fresh."""

    rows: Ints
    base: int


def splice(at: Ints, dropped: Bools) -> Splice:
    """The order of the attributes that are not dropped and those that are fresh, which stand ``at`` these rows (``located``)."""
    kept = np.flatnonzero(~dropped)
    kept_before = np.cumsum(~dropped) - ~dropped
    places = np.append(kept_before, len(kept))[at] + np.arange(len(at))
    rows = np.empty(len(kept) + len(at), np.int64)
    is_fresh = np.zeros(len(rows), bool)
    is_fresh[places] = True
    rows[is_fresh] = len(dropped) + np.arange(len(at))
    rows[~is_fresh] = kept
    return Splice(rows, len(dropped))


def spliced(
    base: Mapping[str, pa.Table], fresh: Mapping[str, pa.Table], order: Splice, moved: Ints
) -> dict[str, pa.Table]:
    """``attributes`` and ``uses`` of the base with the fresh ones; ``moved`` says where the base's accounts stand now.

    Cohorts of the base must all be dropped.
    """
    length = np.concatenate([_lengths(base), _lengths(fresh)])
    begin = np.cumsum(length) - length
    taken = ranges(begin[order.rows], length[order.rows])
    attributes: dict[str, Any] = {
        name: _joined(base, fresh, "attributes", name)[order.rows] for name in ("kind", "week", "source")
    }
    value = np.concatenate([sixteen(each["attributes"]["value"]) for each in (base, fresh)])[order.rows]
    bytes_ = pa.py_buffer(value.view(np.uint8))
    attributes["value"] = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(value), [None, bytes_])
    hints = [chunk for each in (base, fresh) for chunk in each["attributes"]["hint"].chunks]
    attributes["hint"] = pa.chunked_array(hints, pa.string()).combine_chunks().take(pa.array(order.rows))
    attributes["first_use"] = np.cumsum(length[order.rows]) - length[order.rows]
    uses: dict[str, Any] = {name: _joined(base, fresh, "uses", name)[taken] for name in ("first", "last")}
    account = np.concatenate([moved[base["uses"]["account"].to_numpy()], fresh["uses"]["account"].to_numpy()])
    uses |= {"account": account[taken], "returned": _returned(fresh["uses"], taken - base["uses"].num_rows)}
    return {"attributes": build("attributes", attributes), "uses": build("uses", uses)}


def _joined(base: Mapping[str, pa.Table], fresh: Mapping[str, pa.Table], table: str, name: str) -> Any:
    return np.concatenate([each[table][name].to_numpy() for each in (base, fresh)])


def _returned(uses: pa.Table, taken: Ints) -> pa.Array:
    """The column of what is taken: rows of the fresh uses, and below 0 those that are no cohort's."""
    told = uses["returned"].combine_chunks()
    none, yes = np.ones(len(taken), bool), np.zeros(len(taken), bool)
    fresh = taken >= 0
    none[fresh] = told.is_null().to_numpy(zero_copy_only=False)[taken[fresh]]
    yes[fresh] = told.fill_null(False).to_numpy(zero_copy_only=False)[taken[fresh]]
    return pa.array(yes, mask=none)


def _lengths(tables: Mapping[str, pa.Table]) -> Ints:
    bounds = np.append(tables["attributes"]["first_use"].to_numpy(), tables["uses"].num_rows)
    return np.diff(bounds).astype(np.int64)


def ranges(begin: Ints, length: Ints) -> Ints:
    """begin[0], begin[0] + 1, … for ``length[0]`` numbers, then those of begin[1], and so on."""
    before = np.cumsum(length) - length
    return np.arange(int(length.sum())) - np.repeat(before, length) + np.repeat(begin, length)
