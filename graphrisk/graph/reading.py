"""Reading somebody's graph: the rows of a path as tables of text, some at a time.

Pages follow the index of the key, each in a short transaction that the driver may repeat. What has no such key, or
a graph without the index, comes as one stream that the server makes as it is read. Neither grows with the graph, and
nothing is written to disk.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

import neo4j
import pyarrow as pa
from neo4j.exceptions import Forbidden

from graphrisk.errors import MappingError
from graphrisk.graph.paths import CURSOR, LOWEST, GraphPath
from graphrisk.graph.transactions import read
from graphrisk.logs import LOG

ROWS_A_PAGE = 20_000
_ZONED = re.compile(r"([+-]?\d{4,}-\d\d-\d\dT[\d:.]+(?:Z|[+-][\d:]+))\[[^\]]+\]")
"""A time with the name of its zone after the offset, as Neo4j alone writes it."""


class GraphReader:
    """Reads paths of one database; ``name`` is how messages call it."""

    def __init__(self, driver: neo4j.Driver, database: str, name: str, page: int = ROWS_A_PAGE) -> None:
        self._driver, self._database, self._name, self._page = driver, database, name, page

    def check(self, path: GraphPath) -> None:
        """Raises ``MappingError`` when the database has no such label, relationship type or property key."""
        with self._session() as session:
            known = {kind: [row["name"] for row in read(session, f"source/{kind}")] for kind in _WORDS}
        wanted = [("labels", label) for label in path.labels.values()]
        wanted += [("types", path.type)] if path.type else []
        wanted += [("properties", each.name) for each in (path.key, *path.columns)]
        for kind, name in wanted:
            if name not in known[kind]:
                raise MappingError(
                    f"{self._name} has no {_WORDS[kind]} {name!r}{_nearest(name, known[kind])}; mend {path.text} in the mapping."
                )

    def tables(self, path: GraphPath) -> Iterator[pa.Table]:
        """All rows of a path, a table a page, with a column of text for each property as the mapping writes it.

        Raises ``MappingError`` when nothing matches, or a property holds what no column of a file can.
        """
        rows, empty = 0, {each.written for each in path.columns}
        for page in self._pages(path):
            columns = {
                each.written: pa.array([self._text(row[place], each.written) for row in page], pa.string())
                for place, each in enumerate(path.columns)
            }
            rows += len(page)
            empty -= {name for name, column in columns.items() if column.null_count < len(page)}
            yield pa.table(columns)
        if not rows:
            turn = " and its direction" if path.type else ""
            raise MappingError(f"{self._name} has nothing like {path.text}; check the path{turn} in the mapping.")
        for name in sorted(empty):
            LOG.warning("No %s of %s has the property %s; its field stayed empty", path.text, self._name, name)

    def _pages(self, path: GraphPath) -> Iterator[list[list[Any]]]:
        if not self._has_index(path):
            LOG.warning(
                "%s has no range index on %s of %s, so %s is read in one long transaction; an index makes it many short ones",
                self._name, path.key.name, path.key_label, path.text,
            )  # fmt: skip
            yield from self._streamed(path.whole(), {})
            return
        for lowest in LOWEST:
            yield from self._keyed(path, lowest)
        yield from self._streamed(path.rest(), dict(zip(("text", "number"), LOWEST, strict=True)))

    def _has_index(self, path: GraphPath) -> bool:
        with self._session() as session:
            try:
                return bool(read(session, "source/indexes", label=path.key_label, property=path.key.name))
            except Forbidden:  # some may read all, and yet not ask for indexes
                return False

    def _keyed(self, path: GraphPath, lowest: str | float) -> Iterator[list[list[Any]]]:
        asked: dict[str, Any] = {"after": lowest, "node": "", "relationship": "", "page": self._page}
        while rows := self._page_of(path, asked):
            asked |= dict(zip(("after", *CURSOR[1:]), rows[-1][len(path.columns) :], strict=False))
            yield rows

    def _page_of(self, path: GraphPath, asked: dict[str, Any]) -> list[list[Any]]:
        with self._session() as session:
            return session.execute_read(
                lambda transaction: [row.values() for row in transaction.run(path.page(), asked)]
            )

    def _streamed(self, text: Any, asked: dict[str, Any]) -> Iterator[list[list[Any]]]:
        with self._session() as session, session.begin_transaction() as transaction:
            found = transaction.run(text, asked)
            while rows := [row.values() for row in found.fetch(self._page)]:
                yield rows

    def _session(self) -> neo4j.Session:
        return self._driver.session(database=self._database, default_access_mode=neo4j.READ_ACCESS)

    def _text(self, value: Any, column: str) -> str | None:
        """A value as a CSV file would have it; an empty text is none, as there."""
        if isinstance(value, str):
            zoned = _ZONED.fullmatch(value) if value.endswith("]") else None
            return zoned[1] if zoned else value or None
        if value is None:
            return None
        what = "floating-point numbers, which lose digits" if isinstance(value, float) else "lists"
        raise MappingError(
            f"{self._name} has {what} in {column!r}; map a property that holds single texts or whole numbers."
        )


_WORDS = {"labels": "label", "types": "relationship type", "properties": "property"}


def _nearest(name: str, known: list[str]) -> str:
    folded = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.5)
    return f" (the nearest is {folded[close[0]]!r})" if close else ""
