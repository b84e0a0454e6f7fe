"""Files that other processes may touch and that a power cut must not tear: locks, fsync, atomic replacement."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold the advisory lock of ``path``, waiting for it; a killed process lets go of it by itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class BusyError(Exception):
    """Somebody else holds a lock; the text says which process, and since when."""


@contextmanager
def only_one(path: Path, waits: bool = False) -> Generator[None]:
    """Hold the advisory lock of ``path``, and say in it who does; when it is held, raises ``BusyError`` at once, or ``waits``.

    A killed process lets go of it by itself.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except BlockingIOError:
            raise BusyError(_told_of(path.read_text())) from None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        handle.truncate(0)
        handle.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now}))
        handle.flush()
        yield


def _told_of(owner: str) -> str:
    try:
        told = json.loads(owner)
        age = datetime.now(UTC) - datetime.fromisoformat(told["since"])
        return f"process {told['pid']} on {told['host']} since {told['since']} ({age.total_seconds() / 60:.0f} min)"
    except (ValueError, KeyError, TypeError):
        return "a process that has just begun"


def is_abandoned(path: Path) -> bool:
    """Whether nobody holds the lock file ``path``, or it was never made."""
    try:
        with path.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except FileNotFoundError:
        return True
    except OSError:
        return False


def sync_path(path: Path) -> None:
    """fsync a file or a folder, so that it survives a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace ``path`` by ``content`` in one atomic step that survives a power loss."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_path(path.parent)


def sweep_unfinished(folder: Path, name: str = "*") -> None:
    """Remove what ``write_durably`` left beside the files of that name (by default, all of the folder) when it was killed.

    The caller holds off whoever else writes them.
    """
    for path in folder.glob(f".{name}.*"):
        path.unlink(missing_ok=True)
