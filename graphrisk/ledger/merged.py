"""The merged ledger: accounts and sightings of all loads, each once and as numbers, kept beside the ledger.

Reading text is most of the work of linkage, so it is done once: a load is merged into a DuckDB file when it is first needed.
The file holds nothing that the ledger does not; where it does not fit the ledger it is made again.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import duckdb

from graphrisk.files import BusyError, only_one
from graphrisk.ledger.reading import name_tokens
from graphrisk.ledger.store import Load
from graphrisk.logs import LOG, step

FORMAT = 1
FILE, LOCK = "ledger.duckdb", "use.lock"
DAMAGED = ("Corrupt database file", "not a valid DuckDB database file", "Could not read enough bytes")
"""What DuckDB says of a file, or of a block of one, that is not what it was written as."""

EMPTY = (
    "CREATE TABLE merged.format AS SELECT $format AS format",
    "CREATE TABLE merged.applied (seq BIGINT, load VARCHAR, content VARCHAR, key_id VARCHAR)",
    "CREATE TABLE merged.kinds (code UTINYINT, name VARCHAR)",
    """
CREATE TABLE merged.accounts (
    number INTEGER, account_id VARCHAR, created BIGINT, status VARCHAR, marketplace VARCHAR, seq BIGINT)
""",
    """
CREATE TABLE merged.sightings (
    number INTEGER, code UTINYINT, value UUID, network UUID, hint VARCHAR, week INTEGER, first BIGINT, last BIGINT, seq BIGINT)
""",
)
"""``number`` is the order of arrival, within a load that of ids; ``seq`` the last load that told of the row."""

COMING = (
    """
CREATE TEMP TABLE coming_accounts AS
SELECT account_id, min(epoch_us(created_at)) AS created, arg_max(status, seq) AS status,
       arg_max(marketplace, seq) AS marketplace, min(seq) AS since, max(seq) AS seq
FROM fact_accounts WHERE seq > $after GROUP BY account_id
""",
    """
CREATE TEMP TABLE numbers AS
SELECT number, account_id FROM merged.accounts SEMI JOIN coming_accounts USING (account_id)
UNION ALL
SELECT ((SELECT count(*) FROM merged.accounts) + row_number() OVER (ORDER BY since, account_id) - 1)::INTEGER, account_id
FROM coming_accounts ANTI JOIN merged.accounts USING (account_id)
""",
    """
CREATE TEMP TABLE codes AS
SELECT code, name FROM merged.kinds
UNION ALL
SELECT ((SELECT count(*) FROM merged.kinds) + row_number() OVER (ORDER BY name) - 1)::UTINYINT, name
FROM (SELECT DISTINCT kind AS name FROM stored_sightings WHERE seq > $after) ANTI JOIN merged.kinds USING (name)
""",
)

MERGE_ACCOUNTS = (
    "INSERT INTO merged.kinds FROM codes ANTI JOIN merged.kinds USING (name)",
    """
UPDATE merged.accounts AS known
SET created = least(known.created, coming.created), status = coalesce(coming.status, known.status),
    marketplace = coalesce(coming.marketplace, known.marketplace), seq = coming.seq
FROM coming_accounts AS coming WHERE known.account_id = coming.account_id
""",
    """
INSERT INTO merged.accounts
SELECT number, account_id, created, status, marketplace, seq FROM coming_accounts JOIN numbers USING (account_id)
WHERE number >= (SELECT count(*) FROM merged.accounts) ORDER BY number
""",
)

CODED = """
SELECT number, code, substr(token, $digits)::UUID AS value, substr(network, $digits)::UUID AS network, hint, week,
       epoch_us(first_seen) AS first, epoch_us(last_seen) AS last, seq
FROM stored_sightings JOIN codes ON kind = codes.name JOIN numbers USING (account_id) WHERE seq > $after
"""

COMING_SIGHTINGS = (
    f"CREATE TEMP TABLE coming_sightings AS {CODED}",
    """
CREATE TEMP TABLE known_sightings AS
SELECT rowid AS id, * FROM merged.sightings SEMI JOIN coming_sightings USING (number, code, value, week)
""",
)

MERGE_SIGHTINGS = (
    "DELETE FROM merged.sightings WHERE rowid IN (SELECT id FROM known_sightings)",
    """
INSERT INTO merged.sightings
SELECT number, code, value, min(network), min(hint), week, min(first), max(last), max(seq)
FROM (FROM coming_sightings UNION ALL BY NAME SELECT * EXCLUDE (id) FROM known_sightings)
GROUP BY number, code, value, week
""",
)
"""Earliest first, latest last over all loads, as ``ledger.reading`` merges them."""

TEMPORARY = ("coming_accounts", "numbers", "codes", "coming_sightings", "known_sightings")

VIEWS = (
    """
CREATE VIEW coded_accounts AS
SELECT number AS key, account_id, created, coalesce(status, 'active') AS status, marketplace FROM merged.accounts
""",
    """
