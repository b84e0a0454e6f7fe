"""Run folders and the pointer: a folder never changes once it has its name; publishing replaces one small file."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from graphrisk.errors import NotFoundError, StoreError
from graphrisk.files import locked, sweep_unfinished, sync_path, write_durably
from graphrisk.logs import LOG
from graphrisk.runs.tables import FACT_SCHEMAS, SCHEMAS

MANIFEST = "manifest.json"
_MANIFEST: dict[str, type] = {
    **dict.fromkeys(
        ("run_id", "as_of", "made_at", "engine", "policy_hash", "reference_hash", "input_digest", "output_digest"), str
    ),
    **dict.fromkeys(("counts", "profile", "seconds", "versions", "files"), dict),
    "lineage_of": list,
}


@dataclass(frozen=True)
class Publication:
    """One move of the pointer: to which run, when, from which, by which verb, and why when it was forced."""

    seq: int
    run_id: str
    published_at: str
    previous: str | None
    verb: str
    reason: str | None = None


def write_run(
    scratch: Path, runs: Path, tables: Mapping[str, pa.Table], manifest: dict[str, Any], replaces: bool = False
) -> dict[str, Any]:
    """Write a run's tables (Arrow IPC, one uncompressed batch, so that readers map columns as they are) and its manifest,
    then name the folder.

    A run of that id that is already there is the same run, and stays; if it is not and this one ``replaces`` it, it goes,
    with a warning. Returns the manifest with the files' digests.
    """
    folder = scratch / manifest["run_id"]
    folder.mkdir()
    started = time.perf_counter()
    with ThreadPoolExecutor() as pool:  # half of the time is digests, which keep another processor busy
        files = dict(pool.map(_write_table, (folder / f"{name}.arrow" for name in tables), tables.values()))
    seconds = {**manifest["seconds"], "writing": round(time.perf_counter() - started, 3)}
    manifest = {**manifest, "seconds": seconds, "files": files}
    write_durably(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False).encode())
    runs.mkdir(exist_ok=True)
    final = runs / manifest["run_id"]
    if final.exists():
        known = read_manifest(runs, manifest["run_id"])
        if not replaces or _says(runs, manifest["run_id"], tables):
            return known
        LOG.warning("The run %s said something else before it was computed anew, and is replaced.", manifest["run_id"])
        os.rename(final, scratch / "replaced")
    os.rename(folder, final)
    sync_path(runs)
    return manifest


def _says(runs: Path, run_id: str, tables: Mapping[str, pa.Table]) -> bool:
    """Whether a run is whole and has the values of these tables."""
    try:
        verify_run(runs, run_id)
        return all(read_table(runs, run_id, name).equals(table) for name, table in tables.items())
    except StoreError:
        return False


def _write_table(path: Path, table: pa.Table) -> tuple[str, dict[str, Any]]:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    sync_path(path)
    return path.name, {"bytes": path.stat().st_size, "sha256": _sha256(path)}


def run_ids(runs: Path) -> list[str]:
    """The ids of all runs that are kept, in the order in which they were made."""
    if not runs.exists():
        return []
    manifests = [read_manifest(runs, path.name) for path in runs.iterdir() if path.name.startswith("run_")]
    return [each["run_id"] for each in sorted(manifests, key=lambda each: (each["made_at"], each["run_id"]))]


def read_manifest(runs: Path, run_id: str) -> dict[str, Any]:
    """The manifest of a run. Raises ``NotFoundError``, or ``StoreError`` when it is damaged."""
    path = runs / run_id / MANIFEST
    try:
        manifest = json.loads(path.read_text())
        whole = all(isinstance(manifest[key], kind) for key, kind in _MANIFEST.items())
        if (
            whole
            and manifest["run_id"] == run_id
            and all({"bytes", "sha256"} <= set(each) for each in manifest["files"].values())
        ):
            return manifest
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"There is no run {run_id}; `graphrisk runs` lists those that are kept.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise StoreError(
        f"The run {run_id} is damaged ({path} is not its manifest); restore it, or delete the folder and detect again."
    )


def read_table(runs: Path, run_id: str, name: str) -> pa.Table:
    """A table of a run, memory-mapped; columns that were not known when it was made are null.

    Raises ``StoreError`` when the file is missing, cut short or damaged.
    """
    path = runs / run_id / f"{name}.arrow"
    expected = read_manifest(runs, run_id)["files"].get(path.name, {})
    try:
        if path.stat().st_size == expected.get("bytes"):
            return _with_new_columns(
                pa.ipc.open_file(pa.memory_map(str(path))).read_all(), (SCHEMAS | FACT_SCHEMAS)[name]
            )
    except (OSError, pa.ArrowException):
        pass
    raise _damaged(run_id, path)


def _with_new_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    for field in schema:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table


def verify_run(runs: Path, run_id: str, tables: Collection[str] | None = None) -> None:
    """Check the files of a run (of some tables, or all) against the manifest's digests.

    Raises ``StoreError`` naming the first that differs.
    """
    files = {runs / run_id / name: each["sha256"] for name, each in read_manifest(runs, run_id)["files"].items()}
    wanted = [path for path in files if tables is None or path.stem in tables]
    with ThreadPoolExecutor() as pool:
        for path, found in zip(wanted, pool.map(_digest_of, wanted), strict=True):
            if found != files[path]:
                raise _damaged(run_id, path)


def _digest_of(path: Path) -> str | None:
    return _sha256(path) if path.exists() else None


def publications(home: Path) -> list[Publication]:
    """All moves of the pointer, oldest first; the last one says which run is live."""
    path = home / "current.json"
    try:
        return [Publication(**each) for each in json.loads(path.read_text())["publications"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The pointer {path} is damaged; restore it from a backup, or delete it and publish again."
        ) from error


def current_run(home: Path) -> str | None:
    """The id of the live run, if one was ever published."""
    moves = publications(home)
    return moves[-1].run_id if moves else None


def move_pointer(home: Path, run_id: str, expected: str | None, verb: str, reason: str | None = None) -> Publication:
    """Make a run the live one if ``expected`` still is. Raises ``StoreError`` when another one was published meanwhile."""
    with locked(home / "publish.lock"):
        moves = publications(home)
        previous = moves[-1].run_id if moves else None
        if previous != expected:
            raise StoreError(f"Run {previous} was published meanwhile; detect again, so that rings keep their ids.")
        move = Publication(len(moves) + 1, run_id, datetime.now(UTC).isoformat(), previous, verb, reason)
        text = json.dumps({"run_id": run_id, "publications": [each.__dict__ for each in [*moves, move]]}, indent=1)
        sweep_unfinished(home, "current.json")
        write_durably(home / "current.json", text.encode())
        return move


def _damaged(run_id: str, path: Path) -> StoreError:
    return StoreError(
        f"The run {run_id} is damaged ({path} differs from its manifest); restore it from a backup, "
        "or roll back if it is live; if it was the only one, move current.json away and detect again."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
