"""Keyed tokens: what the ledger keeps instead of a raw value.

A token is ``<key id>:<32 hex digits>``: HMAC-SHA-256 (RFC 2104) of the canonical value under the key of its kind,
cut to 128 bits, the least that section 5 of the RFC allows. The key of a kind is HMAC-SHA-256(master key, kind).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import uuid
from dataclasses import dataclass
from pathlib import Path

from graphrisk.errors import SettingsError
from graphrisk.files import sync_path

ENVIRONMENT = "GRAPHRISK_TOKEN_KEY"
_BLOCK = 64


@dataclass(frozen=True, repr=False)
class TokenKey:
    """The master key and its public id (8 hex digits, not reversible)."""

    key: bytes
    key_id: str

    def pads(self, kind: str) -> tuple[bytes, bytes]:
        """The inner and the outer padded key of a kind (64 bytes each), for HMAC written as two plain hashes."""
        key = self._of(kind).ljust(_BLOCK, b"\0")
        return bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)

    def token(self, kind: str, canonical: str) -> str:
        """The token of one canonical value."""
        digest = hmac.new(self._of(kind), canonical.encode(), hashlib.sha256).hexdigest()
        return f"{self.key_id}:{digest[:32]}"

    def _of(self, kind: str) -> bytes:
        return hmac.new(self.key, f"graphrisk token key of {kind}".encode(), hashlib.sha256).digest()


def token_key(home: Path) -> TokenKey:
    """The key given by the environment, or the one in ``home/token.key``, which is made when it is missing.

    Raises ``SettingsError`` when the key is not 64 hex digits or the file can be read by others.
    """
    given = os.environ.get(ENVIRONMENT)
    if given is not None:
        return _parsed(given, f"The environment variable {ENVIRONMENT}")
    path = home / "token.key"
    if not path.exists():
        _create(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsError(f"The token key {path} can be read by others; run `chmod 600 {path}`.")
    return _parsed(path.read_text(encoding="ascii", errors="replace").strip(), f"The token key {path}")


def _parsed(text: str, where: str) -> TokenKey:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32 or len(text) != 64:
        raise SettingsError(f"{where} is not 64 hex digits; restore it, since other tokens would link to nothing.")
    return TokenKey(key, hashlib.sha256(b"graphrisk key id" + key).hexdigest()[:8])


def _create(path: Path) -> None:
    """Make the file whole or not at all; of two processes at once, one key wins for both."""
    temporary = path.with_name(f".token.{uuid.uuid4().hex[:8]}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secrets.token_hex(32) + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)
    temporary.unlink()
    sync_path(path.parent)
