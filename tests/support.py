"""What several tests need: facts folders, homes, the command line in its own process, every byte of a folder."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphrisk import pipeline
from graphrisk.cli import main
from graphrisk.ledger.reading import view_facts
from graphrisk.ledger.store import Ledger
from graphrisk.logs import LOG
from graphrisk.policy import LoadPolicy, Policy
from graphrisk.settings import Settings

Row = Mapping[str, object]
LENIENT = Policy(load=LoadPolicy(max_reject_ratio=1.0))
"""Accepts a load whatever the share of rejected rows, so that a test can look at the rejects."""
SEEN = "2026-01-05T10:00:00Z"


def wait_for(holds: Callable[[], object], seconds: float = 30) -> None:
    """Return once it holds; fail when it never does."""
    due = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < due, f"It never came to hold, in {seconds:g} s."
        time.sleep(0.02)


def sighting(account: str, kind: str, value: object, first_seen: str = SEEN, **more: object) -> dict[str, object]:
    return {"account_id": account, "kind": kind, "value": value, "first_seen": first_seen, **more}


def write_csv(path: Path, rows: Iterable[Row]) -> Path:
    """Columns are those of all rows, in order of appearance; a row without one has it empty."""
    listed = list(rows)
    columns = list(dict.fromkeys(name for row in listed for name in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)
    return path


def write_facts(
    folder: Path, accounts: Iterable[Row] = (), sightings: Iterable[Row] = (), labels: Iterable[Row] = ()
) -> Path:
    """A facts folder with the tables that have rows."""
    for name, rows in (("accounts", list(accounts)), ("sightings", list(sightings)), ("labels", list(labels))):
        if rows:
            write_csv(folder / f"{name}.csv", rows)
    return folder


def settings_at(home: Path) -> Settings:
    return Settings(home=home, threads=1, processes=1)


def load(home: Path, *sources: Path, policy: Policy | None = None, mapping: Path | None = None) -> pipeline.Loaded:
    return pipeline.load(settings_at(home), policy or Policy(), [str(source) for source in sources], mapping)


def ask(home: Path, sql: str, as_of: datetime | None = None) -> list[tuple[Any, ...]]:
    """Rows of a query over the facts known as of a moment."""
    settings = settings_at(home)
    with settings.scratch("test") as scratch, settings.columns(scratch) as columns:
        ledger, moment = Ledger(settings.ledger), as_of or datetime.now(UTC)
        view_facts(columns, ledger, moment, ledger.loads(moment))
        return [tuple(row.values()) for row in columns.sql(sql).to_arrow_table().to_pylist()]


def tokens(home: Path) -> dict[str, str]:
    """Account → token, for facts with one sighting an account."""
    found = ask(home, "SELECT account_id, token FROM fact_sightings")
    assert len({account for account, _ in found}) == len(found)
    return dict(found)


def rejects(home: Path, kept: str = "load_*") -> list[tuple[int, str, str]]:
    """(row, table, reason) of all rejected rows of the loads in a home."""
    found: list[tuple[int, str, str]] = []
    for path in sorted((home / "loads").glob(f"{kept}/rejects.csv")):
        with path.open(newline="", encoding="utf-8") as handle:
            found += [(int(row["row"]), row["table"], row["reason"]) for row in csv.DictReader(handle)]
    return found


def run_cli(*args: str | Path, home: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command line in another process, as a user's shell would run it."""
    return subprocess.run(
        [sys.executable, "-m", "graphrisk", "--home", str(home), *map(str, args)],
        env=os.environ | {"GRAPHRISK_THREADS": "1", "GRAPHRISK_PROCESSES": "1", "NO_COLOR": "1"} | dict(env or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def call_cli(*args: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """The command line in this process: a new one costs seconds, which only tests about processes should pay."""
    words = ["graphrisk", "--home", str(home), *map(str, args)]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", words)
        patch.setattr(LOG, "handlers", [])
        patch.setattr(LOG, "propagate", False)
        for name, value in {"GRAPHRISK_THREADS": "1", "GRAPHRISK_PROCESSES": "1", "NO_COLOR": "1"}.items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
        LOG.setLevel("NOTSET")
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def bytes_under(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file as it lies there and, because compression hides text, as it reads once decoded."""
    for folder in folders:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            raw = path.read_bytes()
            yield path, str(path).encode() + raw
            if raw[:4] == b"PAR1":
                table = pq.ParquetFile(path).read()
                yield path, json.dumps(table.to_pylist(), default=str, ensure_ascii=False).encode()
            elif raw[:6] == b"ARROW1":
                table = pa.ipc.open_file(path).read_all()
                yield path, json.dumps(table.to_pylist(), default=str, ensure_ascii=False).encode()
            elif raw[:2] == b"\x1f\x8b":
                yield path, zlib.decompress(raw, wbits=31)


def places_of(needles: Iterable[str], *folders: Path) -> list[tuple[str, str]]:
    """(text, file) for each of the texts that some file holds, in whatever case."""
    wanted = [(needle, needle.lower().encode()) for needle in needles]
    return [
        (needle, str(path))
        for path, content in bytes_under(*folders)
        for needle, low in wanted
        if low in content.lower()
    ]
