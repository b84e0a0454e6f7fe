"""The record of an erasure: begun with its tombstones, finished as a certificate; nothing in it names an account."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from graphrisk.files import write_durably


@dataclass
class Record:
    """One file ``erasures/erasure_….json`` of a home."""

    path: Path
    content: dict[str, Any]

    def add(self, name: str, values: list[str]) -> None:
        """Remember, durably, ids of loads or runs that are about to change or go."""
        known: list[str] = self.content[name]
        self.content[name] = [*known, *(each for each in values if each not in known)]
        self._write()

    def finish(self, figures: dict[str, Any], ledger_digest: str, left: bool) -> dict[str, Any]:
        """Add figures and the digest of the ledger; returns the certificate.

        With something left it stays begun, and the same erasure goes on with it.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        before: dict[str, Any] = self.content["removed"]
        counted = {name: before.get(name, 0) + count for name, count in figures.items() if isinstance(count, int)}
        told = {name: value for name, value in figures.items() if not isinstance(value, int)}
        self.content |= {"removed": {**before, **counted}, **told}
        self.content |= {
            "finished_at": None if left else now,
            "ledger_digest": ledger_digest,
            "graphrisk": version("graphrisk"),
        }
        self._write()
        return self.content

    def _write(self) -> None:
        write_durably(self.path, json.dumps(self.content, indent=1, ensure_ascii=False).encode(), 0o600)


def begin_record(home: Path, tombstones: list[str], reason: str | None, rows: dict[str, int]) -> Record:
    """The record of an erasure: a new one, or the one of these accounts that was begun and not finished.

    ``rows`` are counted before anything is removed, so those of the first beginning hold.
    """
    folder = home / "erasures"
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in sorted(folder.glob("erasure_*.json")):
        content = json.loads(path.read_text())
        if content["finished_at"] is None and content["tombstones"] == tombstones:
            before = content["removed"]
            content["removed"] = {**before, **{table: max(count, before[table]) for table, count in rows.items()}}
            return Record(path, content)
    now = datetime.now(UTC)
    name = f"erasure_{now:%Y%m%dT%H%M%SZ}_{secrets.token_hex(4)}"
    content = {
        "erasure": name,
        "begun_at": now.isoformat(timespec="seconds"),
        "finished_at": None,
        "reason": reason,
        "accounts": len(tombstones),
        "tombstones": tombstones,
        "removed": rows,
        "loads": [],
        "published": [],
        "runs": [],
    }
    record = Record(folder / f"{name}.json", content)
    record.add("loads", [])
    return record
