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


def without_type(uuids: pa.ChunkedArray) -> Any:
    """A column of 16 bytes each as one array of nothing else, also where Arrow knows them as UUIDs."""
    column = uuids.combine_chunks()
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def sixteen(column: pa.ChunkedArray) -> Any:
    """A column of 16 bytes each as numpy has them."""
    storage = without_type(column)
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
    rows = _stretches(order)
    kept = ("kind", "week", "source")
    attributes: dict[str, Any] = {name: rows.taken(*_both(base, fresh, "attributes", name)) for name in kept}
    value = rows.taken(*(sixteen(each["attributes"]["value"]) for each in (base, fresh)))
    bytes_ = pa.py_buffer(value.view(np.uint8))
    attributes["value"] = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(value), [None, bytes_])
    hints = [chunk for each in (base, fresh) for chunk in each["attributes"]["hint"].chunks]
    attributes["hint"] = pa.chunked_array(hints, pa.string()).combine_chunks().take(pa.array(order.rows))
    bounds = [np.append(each["attributes"]["first_use"].to_numpy(), each["uses"].num_rows) for each in (base, fresh)]
    length = np.concatenate([np.diff(each) for each in bounds])[order.rows].astype(np.int64)
    attributes["first_use"] = np.cumsum(length) - length
    used = rows.within(*bounds)
    uses: dict[str, Any] = {name: used.taken(*_both(base, fresh, "uses", name)) for name in ("first", "last")}
    accounts = _both(base, fresh, "uses", "account")
    uses["account"] = used.taken(moved.astype(np.int32)[accounts[0]], accounts[1])
    uses["returned"] = _returned(fresh["uses"], np.repeat(order.rows >= order.base, length))
    return {"attributes": build("attributes", attributes), "uses": build("uses", uses)}


class _Stretches(NamedTuple):
    """Rows that follow on each other in the base or in what is fresh, as most of a base does."""

    is_fresh: Bools
    begin: Ints
    end: Ints

    def within(self, base: Ints, fresh: Ints) -> _Stretches:
        """The stretches of what rows have several of each: where those of a row begin, and one more for the end."""
        bounds = np.concatenate([base, fresh])
        of_fresh = np.where(self.is_fresh, len(base), 0)
        return _Stretches(self.is_fresh, bounds[self.begin + of_fresh], bounds[self.end + of_fresh])

    def taken(self, base: Any, fresh: Any) -> Any:
        """The elements of the stretches, one after the other."""
        each = zip(self.is_fresh.tolist(), self.begin.tolist(), self.end.tolist(), strict=True)
        return np.concatenate([base[:0], *((fresh if is_fresh else base)[begin:end] for is_fresh, begin, end in each)])


def _stretches(order: Splice) -> _Stretches:
    rows = order.rows
    starts = np.flatnonzero(np.append(True, (np.diff(rows) != 1) | (rows[1:] == order.base))[: len(rows)])
    is_fresh = rows[starts] >= order.base
    begin = rows[starts] - np.where(is_fresh, order.base, 0)
    return _Stretches(is_fresh, begin, begin + np.diff(np.append(starts, len(rows))))


def _both(base: Mapping[str, pa.Table], fresh: Mapping[str, pa.Table], table: str, name: str) -> tuple[Any, Any]:
    one, other = (each[table][name].combine_chunks().to_numpy() for each in (base, fresh))
    return one, other


def _returned(uses: pa.Table, is_fresh: Bools) -> pa.Array:
    """The column, null but where uses are fresh, which stand in their order."""
    told = uses["returned"].combine_chunks()
    none, yes = np.ones(len(is_fresh), bool), np.zeros(len(is_fresh), bool)
    none[is_fresh] = told.is_null().to_numpy(zero_copy_only=False)
    yes[is_fresh] = told.fill_null(False).to_numpy(zero_copy_only=False)
    return pa.array(yes, mask=none)


def ranges(begin: Ints, length: Ints) -> Ints:
    """begin[0], begin[0] + 1, … for ``length[0]`` numbers, then those of begin[1], and so on."""
    before = np.cumsum(length) - length
    return np.arange(int(length.sum())) - np.repeat(before, length) + np.repeat(begin, length)
