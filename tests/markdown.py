"""Markdown made of values."""

from __future__ import annotations

from collections.abc import Iterable


def table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    head = list(headings)
    lines = [head, ["---"] * len(head), *([str(cell).replace("|", r"\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_code(text: object) -> str:
    """Text as code."""
    return f"`{text}`"
