# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""The truth beside a world's facts: which ring each account is in, what it is, and which group its structure belongs to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from graphrisk.errors import InputError
from graphrisk.model import Bools, Ints
from graphrisk.worlds.knobs import GROUPS

GROUP_NAMES = tuple(dict.fromkeys(GROUPS.values()))
UNSTATED = "unstated"
FILES = ("truth.parquet", "truth.csv")


@dataclass(frozen=True)
class Truth:
    """The truth as columns, one element an account, in the order of ``account_ids``.

    ``ring`` is a position in ``rings``, −1 for an account in no ring; ``structure`` a position in ``structures``.
    ``archetype`` holds a position in ``structures`` for each ring. ``about`` is the world's ``truth.json``, or empty.
    """

    account_ids: pa.Array
    ring: Ints
    rings: list[str]
    archetype: Ints
    structure: Ints
    structures: list[str]
    groups: list[str]
    about: dict[str, Any]

    def in_group(self, group: str) -> Bools:
        """Which accounts are in a group: ``ring`` for those in a ring, else what their structure belongs to."""
        if group == "ring":
            return self.ring >= 0
        of_structure = np.array([each == group for each in self.groups], bool)
        return of_structure[self.structure] & (self.ring < 0)

    def named(self) -> pa.Table:
        """The truth as a table: ``account_id``, ``ring`` (empty: in none) and ``structure`` by their names."""
        ring = pa.array([*self.rings, ""], pa.string()).take(pa.array(self.ring % (len(self.rings) + 1)))
        structure = pa.array(self.structures).take(pa.array(self.structure))
        return pa.table({"account_id": self.account_ids, "ring": ring, "structure": structure})

    def aligned(self, account_ids: pa.Array) -> Truth:
        """The truth about these accounts first, in their order, and then about the accounts that only it knows.

        An account that it does not name is in no ring and of an unstated structure.
        """
        known = pa.array(self.account_ids)
        place = pc.fill_null(pc.index_in(account_ids, value_set=known), -1).to_numpy().astype(np.int64)
        missing = pc.invert(pc.is_in(known, value_set=account_ids)).to_numpy(zero_copy_only=False)
        order = np.concatenate([place, np.flatnonzero(missing)])
        named = order >= 0
        unstated = self.structures.index(UNSTATED)
        ring = np.where(named, self.ring[order], -1)
        structure = np.where(named, self.structure[order], unstated)
        ids = pa.concat_arrays([account_ids, known.filter(pa.array(missing))])
        return Truth(ids, ring, self.rings, self.archetype, structure, self.structures, self.groups, self.about)


def read_truth(path: Path) -> Truth:
    """The truth in a file (Parquet or CSV), or in a world's folder, with the ``truth.json`` beside it if there is one.

    Needs the columns ``account_id`` and ``ring`` (empty: in none); ``structure`` and ``role`` are used when they are
    there. An account whose role is ``associate`` is in no ring. Raises ``InputError`` that names the file and what is
    wrong with it.
    """
    file = _file_of(path)
    table = _read_table(file)
    for column in ("account_id", "ring"):
        if column not in table.column_names:
            raise InputError(f"The truth {file} has no column {column}; it has {', '.join(table.column_names)}.")
    ids = _text(table, "account_id")
    if len(pc.unique(ids)) != len(ids):
        raise InputError(f"The truth {file} names an account more than once; keep one row for each account_id.")
    return _truth(table, ids, _about(file.with_name("truth.json")))


def _file_of(path: Path) -> Path:
    if path.is_dir():
        found = next((path / name for name in FILES if (path / name).exists()), None)
        if found is None:
            raise InputError(f"The folder {path} has neither truth.parquet nor truth.csv; name the file of the truth.")
        return found
    if not path.exists():
        raise InputError(f"The truth {path} does not exist; name a world's folder or a file with account_id and ring.")
    return path


def _read_table(file: Path) -> pa.Table:
    try:
        if file.suffix == ".parquet":
            return pq.read_table(file)
        strings = dict.fromkeys(("account_id", "ring", "structure", "role"), pa.string())
        return pacsv.read_csv(file, convert_options=pacsv.ConvertOptions(column_types=strings))
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"The truth {file} cannot be read as {file.suffix or 'CSV'}; write it anew.") from error


def _about(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        groups: dict[str, str] = about.get("structures", {})
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{file} is not a JSON object; write the world anew, or take the file away.") from error
    for name, group in groups.items():
        if group not in GROUP_NAMES:
            raise InputError(f"{file} puts structure {name} into group {group!r}; known are {', '.join(GROUP_NAMES)}.")
    return about


def _text(table: pa.Table, column: str) -> pa.Array:
    values = table[column].cast(pa.string()).combine_chunks()
    return pc.fill_null(values, "")


def _truth(table: pa.Table, ids: pa.Array, about: dict[str, Any]) -> Truth:
    name = _text(table, "ring")
    role = _text(table, "role") if "role" in table.column_names else pa.array([""] * len(ids), pa.string())
    name = pc.if_else(pc.equal(role, "associate"), "", name)
    stated = "structure" in table.column_names
    structure = _text(table, "structure") if stated else pc.if_else(pc.equal(name, ""), UNSTATED, "ring")
    structures = sorted({*pc.unique(structure).to_pylist(), UNSTATED})
    codes = pc.index_in(structure, value_set=pa.array(structures)).to_numpy().astype(np.int64)
    rings = sorted(set(pc.unique(name).to_pylist()) - {""})
    ring = pc.fill_null(pc.index_in(name, value_set=pa.array(rings, pa.string())), -1).to_numpy().astype(np.int64)
    members = np.flatnonzero(ring >= 0)
    _, first = np.unique(ring[members], return_index=True)
    groups = [_group(each, about.get("structures", {})) for each in structures]
    return Truth(ids, ring, rings, codes[members[first]], codes, structures, groups, about)


def _group(structure: str, known: dict[str, str]) -> str:
    """The group of a structure's accounts that are in no ring."""
    group = known.get(structure) or GROUPS.get(structure, structure)
    return group if group in GROUP_NAMES and group != "ring" else "ordinary"
