# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Export: a run as files for other tools. The bytes depend on facts, policy and versions alone (and tokens on their key)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from graphrisk.errors import StoreError
from graphrisk.files import write_durably

COLUMNS: dict[str, tuple[str, ...]] = {
    "accounts": ("account_id", "ring_id", "role", "score", "band", "reasons"),
    "rings": (
        "ring_id", "size", "core_size", "score", "band", "first_link_at", "last_link_at", "kinds", "reasons", "event", "related",
        "recommended", "hypotheses", "rival", "lead", "lead_reasons",
    ),
    "links": ("account_a", "account_b", "strength", "onset", "evidence"),
}  # fmt: skip
EVIDENCE_FIELDS = ("kind", "token", "accounts", "milli_nats")
SHOWN = (
    "run_id",
    "as_of",
    "policy_hash",
    "reference_hash",
    "versions",
    "input_digest",
    "output_digest",
    "counts",
    "seconds",
)
ROWS_A_GROUP = 65_536

Format = Literal["parquet", "csv"]


def exported(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables of a run as they are exported: the public columns, rings with their lineage."""
    lineage = tables["lineage"].select(["ring_id", "event", "related"])
    rings = tables["rings"]
    place = pc.index_in(rings["ring_id"], value_set=lineage["ring_id"].combine_chunks())
    found = lineage.take(place)
    rings = rings.append_column("event", found["event"]).append_column("related", found["related"])
    links = tables["links"]
    links = links.set_column(links.schema.get_field_index("evidence"), "evidence", _public_evidence(links["evidence"]))
    whole = {"accounts": tables["accounts"], "rings": rings, "links": links}
    return {name: whole[name].select(list(columns)) for name, columns in COLUMNS.items()}


def write_export(
    folder: Path, tables: Mapping[str, pa.Table], manifest: Mapping[str, Any], status: str, form: Format
) -> list[Path]:
    """Write ``accounts``, ``rings``, ``links`` and ``run.json`` into a folder, each whole or not at all; returns the paths."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths: list[Path] = []
        for name, table in exported(tables).items():
            path = folder / f"{name}.{form}"
            temporary = folder / f".{path.name}.part"
            if form == "parquet":
                pq.write_table(table, temporary, compression="zstd", row_group_size=ROWS_A_GROUP)
            else:
                pacsv.write_csv(_flat(table), temporary)
            os.replace(temporary, path)
            paths.append(path)
        shown = {**{key: manifest[key] for key in SHOWN}, "status": status}
        write_durably(folder / "run.json", json.dumps(shown, indent=2).encode())
    except OSError as error:
        raise StoreError(
            f"The export folder {folder} cannot be written: {error.strerror or error}; choose another folder."
        ) from error
    return [*paths, folder / "run.json"]


def _public_evidence(column: pa.ChunkedArray) -> pa.Array:
    lists: Any = column.combine_chunks()
    elements = lists.flatten()
    children = [elements.field(name) for name in EVIDENCE_FIELDS]
    public = pa.StructArray.from_arrays(children, names=list(EVIDENCE_FIELDS))
    offsets = pc.subtract(lists.offsets, lists.offsets[0])
    return pa.ListArray.from_arrays(offsets, public)


def _flat(table: pa.Table) -> pa.Table:
    """Nested columns as JSON text, for formats that have none."""
    for place, column in enumerate(table.column_names):
        kind = table.schema.field(column).type
        if pa.types.is_list(kind):
            texts = [json.dumps(value, ensure_ascii=False) for value in table[column].to_pylist()]
            table = table.set_column(place, column, pa.array(texts, pa.string()))
        elif pa.types.is_timestamp(kind):
            table = table.set_column(place, column, pc.strftime(table[column], "%Y-%m-%dT%H:%M:%SZ"))
    return table
