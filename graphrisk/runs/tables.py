# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""The tables of a run: their columns, and one digest of their content that no build path or token key can change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.model import Ints

_TIME = pa.timestamp("us", "UTC")
_REASONS = pa.list_(pa.struct([("code", pa.string()), ("contribution", pa.int32())]))
_EVIDENCE = pa.struct(
    [
        ("kind", pa.string()),
        ("token", pa.string()),
        ("hint", pa.string()),
        ("accounts", pa.int32()),
        ("milli_nats", pa.int32()),
    ]
)

SCHEMAS: dict[str, pa.Schema] = {
    "accounts": pa.schema(
        [
            ("account_id", pa.string()),
            ("ring_id", pa.string()),
            ("role", pa.string()),
            ("score", pa.int32()),
            ("band", pa.string()),
            ("logit", pa.int32()),
            ("reasons", _REASONS),
            ("status", pa.string()),
            ("marketplace", pa.string()),
        ]
    ),
    "rings": pa.schema(
        [
            ("ring_id", pa.string()),
            ("ring_key", pa.string()),
            ("size", pa.int32()),
            ("core_size", pa.int32()),
            ("score", pa.int32()),
            ("band", pa.string()),
            ("logit", pa.int32()),
            ("first_link_at", _TIME),
            ("last_link_at", _TIME),
            ("window_start", _TIME),
            ("window_end", _TIME),
            ("kinds", pa.list_(pa.string())),
            ("flags", pa.list_(pa.string())),
            ("bridge", pa.list_(pa.struct([("account_a", pa.string()), ("account_b", pa.string())]))),
            ("reasons", _REASONS),
            ("features", pa.list_(pa.struct([("code", pa.string()), ("value", pa.float64())]))),
            ("members", pa.list_(pa.struct([("account_id", pa.string()), ("role", pa.string())]))),
            ("recommended", pa.bool_()),
            ("hypotheses", pa.list_(pa.struct([("code", pa.string()), ("permille", pa.int32())]))),
            ("rival", pa.string()),
            ("lead", pa.int32()),
            ("lead_reasons", _REASONS),
        ]
    ),
    "links": pa.schema(
        [
            ("account_a", pa.string()),
            ("account_b", pa.string()),
            ("strength", pa.int32()),
            ("onset", _TIME),
            ("evidence", pa.list_(_EVIDENCE)),
        ]
    ),
    "lineage": pa.schema(
        [
            ("ring_id", pa.string()),
            ("status", pa.string()),
            ("event", pa.string()),
            ("event_run", pa.string()),
            ("event_at", pa.int64()),
            ("born_run", pa.string()),
            ("born_at", pa.int64()),
            ("superseded_by", pa.list_(pa.string())),
            ("related", pa.list_(pa.string())),
            ("ring_key", pa.string()),
            ("core", pa.list_(pa.string())),
        ]
    ),
    "neighbours": pa.schema(
        [("link", pa.list_(pa.int32())), ("account", pa.list_(pa.int32())), ("proves", pa.list_(pa.bool_()))]
    ),
}
"""Columns of each table, sorted by its first column (links: by the first two).

``neighbours`` has one row an account, in the order of ``accounts``: the rows of its links, strongest first, the rows of
the accounts at their other ends, and whether each link proves something about it. It is an index over the others, for
readers that must be quick.
"""

_NEWCOMER = pa.struct([("account", pa.int32()), ("first", pa.int64()), ("last", pa.int64()), ("returned", pa.bool_())])

