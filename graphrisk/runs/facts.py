"""The shared facts of a run: which accounts hold which values, and when. What explanations are computed from."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.errors import NotFoundError
from graphrisk.model import Ints, Uses
from graphrisk.runs.store import read_manifest, read_table
from graphrisk.runs.tables import FACT_SCHEMAS, build

ORDERED = """
CREATE TABLE ordered AS
SELECT attribute, row_number() OVER (ORDER BY value, kind, week, source) - 1 AS place FROM attributes
"""

ATTRIBUTES = """
SELECT unhex(replace(value::VARCHAR, '-', '')) AS value, kind::INTEGER AS kind, week, source, hint, accounts
FROM attributes JOIN ordered USING (attribute) ORDER BY place
"""

USES = "SELECT place, account, first, last FROM uses JOIN ordered USING (attribute) ORDER BY place, account"

CREATED = "SELECT created FROM ids ORDER BY account"


def facts_tables(columns: duckdb.DuckDBPyConnection) -> dict[str, pa.Table]:
    """The tables of ``FACT_SCHEMAS`` from linkage's tables ``attributes``, ``uses`` and ``ids``."""
    columns.execute(ORDERED)
    attributes, uses, created = (columns.sql(query).to_arrow_table() for query in (ATTRIBUTES, USES, CREATED))
    columns.execute("DROP TABLE ordered")
    place, account = uses["place"].to_numpy(), uses["account"].to_numpy()
    held = np.bincount(account, minlength=created.num_rows)
    offsets, order = pa.array(np.r_[0, np.cumsum(held)], pa.int32()), np.argsort(account, kind="stable")
    first_use = np.searchsorted(place, np.arange(attributes.num_rows))
    given: dict[str, Any] = {name: attributes[name] for name in attributes.column_names}
    return {
        "attributes": build("attributes", {**given, "first_use": first_use}),
        "uses": build("uses", {name: uses[name] for name in ("account", "first", "last")}),
        "held": build(
            "held",
            {
                "uses": pa.ListArray.from_arrays(offsets, pa.array(order, pa.int32())),
                "created": created["created"],
            },
        ),
    }


class Facts:
    """The shared facts of one run, memory-mapped. An attribute, a use and an account are rows of their tables."""

    def __init__(self, tables: Mapping[str, pa.Table], key_id: str) -> None:
        """The tables of ``facts_tables``, and the id of the key that its tokens were made with."""
        attributes, uses = tables["attributes"], tables["uses"]
        self._key_id = key_id
        self._values, self._hints = _column(attributes, "value"), _column(attributes, "hint")
        self.kind, self.accounts = (_column(attributes, name).to_numpy() for name in ("kind", "accounts"))
        self.week, self.source = (_column(attributes, name).fill_null(-1).to_numpy() for name in ("week", "source"))
        self._bounds = np.append(_column(attributes, "first_use").to_numpy(), uses.num_rows)
        self._account, self._first, self._last = (_column(uses, name).to_numpy() for name in uses.column_names)
        held = _column(tables["held"], "uses")
        self._held, self._of_account = held.offsets.to_numpy(), held.values.to_numpy()
        self._created = _column(tables["held"], "created")

    def token(self, attribute: int) -> str:
        return f"{self._key_id}:{self._values[attribute].as_py().hex()}"

    def hint(self, attribute: int) -> str | None:
        return self._hints[attribute].as_py()

    def created(self, accounts: Ints) -> Any:
        """When accounts were created (microseconds, null where unknown)."""
        return self._created.take(pa.array(accounts))

    def attributes_of(self, account: int) -> Ints:
        """The attributes that an account holds."""
        uses = self._of_account[self._held[account] : self._held[account + 1]]
        return np.searchsorted(self._bounds, uses, side="right") - 1

    def holders(self, attribute: int) -> Ints:
        """The accounts that hold an attribute."""
        return self._account[self._bounds[attribute] : self._bounds[attribute + 1]].astype(np.int64)

    def uses_of(self, accounts: Ints) -> Uses:
        """What the given accounts (sorted) hold, by attribute, then account."""
        begin, end = self._held[accounts], self._held[accounts + 1]
        uses = np.sort(self._of_account[_ranges(begin, end - begin)])
        rows = np.searchsorted(self._bounds, uses, side="right") - 1
        attributes, local = np.unique(rows, return_inverse=True)
        return Uses(
            attribute=local.astype(np.int64),
            account=self._account[uses].astype(np.int64),
            first=self._first[uses],
            last=self._last[uses],
            row=attributes,
            kind=self.kind[attributes].astype(np.int64),
            week=self.week[attributes].astype(np.int64),
            source=self.source[attributes].astype(np.int64),
            accounts=self.accounts[attributes].astype(np.int64),
            value=self._numbered(attributes),
        )

    def _numbered(self, attributes: Ints) -> Ints:
        """A number for each distinct value among attributes; cohorts are values of their own each week."""
        values, kind = self._values.take(pa.array(attributes)), self.kind[attributes]
        other = pc.not_equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False) | (np.diff(kind) != 0)
        other |= self.source[attributes][1:] >= 0
        return np.cumsum(np.r_[0, other])[: len(attributes)]


def open_facts(runs: Path, run_id: str) -> Facts:
    """The facts of a run. Raises ``NotFoundError`` for one from before they were kept, ``StoreError`` when damaged."""
    manifest = read_manifest(runs, run_id)
    if "uses.arrow" not in manifest["files"]:
        raise NotFoundError(
            f"The run {run_id} is from before runs kept what explanations need; detect and publish again."
        )
    return Facts({name: read_table(runs, run_id, name) for name in FACT_SCHEMAS}, manifest["token_key"])


def _ranges(begin: Ints, length: Ints) -> Ints:
    """begin[0], begin[0] + 1, … for ``length[0]`` numbers, then those of begin[1], and so on."""
    before = np.cumsum(length) - length
    return np.arange(int(length.sum())) - np.repeat(before, length) + np.repeat(begin, length)


def _column(table: pa.Table, name: str) -> Any:
    column = table[name]
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
