"""Results to the graph: what a publication changed, as intervals that nobody sees until the pointer moves.

Everything that begins or ends is written first, in idempotent batches; then one transaction moves the pointer (compare
and set) and changes what nodes show. A publication that died before is taken back first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import neo4j
import pyarrow as pa

from graphrisk.errors import StoreError
from graphrisk.graph.transactions import autocommit, execute, read, rows_of, write, write_one

KEPT_PUBLICATIONS = 100
"""How many publications back "as it was in run N" can be asked; older intervals are swept."""

VERSIONED = ("members", "links", "figures")

MEMBERS = """
CREATE TABLE members_{side} AS
SELECT account_id AS "accountId", ring_id AS "ringId", role, score, list_transform(reasons, lambda r: r.code || ' ' || r.contribution) AS reasons
FROM {side}_accounts WHERE ring_id IS NOT NULL
"""

LINKS = """
CREATE TABLE links_{side} AS
SELECT account_a AS "accountA", account_b AS "accountB", strength, onset,
       list_transform(evidence, lambda e: e.kind || ' ' || e.milli_nats || ' milli-nats, ' || e.accounts || ' accounts, '
                                     || coalesce(e.hint || ', ', '') || e.token) AS evidence
FROM {side}_links
WHERE account_a IN (SELECT "accountId" FROM members_{side}) OR account_b IN (SELECT "accountId" FROM members_{side})
"""

FIGURES = """
CREATE TABLE figures_{side} AS
SELECT ring_id AS "ringId", score, band, size, core_size AS "coreSize",
       list_transform(reasons, lambda r: r.code || ' ' || r.contribution) AS reasons
FROM {side}_rings
"""

SHOWN_RINGS = """
CREATE TABLE shown_rings_{side} AS
SELECT ring_id AS "ringId", size, core_size AS "coreSize", score, band, 'live' AS status,
       first_link_at AS "firstLinkAt", last_link_at AS "lastLinkAt", recommended, rival,
       size || ' accounts, score ' || score AS caption
