"""Paths of somebody's graph that a mapping reads, and the Cypher that reads them.

    (c:Customer)                                     one row a node
    (c:Customer)-[r:HAS_CARD]->(k:Card)              one row a relationship; also <-[…]-

Names that are no plain words stand in backticks. ``c.number`` is the property ``number`` of what ``c`` stands for.

This is the one place where Cypher is put together from a user's words. Only labels, types and property names get in,
and only through ``_quoted``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, LiteralString, cast

from graphrisk.errors import MappingError

_NAME = r"[^\W\d]\w*|`(?:[^`]|``)+`"
_NODE = rf"\(\s*([^\W\d]\w*)?\s*(?::\s*({_NAME})\s*)?\)"
_RELATIONSHIP = rf"\s*(<)?-\[\s*([^\W\d]\w*)?\s*:\s*({_NAME})\s*\]-(>)?\s*"
_PATH = re.compile(rf"\s*{_NODE}(?:{_RELATIONSHIP}{_NODE})?\s*")
_FORMS = "(c:Label) or (c:Label)-[r:TYPE]->(k:Label)"

CURSOR = ("key", "node", "relationship")
"""What a page ends with and the next one begins behind; a path of one node has no relationship."""

LOWEST: tuple[str | float, ...] = ("", float("-inf"))
"""Where the keyset begins: texts and numbers do not compare with each other, so each has a walk of its own."""


@dataclass(frozen=True)
class Property:
    """A property of the path: ``written`` as the mapping has it, ``of`` is the part's name in our Cypher.

    An ``exact`` one may not be a floating-point number.
    """

    written: str
    of: str
    name: str
    exact: bool = False

    @property
    def cypher(self) -> str:
        return f"{self.of}.{_quoted(self.name)}"

    @property
    def text(self) -> str:
        """Cypher for the text that a file would have; what has none (a list), or is not exact, comes as it is.

        The server writes the texts, since it has years that Python has not, and the driver is slow to make times.
        """
        value, text = self.cypher, f"toStringOrNull({self.cypher})"
        if self.exact:  # only numbers compare with 0
            return f"CASE WHEN ({value} <= 0 OR {value} > 0) AND {text} CONTAINS '.' THEN {value} ELSE coalesce({text}, {value}) END"
        return f"coalesce({text}, {value})"


@dataclass(frozen=True)
class GraphPath:
    """A path to read: its ``labels`` (of the parts a and b) and its relationship's type; ``columns`` are the rows'."""

    text: str
    labels: dict[str, str]
    type: str | None
    pattern: str
    key: Property
    columns: tuple[Property, ...]

    @property
    def key_label(self) -> str:
        return self.labels[self.key.of]

    def page(self) -> LiteralString:
        """One page behind ``$after``, ``$node`` and ``$relationship``: at most ``$page`` rows in the order of the key.

        The index gives that order, so a page costs what it returns; the ids make it go on inside an account with very
        many relationships, and past accounts that share a key.
        """
        key, node = self.key.cypher, f"elementId({self.key.of})"
        later, ids = f"{key} > $after OR {node} > $node", [f"{node} AS node"]
        if self.type:
            later += f" OR ({node} = $node AND elementId(r) > $relationship)"
            ids.append("elementId(r) AS relationship")
        hint = f"USING INDEX {self.key.of}:{_quoted(self.key_label)}({_quoted(self.key.name)})"
        order = ", ".join(CURSOR[: 1 + len(ids)])
        return _known(
            f"MATCH {self.pattern} {hint} WHERE {key} >= $after AND ({later})"
            f" RETURN {', '.join([*self._texts(), f'{key} AS {CURSOR[0]}', *ids])} ORDER BY {order} LIMIT $page"
        )

    def rest(self) -> LiteralString:
        """All rows that no page has, in no order: those whose key is missing, or neither text nor number."""
        compares = f"{self.key.cypher} >= $text OR {self.key.cypher} >= $number"
        return _known(f"MATCH {self.pattern} WHERE NOT coalesce({compares}, false) RETURN {', '.join(self._texts())}")

    def whole(self) -> LiteralString:
        """All rows, in no order."""
        return _known(f"MATCH {self.pattern} RETURN {', '.join(self._texts())}")

    def _texts(self) -> list[str]:
        return [f"{each.text} AS column{place}" for place, each in enumerate(self.columns, 1)]


def parse_path(text: str, key: str, columns: dict[str, bool], where: str) -> GraphPath:
    """The path that a mapping writes; ``columns`` says of each property whether it has to be exact.

    Raises ``MappingError``; ``where`` is how a message calls the table.
    """
    found = _PATH.fullmatch(text)
    if not found:
        raise MappingError(f"{where} has the path {text!r}; write it as {_FORMS}.")
    if not columns:
        raise MappingError(f"{where} has no columns; give at least account_id a property of {text!r}.")
    start, start_label, left, link, kind, right, end, end_label = found.groups()
    if kind and bool(left) == bool(right):
        raise MappingError(f"{where} has the path {text!r} without a direction; write -[…]-> or <-[…]-.")
    labels = {part: _plain(label) for part, label in (("a", start_label), ("b", end_label)) if label}
    named = [(variable, part) for variable, part in ((start, "a"), (link, "r"), (end, "b")) if variable]
    if len({variable for variable, _ in named}) < len(named):
        raise MappingError(f"{where} has the path {text!r}, which uses one name twice; name each part apart.")
    pattern = _node("a", labels)
    if kind:
        pattern += f"{left or ''}-[r:{_quoted(_plain(kind))}]-{right or ''}{_node('b', labels)}"
    parts = dict(named)
    chosen = _property(key, False, parts, text, where)
    if chosen.of not in labels:
        raise MappingError(f"{where} has the key {key!r}; take a property of a node that has a label in {text!r}.")
    listed = tuple(_property(column, exact, parts, text, where) for column, exact in columns.items())
    return GraphPath(text, labels, _plain(kind) if kind else None, pattern, chosen, listed)


def _property(written: str, exact: bool, parts: dict[str, str], text: str, where: str) -> Property:
    variable, _, name = written.partition(".")
    if variable not in parts or not name:
        choices = " or ".join(f"{each}.property" for each in parts)
        raise MappingError(f"{where} has {written!r}, which is no property of {text!r}; write {choices}.")
    _quoted(name)
    return Property(written, parts[variable], name, exact)


def _node(part: str, labels: dict[str, str]) -> str:
    return f"({part}:{_quoted(labels[part])})" if part in labels else f"({part})"


def _plain(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


def _quoted(name: str) -> str:
    # Cypher reads \u0060 as a backtick, even between backticks.
    if "\\" in name:
        raise MappingError(
            f"The mapping has the name {name!r}, and no name in it may have a backslash; rename it there."
        )
    return "`" + name.replace("`", "``") + "`"


def _known(text: str) -> LiteralString:
    # The driver wants texts that are known when the code is written. These cannot be: the names are the user's. They
    # are safe because every one went through _quoted, and all values are parameters.
    anything: Any = text
    return cast("LiteralString", anything)
