"""What a source is to the stages that judge its rows, wherever they come from: a table of files, or one handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from graphrisk.sources.mapping import TableMapping

LINE = "line"
ROW = "_graphrisk_row"
"""Columns that reading adds; the second numbers the rows of a source, 1 being the first after a header."""


@dataclass(frozen=True)
class Batch:
    """Some rows of a source: its columns and ``ROW``; ``malformed`` numbers rows that could not be split."""

    rows: pa.Table
    malformed: list[int]
    bytes_read: int


class Source(Protocol):
    """One table to read: which of ours it gives, and by which mapping (None: our own column names).

    ``name`` is how messages, reports and rejected rows call it; ``size`` is in bytes, None where nobody knows.
    """

    @property
    def name(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def mapping(self) -> TableMapping | None: ...
    @property
    def format(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    def columns(self) -> list[str]: ...
    def types(self) -> dict[str, Any]: ...
    def batches(self, columns: list[str]) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class GivenTable:
    """Rows that the caller hands in: ``tables`` gives them with a column of text for each column of the mapping."""

    name: str
    table: str
    mapping: TableMapping
    tables: Callable[[], Iterator[pa.Table]]
    format: str = "text"
    size: int | None = None

    def columns(self) -> list[str]:
        return self.mapping.source_columns()

    def types(self) -> dict[str, Any]:
        return {}

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        seen = 0
        for table in self.tables():
            yield Batch(with_row_numbers(table.select(columns), seen), [], table.nbytes)
            seen += table.num_rows


def with_row_numbers(rows: pa.Table, before: int) -> pa.Table:
    """The rows with the column ``ROW``; ``before`` is how many rows of the source came earlier."""
    return rows.append_column(ROW, pa.array(np.arange(before + 1, before + 1 + rows.num_rows)))
