"""What all peers read and write: who holds which value, and the group of each account."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import duckdb
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

POPULAR = 10
"""Values of more accounts are dropped, as in Neo4j's published fraud recipe; without that all are one component."""

GROUPS = pa.schema([("account_id", pa.string()), ("group", pa.int64())])

FEW = f"""
CREATE TABLE held AS
SELECT account_id, kind, token FROM read_parquet($file)
JOIN (SELECT kind, token FROM read_parquet($file) GROUP BY ALL HAVING count(*) BETWEEN 2 AND {POPULAR}) USING (kind, token)
"""

PAIRS = """
SELECT one.account_id AS a, other.account_id AS b, count(*) AS shared
FROM held AS one JOIN held AS other USING (kind, token) WHERE one.account_id < other.account_id GROUP BY ALL
"""


class Answer(NamedTuple):
    """The group of each account that is in one (columns account_id, group), and what it took."""

    groups: pa.Table
    seconds: float
    peak_mib: float


def held_by_few(sightings: Path) -> duckdb.DuckDBPyConnection:
    """A database with the table ``held`` (account_id, kind, token): values that 2 to ``POPULAR`` accounts hold."""
    columns = duckdb.connect()
    columns.execute("SET preserve_insertion_order = false")
    columns.execute(FEW, {"file": str(sightings)})
    return columns


def write_groups(file: Path, groups: Iterable[Iterable[str]]) -> None:
    """Keep which accounts are together, as rows (account_id, group)."""
    rows = [{"account_id": account, "group": number} for number, group in enumerate(groups) for account in group]
    pq.write_table(pa.Table.from_pylist(rows, GROUPS), file)


def answered(find: Callable[[Path, Path], None]) -> None:
    """Run a peer on the files that its command line names (sightings, groups), and print the peak memory of its processes as JSON."""
    find(Path(sys.argv[1]), Path(sys.argv[2]))
    children = psutil.Process().children(recursive=True)
    print(json.dumps({"peak_mib": peak_mib(os.getpid()) + sum(peak_mib(each.pid) for each in children)}))


def peak_mib(process: int) -> float:
    """The most memory that a process has held, from Linux's own book (proc(5), ``VmHWM``)."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    held = status.partition("VmHWM:")[2].split()
    return int(held[0]) / 1024 if held else 0.0  # one that has ended holds none
