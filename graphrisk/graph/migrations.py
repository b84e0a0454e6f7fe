"""Migrations: the constraints and indexes of ``cypher/schema``, applied in order, each once and never changed."""

from __future__ import annotations

import hashlib
import time

import neo4j
from neo4j.exceptions import ClientError

from graphrisk.errors import StoreError
from graphrisk.graph.connection import require_version
from graphrisk.graph.statements import Statement, names, statement
from graphrisk.logs import LOG

SECONDS_FOR_INDEXES = 600
ATTEMPTS = 6
OLDEST_SERVER = (5, 26)
"""The first in which a relationship's type can be a parameter (Cypher manual, "Dynamic relationship types")."""


def migrate(driver: neo4j.Driver, database: str) -> list[str]:
    """Bring the database up to date; the names of the migrations that were applied now.

    Raises ``StoreError`` when a migration was changed after it was applied, the database knows a newer one, or the
    server is too old for the statements.
    """
    require_version(driver, OLDEST_SERVER, "The graph's server", "writing")
    wanted = {name.removeprefix("schema/"): statement(name) for name in names("schema")}
    checksums = {name: hashlib.sha256(each.text.encode()).hexdigest() for name, each in wanted.items()}
    with driver.session(database=database) as session:
        applied = {row["name"]: row["checksum"] for row in session.run(statement("migrations/applied").text)}
        if unknown := sorted(set(applied) - set(wanted)):
            raise StoreError(
                f"The graph has the migration {unknown[-1]}, which this graphrisk does not know; update it."
            )
        if changed := [name for name, checksum in applied.items() if checksums[name] != checksum]:
            raise StoreError(f"The migration {changed[0]} was changed after the graph had it; add another one instead.")
        new = [name for name in wanted if name not in applied]
        for name in new:
            _apply(session, wanted[name])
            session.run(statement("migrations/record").text, name=name, checksum=checksums[name]).consume()
        if new:
            session.run("CALL db.awaitIndexes($seconds)", seconds=SECONDS_FOR_INDEXES).consume()
            LOG.info("The graph has %d new constraints and indexes", len(new))
    return new


def _apply(session: neo4j.Session, migration: Statement) -> None:
    """IF NOT EXISTS does not see what another writer, one that was killed even, is just making."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            session.run(migration.text).consume()
            return
        except ClientError as error:
            if attempt == ATTEMPTS or not (error.code or "").startswith("Neo.ClientError.Schema."):
                raise
            time.sleep(0.2 * 2**attempt)
