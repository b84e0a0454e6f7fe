"""API keys: who may ask what, how often and until when. The secret of a key is never stored, only its SHA-256.

A key reads ``gr_<prefix>_<secret>``: 8 hex digits that name it everywhere, and 256 random bits. Such a secret cannot
be guessed from its digest, so a slow hash, which passwords need, would only make each request slow.

To rotate a key, create a second one (it may have the same name), let the caller switch to it, then revoke the first:
both are good in between. A name is a note for people; the prefix decides.

The keys are in ``<home>/api/keys.json`` (mode 0600), which is replaced whole, under a lock, before a command answers.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graphrisk.errors import NotFoundError, SettingsError, StoreError
from graphrisk.files import locked, write_durably
from graphrisk.logs import LOG

SCOPES = ("scores:read", "rings:read", "signals:read", "ops:read", "assess")
DEFAULT_RATE = 100
HIGHEST_RATE = 1_000_000
LONGEST_NAME = 100
SECONDS_BETWEEN_LOOKS = 1.0
_FORMAT = 1
_START, _PREFIX_BYTES, _SECRET_BYTES = "gr_", 4, 32
_PREFIX_AT = slice(len(_START), len(_START) + 2 * _PREFIX_BYTES)


@dataclass(frozen=True)
class Key:
    """A key without its secret. ``rate`` is requests a second; times are in UTC."""

    prefix: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    rate: int

    def state(self, now: float | None = None) -> str:
        """``live``, ``expired`` or ``revoked`` at ``now`` (seconds since 1970; None: at this moment)."""
        if self.revoked_at is not None:
            return "revoked"
        return "live" if (time.time() if now is None else now) < _end(self) else "expired"


@dataclass(frozen=True)
class _Held:
    """A key, the digest of its text, and the second it ends at; ``key`` is None where nobody has the prefix."""

    key: Key | None
    digest: bytes
    end: float


_NOBODY = _Held(None, secrets.token_bytes(32), float("-inf"))


def create_key(
    home: Path, name: str, scopes: Collection[str], expires_at: datetime | None = None, rate: int = DEFAULT_RATE
) -> tuple[Key, str]:
    """A new key and its text, which nobody can show again.

    Raises ``SettingsError`` for a name, a scope, an expiry or a rate that cannot be, ``StoreError`` when the file of
    keys is damaged.
    """
    created = datetime.now(UTC)
    _check(name, scopes, expires_at, rate, created)
    with _changing(home) as held:
        prefix = secrets.token_hex(_PREFIX_BYTES)
        while prefix in held:
            prefix = secrets.token_hex(_PREFIX_BYTES)
        text = f"{_START}{prefix}_{secrets.token_hex(_SECRET_BYTES)}"
        key = Key(prefix, name, frozenset(scopes), created, expires_at and expires_at.astimezone(UTC), None, rate)
        held[prefix] = _Held(key, _digest(text), _end(key))
    return key, text


def list_keys(home: Path) -> list[Key]:
    """Every key ever created, oldest first. Raises ``StoreError`` when the file of keys is damaged."""
    return [each.key for each in _read(_file(home)).values() if each.key]


def revoke_key(home: Path, prefix: str) -> Key:
    """End a key for good; one that is revoked keeps its first time.

    Raises ``NotFoundError`` for a prefix that no key has, ``StoreError`` when the file of keys is damaged.
    """
    with _changing(home) as held:
        found = held.get(prefix, _NOBODY)
        if found.key is None:
            # Whoever pastes a whole key here must not find its secret in what was logged.
            named = prefix if len(prefix) <= 2 * _PREFIX_BYTES else f"{prefix[: 2 * _PREFIX_BYTES]}…"
            raise NotFoundError(f"No key has the prefix {named!r}; `graphrisk keys list` shows the prefixes.")
        revoked = replace(found.key, revoked_at=found.key.revoked_at or datetime.now(UTC))
        held[prefix] = _Held(revoked, found.digest, _end(revoked))
    return revoked


class Keyring:
    """What a worker holds: answers who presented a key, in a few microseconds.

    A key that is created or revoked is seen within a second. While the file of keys is damaged or cannot be read
    nobody is let in, and the log says so.
    """

    def __init__(self, home: Path) -> None:
        self._file = _file(home)
        self._hold({})
        self._seen: object = None
        self._next_look = float("-inf")

    def find(self, presented: str, now: float | None = None) -> Key | None:
        """The live key with this text, or None: unknown, malformed, revoked and expired are not told apart.

        ``now`` is in seconds since 1970 (None: this moment).
        """
        if time.monotonic() >= self._next_look:
            self._look()
        # The digest covers the whole text, so that its form needs no check whose time could tell something.
        held = self._held.get(presented[_PREFIX_AT], _NOBODY)
        same = hmac.compare_digest(_digest(presented), held.digest)
        return held.key if same and (time.time() if now is None else now) < held.end else None

    def find_sent(self, header: bytes) -> Key | None:
        """The live key that a header ``Authorization: Bearer …`` presents, or None."""
        if time.monotonic() >= self._next_look:
            self._look()
        held = self._admitted.get(header)
        if held is not None:
            return held.key if time.time() < held.end else None
        word, _, text = header.decode("latin-1").partition(" ")
        key = self.find(text.strip()) if word.lower() == "bearer" else None
        # Only the plain spelling is kept, so that a key has one entry however often it is spelled otherwise.
        if key is not None and header == b"Bearer " + text.encode("latin-1").strip():
            self._admitted[header] = self._held[key.prefix]
        return key

    def any_key(self) -> bool:
        """Whether somebody could be let in: there is a key that is live now."""
        if time.monotonic() >= self._next_look:
            self._look()
        return any(time.time() < each.end for each in self._held.values())

    def _look(self) -> None:
        self._next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS
        seen: object = None
        try:
            state = self._file.stat()
            seen = (state.st_ino, state.st_size, state.st_ctime_ns)
            if seen != self._seen:
                self._hold(_read(self._file))
        except FileNotFoundError:
            self._hold({})
        except StoreError as error:
            self._refuse(error, seen)
        except OSError as error:  # looked at again, since the file itself may be whole
            seen = str(error)
            self._refuse(error, seen)
        self._seen = seen

    def _hold(self, held: dict[str, _Held]) -> None:
        self._held = held
        # Headers that were found good. A dictionary compares their bytes only after a keyed hash of all of them is
        # equal, so that its time says nothing of how much of a guess was right.
        self._admitted: dict[bytes, _Held] = {}

    def _refuse(self, error: Exception, seen: object) -> None:
        self._hold({})
        if seen != self._seen:
            LOG.error("Every request is refused: %s", error)


def _file(home: Path) -> Path:
    return home / "api" / "keys.json"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _end(key: Key) -> float:
    """The second from which the key is no longer good."""
    if key.revoked_at is not None:
        return float("-inf")
    return key.expires_at.timestamp() if key.expires_at else float("inf")


def _check(name: str, scopes: Collection[str], expires_at: datetime | None, rate: int, now: datetime) -> None:
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise SettingsError(f"The name {name[:LONGEST_NAME]!r} is not 1 to {LONGEST_NAME} printable characters.")
    wrong = sorted(set(scopes) - set(SCOPES))
    if wrong or not scopes:
        what = f"{wrong[0]!r} is no scope" if wrong else "A key needs a scope"
        raise SettingsError(f"{what}; the scopes are {', '.join(SCOPES)}.")
    if not 1 <= rate <= HIGHEST_RATE:
        raise SettingsError(f"The rate {rate:,} is not 1 to {HIGHEST_RATE:,} requests a second.")
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= now):
        raise SettingsError(f"The key would expire at {expires_at.isoformat()}; give a time to come, with its zone.")


@contextmanager
def _changing(home: Path) -> Generator[dict[str, _Held]]:
    """The keys, to be changed: what the block leaves is on disk when it ends, and nothing is when it raises."""
    file = _file(home)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(file.with_name("keys.lock")):
        for left in file.parent.glob(f".{file.name}.*"):  # of a process that was killed as it wrote
            left.unlink()
        held = _read(file)
        yield held
        document = {"format": _FORMAT, "keys": [_written(each.key, each.digest) for each in held.values() if each.key]}
        write_durably(file, json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n", mode=0o600)


def _written(key: Key, digest: bytes) -> dict[str, Any]:
    times = {name: getattr(key, name) for name in ("created_at", "expires_at", "revoked_at")}
    return {
        "prefix": key.prefix,
        "name": key.name,
        "scopes": sorted(key.scopes),
        **{name: moment and moment.isoformat() for name, moment in times.items()},
        "rate": key.rate,
        "sha256": digest.hex(),
    }


def _read(file: Path) -> dict[str, _Held]:
    try:
        with file.open("rb") as handle:
            mode, raw = os.fstat(handle.fileno()).st_mode, handle.read()
    except FileNotFoundError:
        return {}
    if stat.S_IMODE(mode) & 0o077:
        raise StoreError(f"The keys in {file} can be read or changed by others; run `chmod 600 {file}`.")
    try:
        document = json.loads(raw)
        if document["format"] != _FORMAT:
            raise StoreError(
                f"{file} has format {document['format']!r}, this graphrisk knows {_FORMAT}; update graphrisk."
            )
        held = {each["prefix"]: _parsed(each) for each in document["keys"]}
        if len(held) != len(document["keys"]):
            raise ValueError("one prefix twice")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(
            f"{file} is damaged; restore it from a backup, or move it away and create new keys."
        ) from error
    return held


def _parsed(row: dict[str, Any]) -> _Held:
    """A key as the file has it; raises where anything is not as it was written, since a guess could let somebody in."""
    times = {
        name: None if row[name] is None else datetime.fromisoformat(row[name])
        for name in ("created_at", "expires_at", "revoked_at")
    }
    created = times["created_at"]
    digest, scopes = bytes.fromhex(row["sha256"]), frozenset[str](row["scopes"])
    texts = [row["prefix"], row["name"]]
    if created is None or any(each is not None and each.tzinfo is None for each in times.values()):
        raise ValueError("a time")
    if len(digest) != 32 or not scopes <= set(SCOPES) or type(row["rate"]) is not int or row["rate"] < 1:
        raise ValueError("a digest, a scope or a rate")
    if any(type(each) is not str for each in texts) or len(row["prefix"]) != 2 * _PREFIX_BYTES:
        raise ValueError("a prefix or a name")
    key = Key(row["prefix"], row["name"], scopes, created, times["expires_at"], times["revoked_at"], row["rate"])
    return _Held(key, digest, _end(key))
