"""One audit chain: the form of its lines, and the file that a process writes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime

from graphrisk.api.register import CLOSED, OPEN, Register
from graphrisk.files import sync_path

LONGEST_LINE = 16 * 2**20
BEFORE_FIRST = b"0" * 64
CHAIN, END = b',"chain":"', b'"}\n'
CLOSING = b',"closed":true'
quoted = json.encoder.encode_basestring_ascii
"""A text as JSON in ASCII and without a line break, whatever it holds."""


class Links:
    """HMAC-SHA-256 under one key, as two hashes that have taken in its pads already: half the time of making it anew."""

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def after(self, before: bytes, body: bytes) -> bytes:
        """The chain value (64 hex digits) of a line with this body, after a line with the value ``before``."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(before + body)
        outer.update(inner.digest())
        return outer.hexdigest().encode()


class Chain:
    """The file that a process writes now. Holds its lock, which tells a chain that runs from one that was killed."""

    def __init__(self, register: Register, before: Chain | None) -> None:
        self._register, self._links = register, Links(register.key)
        self.head = register.announce()
        self.file = register.folder / self.head.file_name
        self.line, self.size, self.last = -1, 0, BEFORE_FIRST
        self._second, self._moment = 0, ""
        self.descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
            after = before and {"number": before.head.number, "chain": before.last.decode()}
            self.append(f'"opened":{quoted(self.file.name)},"after":{json.dumps(after, separators=(",", ":"))}')
            os.fsync(self.descriptor)
            sync_path(register.folder)
            self.write_head(OPEN, self.line, self.last)
        except OSError:  # as on a full disk, where each request would leave another file
            os.close(self.descriptor)
            self.file.unlink()
            raise

    def append(self, fields: str) -> None:
        """One line with these fields of a JSON object, whole or not at all; raises ``OSError``."""
        seconds, fraction = divmod(time.time_ns(), 1_000_000_000)
        if seconds != self._second:
            self._second, self._moment = seconds, datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
        body = f'{{"time":"{self._moment}.{fraction // 1000:06d}Z","n":{self.line + 1},{fields}'.encode()
        chain = self._links.after(self.last, body)
        line = body + CHAIN + chain + END
        if len(line) > LONGEST_LINE:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        if os.write(self.descriptor, line) != len(line):
            os.ftruncate(self.descriptor, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.line, self.size, self.last = self.line + 1, self.size + len(line), chain

    def write_head(self, state: int, line: int, last: bytes) -> None:
        self._register.write(replace(self.head, state=state, line=line, chain=bytes.fromhex(last.decode())))

    def finish(self) -> None:
        """The closing line, on disk before the register says so."""
        if self.descriptor < 0:
            return
        self.append('"closed":true')
        os.fsync(self.descriptor)
        self.write_head(CLOSED, self.line, self.last)
        os.close(self.descriptor)
        self.descriptor = -1
