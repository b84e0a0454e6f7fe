"""Keyed tokens: what the ledger keeps instead of a raw value.

A token is ``<key id>:<32 hex digits>``: HMAC-SHA-256 (RFC 2104) of the canonical value under the key of its kind,
cut to 128 bits, the least that section 5 of the RFC allows. The key of a kind is HMAC-SHA-256(master key, kind).

Each rotation adds a master key, which does the same to the digits that the keys before it gave: so tokens go on to the
new keys without their values, and a value that comes later gets the same token.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import stat
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from graphrisk.errors import SettingsError
from graphrisk.files import sync_path, write_durably

ENVIRONMENT = "GRAPHRISK_TOKEN_KEY"
_BLOCK = 64


@dataclass(frozen=True, repr=False)
class TokenKey:
    """The first master key, the public id of all of them (8 hex digits, not reversible), and the keys of rotations."""

    key: bytes
    key_id: str
    rotations: tuple[bytes, ...] = ()

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The master keys in the order in which they are applied."""
        return (self.key, *self.rotations)

    def pads(self, kind: str) -> list[tuple[bytes, bytes]]:
        """The inner and the outer padded key of a kind (64 bytes each) under each master key, for HMAC as two hashes."""
        keys = [_of(key, kind).ljust(_BLOCK, b"\0") for key in self.chain]
        return [(bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)) for key in keys]

    def token(self, kind: str, canonical: str) -> str:
        """The token of one canonical value."""
        return f"{self.key_id}:{_digits(self.chain, kind, canonical)}"

    def rotated(self, kind: str, token: str) -> str:
        """The token that a token of earlier keys becomes. Raises ``SettingsError`` when these keys do not follow those."""
        key_id, _, digits = token.partition(":")
        return f"{self.key_id}:{_digits(self.chain[self.links_of(key_id) :], kind, digits)}"

    def links_of(self, key_id: str) -> int:
        """How many of the master keys made the tokens with this key id, the first of them counted as 1.

        Raises ``SettingsError`` when no beginning of them did.
        """
        for links in range(1, len(self.chain) + 1):
            if _key_id(self.chain[:links]) == key_id:
                return links
        raise SettingsError(
            f"The ledger's tokens were made with key {key_id}, and no beginning of this key made them; give the key that "
            f"did (token.key in the home folder, or {ENVIRONMENT})."
        )


def hmac_sql(text: str, kind: str, links: range) -> str:
    """SQL for the 32 digits that the master keys ``links`` give to a text, with parameters as ``hmac_parameters`` names them."""
    for link in links:
        inner = f"unhex(sha256($inner_{link}_{kind}::BLOB || encode({text})))"
        text = f"left(sha256($outer_{link}_{kind}::BLOB || {inner}), 32)"
    return text


def hmac_parameters(key: TokenKey, kinds: Iterable[str], first: int = 0) -> dict[str, bytes | str]:
    """What ``hmac_sql`` is bound to, for the master keys from ``first`` on."""
    bound: dict[str, bytes | str] = {}
    for kind in kinds:
        for link, (inner, outer) in enumerate(key.pads(kind)):
            if link >= first:
                bound[f"inner_{link}_{kind}"], bound[f"outer_{link}_{kind}"] = inner, outer
    return bound


def token_key(home: Path) -> TokenKey:
    """The key given by the environment, or the one in ``home/token.key``, which is made when it is missing.

    Raises ``SettingsError`` when it is not 64 hex digits for each master key or the file can be read by others.
    """
    given = os.environ.get(ENVIRONMENT)
    if given is not None:
        return _parsed(given, f"The environment variable {ENVIRONMENT}")
    path = _key_file(home)
    if not path.exists():
        _create(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsError(f"The token key {path} can be read by others; run `chmod 600 {path}`.")
    return _parsed(path.read_text(encoding="ascii", errors="replace").strip(), f"The token key {path}")


def add_master_key(home: Path) -> TokenKey:
    """Add a new master key to ``home/token.key``, durably, and return the key with it.

    Raises ``SettingsError`` when the key comes from the environment, which only whoever sets it can change.
    """
    key = token_key(home)
    if os.environ.get(ENVIRONMENT) is not None:
        raise SettingsError(
            f"The token key comes from {ENVIRONMENT}: set it to what it is, a comma and 64 new hex digits "
            "(`openssl rand -hex 32`), wherever it is set, then run `graphrisk keys rotate-tokens` again."
        )
    longer = _key_of((*key.chain, secrets.token_bytes(32)))
    text = "\n".join(each.hex() for each in longer.chain) + "\n"
    write_durably(_key_file(home), text.encode(), 0o600)
    return longer


def _key_file(home: Path) -> Path:
    return home / "token.key"


def _parsed(text: str, where: str) -> TokenKey:
    words = re.split(r"[\s,]+", text)
    if not all(re.fullmatch(r"[0-9A-Fa-f]{64}", word) for word in words):
        raise SettingsError(
            f"{where} is not 64 hex digits (or several such, with a comma between); restore it, since other tokens would "
            "link to nothing."
        )
    return _key_of(tuple(bytes.fromhex(word) for word in words))


def _key_of(chain: tuple[bytes, ...]) -> TokenKey:
    return TokenKey(chain[0], _key_id(chain), chain[1:])


def _key_id(chain: tuple[bytes, ...]) -> str:
    return hashlib.sha256(b"graphrisk key id" + b"".join(chain)).hexdigest()[:8]


def _of(key: bytes, kind: str) -> bytes:
    return hmac.new(key, f"graphrisk token key of {kind}".encode(), hashlib.sha256).digest()


def _digits(keys: tuple[bytes, ...], kind: str, text: str) -> str:
    for key in keys:
        text = hmac.new(_of(key, kind), text.encode(), hashlib.sha256).hexdigest()[:32]
    return text


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
