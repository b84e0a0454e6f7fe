"""Verification: the graph read back and compared with the ledger and the current run, row by row, in DuckDB.

Both sides become tables of the same columns; equality is proved by counts and by a checksum that does not depend on
the order of the rows, for each kind and load; the first row that differs is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb
import neo4j
import pyarrow as pa

from graphrisk.graph.transactions import stream
from graphrisk.policy import KindPolicy

ACCOUNTS_A_PAGE, ATTRIBUTES_A_PAGE = 20_000, 5_000
ROWS_AT_ONCE = 50_000

_TEXT, _WHOLE = pa.string(), pa.int64()

TABLES: dict[str, dict[str, pa.DataType]] = {
    "accounts": {"account_id": _TEXT, "created_at": _WHOLE, "status": _TEXT, "marketplace": _TEXT},
    "sightings": {
        "token": _TEXT, "kind": _TEXT, "accounts": _WHOLE, "hub": pa.bool_(), "account_id": _TEXT, "type": _TEXT,
        "first_seen": _WHOLE, "last_seen": _WHOLE, "count": _WHOLE, "load": _WHOLE,
    },
    "members": {
        "account_id": _TEXT, "ring_id": _TEXT, "role": _TEXT, "score": _WHOLE, "shown_score": _WHOLE, "shown_ring": _TEXT,
    },
    "links": {"account_a": _TEXT, "account_b": _TEXT, "strength": _WHOLE, "onset": _WHOLE},
}  # fmt: skip
"""The columns of what is compared, times in microseconds since 1970; the first column is what pages go by."""

WANTED = {
    "accounts": "SELECT account_id, epoch_us(created_at), status, marketplace FROM accounts",
    "sightings": """
        WITH held AS (SELECT account_id, kind, token, min(first_seen) AS first_seen, max(last_seen) AS last_seen,
                             sum(count)::BIGINT AS count, min(seq) AS load
                      FROM stored_sightings GROUP BY account_id, kind, token),
        degree AS (SELECT token, count(*) AS accounts FROM held GROUP BY token)
        SELECT token, kind, accounts, accounts > cap AS hub, account_id, type, epoch_us(first_seen), epoch_us(last_seen), count, load
        FROM held JOIN degree USING (token) JOIN graph_kinds USING (kind)""",
    "members": """
        SELECT account_id, ring_id, role, score, score AS shown_score, ring_id AS shown_ring
        FROM run_accounts WHERE ring_id IS NOT NULL""",
    "links": """
        SELECT account_a, account_b, strength, epoch_us(onset) FROM run_links
        WHERE account_a IN (SELECT account_id FROM run_accounts WHERE ring_id IS NOT NULL)
           OR account_b IN (SELECT account_id FROM run_accounts WHERE ring_id IS NOT NULL)""",
}

PRESENT = {"members": "WHERE ring_id IS NOT NULL", "links": "WHERE account_b IS NOT NULL"}
"""Accounts come whether they have any or not, so that a page ends."""

GROUPS = {"accounts": "'all'", "sightings": "kind || ', load ' || load", "members": "'all'", "links": "'all'"}


@dataclass(frozen=True)
class Compared:
    """One group (a table; sightings by kind and load): rows and checksum on both sides."""

    table: str
    group: str
    graph_rows: int
    wanted_rows: int
    graph_checksum: str
    wanted_checksum: str

    @property
    def equal(self) -> bool:
        return (self.graph_rows, self.graph_checksum) == (self.wanted_rows, self.wanted_checksum)


def read_graph(
    session: neo4j.Session, columns: duckdb.DuckDBPyConnection, seq: int, advance: Callable[[int], None]
) -> None:
    """Read the graph into tables ``graph_accounts``, ``graph_sightings``, ``graph_members`` and ``graph_links``."""
    for table, fields in TABLES.items():
        schema = pa.schema(list(fields.items()))
        columns.register("page", schema.empty_table())
        columns.execute(f"CREATE TABLE graph_{table} AS FROM page")
        page = ATTRIBUTES_A_PAGE if table == "sightings" else ACCOUNTS_A_PAGE
        after: str | None = ""
        while after is not None:
            more = {"seq": seq} if table in {"members", "links"} else {}
            after = _read_page(session, columns, table, schema, {"after": after, "page": page, **more}, advance)
        columns.unregister("page")


def _read_page(
    session: neo4j.Session,
    columns: duckdb.DuckDBPyConnection,
    table: str,
    schema: pa.Schema,
    asked: dict[str, Any],
    advance: Callable[[int], None],
) -> str | None:
    """Append one page; the key to go on behind, or ``None`` when there was nothing."""
    rows: list[list[Any]] = []
    last: str | None = None
    for row in stream(session, f"verify/{table}", **asked):
        last = row[0] if last is None else max(last, row[0])
        rows.append(row)
        if len(rows) >= ROWS_AT_ONCE:
            _append(columns, table, schema, rows)
            advance(len(rows))
            rows = []
    if rows:
        _append(columns, table, schema, rows)
        advance(len(rows))
    return last


def _append(columns: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, rows: list[list[Any]]) -> None:
    values = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)]
    columns.register("page", pa.Table.from_arrays(arrays, schema=schema))
    columns.execute(f"INSERT INTO graph_{table} FROM page {PRESENT.get(table, '')}")


def compare(columns: duckdb.DuckDBPyConnection, kinds: dict[str, KindPolicy]) -> list[Compared]:
    """Compare what ``read_graph`` read with the facts in view (``ledger.reading.view_facts``) and the run.

    The run's tables are the views ``run_accounts`` and ``run_links``, without rows when none is published.
    """
    rules = [list(kinds), [kind.relationship for kind in kinds.values()], [kind.cap for kind in kinds.values()]]
    columns.register("graph_kinds", pa.table(rules, names=["kind", "type", "cap"]))
    found: list[Compared] = []
    for table, fields in TABLES.items():
        names = ", ".join(fields)
        columns.execute(f"CREATE TABLE wanted_{table}({names}) AS {WANTED[table]}")
        row = f"concat_ws(chr(31), {', '.join(f'coalesce({name}::VARCHAR, chr(30))' for name in fields)})"
        sides = [
            f"SELECT coalesce({GROUPS[table]}, 'unknown') AS part, '{side}' AS side, count(*) AS rows,"
            f" bit_xor(md5_number({row})) AS checksum FROM {side}_{table} GROUP BY part"
            for side in ("graph", "wanted")
        ]
        parts = columns.execute(
            "SELECT part, coalesce(sum(rows) FILTER (side = 'graph'), 0)::BIGINT,"
            " coalesce(sum(rows) FILTER (side = 'wanted'), 0)::BIGINT,"
            " coalesce(any_value(checksum) FILTER (side = 'graph'), 0)::VARCHAR,"
            " coalesce(any_value(checksum) FILTER (side = 'wanted'), 0)::VARCHAR"
            f" FROM ({' UNION ALL '.join(sides)}) GROUP BY part ORDER BY part"
        ).fetchall()
        found += [Compared(table, *part) for part in parts]
    return found


def first_difference(columns: duckdb.DuckDBPyConnection, table: str) -> str:
    """The first row of a table that is on one side alone, in words."""
    first = next(iter(TABLES[table]))
    rows = columns.execute(
        f"SELECT * FROM (SELECT 'only in the graph' AS side, * FROM (FROM graph_{table} EXCEPT FROM wanted_{table})"
        f" UNION ALL SELECT 'not in the graph', * FROM (FROM wanted_{table} EXCEPT FROM graph_{table}))"
        f" ORDER BY {first}, side LIMIT 1"
    ).fetchall()
    if not rows:
        return f"a row of {table} is there twice"
    side, *values = rows[0]
    told = ", ".join(f"{name} {value}" for name, value in zip(TABLES[table], values, strict=True))
    return f"{side}: {told}"