CREATE VIEW coded_sightings AS
SELECT number AS key, name AS kind, value, network, hint, week, first, last
FROM merged.sightings JOIN merged.kinds USING (code)
""",
)


@contextmanager
def merged_ledger(columns: duckdb.DuckDBPyConnection, folder: Path, loads: list[Load]) -> Generator[bool]:
    """Attach the merged ledger as ``merged``, brought up to these loads, and make the views that linkage reads of it.

    ``columns`` has the views of ``ledger.reading.view_loads``. Gives False, and makes nothing, where it cannot serve: loads of
    an earlier moment than it holds, or another process at work with it.
    """
    with ExitStack() as held:
        try:
            held.enter_context(only_one(folder / LOCK))
        except BusyError as error:
            LOG.info("The merged ledger is in use by %s; the ledger itself is read.", error)
            yield False
            return
        ready = _is_ready(columns, folder / FILE, loads)
        try:
            yield ready
        finally:
            if ready:
                _detach(columns)


def _is_ready(columns: duckdb.DuckDBPyConnection, file: Path, loads: list[Load]) -> bool:
    try:
        return _attached(columns, file, loads)
    except (duckdb.IOException, duckdb.TransactionException, OSError) as error:
        full = "No space left" in str(error)
        LOG.log(
            logging.INFO if full else logging.WARNING,  # a full disk is told of by whatever needs the room
            "The merged ledger %s cannot be used (%s); the ledger itself is read.",
            file,
            str(error).splitlines()[0],
        )
        with suppress(duckdb.Error):
            columns.execute("DETACH merged")
        if full:
            _remove(file)
        return False


def _detach(columns: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.Error):  # of a damaged file, which ended the work already
        for view in ("coded_accounts", "coded_sightings"):
            columns.execute(f"DROP VIEW {view}")
        columns.execute("DETACH merged")


@contextmanager
def without_merged(folder: Path) -> Generator[None]:
    """Remove the merged ledger once nobody uses it any more, and let nobody make it again meanwhile."""
    with only_one(folder / LOCK, waits=True):
        _remove(folder / FILE)
        yield


def is_damage(error: duckdb.Error) -> bool:
    """Whether the merged ledger must be made again, as far as DuckDB can tell."""
    return any(words in str(error) for words in DAMAGED)


def _remove(file: Path) -> None:
    for path in (file, file.with_name(file.name + ".wal")):
        path.unlink(missing_ok=True)


def _attached(columns: duckdb.DuckDBPyConnection, file: Path, loads: list[Load]) -> bool:
    given = [(load.seq, load.load, load.content, load.key_id) for load in loads]
    applied = _opened(columns, file)
    if applied[: len(given)] == given and len(applied) > len(given):
        columns.execute("DETACH merged")
        return False
    if applied != given[: len(applied)]:
        columns.execute("DETACH merged")
        _remove(file)
        applied = _opened(columns, file)
    if len(applied) < len(given):
        with step("Merging loads (rows)", sum(load.rows for load in loads[len(applied) :])):
            _apply(columns, loads, len(applied))
    for view in VIEWS:
        columns.execute(view)
    name_tokens(columns, loads[0].key_id)
    return True


def _opened(columns: duckdb.DuckDBPyConnection, file: Path) -> list[tuple[int, str, str, str]]:
    """Attach the file, or a new one in the place of one that is damaged or of another version; the loads that it holds."""
    try:
        columns.execute(f"ATTACH '{_quoted(file)}' AS merged")
        found = columns.execute("SELECT format FROM merged.format").fetchall()
        if found == [(FORMAT,)]:
            return columns.execute("SELECT seq, load, content, key_id FROM merged.applied ORDER BY seq").fetchall()
    except duckdb.CatalogException:
        pass  # of another format, or a new one
    except duckdb.Error as error:
        if not is_damage(error):
            raise
        LOG.warning("The merged ledger %s cannot be read and is made again.", file)
    if columns.execute("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'merged'").fetchall()[0][0]:
        columns.execute("DETACH merged")
    _remove(file)
    columns.execute(f"ATTACH '{_quoted(file)}' AS merged")
    columns.execute("BEGIN")
    for statement in EMPTY:
        columns.execute(statement.replace("$format", str(FORMAT)))
    columns.execute("COMMIT")
    return []


def _apply(columns: duckdb.DuckDBPyConnection, loads: list[Load], done: int) -> None:
    """Merge the loads from the place ``done`` on, all or none."""
    after, first_of_all = (loads[done - 1].seq if done else 0), done == 0 and len(loads) == 1
    digits = len(loads[0].key_id) + 2

    def run(statement: str) -> None:
        columns.execute(statement.replace("$after", str(after)).replace("$digits", str(digits)))

    for statement in (*COMING, *(() if first_of_all else COMING_SIGHTINGS)):
        run(statement)
    columns.execute("BEGIN")
    try:
        for statement in MERGE_ACCOUNTS:
            run(statement)
        for statement in (f"INSERT INTO merged.sightings {CODED}",) if first_of_all else MERGE_SIGHTINGS:
            run(statement)
        for load in loads[done:]:
            told = [load.seq, load.load, load.content, load.key_id]
            columns.execute("INSERT INTO merged.applied VALUES (?, ?, ?, ?)", told)
        columns.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # a full disk has ended it already
            columns.execute("ROLLBACK")
        raise
    for table in TEMPORARY:
        columns.execute(f"DROP TABLE IF EXISTS {table}")


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")