FROM {side}_rings
"""

SHOWN_ACCOUNTS = """
CREATE TABLE shown_accounts_{side} AS
SELECT account_id AS "accountId", score, band, ring_id AS "ringId"
FROM {side}_accounts WHERE ring_id IS NOT NULL OR score > 0
"""

HEIRS = """
CREATE TABLE heirs AS
SELECT ring_id AS "ringId", unnest(superseded_by) AS heir, event, event_run AS run FROM new_lineage
EXCEPT SELECT ring_id, unnest(superseded_by), event, event_run FROM old_lineage
"""

KEYS = {"members": ("accountId", "ringId"), "links": ("accountA", "accountB"), "figures": ("ringId",)}


@dataclass(frozen=True)
class PublicationToWrite:
    """A move of the home's pointer as the graph records it; ``counts`` are the run's."""

    seq: int
    run_id: str
    as_of: datetime
    policy: str
    published_at: datetime
    counts: dict[str, int]


def compare_runs(
    columns: duckdb.DuckDBPyConnection, new: dict[str, pa.Table], old: dict[str, pa.Table]
) -> dict[str, int]:
    """Make the tables of what begins, ends and is shown otherwise, from a run's tables and those of the one before.

    Returns the number of rows of each. ``old`` has tables without rows when there was no run before.
    """
    for side, tables in (("new", new), ("old", old)):
        for name, table in tables.items():
            columns.register(f"{side}_{name}", table)
        for sql in (MEMBERS, LINKS, FIGURES, SHOWN_RINGS, SHOWN_ACCOUNTS):
            columns.execute(sql.format(side=side))
    columns.execute(HEIRS)
    for name in VERSIONED:
        columns.execute(f"CREATE TABLE ends_{name} AS FROM {name}_old EXCEPT FROM {name}_new")
        columns.execute(f"CREATE TABLE begins_{name} AS FROM {name}_new EXCEPT FROM {name}_old")
    for name, key in (("rings", "ringId"), ("accounts", "accountId")):
        columns.execute(f"CREATE TABLE changed_{name} AS FROM shown_{name}_new EXCEPT FROM shown_{name}_old")
        columns.execute(
            f'CREATE TABLE gone_{name} AS SELECT "{key}" FROM shown_{name}_old ANTI JOIN shown_{name}_new USING ("{key}")'
        )
    made = [f"{change}_{name}" for name in VERSIONED for change in ("ends", "begins")]
    made += [f"{change}_{name}" for name in ("rings", "accounts") for change in ("changed", "gone")]
    return {table: columns.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in made}


def write_publication(
    session: neo4j.Session,
    columns: duckdb.DuckDBPyConnection,
    publication: PublicationToWrite,
    advance: Callable[[int], None],
) -> None:
    """Write the tables of ``compare_runs`` and move the graph's pointer.

    Raises ``StoreError`` when somebody else moved the pointer meanwhile; what was written then is never seen.
    """
    current = pointer(session)
    for name in VERSIONED:
        autocommit(session, f"publish/undo_begun_{name}", seq=current)
        autocommit(session, f"publish/undo_ended_{name}", seq=current)
    write_one(session, "publish/begin", seq=publication.seq, runId=publication.run_id)
    for rows in rows_of(columns, 'SELECT "ringId" FROM begins_figures ORDER BY ALL'):
        write_one(session, "publish/rings", rows=rows)
    for name in VERSIONED:
        keys = ", ".join(f'"{key}"' for key in KEYS[name])
        for rows in rows_of(columns, f"SELECT {keys} FROM ends_{name} ORDER BY ALL"):
            write_one(session, f"publish/end_{name}", rows=rows, seq=publication.seq)
            advance(len(rows))
        for rows in rows_of(columns, f"FROM begins_{name} ORDER BY {keys}"):
            write_one(session, f"publish/begin_{name}", rows=rows, seq=publication.seq)
            advance(len(rows))
    shown = list(_shown(columns, publication))
    if not write(session, lambda transaction: _move(transaction, publication, current, shown)):
        raise StoreError("The graph's pointer was moved by another publication meanwhile; run `graphrisk graph sync`.")
    for name in VERSIONED:
        autocommit(session, f"publish/sweep_{name}", oldest=publication.seq - KEPT_PUBLICATIONS)


def pointer(session: neo4j.Session) -> int:
    """The number of the publication that the graph shows; 0 when there was none."""
    found = read(session, "publish/pointer")
    return found[0]["seq"] if found else 0


def _move(
    transaction: neo4j.ManagedTransaction,
    publication: PublicationToWrite,
    expected: int,
    shown: list[tuple[str, list[dict[str, Any]]]],
) -> bool:
    moved = execute(
        transaction,
        "publish/move_pointer",
        expected=expected,
        seq=publication.seq,
        runId=publication.run_id,
        asOf=publication.as_of,
        policy=publication.policy,
        publishedAt=publication.published_at,
        counts={name: publication.counts[name] for name in ("accounts", "links", "rings", "members")},
    )
    if not moved:
        # The first attempt may have been committed without our hearing of it.
        return execute(transaction, "publish/pointer")[0]["seq"] == publication.seq
    for name, rows in shown:
        execute(transaction, name, rows=rows)
    return True


def _shown(
    columns: duckdb.DuckDBPyConnection, publication: PublicationToWrite
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Statements with rows for the transaction that moves the pointer."""
    nobody = dict.fromkeys(("score", "band", "ringId", "scoredRun"))
    for name, key in (("rings", "ringId"), ("accounts", "accountId")):
        marks = {"scoredRun": publication.run_id} if name == "accounts" else {}
        for rows in rows_of(columns, f'FROM changed_{name} ORDER BY "{key}"'):
            yield (
                f"publish/show_{name}",
                [{key: row[key], "shown": {**{k: v for k, v in row.items() if k != key}, **marks}} for row in rows],
            )
        retired = {"status": "retired", "caption": "retired", "recommended": None, "rival": None}
        gone = retired if name == "rings" else nobody
        for rows in rows_of(columns, f'FROM gone_{name} ORDER BY "{key}"'):
            yield f"publish/show_{name}", [{key: row[key], "shown": gone} for row in rows]
    for rows in rows_of(columns, "FROM heirs ORDER BY ALL"):
        yield "publish/supersede", rows
