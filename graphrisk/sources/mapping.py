"""Mappings: which columns of other people's tables give the fields of ours.

A mapping is TOML with one ``[[accounts]]``, ``[[sightings]]`` or ``[[labels]]`` table for each set of files::

    [[sightings]]
    files = "HAS_CC.parquet"                                # relative to the source
    columns = { account_id = "from_user_id", value = "to_card_id", seen_at = "cardDate" }
    constants = { kind = "card" }                           # the same for every row
    defaults = { count = "1" }                              # where the column is null
    nulls = ["1900-01-01"]                                  # texts that stand for null
    where = { status = "done" }                             # only rows with this value

A table of somebody's Neo4j graph has a path and a key instead of files, and its columns are properties of the path::

    [[sightings]]
    path = "(c:Customer)-[r:HAS_CARD]->(k:Card)"
    key = "c.id"                                            # has a range index, whose order is followed
    columns = { account_id = "c.id", value = "k.number", seen_at = "r.since" }
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graphrisk.errors import MappingError
from graphrisk.schema import REQUIRED, TABLES
from graphrisk.toml import read_toml

_HEADING = re.compile(r"^(?!.*\d{4})[^\W\d][\w .-]{0,60}$")


class TableMapping(BaseModel):
    """Where the fields of one of our tables come from: files, or else a path of a graph and the key to walk it by.

    ``where`` keeps only the rows that have these values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: str = "*"
    path: str | None = None
    key: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str | int] = Field(default_factory=dict)
    defaults: dict[str, str | int] = Field(default_factory=dict)
    nulls: tuple[str, ...] = ()
    where: dict[str, bool | int | float | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _files_or_path(self) -> TableMapping:
        if self.path is not None and "files" in self.model_fields_set:
            raise ValueError("files and path exclude each other, keep one")
        if (self.path is None) != (self.key is None):
            raise ValueError("path and key go together, give both")
        return self

    def source_columns(self) -> list[str]:
        """The columns of the file that are read, each once."""
        return list(dict.fromkeys([*self.columns.values(), *self.where]))


class Mapping(BaseModel):
    """All table mappings of one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accounts: tuple[TableMapping, ...] = ()
    sightings: tuple[TableMapping, ...] = ()
    labels: tuple[TableMapping, ...] = ()

    def tables(self) -> list[tuple[str, TableMapping]]:
        """(table, mapping) pairs in the order accounts, sightings, labels."""
        return [(table, each) for table in TABLES for each in getattr(self, table)]

    def of_files(self) -> list[tuple[str, TableMapping]]:
        """Those that read files."""
        return [(table, each) for table, each in self.tables() if each.path is None]

    def of_graphs(self) -> list[tuple[str, TableMapping]]:
        """Those that read a path of a graph."""
        return [(table, each) for table, each in self.tables() if each.path is not None]


def read_mapping(path: Path) -> Mapping:
    """The mapping in the TOML file ``path``. Raises ``MappingError`` naming the key that is wrong."""
    mapping = read_toml("mapping", path, Mapping.model_validate, "see docs/sources.md", MappingError)
    if not mapping.tables():
        raise MappingError(f"The mapping {path} maps nothing; add an [[accounts]], [[sightings]] or [[labels]] table.")
    for table, each in mapping.tables():
        for field in [*each.columns, *each.constants, *each.defaults]:
            if field not in TABLES[table]:
                raise MappingError(
                    f"The mapping {path} gives {table}.{field}, which is no field{_nearest(field, TABLES[table])}."
                )
    return mapping


def fit(table: str, wanted: TableMapping, file: str, present: Sequence[str]) -> TableMapping:
    """Check a mapping against the columns that a file has. Raises ``MappingError`` naming file and column."""
    for column in wanted.source_columns():
        if column not in present:
            raise MappingError(f"{file} has no column {column!r}{_nearest(column, present)}; mend the mapping.")
    given = {*wanted.columns, *wanted.constants}
    _require(table, given, file, present)
    return wanted


def plain(table: str, file: str, present: Sequence[str], *, keyed: bool) -> TableMapping:
    """The mapping of a file that uses our own column names. Raises ``MappingError`` when a required one is missing.

    ``keyed`` files name the columns in each row (NDJSON), so that optional ones may come later than was looked.
    """
    _require(table, {field for field in TABLES[table] if field in present}, file, present)
    fields = [field for field in TABLES[table] if keyed or field in present]
    return TableMapping(columns={field: field for field in fields})


def _require(table: str, given: set[str], file: str, present: Sequence[str]) -> None:
    for needed in REQUIRED[table]:
        choices = needed.split("|")
        if given.isdisjoint(choices):
            name = " or ".join(choices)
            raise MappingError(
                f"{file} gives no {table}.{name}{_nearest(choices[0], present)}; rename it or use --mapping."
            )


def _nearest(column: str, present: Sequence[str]) -> str:
    """The nearest column, or all of them; none where they look like values: a file without a header has those there."""
    if not present or not all(_HEADING.match(name) for name in present):
        return ""
    folded = {name.lower(): name for name in present}
    close = difflib.get_close_matches(column.lower(), folded, n=1, cutoff=0.5)
    if close:
        return f" (the nearest is {folded[close[0]]!r})"
    return f" (it has {', '.join(present)})" if len(present) <= 20 else ""
