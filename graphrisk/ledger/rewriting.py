"""Rewriting the ledger: the rows of accounts removed, tokens replaced, and what is said of each load made true again.

Facts are otherwise never changed. The caller sees to it that nobody loads or compacts meanwhile; readers that began before
keep their files until ``Ledger.forget_history``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import duckdb
import pyarrow as pa

from graphrisk.ledger.reading import stored_sql
from graphrisk.ledger.store import ROWS_AT_ONCE, Ledger, Load
from graphrisk.ledger.tables import FACTS, HOOKS, SCHEMAS, open_table, replace_rows, sync_commits

Described = Callable[[duckdb.DuckDBPyConnection, Load], tuple[str, str, dict[str, Any]]]
"""Content digest, key id and report of a load, from its ``accounts``, ``sightings`` and ``labels`` in a connection."""


def view_stored(columns: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Make the views ``stored_accounts``, ``stored_sightings`` and ``stored_labels`` of all rows as they are now."""
    for table in FACTS:
        columns.execute(f"CREATE OR REPLACE VIEW stored_{table} AS {stored_sql(ledger, table)}")


def delete_accounts(ledger: Ledger, account_ids: Sequence[str]) -> None:
    """Remove all rows of accounts, durably; files that hold none of them stay as they are."""
    listed = ", ".join("'" + account_id.replace("'", "''") + "'" for account_id in account_ids)
    for table in FACTS:
        before = open_table(ledger.folder, table)
        version = before.version()
        before.delete(f"account_id IN ({listed})", post_commithook_properties=HOOKS)
        sync_commits(ledger.folder / table, version)


def replace_sightings(columns: duckdb.DuckDBPyConnection, ledger: Ledger, sql: str, bound: dict[str, Any]) -> None:
    """Put the rows of a query in the place of all sightings, in one durable commit."""
    stream = columns.sql(sql, params=bound).to_arrow_reader(ROWS_AT_ONCE)
    replace_rows(ledger.folder, "sightings", stream)


def describe_loads(columns: duckdb.DuckDBPyConnection, ledger: Ledger, key_id: str, described: Described) -> list[Load]:
    """Make what ``loads`` says true again of every load whose rows or key are others than it says; returns those."""
    view_stored(columns, ledger)
    counted = {table: _counted(columns, table) for table in FACTS}
    loads, changed = ledger.loads(), list[Load]()
    for place, load in enumerate(loads):
        counts = {table: counted[table].get(load.load, 0) for table in FACTS}
        if counts == {table: getattr(load, table) for table in FACTS} and load.key_id == key_id:
            continue
        for table in FACTS:
            columns.execute(
                f"CREATE OR REPLACE VIEW {table} AS SELECT * EXCLUDE (load) FROM stored_{table} WHERE load = '{load.load}'"
            )
        content, key_id, report = described(columns, load)
        loads[place] = replace(
            load, **counts, content=content, key_id=key_id, report=json.dumps(report, ensure_ascii=False)
        )
        changed.append(loads[place])
    if changed:
        replace_rows(
            ledger.folder, "loads", pa.Table.from_pylist([asdict(load) for load in loads], schema=SCHEMAS["loads"])
        )
    return changed


def _counted(columns: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    return dict(columns.execute(f"SELECT load, count(*) FROM stored_{table} GROUP BY load").fetchall())
