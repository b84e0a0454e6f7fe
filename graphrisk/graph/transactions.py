"""Transactions: statements in managed transactions, retried where that is safe; ours all are, being idempotent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import duckdb
import neo4j
import pyarrow as pa
from neo4j.exceptions import ClientError, IncompleteCommit, Neo4jError

from graphrisk.graph.statements import statement
from graphrisk.logs import LOG

Driver: TypeAlias = neo4j.Driver
Session: TypeAlias = neo4j.Session
Result = TypeVar("Result")
ROWS_A_BATCH = 5_000
ATTEMPTS = 6
_UTC = pa.timestamp("us", "+00:00")
VANISHED = "Neo.ClientError.Statement.EntityNotFound"
"""What a MERGE meets when another transaction deletes what it just found."""


def write(session: neo4j.Session, work: Callable[[neo4j.ManagedTransaction], Result]) -> Result:
    """Run ``work`` in a write transaction.

    The driver retries what is transient; here those follow that it does not: a commit whose outcome is unknown, and
    an entity that vanished.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return session.execute_write(work)
        except (IncompleteCommit, ClientError) as error:
            if attempt == ATTEMPTS or (isinstance(error, Neo4jError) and error.code != VANISHED):
                raise
            LOG.info("The graph is asked again: %s", type(error).__name__)
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def execute(transaction: neo4j.ManagedTransaction, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run a statement by name inside a transaction; its rows."""
    found = statement(name)
    text = found.of_type(parameters["type"]) if "type" in found.params else found.text
    return transaction.run(text, parameters).data()


def write_one(session: neo4j.Session, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run one statement by name in a transaction of its own; its rows."""
    return write(session, lambda transaction: execute(transaction, name, **parameters))


def read(session: neo4j.Session, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of a reading statement by name."""
    return session.execute_read(lambda transaction: execute(transaction, name, **parameters))


def stream(session: neo4j.Session, name: str, **parameters: Any) -> Iterator[list[Any]]:
    """The rows of a reading statement one by one, as lists of values."""
    with session.begin_transaction() as transaction:
        for record in transaction.run(statement(name).text, parameters):
            yield record.values()


def autocommit(session: neo4j.Session, name: str, **parameters: Any) -> None:
    """Run a statement that makes its own transactions."""
    session.run(statement(name).text, parameters).consume()


def rows_of(
    columns: duckdb.DuckDBPyConnection, query: str, bound: dict[str, Any] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """The rows of a query in lists of exactly ``ROWS_A_BATCH``, the last one shorter; times in UTC."""
    cursor = columns.cursor()
    waiting: list[dict[str, Any]] = []
    for batch in cursor.sql(query, params=bound).to_arrow_reader(8 * ROWS_A_BATCH):
        waiting += _in_utc(batch).to_pylist()
        while len(waiting) >= ROWS_A_BATCH:
            yield waiting[:ROWS_A_BATCH]
            del waiting[:ROWS_A_BATCH]
    if waiting:
        yield waiting
    cursor.close()


def _in_utc(batch: pa.RecordBatch) -> pa.RecordBatch:
    """With times that Python gives as ``datetime.timezone.utc``: a named zone would be stored as such."""
    types = [_UTC if pa.types.is_timestamp(field.type) else field.type for field in batch.schema]
    return batch.cast(pa.schema(list(zip(batch.schema.names, types, strict=True))))
