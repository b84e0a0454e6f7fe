"""Reading the ledger as columns: the facts that were accepted by a moment, merged over loads, as DuckDB views."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from graphrisk.ledger.store import Ledger, Load
from graphrisk.ledger.tables import FACTS, PARTITIONS, SCHEMAS, files_of, open_table
from graphrisk.model import microseconds

MERGED_ACCOUNTS = """
CREATE VIEW accounts AS
SELECT account_id, min(created_at) AS created_at, coalesce(arg_max(status, seq), 'active') AS status,
       arg_max(marketplace, seq) AS marketplace
FROM fact_accounts GROUP BY account_id
"""
"""Every account that any fact names (loading sees to it): earliest creation, latest stated status and marketplace."""

ONE_LOAD = ("CREATE VIEW fact_sightings AS FROM stored_sightings",)
"""A load is folded when it is accepted, so that alone it needs no merging."""

MERGED_SIGHTINGS = (
    """
CREATE TABLE repeated AS
SELECT hash(account_id, kind, token, week) AS place FROM stored_sightings GROUP BY place HAVING count(*) > 1
""",
    """
CREATE TABLE merged AS
SELECT account_id, kind, token, min(network) AS network, min(hint) AS hint, week, min(first_seen) AS first_seen,
       max(last_seen) AS last_seen, sum(count)::BIGINT AS count
FROM stored_sightings WHERE hash(account_id, kind, token, week) IN (FROM repeated)
GROUP BY account_id, kind, token, week
""",
    """
CREATE VIEW fact_sightings AS
SELECT account_id, kind, token, network, hint, week, first_seen, last_seen, count
FROM stored_sightings WHERE hash(account_id, kind, token, week) NOT IN (FROM repeated)
UNION ALL BY NAME FROM merged
""",
)
"""Earliest first, latest last over all loads; only sightings that may be repeated are grouped (a hash finds them)."""

MERGED_LABELS = """
CREATE VIEW labels AS
SELECT account_id, arg_max(label, (labelled_at, label = 'bad')) AS label, max(labelled_at) AS labelled_at
FROM fact_labels WHERE labelled_at <= known_by GROUP BY account_id
"""
"""The latest verdict on each account that was known as of the moment; of two at once, the bad one."""


CODED = (
    """
CREATE VIEW coded_accounts AS
SELECT account_id AS key, account_id, epoch_us(created_at) AS created, status, marketplace FROM accounts
""",
    """
CREATE VIEW coded_sightings AS
SELECT account_id AS key, kind, substr(token, $digits)::UUID AS value, substr(network, $digits)::UUID AS network, hint, week,
       epoch_us(first_seen) AS first, epoch_us(last_seen) AS last
FROM fact_sightings
""",
)
"""A token as a number of 128 bits, times in microseconds; ``key`` is what joins the two."""

TOKEN_OF = "CREATE MACRO token_of(value) AS '$key_id:' || replace(value::VARCHAR, '-', '')"  # noqa: S105 - no secret


def view_facts(columns: duckdb.DuckDBPyConnection, ledger: Ledger, as_of: datetime, loads: list[Load]) -> None:
    """Make the views of what the given loads brought, and of the labels known as of a moment.

    ``fact_accounts`` and ``fact_labels`` have one row for each fact of each load. ``fact_sightings`` (account_id, kind,
    token, network, hint, week, first_seen, last_seen, count), ``accounts`` and ``labels`` are merged over loads.
    Loading goes on meanwhile.
    """
    view_loads(columns, ledger, as_of, loads)
    merge_facts(columns, len(loads))


def merge_facts(columns: duckdb.DuckDBPyConnection, loads: int) -> None:
    """Make of the views of ``view_loads`` (of so many loads) those that are merged: ``fact_sightings`` and ``accounts``."""
    for statement in MERGED_SIGHTINGS if loads > 1 else ONE_LOAD:
        columns.execute(statement)
    columns.execute(MERGED_ACCOUNTS)


def code_facts(columns: duckdb.DuckDBPyConnection) -> None:
    """Make of the views ``accounts`` and ``fact_sightings`` those that linkage reads: ``coded_accounts`` (key, account_id,
    created, status, marketplace) and ``coded_sightings`` (key, kind, value, network, hint, week, first, last).

    The macro ``token_of(value)`` gives the token of a value back.
    """
    found = columns.execute("SELECT split_part(token, ':', 1) FROM fact_sightings LIMIT 1").fetchall()
    key_id: str = found[0][0] if found else ""
    for statement in CODED:
        columns.execute(statement.replace("$digits", str(len(key_id) + 2)))
    name_tokens(columns, key_id)


def name_tokens(columns: duckdb.DuckDBPyConnection, key_id: str) -> None:
    """Make the macro ``token_of(value)``, for tokens of this key."""
    columns.execute(TOKEN_OF.replace("$key_id", key_id))


def view_loads(columns: duckdb.DuckDBPyConnection, ledger: Ledger, as_of: datetime, loads: list[Load]) -> None:
    """Make those views of ``view_facts`` that are quick: rows as they are stored, ``stored_sightings``, ``fact_accounts`` and
    ``fact_labels``, with the ``seq`` of their load; and ``labels``."""
    visible = pa.table(
        {
            "load": pa.array([load.load for load in loads], pa.string()),
            "seq": pa.array([load.seq for load in loads], pa.int64()),
        }
    )
    columns.register("visible_arrow", visible)
    columns.execute("CREATE TABLE visible AS FROM visible_arrow")
    columns.unregister("visible_arrow")
    for table in FACTS:
        name = "stored_sightings" if table == "sightings" else f"fact_{table}"
        columns.execute(f"CREATE VIEW {name} AS {_facts_sql(ledger, table)}")
    moment = microseconds(as_of)
    columns.execute(MERGED_LABELS.replace("known_by", f"make_timestamptz({moment})"))


def _facts_sql(ledger: Ledger, table: str) -> str:
    stored = stored_sql(ledger, table)
    return f"SELECT rows.*, visible.seq FROM ({stored}) AS rows JOIN visible USING (load)"


def stored_sql(ledger: Ledger, table: str) -> str:
    """SQL for all rows of a table of facts as they are stored, those of loads that were never accepted among them."""
    files = files_of(open_table(ledger.folder, table)) if ledger.exists else []
    if not files:
        empty = ", ".join(f"NULL::{_sql_type(field.type)} AS {field.name}" for field in SCHEMAS[table])
        return f"SELECT {empty} WHERE false"
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    partitioned = ", hive_partitioning=true, hive_types={'kind': VARCHAR}" if table in PARTITIONS else ""
    return f"SELECT * FROM read_parquet([{listed}]{partitioned})"


def _sql_type(arrow: Any) -> str:
    if pa.types.is_timestamp(arrow):
        return "TIMESTAMPTZ"
    return "VARCHAR" if pa.types.is_string(arrow) else "BIGINT"
