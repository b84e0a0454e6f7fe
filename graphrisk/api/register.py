"""The register of audit chains: how far each chain has come, so that a cut end or a file that is gone is found.

``<home>/audit/register`` has one record of 128 bytes for each chain ever begun, by its number (1, 2, …; record 0 is of no
chain, so that an emptied register is not one that was just made). A record is replaced in place and carries an HMAC-SHA-256
under the audit key, ``<home>/api/audit.key``.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
import struct
import time
import weakref
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from graphrisk.errors import StoreError
from graphrisk.files import locked, sync_path, write_durably

ANNOUNCED, OPEN, CLOSED = range(3)
"""States of a chain: its file may not be there yet; it has lines; it has its closing line."""
_RECORD = struct.Struct(">QQQQqQ32s16x")
_RECORD_BYTES = _RECORD.size + 32
_ATTEMPTS, _PAUSE_SECONDS = 4, 0.002


@dataclass(frozen=True)
class Head:
    """What the register says of one chain.

    ``line`` is the number of the last line known of and ``chain`` its chain value (32 bytes); ``known`` is how many
    chains there were when that was written.
    """

    number: int
    opened: int
    process: int
    state: int = ANNOUNCED
    line: int = 0
    known: int = 0
    chain: bytes = bytes(32)

    @property
    def file_name(self) -> str:
        moment = datetime.fromtimestamp(self.opened, UTC)
        return f"{moment:%Y%m%dT%H%M%SZ}-{self.process}-{self.number}.ndjson"


class Register:
    """The records of one home. ``folder`` is where the chains are, ``key`` the audit key."""

    def __init__(self, folder: Path, key: bytes, writable: bool) -> None:
        self.folder, self.key = folder, key
        self.file = folder / "register"
        self._descriptor = os.open(self.file, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)

    @property
    def count(self) -> int:
        """How many records there are, with record 0; one that was cut in two does not count."""
        return os.fstat(self._descriptor).st_size // _RECORD_BYTES

    @property
    def is_cut(self) -> bool:
        return os.fstat(self._descriptor).st_size % _RECORD_BYTES != 0

    def announce(self) -> Head:
        """The next number, for a chain that this process will write; on disk when this returns."""
        with locked(_lock(self.folder)):
            head = Head(self.count, int(time.time()), os.getpid())
            self.write(head, known=head.number + 1)
            os.fsync(self._descriptor)
        return head

    def write(self, head: Head, known: int | None = None) -> None:
        """Replace the record of a chain; one write, which a killed process does or does not make."""
        record = _signed(self.key, replace(head, known=self.count if known is None else known))
        os.pwrite(self._descriptor, record, head.number * _RECORD_BYTES)

    def sync(self) -> None:
        """Make all records, and the names of the files beside them, survive a power cut."""
        os.fsync(self._descriptor)
        sync_path(self.folder)

    def read(self, number: int) -> Head | None:
        """The record of a chain; None when it was changed by anything but ``write``, or is not there."""
        for _ in range(_ATTEMPTS):
            raw = os.pread(self._descriptor, _RECORD_BYTES, number * _RECORD_BYTES)
            packed, mac = raw[: _RECORD.size], raw[_RECORD.size :]
            if hmac.compare_digest(mac, _mac(self.key, packed)):
                head = Head(*_RECORD.unpack(packed))
                return head if head.number == number else None
            time.sleep(_PAUSE_SECONDS)  # it may have been read while a worker replaced it
        return None


def open_register(home: Path) -> Register:
    """The register to write to, made with its key where neither is there yet.

    Raises ``StoreError`` when only one of them is: to begin anew would hide what was removed.
    """
    folder, key_file = home / "audit", _key_file(home)
    for each in (folder, key_file.parent):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(_lock(folder)):
        if not key_file.exists() and not _was_begun(folder):
            key = secrets.token_bytes(32)
            write_durably(folder / "register", _signed(key, Head(0, int(time.time()), 0)), mode=0o600)
            write_durably(key_file, key.hex().encode() + b"\n", mode=0o600)
        return _opened(folder, _key(key_file), writable=True)


def existing_register(home: Path) -> Register | None:
    """The register to read, or None where no audit log was ever begun. Raises ``StoreError`` as ``open_register``."""
    folder = home / "audit"
    if not _key_file(home).exists() and not _was_begun(folder):
        return None
    return _opened(folder, _key(_key_file(home)), writable=False)


def _opened(folder: Path, key: bytes, writable: bool) -> Register:
    file = folder / "register"
    if not file.exists() or file.stat().st_size < _RECORD_BYTES:
        raise StoreError(
            f"The audit register {file} is gone or empty, its key is not: somebody removed it. Restore it from a backup; to "
            f"give up the old audit log and begin a new one, move {folder} and api/audit.key away."
        )
    return Register(folder, key, writable)


def _was_begun(folder: Path) -> bool:
    """Whether there is anything that a key, if there is none, would have been needed for."""
    register = folder / "register"
    return any(folder.glob("*.ndjson")) or (register.exists() and register.stat().st_size > _RECORD_BYTES)


def _signed(key: bytes, head: Head) -> bytes:
    packed = _RECORD.pack(head.number, head.opened, head.process, head.state, head.line, head.known, head.chain)
    return packed + _mac(key, packed)


def _mac(key: bytes, packed: bytes) -> bytes:
    return hmac.digest(key, b"head" + packed, "sha256")


def _lock(folder: Path) -> Path:
    return folder / "register.lock"


def _key_file(home: Path) -> Path:
    return home / "api" / "audit.key"


def _key(file: Path) -> bytes:
    if not file.exists():
        raise StoreError(
            f"The audit key {file} is gone, and without it no chain can be checked; restore it from a backup."
        )
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise StoreError(f"The audit key {file} can be read by others; run `chmod 600 {file}`.")
    text = file.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32 or len(text) != 64:
        raise StoreError(f"The audit key {file} is not 64 hex digits; restore it from a backup.")
    return key
