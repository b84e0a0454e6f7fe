"""The ledger's Delta tables: their columns, how rows are appended durably, and recovery after a power cut.

delta-rs calls no fsync, so this module does: new data files, their folders, the log entry, the log's folder. Only
then may anybody be told. Checkpoints, without which opening a table would take longer with every load, are made here for
the same reason: a torn one would hide the whole table.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, write_deltalake
from deltalake.exceptions import DeltaError

from graphrisk.errors import StoreError
from graphrisk.files import sync_path, write_durably

_TIME = pa.timestamp("us", "UTC")

SCHEMAS: dict[str, pa.Schema] = {
    "accounts": pa.schema(
        [
            ("account_id", pa.string()),
            ("created_at", _TIME),
            ("status", pa.string()),
            ("marketplace", pa.string()),
            ("load", pa.string()),
        ]
    ),
    "sightings": pa.schema(
        [
            ("account_id", pa.string()),
            ("kind", pa.string()),
            ("token", pa.string()),
            ("network", pa.string()),
            ("hint", pa.string()),
            ("week", pa.int32()),
            ("first_seen", _TIME),
            ("last_seen", _TIME),
            ("count", pa.int64()),
            ("load", pa.string()),
        ]
    ),
    "labels": pa.schema(
        [
            ("account_id", pa.string()),
            ("label", pa.string()),
            ("labelled_at", _TIME),
            ("source", pa.string()),
            ("load", pa.string()),
        ]
    ),
    "loads": pa.schema(
        [
            ("seq", pa.int64()),
            ("load", pa.string()),
            ("accepted_at", _TIME),
            ("content", pa.string()),
            ("key_id", pa.string()),
            ("accounts", pa.int64()),
            ("sightings", pa.int64()),
            ("labels", pa.int64()),
            ("report", pa.string()),
        ]
    ),
}
"""Columns of each table; ``load`` names the load that brought the row, ``seq`` orders the accepted loads."""

FACTS = ("accounts", "sightings", "labels")
PARTITIONS = {"sightings": ["kind"]}
COMMITS_A_CHECKPOINT = 32
HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)


def create_tables(folder: Path) -> None:
    """Make the tables of a new ledger, ``loads`` last. The caller holds the ledger's lock."""
    check_tables(folder)
    for table, schema in SCHEMAS.items():
        path = folder / table
        if not _commits(path):
            columns: Any = schema
            DeltaTable.create(path, columns, partition_by=PARTITIONS.get(table))
            sync_commits(path, -1)
    sync_path(folder)


def check_tables(folder: Path) -> None:
    """Raises ``StoreError`` when a table is missing from a ledger that was ever used: it must not seem to be empty."""
    commits = {table: _commits(folder / table) for table in SCHEMAS}
    missing = [table for table, count in commits.items() if not count]
    if missing and (commits["loads"] or any(count > 1 for count in commits.values())):
        raise StoreError(f"The ledger table {folder / missing[0]} is missing; restore it from a backup.")


def _commits(path: Path) -> int:
    return sum(1 for _ in (path / "_delta_log").glob("*.json"))


def open_table(folder: Path, table: str) -> DeltaTable:
    """A table at its newest version. Raises ``StoreError`` when it is missing or damaged."""
    for again in (True, False):
        try:
            return DeltaTable(folder / table)
        except (DeltaError, OSError) as error:
            if not (again and set_aside_torn_commits(folder)):
                raise StoreError(
                    f"The ledger table {folder / table} cannot be opened ({type(error).__name__}); restore it from a backup."
                ) from error
    raise AssertionError("unreachable")


def files_of(opened: DeltaTable) -> list[str]:
    """The paths of the files that have the rows of a table."""
    return [unquote(uri) for uri in opened.file_uris()]


def append(folder: Path, table: str, rows: Any, load: str) -> None:
    """Append Arrow rows to a table and make them durable; they stay invisible until ``loads`` names the load."""
    path = folder / table
    before = open_table(folder, table).version()
    write_deltalake(
        path,
        rows,
        mode="append",
        commit_properties=CommitProperties(custom_metadata={"load": load}),
        post_commithook_properties=HOOKS,
    )
    sync_commits(path, before)


def replace_rows(folder: Path, table: str, rows: Any) -> None:
    """Put Arrow rows in the place of all rows of a table, in one durable commit."""
    path = folder / table
    before = open_table(folder, table).version()
    write_deltalake(path, rows, mode="overwrite", post_commithook_properties=HOOKS)
    sync_commits(path, before)


