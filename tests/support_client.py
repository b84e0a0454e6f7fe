"""What the client gives, held against the JSON that the API answers."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

HEAD = {"run_id", "as_of", "policy", "took_ms"}


def same(given: Any, raw: Any) -> bool:
    """Whether what the client gave is what the JSON says, nothing left out but the head of the answer."""
    if is_dataclass(given):
        names = {field.name for field in fields(given)}
        return set(raw) - names <= HEAD and all(same(getattr(given, name), raw[name]) for name in names & set(raw))
    if isinstance(given, tuple):
        return len(given) == len(raw) and all(map(same, given, raw))
    if isinstance(given, datetime):
        return given.tzinfo is UTC and given == datetime.fromisoformat(raw)
    return type(given) is type(raw) and given == raw
