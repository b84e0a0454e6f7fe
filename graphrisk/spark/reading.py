"""Reading the ledger on a cluster: the facts that given loads brought, by the file lists of the Delta tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from graphrisk.ledger.store import Ledger, Load
from graphrisk.ledger.tables import SCHEMAS, files_of, open_table
from graphrisk.spark.work import Work, on_disk

FACTS = "SELECT rows.*, visible.seq FROM stored_$table AS rows JOIN visible USING (load)"
"""Rows of a load that was never accepted are in the files and not in view."""

ACCOUNTS = """
SELECT account_id, min(unix_micros(created_at)) AS created,
       coalesce(max_by(status, seq) FILTER (WHERE status IS NOT NULL), 'active') AS status,
       max_by(marketplace, seq) FILTER (WHERE marketplace IS NOT NULL) AS marketplace
FROM fact_accounts GROUP BY account_id
"""
"""As ``ledger.reading.MERGED_ACCOUNTS``."""

SIGHTINGS = """
SELECT account_id, kind, token, network, hint, week, unix_micros(first_seen) AS first, unix_micros(last_seen) AS last
FROM stored_sightings JOIN visible USING (load)
"""

MERGED_SIGHTINGS = """
SELECT account_id, kind, token, min(network) AS network, min(hint) AS hint, week, min(first) AS first, max(last) AS last
FROM told_sightings GROUP BY account_id, kind, token, week
"""
"""As ``ledger.reading.MERGED_SIGHTINGS``; one load needs no merging."""

_TYPES = {pa.string(): "STRING", pa.int32(): "INT", pa.int64(): "BIGINT"}


def view_facts(work: Work, ledger: Ledger, loads: list[Load], at: str | None) -> None:
    """Make the views ``coded_accounts`` (account_id, created, status, marketplace) and ``merged_sightings`` (account_id, kind,
    token, network, hint, week, first, last) of what the given loads brought, merged over loads; times in microseconds.

    ``at`` is the URL of a copy of the ledger's folder for executors that do not see the ledger's own paths.
    """
    told = {"load": pa.array([load.load for load in loads]), "seq": pa.array([load.seq for load in loads], pa.int64())}
    work.give("visible", pa.table(told))
    for table in ("accounts", "sightings"):
        _view_stored(work, ledger, table, at)
    work.view("fact_accounts", FACTS.replace("$table", "accounts"))
    work.view("coded_accounts", ACCOUNTS)
    work.view("told_sightings", SIGHTINGS)
    work.view("merged_sightings", MERGED_SIGHTINGS if len(loads) > 1 else "SELECT * FROM told_sightings")


def _view_stored(work: Work, ledger: Ledger, table: str, at: str | None) -> None:
    columns = ", ".join(f"{field.name} {_TYPES.get(field.type, 'TIMESTAMP')}" for field in SCHEMAS[table])
    files = [str(Path(file).relative_to(ledger.folder / table)) for file in files_of(open_table(ledger.folder, table))]
    base = f"{at.rstrip('/') if at else on_disk(ledger.folder)}/{table}"
    reader = work.session.read.schema(columns)
    if not files:
        empty: Any = []
        work.named(f"stored_{table}", work.session.createDataFrame(empty, columns))
        return
    # Names of files are taken as they are, not as patterns.
    reader = reader.option("basePath", base).option("__globPaths__", "false")
    work.named(f"stored_{table}", reader.parquet(*(f"{base}/{file}" for file in files)))