FACT_SCHEMAS: dict[str, pa.Schema] = {
    "attributes": pa.schema(
        [
            ("value", pa.binary(16)),
            ("kind", pa.int32()),
            ("week", pa.int32()),
            ("source", pa.int32()),
            ("hint", pa.string()),
            ("first_use", pa.int32()),
        ]
    ),
    "uses": pa.schema([("account", pa.int32()), ("first", pa.int64()), ("last", pa.int64()), ("returned", pa.bool_())]),
    "held": pa.schema(
        [
            ("uses", pa.list_(pa.int32())),
            ("created", pa.int64()),
            ("label", pa.string()),
            ("first", pa.int64()),
            ("last", pa.int64()),
        ]
    ),
    "routes": pa.schema([("address", pa.binary(16)), ("network", pa.binary(16))]),
    "arrivals": pa.schema(
        [
            ("place", pa.binary(16)),
            ("source", pa.int32()),
            ("week", pa.int32()),
            ("present", pa.int32()),
            ("ever", pa.int32()),
            ("first_week", pa.int32()),
            ("last_week", pa.int32()),
            ("one_alone", pa.int64()),
            ("other_alone", pa.int64()),
            ("rest", pa.int64()),
            ("newcomers", pa.list_(_NEWCOMER)),
        ]
    ),
}
"""The facts that a run saw, for those who ask why and what if; no part of the output digest. Times in microseconds.

``attributes``, sorted by (value, kind, week, source): the 16 bytes of a token's number, the kind's place in
``Policy.priced``, the week of an address or cohort, and where its ``uses`` begin. ``uses``, sorted by (attribute,
account): first and last use; of a cohort, whether the account came back later. ``held`` has one row an account: its
uses, when it was created, the verdict on it, and the first and last of its sightings. ``routes``: the network of each
address. ``arrivals``, sorted by (place, source, week): newcomers at places, and in crowds,
where one more might make a cohort; of a crowd, what the other newcomers of the week show.
"""

KEYED_FIELDS = ("token", "hint")
"""What depends on the token key or only helps people: no part of the output digest."""


def lists(lengths: Ints, fields: Mapping[str, Any], kind: pa.ListType) -> pa.Array:
    """A list column of structs: row i takes the next ``lengths[i]`` elements of each field."""
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    element: Any = kind.value_type
    children = [_as_array(fields[field.name], field.type) for field in element]
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(children, fields=list(element)), type=kind)


def _as_array(values: Any, kind: pa.DataType) -> pa.Array:
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else pa.array(values)
    return array.cast(kind)


def build(name: str, columns: Mapping[str, Any]) -> pa.Table:
    """A table of a run from its columns (Arrow, numpy or lists), in the schema's order and types."""
    schema = (SCHEMAS | FACT_SCHEMAS)[name]
    arrays = [_column(columns[field.name], field.type) for field in schema]
    return pa.table(arrays, schema=schema)


def _column(values: Any, kind: pa.DataType) -> Any:
    if isinstance(values, pa.ChunkedArray | pa.Array):
        return values if values.type == kind else values.cast(kind)
    if isinstance(values, np.ndarray) and pa.types.is_timestamp(kind):
        return pa.array(values.astype(np.int64), pa.int64()).cast(kind)
    return pa.array(values, kind)


DIGESTED = ("accounts", "rings", "links")
"""The tables that say what a run found."""


def output_digest(tables: Mapping[str, pa.Table]) -> str:
    """SHA-256 (hex) of what a run found: accounts, rings and links without tokens. Equal content, equal digest."""
    digest = hashlib.sha256()
    for name in DIGESTED:
        for column in SCHEMAS[name].names:
            digest.update(f"{name}.{column}".encode())
            _update(digest, tables[name][column].combine_chunks())
    return digest.hexdigest()


def _update(digest: Any, array: Any) -> None:
    kind = array.type
    digest.update(np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).tobytes())
    if pa.types.is_list(kind):
        digest.update(pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False).astype("<i8").tobytes())
        _update(digest, array.flatten())
    elif pa.types.is_struct(kind):
        for field, child in zip(kind, array.flatten(), strict=True):
            if field.name not in KEYED_FIELDS:
                _update(digest, child)
    elif pa.types.is_string(kind):
        text = array.fill_null("").cast(pa.large_string())
        digest.update(pc.binary_length(text).to_numpy(zero_copy_only=False).astype("<i8").tobytes())
        _, offsets, data = text.buffers()
        bounds = np.frombuffer(offsets, "<i8")[text.offset : text.offset + len(text) + 1]
        if len(text) and data is not None:
            digest.update(memoryview(data)[bounds[0] : bounds[-1]])
    elif pa.types.is_floating(kind):
        digest.update(array.fill_null(0.0).to_numpy(zero_copy_only=False).astype("<f8").tobytes())
    else:
        whole = array.cast(pa.int64()) if not pa.types.is_timestamp(kind) else array.cast(kind).cast(pa.int64())
        digest.update(whole.fill_null(0).to_numpy(zero_copy_only=False).astype("<i8").tobytes())
