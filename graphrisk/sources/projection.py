"""Projection: SQL that turns the columns of a source file into our fields, by a mapping.

Text fields come out as VARCHAR. A time field ``f`` comes out as ``f_us`` (microseconds since 1970, UTC; null when it
is missing or unreadable) and ``f_given`` (something was there).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from graphrisk.errors import MappingError
from graphrisk.schema import TABLES
from graphrisk.sources.mapping import TableMapping
from graphrisk.sources.source import LINE, ROW, Source

TIMES = ("created_at", "first_seen", "last_seen", "seen_at", "labelled_at")


def projection(source: Source, mapping: TableMapping, types: dict[str, Any]) -> str:
    """SQL over the view ``batch``: ``row``, ``line_ok`` and the fields of the source's table."""
    for field in ("account_id", "value"):
        column = mapping.columns.get(field, "")
        if pa.types.is_floating(types.get(column, pa.null())):
            raise MappingError(
                f"{source.name} has {column!r} ({field}) as floating-point numbers, which lose digits; write it as text."
            )
    lines = source.format == "ndjson"
    texts = {
        column: f"found[{position}]" if lines else _text(position, types.get(column, pa.null()))
        for position, column in enumerate(mapping.source_columns(), 1)
    }
    selected = [f"{ROW} AS row", f"{'json_valid(' + LINE + ')' if lines else 'true'} AS line_ok"]
    for field in TABLES[source.table]:
        selected.extend(_field(field, mapping, texts, types))
    rows = f"SELECT *, {_values(mapping)} AS found FROM batch" if lines else "SELECT * FROM batch"
    kept = " AND ".join(_equals(texts[column], value) for column, value in mapping.where.items()) or "true"
    return f"SELECT {', '.join(selected)} FROM ({rows}) WHERE ({kept}){' OR NOT line_ok' if lines else ''}"


def numbered(rows: pa.Table, columns: list[str]) -> pa.Table:
    """The rows of a file with its columns called by number: SQL takes names that differ in case for the same."""
    return rows.select([*columns, ROW]).rename_columns([*(_name(place + 1) for place in range(len(columns))), ROW])


def _text(position: int, kind: Any) -> str:
    text = f"{_name(position)}::VARCHAR"
    midnight = r" 00:00:00(\+00)?$"
    return f"regexp_replace({text}, '{midnight}', '')" if pa.types.is_timestamp(kind) else text


def _equals(text: str, value: str | float) -> str:
    if isinstance(value, bool):
        return f"lower({text}) = '{str(value).lower()}'"
    return f"{text} = {_literal(value)}" if isinstance(value, str) else f"try_cast({text} AS DOUBLE) = {value}"


def _values(mapping: TableMapping) -> str:
    paths = ", ".join(_literal(f'$."{column}"') for column in mapping.source_columns())
    return f"CASE WHEN json_valid({LINE}) THEN json_extract_string({LINE}, [{paths}]) END"


def _field(field: str, mapping: TableMapping, texts: dict[str, str], types: dict[str, Any]) -> list[str]:
    column = mapping.columns.get(field)
    text = "NULL::VARCHAR"
    if column is not None:
        text = texts[column]
        for marker in mapping.nulls:
            text = f"nullif({text}, {_literal(marker)})"
    elif field in mapping.constants:
        text = f"{_literal(mapping.constants[field])}::VARCHAR"
    if field in mapping.defaults:
        text = f"coalesce({text}, {_literal(mapping.defaults[field])}::VARCHAR)"
    if field not in TIMES:
        return [f"{text} AS {field}"]
    moment = f"try_cast({text} AS TIMESTAMPTZ)"
    native = types.get(column or "", pa.null())
    if column is not None and (pa.types.is_timestamp(native) or pa.types.is_date(native)) and not mapping.nulls:
        moment = f"{_name(mapping.source_columns().index(column) + 1)}::TIMESTAMPTZ"
    return [
        f"CASE WHEN isfinite({moment}) THEN epoch_us({moment}) END AS {field}_us",
        f"{text} IS NOT NULL AS {field}_given",
    ]


def _name(position: int) -> str:
    return f"column_{position}"


def _literal(value: str | float) -> str:
    return "'" + str(value).replace("'", "''") + "'"
