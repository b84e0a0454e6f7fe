"""Faults that sources have had: each spoils the facts of one week, and says by whom and in which words it is stopped."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tests.support_detection import Facts, Rows

Past = list[Facts]
Change = Callable[[Facts, Past], Facts]
"""The facts of the week, and those of each load before → what arrives instead."""


@dataclass(frozen=True)
class Fault:
    """``words`` are in what is said when it is stopped: they name the cause."""

    name: str
    change: Change
    words: tuple[str, ...]


FAULTS: dict[str, Fault] = {}
"""All that have to be stopped, by name."""

UNSEEN: dict[str, Fault] = {}
"""Faults that look like a quiet week: nobody can tell them from one by these figures."""


def fault(*words: str, seen: bool = True) -> Callable[[Change], Change]:
    def add(change: Change) -> Change:
        name = getattr(change, "__name__", "")
        (FAULTS if seen else UNSEEN)[name] = Fault(name, change, words)
        return change

    return add


def of_kind(week: Facts, kind: str, change: Callable[[str], str]) -> Facts:
    """The values of one kind changed."""
    rows = [{**row, "value": change(row["value"])} if row["kind"] == kind else row for row in week["sightings"]]
    return {**week, "sightings": rows}


def without(week: Facts, drop: Callable[[dict[str, str]], bool]) -> Facts:
    """Some sightings missing."""
    return {**week, "sightings": [row for row in week["sightings"] if not drop(row)]}


def at_other_times(week: Facts, change: Callable[[datetime], datetime]) -> Facts:
    """The times of sightings changed."""

    def moved(row: dict[str, str]) -> dict[str, str]:
        return {**row, **{name: told(change(moment(row[name]))) for name in ("first_seen", "last_seen")}}

    return {**week, "sightings": [moved(row) for row in week["sightings"]]}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def told(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def draw(text: str, of: int) -> int:
    """A number below ``of`` that depends on the text alone."""
    return zlib.crc32(text.encode()) % of


def digest(value: str) -> str:
    return hashlib.sha256(b"salt of the new release " + value.encode()).hexdigest()[:36]


def every_account(past: Past, **changed: str) -> Rows:
    """A full export of all accounts, where a night has only those that are new or changed."""
    last = {row["account_id"]: row for facts in past for row in facts["accounts"]}
    return [{**row, **changed} for row in last.values()]
