"""The ledger as one thing: accept a load, list loads, sweep what was never accepted, compact."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError

from graphrisk.errors import SettingsError, StoreError
from graphrisk.files import locked
from graphrisk.ledger.tables import (
    FACTS,
    HOOKS,
    SCHEMAS,
    append,
    check_tables,
    create_tables,
    files_of,
    forget_history,
    open_table,
    set_aside_torn_commits,
    sync_commits,
)

ROWS_AT_ONCE = 122_880
KEEP_REPLACED_HOURS = 168


@dataclass(frozen=True)
class Load:
    """An accepted load: its place in the order of acceptance, its rows by table, and the digest of its content."""

    seq: int
    load: str
    accepted_at: datetime
    content: str
    key_id: str
    accounts: int
    sightings: int
    labels: int
    report: str

    @property
    def rows(self) -> int:
        return self.accounts + self.sightings + self.labels


class Ledger:
    """The tables in one folder. Readers need no lock; acceptance is serialised by a lock that dies with its holder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: tuple[int, list[Load]] | None = None

    def open(self) -> Ledger:
        """Make the tables if need be and set aside what a power cut tore; returns the ledger."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock():
                set_aside_torn_commits(self.folder)
                create_tables(self.folder)
        except OSError as error:
            raise StoreError(
                f"The ledger {self.folder} cannot be written: {error.strerror or error}; free space or permit it."
            ) from error
        return self

    @property
    def exists(self) -> bool:
        return any((self.folder / "loads" / "_delta_log").glob("*.json"))

    def loads(self, as_of: datetime | None = None) -> list[Load]:
        """Accepted loads in the order of acceptance, up to ``as_of``."""
        check_tables(self.folder)
        if not self.exists:
            return []
        opened = open_table(self.folder, "loads")
        if self._read is None or self._read[0] != opened.version():
            self._read = (opened.version(), self._loads_in(files_of(opened)))
        loads = self._read[1]
        return [load for load in loads if as_of is None or load.accepted_at <= as_of]

    def _loads_in(self, files: list[str]) -> list[Load]:
        # Not by the dataset of delta-rs: a process that ended soon after was aborted by a thread of its reader now and then.
        try:
            tables = [pq.ParquetFile(file).read() for file in files]
        except (OSError, pa.ArrowException) as error:
            raise StoreError(
                f"The ledger table {self.folder / 'loads'} cannot be read ({_short(error)}); restore it from a backup."
            ) from error
        return sorted((Load(**row) for table in tables for row in table.to_pylist()), key=lambda load: load.seq)

    def known(self, content: str) -> Load | None:
        """The accepted load that had this very content, if any."""
        return next((load for load in self.loads() if load.content == content), None)

    def check_key(self, key_id: str) -> None:
        """Raises ``SettingsError`` when the ledger's tokens were made with another key: nothing would link to them."""
        other = next((load.key_id for load in self.loads() if load.key_id != key_id), None)
        if other:
            raise SettingsError(
                f"The ledger's tokens were made with key {other}, this key is {key_id}; give the key that made them "
                "(token.key in the home folder, or GRAPHRISK_TOKEN_KEY), or end a rotation with "
                "`graphrisk keys rotate-tokens`."
            )

    def accept(
        self, columns: duckdb.DuckDBPyConnection, load: str, content: str, key_id: str, report: dict[str, object]
    ) -> tuple[Load, bool]:
        """Append the connection's tables ``accounts``, ``sightings`` and ``labels`` as one load, durably.

        Returns the load and whether it is new: content that was accepted before gives that load, and no change.
        """
        try:
            counts = {table: self._append(columns, table, load) for table in FACTS}
            with self._lock():
                if earlier := self.known(content):
                    return earlier, False
                loads = self.loads()
                now = datetime.now(UTC)
                moment = max(now, loads[-1].accepted_at + timedelta(microseconds=1)) if loads else now
                seq = loads[-1].seq + 1 if loads else 1
                text = json.dumps({**report, "seq": seq, "accepted_at": moment.isoformat()}, ensure_ascii=False)
                accepted = Load(seq, load, moment, content, key_id, **counts, report=text)
                append(self.folder, "loads", pa.Table.from_pylist([asdict(accepted)], schema=SCHEMAS["loads"]), load)
                return accepted, True
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise StoreError(
                f"The ledger {self.folder} could not be written ({_short(error)}); nothing was accepted: free space, then load again."
            ) from error

    def sweep(self, load: str) -> None:
        """Drop the rows of a load that was never accepted and whose process is gone."""
        for table in FACTS:
            before = open_table(self.folder, table).version()
            open_table(self.folder, table).delete(f"load = '{load}'", post_commithook_properties=HOOKS)
            sync_commits(self.folder / table, before)

    def compact(self) -> dict[str, int]:
        """Rewrite small files into large ones; files that were replaced stay a week for readers. Table → files saved."""
        with self.rewriting():
            return {table: self._compact(table) for table in SCHEMAS}

    def _compact(self, table: str) -> int:
        before = open_table(self.folder, table)
        files = len(before.file_uris())
        before.optimize.compact(post_commithook_properties=HOOKS)
        sync_commits(self.folder / table, before.version() - 1)
        after = open_table(self.folder, table)
        after.vacuum(retention_hours=KEEP_REPLACED_HOURS, dry_run=False, full=True, post_commithook_properties=HOOKS)
        return files - len(after.file_uris())

    def forget_history(self) -> None:
        """Leave nothing on disk but the rows of now; nobody may load, compact, or read an earlier version meanwhile."""
        for table in SCHEMAS:
            forget_history(self.folder, table)

    @contextmanager
    def rewriting(self) -> Generator[None]:
        """Hold off whoever else rewrites files of the ledger."""
        with locked(self.folder / "rewrite.lock"):
            yield

    def _append(self, columns: duckdb.DuckDBPyConnection, table: str, load: str) -> int:
        rows: int = columns.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
        if rows:
            names = ", ".join(name for name in SCHEMAS[table].names if name != "load")
            stream = columns.sql(f"SELECT {names}, '{load}' AS load FROM {table}").to_arrow_reader(ROWS_AT_ONCE)
            append(self.folder, table, stream, load)
        return rows

    @contextmanager
    def _lock(self) -> Generator[None]:
        with locked(self.folder / "commit.lock"):
            yield


def _short(error: BaseException) -> str:
    text = str(error).lower()
    return "the disk is full" if "no space left" in text or "os error 28" in text else type(error).__name__
