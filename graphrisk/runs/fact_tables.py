"""The tables of facts that a run keeps, from linkage's tables in DuckDB."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array

from graphrisk.runs.splicing import without_type
from graphrisk.runs.tables import FACT_SCHEMAS, build, lists
from graphrisk.schema import HUB

EVERY = """
SELECT value, kind, week, -1 AS source, account, first, last, NULL::BOOLEAN AS returned, hint FROM weekly
UNION ALL
SELECT value, kind, week, source, account, first, last, returned, NULL
FROM uses JOIN attributes USING (attribute) WHERE attributes.source IS NOT NULL
ORDER BY value, kind, week, source, account
"""
"""An account may have several rows of one value, from sightings that were reported apart."""

HELD = """
SELECT created, label, first, last FROM ids
LEFT JOIN (SELECT account, min(first) AS first, max(last) AS last FROM retained GROUP BY account) USING (account)
LEFT JOIN (SELECT account_id, label FROM labels) USING (account_id)
ORDER BY account
"""

ROUTES = """
SELECT DISTINCT address, network FROM ($visited) WHERE network IS NOT NULL ORDER BY address
"""

ARRIVALS = f"""
SELECT place, source, week, present, ever, first_week, last_week, one_alone, other_alone, rest, arrived
FROM arrivals WHERE source <> {HUB} ORDER BY place, source, week
"""

NEWCOMERS = f"""
SELECT account, first, last, returned FROM arrived WHERE source <> {HUB} ORDER BY place, source, week, account
"""


def facts_tables(columns: duckdb.DuckDBPyConnection) -> dict[str, pa.Table]:
    """The tables of ``FACT_SCHEMAS`` from linkage's tables and the view ``labels``."""
    attributes, uses = attributes_and_uses(columns)
    held = columns.sql(HELD).to_arrow_table()
    return {
        "attributes": attributes,
        "uses": uses,
        "held": build("held", {**_all(held), "uses": by_account(uses["account"].to_numpy(), held.num_rows)}),
        "routes": routes_table(columns),
        "arrivals": arrivals_table(columns),
    }


def attributes_and_uses(columns: duckdb.DuckDBPyConnection) -> tuple[pa.Table, pa.Table]:
    """``attributes`` and ``uses`` from the relation ``weekly``, and cohorts from linkage's ``attributes`` and ``uses``."""
    return _attributes_and_uses(lossless(columns, EVERY).combine_chunks())


def routes_table(columns: duckdb.DuckDBPyConnection, visited: str = "FROM visited") -> pa.Table:
    """``routes`` of the given rows of the relation ``visited``."""
    routes = lossless(columns, ROUTES.replace("$visited", visited))
    return build("routes", {name: without_type(routes[name]) for name in routes.column_names})


def arrivals_table(columns: duckdb.DuckDBPyConnection) -> pa.Table:
    """``arrivals`` from linkage's tables ``arrivals`` and ``arrived``."""
    arrivals, newcomers = lossless(columns, ARRIVALS), columns.sql(NEWCOMERS).to_arrow_table()
    told = {"place": without_type(arrivals["place"]), "newcomers": _grouped(newcomers, arrivals["arrived"])}
    return build("arrivals", {**_all(arrivals), **told})


def lossless(columns: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """Rows in which UUIDs are 16 bytes, not text."""
    columns.execute("SET arrow_lossless_conversion = true")
    found = columns.sql(sql).to_arrow_table()
    columns.execute("RESET arrow_lossless_conversion")
    return found


def _attributes_and_uses(every: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Sorted rows as one row an attribute, and one row an account on it with its earliest and latest use."""
    value = without_type(every["value"])
    words = np.frombuffer(value.buffers()[1], np.uint64)[: 2 * len(value)].reshape(-1, 2)
    key = [every[name].to_numpy() for name in ("kind", "week", "source")]
    new = np.ones(len(value), bool)
    new[1:] = (words[1:] != words[:-1]).any(axis=1) | np.logical_or.reduce([np.diff(each) != 0 for each in key])
    first_rows = np.flatnonzero(new)
    new[1:] |= np.diff(every["account"].to_numpy()) != 0
    uses = np.flatnonzero(new)
    first, last = (every[name].to_numpy() for name in ("first", "last"))
    rows = pa.array(first_rows)
    attributes: dict[str, Any] = {name: every[name].take(rows) for name in ("kind", "week", "source", "hint")}
    attributes |= {"value": value.take(rows), "first_use": np.searchsorted(uses, first_rows)}
    told = {name: every[name].take(pa.array(uses)) for name in ("account", "returned")}
    spans = {"first": np.minimum.reduceat(first, uses), "last": np.maximum.reduceat(last, uses)} if len(uses) else {
        "first": first, "last": last
    }  # fmt: skip
    return build("attributes", attributes), build("uses", {**told, **spans})


def _all(table: pa.Table) -> dict[str, Any]:
    return {name: table[name] for name in table.column_names}


def by_account(account: Any, count: int) -> pa.Array:
    """The rows of ``uses`` of each account (a row's account: shape (rows,)), in their order."""
    rows = np.arange(len(account), dtype=np.int32)
    sorted_ = coo_array((rows, (account, rows)), shape=(count, max(len(rows), 1))).tocsr()
    return pa.ListArray.from_arrays(pa.array(sorted_.indptr, pa.int32()), pa.array(sorted_.indices, pa.int32()))


def _grouped(newcomers: pa.Table, lengths: pa.ChunkedArray) -> pa.Array:
    return lists(lengths.to_numpy(), _all(newcomers), FACT_SCHEMAS["arrivals"].field("newcomers").type)
