"""Tombstones: which accounts were erased, as keyed hashes, so that no file brings them back and no file names them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from graphrisk.errors import StoreError
from graphrisk.files import write_durably
from graphrisk.sources.tokens import TokenKey

ERASED_ACCOUNT = "erased_account"
"""The kind under whose keys an account id becomes a tombstone."""


def tombstone(key: TokenKey, account_id: str) -> str:
    """What is kept of an erased account: ``<key id>:<32 hex digits>``, which only the holder of the token key can make."""
    return key.token(ERASED_ACCOUNT, account_id)


def read_tombstones(home: Path) -> list[str]:
    """The tombstones of a home, sorted. Raises ``StoreError`` when the file is damaged: erased accounts would come back."""
    path = _path(home)
    try:
        found = json.loads(path.read_text())["tombstones"]
        if all(isinstance(each, str) for each in found):
            return found
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise StoreError(
        f"The tombstones {path} are damaged; restore them from a backup, or erased accounts would come back."
    )


def write_tombstones(home: Path, tombstones: Iterable[str]) -> None:
    """Replace the tombstones of a home, durably."""
    _path(home).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_durably(_path(home), json.dumps({"tombstones": sorted(tombstones)}, indent=1).encode(), 0o600)


def _path(home: Path) -> Path:
    return home / "erasures" / "tombstones.json"
