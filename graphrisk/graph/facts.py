"""Facts to the graph: each load in numbered batches, the watermark in the same transaction as the rows.

The batches of a load are the same whenever they are made (rows in the order of their keys), so after a crash, an
outage or a replay the writer goes on behind the watermark, and nothing is written twice. Times go as microseconds,
which the driver packs and the server unpacks four times as fast as times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import neo4j

from graphrisk.errors import StoreError
from graphrisk.graph.transactions import autocommit, execute, rows_of, write, write_one
from graphrisk.policy import KindPolicy

OF_LOAD = """
CREATE OR REPLACE TABLE load_sightings AS
SELECT account_id, kind, token, min(hint) AS hint, min(first_seen) AS first, max(last_seen) AS last,
       sum(count)::BIGINT AS count
FROM stored_sightings WHERE load = $load GROUP BY account_id, kind, token
"""

ACCOUNTS = """
SELECT account_id AS "accountId", epoch_us(created_at) AS "createdAt", status, marketplace
FROM accounts SEMI JOIN (SELECT account_id FROM fact_accounts WHERE load = $load) USING (account_id) ORDER BY account_id
"""

ATTRIBUTES = """
SELECT token, any_value(touched.hint) AS hint, count(DISTINCT account_id) AS accounts, accounts > $cap AS hub
FROM stored_sightings JOIN (SELECT token, min(hint) AS hint FROM load_sightings WHERE kind = $kind GROUP BY token) AS touched
USING (token) WHERE kind = $kind GROUP BY token ORDER BY token
"""

SIGHTINGS = """
SELECT account_id AS "accountId", token, epoch_us(first) AS "firstSeen", epoch_us(last) AS "lastSeen", count
FROM load_sightings WHERE kind = $kind ORDER BY token, account_id
"""

Batch = tuple[str, dict[str, Any]]
"""A statement's name and its parameters, ``rows`` among them."""


@dataclass(frozen=True)
class LoadToWrite:
    """An accepted load as the graph records it."""

    seq: int
    load: str
    accepted_at: datetime
    accounts: int
    sightings: int


def load_batches(
    columns: duckdb.DuckDBPyConnection, load: LoadToWrite, kinds: dict[str, KindPolicy]
) -> Iterator[Batch]:
    """The batches of a load, always the same ones in the same order, from the facts of the loads up to it.

    ``columns`` has the views of ``ledger.reading.view_facts``.
    """
    columns.execute(OF_LOAD, {"load": load.load})
    for rows in rows_of(columns, ACCOUNTS, {"load": load.load}):
        yield "load/accounts", {"rows": rows}
    for name, kind in sorted(kinds.items()):
        for rows in rows_of(columns, ATTRIBUTES, {"kind": name, "cap": kind.cap}):
            yield "load/attributes", {"rows": rows, "kind": name, "label": kind.label}
        for rows in rows_of(columns, SIGHTINGS, {"kind": name}):
            yield "load/sightings", {"rows": rows, "type": kind.relationship, "seq": load.seq}


def write_load(
    session: neo4j.Session, load: LoadToWrite, batches: Iterator[Batch], advance: Callable[[int], None]
) -> int:
    """Write what the graph does not have of a load yet; how many batches that were.

    Raises ``StoreError`` when the graph has another load of that number.
    """
    found = write_one(
        session,
        "load/begin",
        seq=load.seq,
        load=load.load,
        acceptedAt=load.accepted_at,
        accounts=load.accounts,
        sightings=load.sightings,
    )[0]
    if found["load"] != load.load:
        raise StoreError(
            f"The graph's load {load.seq} is {found['load']}, the ledger's is {load.load}: the graph belongs to another "
            "home; name another graph, or run `graphrisk graph rebuild`."
        )
    written = 0
    for number, (name, parameters) in enumerate(batches, 1):
        if number > found["batch"]:
            written += write(session, lambda transaction: _write_batch(transaction, load.seq, number, name, parameters))  # noqa: B023 - run at once
        advance(len(parameters["rows"]))
    write_one(session, "load/end", seq=load.seq)
    return written


def empty_graph(session: neo4j.Session) -> None:
    """Remove everything but the record of migrations, in transactions of a bounded size however large a hub is."""
    # One transaction for a node with a million relationships takes more memory than a server has.
    autocommit(session, "load/empty_relationships")
    autocommit(session, "load/empty_nodes")


def _write_batch(
    transaction: neo4j.ManagedTransaction, seq: int, batch: int, name: str, parameters: dict[str, Any]
) -> bool:
    if not execute(transaction, "load/take_batch", seq=seq, batch=batch):
        return False
    execute(transaction, name, **parameters)
    return True
