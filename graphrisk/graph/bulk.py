"""The first load of an empty local database: CSV files from the ledger, then ``neo4j-admin database import``.

About ten times as fast as batches. The files hold tokens and hints, as the ledger does.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from graphrisk.graph.server import LocalServer
from graphrisk.graph.server_files import DATABASE
from graphrisk.policy import KindPolicy

ACCOUNTS = """
SELECT account_id AS "accountId:ID(Account)", strftime(created_at, $moment) AS "createdAt:datetime", status, marketplace
FROM accounts
"""

HELD = """
CREATE TABLE held AS
SELECT account_id, kind, token, min(hint) AS hint, min(first_seen) AS first, max(last_seen) AS last,
       sum(count)::BIGINT AS count, min(seq) AS load
FROM stored_sightings GROUP BY account_id, kind, token
"""

ATTRIBUTES = """
SELECT token AS "token:ID(Attribute)", kind, min(hint) AS hint, count(*) AS "accounts:long",
       CASE WHEN count(*) > $cap THEN 'true' ELSE 'false' END AS "hub:boolean"
FROM held WHERE kind = $kind GROUP BY token, kind
"""

SIGHTINGS = """
SELECT account_id AS ":START_ID(Account)", token AS ":END_ID(Attribute)", strftime(first, $moment) AS "firstSeen:datetime",
       strftime(last, $moment) AS "lastSeen:datetime", count AS "count:long", load AS "load:long"
FROM held WHERE kind = $kind
"""

MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"


def import_facts(
    server: LocalServer, columns: duckdb.DuckDBPyConnection, kinds: dict[str, KindPolicy], folder: Path
) -> None:
    """Replace the database ``neo4j`` of a server that does not run by the facts in view.

    ``columns`` has the views of ``ledger.reading.view_facts``; ``folder`` takes the files and must have room for them.
    Raises ``StoreError`` with what neo4j-admin said when it failed.
    """
    columns.execute(HELD)
    arguments = ["database", "import", "full", DATABASE, "--overwrite-destination", "--multiline-fields=true"]
    arguments.append(f"--nodes=Account={_written(columns, ACCOUNTS, folder / 'accounts.csv', moment=MOMENT)}")
    for name, kind in sorted(kinds.items()):
        nodes = _written(columns, ATTRIBUTES, folder / f"{name}.csv", kind=name, cap=kind.cap)
        uses = _written(columns, SIGHTINGS, folder / f"{name}_sightings.csv", kind=name, moment=MOMENT)
        arguments.append(f"--nodes=Attribute:{kind.label}={nodes}")
        arguments.append(f"--relationships={kind.relationship}={uses}")
    server.admin(*arguments, f"--report-file={folder / 'report'}")


def _written(columns: duckdb.DuckDBPyConnection, query: str, path: Path, **bound: object) -> Path:
    columns.sql(query, params=bound).write_csv(str(path), header=True)
    return path
