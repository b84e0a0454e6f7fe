"""Single addresses in the letters of any alphabet, judged in Python as the SQL of ``normalise`` judges them.

That SQL lowers, strips and splits an address one character at a time, so what it makes of a character is asked once.
"""

from __future__ import annotations

import unicodedata

import duckdb

from graphrisk.sources.normalise import LETTERS
from graphrisk.sources.plain_text import SPACES, Judged


class Letters:
    """What the statement of loading makes of characters, by a connection that is used by one thread at a time."""

    def __init__(self, columns: duckdb.DuckDBPyConnection) -> None:
        self._columns, self._known = columns, dict[str, str]()

    def judged(self, address: str) -> Judged | None:
        """The judgement of a postal address; None for what is no text that can be printed, or is ASCII once it is lower
        case (``plain_text.judged``)."""
        text = unicodedata.normalize("NFC", address).strip(SPACES)
        if not text.isprintable() or text.lower().isascii():
            return None
        self._learn(text)
        canonical = " ".join("".join(self._known[each] for each in text).split())
        return Judged(None, canonical) if canonical else Judged("malformed_value")

    def _learn(self, text: str) -> None:
        strange = sorted(set(text) - self._known.keys())
        if strange:
            told = self._columns.execute(f"SELECT v, {LETTERS} FROM (SELECT unnest($1::VARCHAR[]) AS v)", [strange])
            self._known.update(told.fetchall())
