"""Redaction: account ids taken out of what is kept for ever beside the runs: the feed of signals, reasons, reports.

A signal about an erased account becomes ``account.erased``, padded to the length that it had, so that every cursor stays
where it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphrisk.files import locked, write_durably
from graphrisk.runs.feed import feed_folder

ERASED = "(erased)"
_ACCOUNT = re.compile(rb'"account_id":("(?:[^"\\]|\\.)*"),')
_HEAD = ("cursor", "seq", "at", "type", "run_id", "previous_run_id")


def redact_feed(home: Path, account_ids: Sequence[str]) -> int:
    """Take accounts out of the feed of signals, also of parts that were set aside; returns how many signals that were."""
    count = 0
    folder = feed_folder(home)
    if not folder.exists():
        return 0
    with locked(home / "signals.lock"):
        for path in folder.glob(".*.ndjson.*"):
            path.unlink()  # left by a writer that was killed; those that live hold the lock
        for path in sorted([*folder.glob("*.ndjson"), *folder.glob("replaced/*.ndjson")]):
            content, lines = without_accounts(path.read_bytes(), account_ids)
            if lines:
                write_durably(path, content)
            count += lines
    return count


def without_accounts(content: bytes, account_ids: Sequence[str]) -> tuple[bytes, int]:
    """Lines of the feed without the accounts, of the same length, and how many lines differ."""
    names = {json.dumps(each, ensure_ascii=False).encode() for each in account_ids}
    places = [found.start() for found in _ACCOUNT.finditer(content) if found[1] in names]
    redacted_content = bytearray(content)
    for place in places:
        start, end = content.rfind(b"\n", 0, place) + 1, content.index(b"\n", place) + 1
        redacted_content[start:end] = _erased(content[start:end])
    return bytes(redacted_content), len(places)


def _erased(line: bytes) -> bytes:
    signal = json.loads(line)
    kept = {name: signal[name] for name in _HEAD} | {"type": "account.erased"}
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))[:-1].encode()
    return text + b" " * (len(line) - len(text) - 2) + b"}\n"


def redact_reasons(home: Path, account_ids: Sequence[str]) -> None:
    """Take account ids out of the reasons of publications."""
    path = home / "current.json"
    if not path.exists():
        return
    with locked(home / "publish.lock"):
        told = json.loads(path.read_text())
        before = [each.get("reason") for each in told["publications"]]
        for each in told["publications"]:
            each["reason"] = redacted(each.get("reason"), account_ids)
        if before != [each["reason"] for each in told["publications"]]:
            write_durably(path, json.dumps(told, indent=1).encode())


def redacted(value: Any, account_ids: Sequence[str]) -> Any:
    """A text, or a list or mapping of such, in which each of the ids that stands as a word of its own is ``(erased)``."""
    if isinstance(value, str):
        for account_id in account_ids:
            value = re.sub(rf"(?<![\w-]){re.escape(account_id)}(?![\w-])", ERASED, value)
        return value
    if isinstance(value, list):
        return [redacted(each, account_ids) for each in value]
    if isinstance(value, dict):
        return {redacted(name, account_ids): redacted(each, account_ids) for name, each in value.items()}
    return value