def forget_history(folder: Path, table: str) -> None:
    """Leave nothing on disk of a table but its rows of now: no file that was replaced, no earlier log entry.

    Log entries tell least and greatest values, and what was deleted. The caller sees to it that nobody writes to the
    table or reads an earlier version of it. Killed at any moment, the table is whole and this can be done again.
    """
    path = folder / table
    last, checkpoints = _checkpoint(path)
    # Where there is a log entry there is a table, for all who look.
    entry = {"commitInfo": {"timestamp": time.time_ns() // 1_000_000, "operation": "FORGET HISTORY"}}
    write_durably(path / "_delta_log" / f"{last + 1:020d}.json", json.dumps(entry).encode())
    kept = {file.name for file in checkpoints} | {"_last_checkpoint"}
    for file in (path / "_delta_log").iterdir():
        if file.is_file() and file.name not in kept and not _is_after(file, last):
            file.unlink()
    open_table(folder, table).vacuum(
        retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True, post_commithook_properties=HOOKS
    )
    for file in sorted(path.rglob("*")):
        if file.is_dir():
            sync_path(file)
    sync_path(path)


def _is_after(entry: Path, version: int) -> bool:
    return entry.suffix == ".json" and entry.stem.isdigit() and int(entry.stem) > version


def sync_commits(path: Path, after: int) -> None:
    """fsync all that the table's commits after version ``after`` added: data files, log entries, their folders.

    A checkpoint follows every so many commits, once what it stands for is on the disk.
    """
    folders, newest = {path, path / "_delta_log"}, after
    for entry, actions in _entries(path, after):
        for action in actions:
            if "add" in action:
                file = path / action["add"]["path"]
                if file.exists():
                    sync_path(file)
                    folders.add(file.parent)
        sync_path(entry)
        newest = int(entry.stem)
    for folder in sorted(folders):
        sync_path(folder)
    if newest // COMMITS_A_CHECKPOINT > after // COMMITS_A_CHECKPOINT and after >= 0:
        _checkpoint(path, newest)


def _checkpoint(path: Path, version: int | None = None) -> tuple[int, list[Path]]:
    """Make a checkpoint of a table (of a version that is on the disk, where others write) durably: its version and files.
    Whoever opens the table reads no entry before it."""
    table = open_table(path.parent, path.name)
    if version is not None and table.version() != version:
        table.load_as_version(version)
    table.create_checkpoint()
    log = path / "_delta_log"
    files = sorted(log.glob(f"{table.version():020d}.checkpoint*.parquet"))
    for file in (*files, log / "_last_checkpoint", log):
        sync_path(file)
    return table.version(), files


def set_aside_torn_commits(folder: Path) -> bool:
    """Move away a last log entry that a power cut left half written; such a commit was never acknowledged.

    Returns whether there was one. Commits appear whole, so that a half one is never one in the making.
    """
    found = False
    for table in SCHEMAS:
        entries = sorted((folder / table / "_delta_log").glob("*.json"))
        if entries and not _is_whole(entries[-1]):
            entries[-1].rename(entries[-1].with_suffix(".torn"))
            found = True
        found |= _set_aside_torn_checkpoint(folder / table / "_delta_log")
    return found


def _set_aside_torn_checkpoint(log: Path) -> bool:
    """The same for the last checkpoint; the log entries that it stands for are there until it is on the disk."""
    last = max(log.glob("*.checkpoint*.parquet"), default=None)
    if last is None or _is_readable(last):
        return False
    last.rename(last.with_suffix(".torn"))
    (log / "_last_checkpoint").unlink(missing_ok=True)
    return True


def _is_readable(checkpoint: Path) -> bool:
    try:
        pq.read_table(checkpoint)
    except (pa.ArrowException, OSError):
        return False
    return True


def _is_whole(entry: Path) -> bool:
    try:
        lines = entry.read_text().splitlines()
        return bool(lines) and all(json.loads(line) for line in lines)
    except ValueError:
        return False


def _entries(path: Path, after: int) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    for entry in sorted((path / "_delta_log").glob("*.json")):
        if entry.stem.isdigit() and int(entry.stem) > after:
            yield entry, [json.loads(line) for line in entry.read_text().splitlines()]
