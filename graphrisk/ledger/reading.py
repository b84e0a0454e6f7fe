"""Reading the ledger as columns: the facts that were accepted by a moment, merged over loads, as DuckDB views."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from graphrisk.ledger.store import Ledger
from graphrisk.ledger.tables import FACTS, PARTITIONS, SCHEMAS, open_table

MERGED_ACCOUNTS = """
CREATE VIEW accounts AS
SELECT account_id, min(created_at) AS created_at, coalesce(arg_max(status, seq), 'active') AS status,
       arg_max(marketplace, seq) AS marketplace
FROM fact_accounts GROUP BY account_id
"""
"""Every account that any fact names (loading sees to it): earliest creation, latest stated status and marketplace."""

MERGED_LABELS = """
CREATE VIEW labels AS
SELECT account_id, arg_max(label, (labelled_at, label = 'bad')) AS label, max(labelled_at) AS labelled_at
FROM fact_labels WHERE labelled_at <= known_by GROUP BY account_id
"""
"""The latest verdict on each account that was known as of the moment; of two at once, the bad one."""


def view_facts(columns: duckdb.DuckDBPyConnection, ledger: Ledger, as_of: datetime) -> int:
    """Make the views of what was known as of a moment; returns how many loads they show.

    ``fact_accounts``, ``fact_sightings`` (kind, token, …, ``first_seen`` and ``last_seen``) and ``fact_labels`` have
    one row for each fact of each load; ``accounts`` and ``labels`` are merged. Loading goes on meanwhile.
    """
    loads = ledger.loads(as_of)
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
        columns.execute(f"CREATE VIEW fact_{table} AS {_facts_sql(ledger, table)}")
    columns.execute(MERGED_ACCOUNTS)
    moment = int(as_of.timestamp()) * 1_000_000 + as_of.microsecond
    columns.execute(MERGED_LABELS.replace("known_by", f"make_timestamptz({moment})"))
    return len(loads)


def _facts_sql(ledger: Ledger, table: str) -> str:
    files = open_table(ledger.folder, table).file_uris() if ledger.exists else []
    if not files:
        empty = ", ".join(f"NULL::{_sql_type(field.type)} AS {field.name}" for field in SCHEMAS[table])
        return f"SELECT {empty}, NULL::BIGINT AS seq WHERE false"
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    partitioned = ", hive_partitioning=true, hive_types={'kind': VARCHAR}" if table in PARTITIONS else ""
    return f"SELECT rows.*, visible.seq FROM read_parquet([{listed}]{partitioned}) AS rows JOIN visible USING (load)"


def _sql_type(arrow: Any) -> str:
    if pa.types.is_timestamp(arrow):
        return "TIMESTAMPTZ"
    return "VARCHAR" if pa.types.is_string(arrow) else "BIGINT"
