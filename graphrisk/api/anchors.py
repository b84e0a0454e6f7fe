"""Anchors: how far the audit log had come, in one word to keep outside the home, against which it is checked later.

An anchor reads ``<chains>:<chain>@<lines>,…:<digest>``: how many chains there were, how many lines those had that were not
closed, and SHA-256 over the last chain value of each. A closed chain never changes and an open one only grows, so the same
values are there ever after; not in an older copy of the log, nor in one written anew, even by somebody who has its key.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from graphrisk.errors import SettingsError

_FORM = re.compile(r"(\d{1,15}):((?:\d{1,15}@\d{1,15}(?:,\d{1,15}@\d{1,15})*)?):([0-9a-f]{64})")


@dataclass(frozen=True)
class Anchor:
    """``open_lines`` are the lines of each chain, by number, that was not closed."""

    chains: int
    open_lines: dict[int, int]
    digest: str

    def __str__(self) -> str:
        listed = ",".join(f"{number}@{lines}" for number, lines in self.open_lines.items())
        return f"{self.chains}:{listed}:{self.digest}"


def parse_anchor(text: str) -> Anchor:
    """Raises ``SettingsError`` for a text that is no anchor."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise SettingsError(
            f"The anchor {text[:100]!r} is none; give the whole word that an earlier `graphrisk audit verify` printed."
        )
    pairs = (each.split("@") for each in found[2].split(",") if each)
    return Anchor(int(found[1]), {int(number): int(lines) for number, lines in pairs}, found[3])


class Anchoring:
    """Takes in every chain, by number, and tells the anchor of now and whether the log went on from an earlier one."""

    def __init__(self, earlier: Anchor | None) -> None:
        self._earlier = earlier
        self._now, self._then = hashlib.sha256(), hashlib.sha256()
        self._chains, self._open_lines = 0, dict[int, int]()

    def lines_then(self, number: int) -> int | None:
        """How many lines of a chain the earlier anchor is about; None: as many as it has."""
        return self._earlier.open_lines.get(number) if self._earlier else None

    def add(self, number: int, lines: int, closed: bool, last: bytes, then: bytes) -> None:
        """A chain: its lines, its last chain value, and the one that it had after ``lines_then`` lines."""
        self._chains = number
        self._now.update(last)
        if not closed:
            self._open_lines[number] = lines
        if self._earlier and number <= self._earlier.chains:
            self._then.update(then)

    @property
    def anchor(self) -> str:
        return str(Anchor(self._chains, self._open_lines, self._now.hexdigest()))

    @property
    def went_on(self) -> bool:
        """Whether all that the earlier anchor is about is there, unchanged."""
        return self._earlier is None or self._then.hexdigest() == self._earlier.digest
