"""Accounts that the ledger no longer has leave the graph: whoever is in the graph and not in the ledger was erased."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import duckdb
import neo4j
import pyarrow as pa

from graphrisk.graph.facts import LoadToWrite
from graphrisk.graph.transactions import execute, read, write, write_one
from graphrisk.policy import KindPolicy

ACCOUNTS_A_PAGE = 20_000

DEGREES = """
SELECT kind, token, min(hint) AS hint, count(DISTINCT account_id) AS accounts
FROM stored_sightings WHERE token IN (SELECT unnest($tokens)) GROUP BY kind, token
"""


def erase_missing(
    session: neo4j.Session,
    columns: duckdb.DuckDBPyConnection,
    loads: Sequence[LoadToWrite],
    kinds: Mapping[str, KindPolicy],
    advance: Callable[[int], None],
) -> int:
    """Remove the accounts that ``columns`` (the views of all loads) do not have; how many those were.

    The graph must have all loads. Each account goes in one transaction, with attributes that only it used, and others get
    the degree that they have now; so a crash in between leaves some accounts to the next call, and nothing wrong.
    """
    wanted = columns.execute("SELECT count(*) FROM accounts").fetchall()[0][0]
    if read(session, "erase/count_accounts")[0]["accounts"] == wanted:
        return 0
    count = 0
    for page in _pages(session):
        columns.register("page", pa.table({"account_id": page}))
        gone = columns.execute("SELECT account_id FROM page ANTI JOIN accounts USING (account_id)").fetchall()
        columns.unregister("page")
        for (account_id,) in gone:
            _erase(session, columns, account_id, kinds)
            count += 1
            advance(1)
    rows = [{"seq": load.seq, "accounts": load.accounts, "sightings": load.sightings} for load in loads]
    write_one(session, "erase/loads", rows=rows)
    return count


def _pages(session: neo4j.Session) -> Iterator[list[str]]:
    after = ""
    while page := [row["accountId"] for row in read(session, "erase/account_ids", after=after, page=ACCOUNTS_A_PAGE)]:
        yield page
        after = page[-1]


def _erase(
    session: neo4j.Session, columns: duckdb.DuckDBPyConnection, account_id: str, kinds: Mapping[str, KindPolicy]
) -> None:
    tokens = [row["token"] for row in read(session, "erase/tokens", accountId=account_id)]
    found = columns.sql(DEGREES, params={"tokens": tokens}).to_arrow_table().to_pylist() if tokens else []
    rows = [{**row, "hub": row["accounts"] > kinds[row["kind"]].cap} for row in found if row["kind"] in kinds]
    lonely = sorted(set(tokens) - {row["token"] for row in found})

    def work(transaction: neo4j.ManagedTransaction) -> None:
        execute(transaction, "erase/account", accountId=account_id)
        execute(transaction, "erase/attributes", tokens=lonely)
        execute(transaction, "erase/degrees", rows=rows)

    write(session, work)
