"""The facts of a run: which accounts hold which values, and when. What explanations are computed from."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.errors import NotFoundError
from graphrisk.model import Ints, Uses
from graphrisk.runs.splicing import ranges
from graphrisk.runs.store import read_manifest, read_table, verify_run
from graphrisk.runs.tables import FACT_SCHEMAS


class Facts:
    """The facts of one run, memory-mapped. An attribute, a use and an account are rows of their tables."""

    def __init__(self, tables: Mapping[str, pa.Table], key_id: str) -> None:
        """The tables of ``facts_tables``, and the id of the key that its tokens were made with."""
        attributes, uses = tables["attributes"], tables["uses"]
        self._key_id = key_id
        self._values, self._hints = Sorted(_column(attributes, "value")), _column(attributes, "hint")
        self.kind, self.week, self.source = (
            _column(attributes, name).to_numpy() for name in ("kind", "week", "source")
        )
        self._bounds = np.append(_column(attributes, "first_use").to_numpy(), uses.num_rows)
        self._account, self._first, self._last = (
            _column(uses, name).to_numpy() for name in ("account", "first", "last")
        )
        held = _column(tables["held"], "uses")
        self._held, self._of_account = held.offsets.to_numpy(), held.values.to_numpy()
        self._returned = _column(uses, "returned")
        self.of_account = tables["held"].select(["created", "label", "first", "last"])
        """One row an account: when it was created, the verdict on it, its first and last sighting."""
        self._routes = Sorted(_column(tables["routes"], "address"))
        self._networks = _column(tables["routes"], "network")
        self._places = Sorted(_column(tables["arrivals"], "place"))
        numbers = tables["arrivals"].drop(["place", "newcomers"])
        self._arrivals = {name: pc.fill_null(_column(numbers, name), 0).to_numpy() for name in numbers.column_names}
        arrived = _column(tables["arrivals"], "newcomers")
        self._arriving = arrived.offsets.to_numpy()
        self._newcomers = [each.to_numpy(zero_copy_only=False) for each in arrived.values.flatten()]

    def token(self, attribute: int) -> str:
        return f"{self._key_id}:{self._values[attribute].hex()}"

    def hint(self, attribute: int) -> str | None:
        return self._hints[attribute].as_py()

    def created(self, accounts: Ints) -> Any:
        """When accounts were created (microseconds, null where unknown)."""
        return _column(self.of_account, "created").take(pa.array(accounts))

    def accounts(self, attributes: Any) -> Any:
        """How many accounts hold each attribute."""
        return self._bounds[attributes + 1] - self._bounds[attributes]

    @cached_property
    def degrees(self) -> Ints:
        """How many accounts hold each attribute, for all of them."""
        return np.diff(self._bounds).astype(np.int64)

    def attributes_of(self, account: int) -> Ints:
        """The attributes that an account holds."""
        uses = self._of_account[self._held[account] : self._held[account + 1]]
        return np.searchsorted(self._bounds, uses, side="right") - 1

    def held_by(self, accounts: Ints) -> tuple[Ints, Ints]:
        """Account and attribute of everything that the given accounts hold."""
        uses = self._uses_by(accounts)
        return self._account[uses].astype(np.int64), np.searchsorted(self._bounds, uses, side="right") - 1

    def _uses_by(self, accounts: Ints) -> Ints:
        begin, end = self._held[accounts], self._held[accounts + 1]
        return self._of_account[ranges(begin, end - begin)]

    def uses_by(self, accounts: Ints) -> tuple[Ints, Ints]:
        """The rows of ``uses`` of the given accounts, and the attribute of each."""
        uses = self._uses_by(accounts).astype(np.int64)
        return uses, np.searchsorted(self._bounds, uses, side="right") - 1

    def uses_on(self, attributes: Ints) -> tuple[Ints, Ints]:
        """The rows of ``uses`` on the given attributes, and the attribute of each."""
        begin = self._bounds[attributes].astype(np.int64)
        length = self._bounds[attributes + 1] - begin
        return ranges(begin, length), np.repeat(attributes, length)

    def accounts_of(self, uses: Ints) -> Ints:
        """The account of each row of ``uses``."""
        return self._account[uses].astype(np.int64)

    def holders(self, attribute: int) -> Ints:
        """The accounts that hold an attribute."""
        return self._account[self._bounds[attribute] : self._bounds[attribute + 1]].astype(np.int64)

    def stays(self, attribute: int) -> tuple[Ints, Ints]:
        """First and last use by each holder."""
        uses = slice(self._bounds[attribute], self._bounds[attribute + 1])
        return self._first[uses], self._last[uses]

    def returned(self, attribute: int) -> list[bool | None]:
        """Of a cohort: which holders came back to the place in a later week."""
        return self._returned[self._bounds[attribute] : self._bounds[attribute + 1]].to_pylist()

    def value(self, attribute: int) -> bytes:
        return self._values[attribute]

    def find(self, value: bytes, kind: int, week: int, source: int = -1) -> tuple[int, bool]:
        """The row of an attribute and True; or the row before which it would stand and False."""
        wanted = (kind, week, source)
        for row in self._values.range(value):
            here = (int(self.kind[row]), int(self.week[row]), int(self.source[row]))
            if here >= wanted:
                return row, here == wanted
        return self._values.range(value).stop, False

    def network_of(self, address: bytes) -> bytes | None:
        """The network of an address that was seen."""
        rows = self._routes.range(address)
        return self._networks[rows.start].as_py() if rows else None

    def arrivals_at(self, place: bytes, source: int) -> list[dict[str, Any]]:
        """The rows of ``arrivals`` of a place, by week; ``newcomers``: account → first and last use, and whether it came
        back."""
        rows = [row for row in self._places.range(place) if self._arrivals["source"][row] == source]
        found: list[dict[str, Any]] = [{name: int(each[row]) for name, each in self._arrivals.items()} for row in rows]
        for row, told in zip(rows, found, strict=True):
            here = slice(self._arriving[row], self._arriving[row + 1])
            account, *stays = (column[here].tolist() for column in self._newcomers)
            told["newcomers"] = dict(zip(account, zip(*stays, strict=True), strict=True))
        return found

    def uses_of(self, accounts: Ints, also: Collection[int] = ()) -> Uses:
        """What the given accounts (sorted) share with any others, by attribute, then account; and the attributes in
        ``also`` even if only one account holds them."""
        uses = np.sort(self._uses_by(accounts))
        rows = np.searchsorted(self._bounds, uses, side="right") - 1
        shared = (self.accounts(rows) > 1) | np.isin(rows, list(also))
        uses, rows = uses[shared], rows[shared]
        first_rows = np.append(True, np.diff(rows) != 0)[: len(rows)]
        attributes = rows[first_rows]
        return Uses(
            attribute=np.cumsum(first_rows) - 1,
            account=self._account[uses].astype(np.int64),
            first=self._first[uses],
            last=self._last[uses],
            row=attributes,
            kind=self.kind[attributes].astype(np.int64),
            week=self.week[attributes].astype(np.int64),
            source=self.source[attributes].astype(np.int64),
            accounts=self.accounts(attributes).astype(np.int64),
        )

    def numbered(self, attributes: Ints) -> Ints:
        """A number for each distinct value among attributes (sorted): weeks of one address have one number, cohorts are
        values of their own each week."""
        values, kind = self._values.column.take(pa.array(attributes)), self.kind[attributes]
        other = pc.not_equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False) | (np.diff(kind) != 0)
        other |= self.source[attributes][1:] >= 0
        return np.cumsum(np.r_[0, other])[: len(attributes)]


class Sorted:
    """A column of 16 bytes each, sorted, searched where it lies in the mapped file."""

    def __init__(self, column: Any) -> None:
        self.column = column
        self._bytes = memoryview(column.buffers()[1] or b"")[16 * column.offset :]

    def __getitem__(self, row: int) -> bytes:
        return bytes(self._bytes[16 * row : 16 * row + 16])

    def range(self, value: bytes) -> range:
        """The rows that hold a value; an empty range where it would stand."""
        rows = range(len(self.column))
        begin = bisect_left(rows, value, key=self.__getitem__)
        step = 1  # most values have few rows, so that their end is near
        while begin + step < len(rows) and self[begin + step] == value:
            step *= 2
        return range(begin, bisect_right(rows, value, begin, min(len(rows), begin + step), key=self.__getitem__))


def open_facts(runs: Path, run_id: str, verify: bool = False) -> Facts:
    """The facts of a run; ``verify`` checks every byte against the manifest first, which a server does when it is first
    asked for them: they are most of a run. Raises ``NotFoundError`` for a run from before they were kept, ``StoreError``
    when damaged."""
    manifest = read_manifest(runs, run_id)
    if "uses.arrow" not in manifest["files"]:
        raise NotFoundError(
            f"The run {run_id} is from before runs kept what explanations need; detect and publish again."
        )
    if verify:
        verify_run(runs, run_id, FACT_SCHEMAS)
    return Facts({name: read_table(runs, run_id, name) for name in FACT_SCHEMAS}, manifest["token_key"])


def _column(table: pa.Table, name: str) -> Any:
    column = table[name]
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
