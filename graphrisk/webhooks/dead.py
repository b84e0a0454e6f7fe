"""Dead letters: batches that a receiver never acknowledged, kept with the reason until they are sent again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graphrisk.errors import StoreError
from graphrisk.files import sync_path, write_durably
from graphrisk.runs.feed import feed_folder
from graphrisk.runs.redaction import without_accounts


@dataclass(frozen=True)
class Batch:
    """Signals sent as one request: how many, the cursor of the last, an id that stays over retries, and their lines."""

    webhook: str
    delivery: str
    cursor: str
    signals: int
    body: bytes


@dataclass(frozen=True)
class DeadLetter:
    """A batch that was given up, why, after how many attempts, and when."""

    batch: Batch
    reason: str
    attempts: int
    failed_at: str

    def described(self) -> dict[str, Any]:
        """All but the signals themselves."""
        batch = {name: value for name, value in asdict(self.batch).items() if name != "body"}
        return {**batch, "reason": self.reason, "attempts": self.attempts, "failed_at": self.failed_at}


def bury(home: Path, batch: Batch, reason: str, attempts: int) -> None:
    """Keep a batch that was given up; survives a power loss. The same batch again replaces its letter."""
    path = _path(home, batch)
    path.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    content = {**DeadLetter(batch, reason, attempts, now).described(), "body": batch.body.decode()}
    write_durably(path, json.dumps(content, ensure_ascii=False, indent=1).encode())
    sync_path(path.parent.parent)


def dead_letters(home: Path, webhook: str | None = None) -> list[DeadLetter]:
    """The dead letters of a webhook (``None``: of all), in the order of the feed. Raises ``StoreError``."""
    return [_read(path) for path in sorted((feed_folder(home) / "dead").glob(f"{webhook or '*'}/*.json"))]


def unbury(home: Path, letter: DeadLetter) -> None:
    """Remove a dead letter that reached its receiver after all."""
    _path(home, letter.batch).unlink(missing_ok=True)


def drop_dead(home: Path, webhook: str) -> None:
    """Remove all dead letters of a webhook."""
    shutil.rmtree(feed_folder(home) / "dead" / webhook, ignore_errors=True)


def redact_dead(home: Path, account_ids: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Take accounts out of all dead letters; how many signals that were, as ``dead_signals``, and nothing left to do."""
    count = 0
    for letter in dead_letters(home):
        body, lines = without_accounts(letter.batch.body, account_ids)
        if lines:
            content = {**letter.described(), "body": body.decode()}
            write_durably(_path(home, letter.batch), json.dumps(content, ensure_ascii=False, indent=1).encode())
        count += lines
    return {"dead_signals": count}, []


def _path(home: Path, batch: Batch) -> Path:
    return feed_folder(home) / "dead" / batch.webhook / f"{batch.cursor}.json"


def _read(path: Path) -> DeadLetter:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        batch = Batch(
            found["webhook"], found["delivery"], found["cursor"], found["signals"], str(found["body"]).encode()
        )
        return DeadLetter(batch, found["reason"], found["attempts"], found["failed_at"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The dead letter {path} is damaged; its signals are in the feed still, so delete it."
        ) from error
