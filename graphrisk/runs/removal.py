# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Removing runs that hold an account, and the account from the lineage of a run that nobody reads yet."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.errors import StoreError
from graphrisk.files import sync_path
from graphrisk.runs.store import read_manifest, read_table, write_run
from graphrisk.runs.tables import FACT_SCHEMAS, SCHEMAS


def holds(runs: Path, run_id: str, account_ids: Sequence[str]) -> bool:
    """Whether a run knows one of the accounts, or a ring that had it as core. A damaged run may, so it counts as one."""
    wanted = pa.array(account_ids, pa.string())
    try:
        accounts = read_table(runs, run_id, "accounts")["account_id"]
        return pc.any(pc.is_in(accounts, value_set=wanted)).as_py() or _cores_hold(runs, run_id, wanted)
    except StoreError:
        return True


def remove_run(scratch: Path, runs: Path, run_id: str) -> None:
    """Take a run's folder away in one step; it is gone with ``scratch``."""
    os.rename(runs / run_id, scratch / run_id)
    sync_path(runs)


def leave_cores(
    scratch: Path, runs: Path, run_id: str, account_ids: Sequence[str], ring_key: Callable[[list[str]], str]
) -> None:
    """Take accounts out of the cores that the lineage of a run remembers. The run must not have been published.

    Killed in between, the run is gone, or is there as it was or as it is to be.
    """
    if not _cores_hold(runs, run_id, pa.array(account_ids, pa.string())):
        return
    manifest = read_manifest(runs, run_id)
    names = [name for name in SCHEMAS | FACT_SCHEMAS if f"{name}.arrow" in manifest["files"]]
    tables = {name: read_table(runs, run_id, name) for name in names}
    tables["lineage"] = _without(tables["lineage"], set(account_ids), ring_key)
    os.rename(runs / run_id, scratch / "aside")
    write_run(scratch, runs, tables, manifest)


def _cores_hold(runs: Path, run_id: str, wanted: pa.Array) -> bool:
    cores = pc.list_flatten(read_table(runs, run_id, "lineage")["core"])
    return bool(pc.any(pc.is_in(cores, value_set=wanted)).as_py())


def _without(lineage: pa.Table, erased: set[str], ring_key: Callable[[list[str]], str]) -> pa.Table:
    cores, keys = lineage["core"].to_pylist(), lineage["ring_key"].to_pylist()
    for place, core in enumerate(cores):
        if core and not erased.isdisjoint(core):
            cores[place] = [each for each in core if each not in erased]
            keys[place] = ring_key(cores[place])
    for name, values in (("core", cores), ("ring_key", keys)):
        field = lineage.schema.get_field_index(name)
        lineage = lineage.set_column(
            field, lineage.schema.field(name), pa.array(values, lineage.schema.field(name).type)
        )
    return lineage
