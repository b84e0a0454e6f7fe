# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""What else under the home can name an account: reports of loads, lists of rejected rows, exports, files of people."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from graphrisk.files import write_durably
from graphrisk.runs.redaction import redacted
from graphrisk.settings import Settings

EXPORTED = ("accounts", "rings", "links")
OURS = (
    "api", "audit", "current.json", "erasures", "home.json", "jobs", "ledger", "loads", "neo4j", "neo4j-replica", "runs", "signals", "tmp",
    "token.key",
)  # fmt: skip
"""What of a home is written by this program, and seen to in other ways."""
BYTES_AT_ONCE = 2**24


def redact_reports(settings: Settings, account_ids: Sequence[str], lonely: Collection[str] = ()) -> None:
    """Take accounts out of what reports of loads and jobs say of sources, and ``lonely`` tokens out of what was shared most."""
    for path in sorted(settings.loads.glob("*/report.json")):
        report = json.loads(path.read_text())
        if (cleaned := _cleaned(report, account_ids, lonely)) != report:
            write_durably(path, json.dumps(cleaned, ensure_ascii=False).encode())
    for path in sorted((settings.home / "jobs").glob("*.json")):
        job = json.loads(path.read_text())
        told = {name: redacted(job[name], account_ids) for name in ("sources", "error")}
        if job["load"]:
            told["load"] = {**job["load"], "report": _cleaned(job["load"]["report"], account_ids, lonely)}
        if job | told != job:
            write_durably(path, json.dumps(job | told, indent=1, ensure_ascii=False).encode())
    for path in sorted(settings.loads.glob("*/rejects.csv")):
        if _names(path, account_ids):
            _redact_rejects(path, account_ids)


def _cleaned(report: dict[str, Any], account_ids: Sequence[str], lonely: Collection[str]) -> dict[str, Any]:
    told = {name: redacted(report.get(name), account_ids) for name in ("sources", "ignored_columns")}
    shared: dict[str, list[dict[str, Any]]] = report.get("most_shared", {})
    told["most_shared"] = {
        kind: [each for each in most if each["token"] not in lonely] for kind, most in shared.items()
    }
    return report | told


def _redact_rejects(path: Path, account_ids: Sequence[str]) -> None:
    temporary = path.with_name(".rejects.csv.part")
    with path.open(newline="", encoding="utf-8") as source, temporary.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([redacted(file, account_ids), *rest] for file, *rest in csv.reader(source))
    temporary.replace(path)


def remove_exports(settings: Settings, account_ids: Sequence[str]) -> int:
    """Remove the exports under the home that hold one of the accounts; how many files that were."""
    wanted, count = pa.array(account_ids, pa.string()), 0
    for name in EXPORTED:
        for part in settings.home.rglob(f".{name}.*.part"):
            part.unlink()  # left by an export that was killed
    for told in sorted(settings.home.rglob("run.json")):
        tables = [each for each in _tables_of(told.parent) if settings.runs not in each.parents]
        if any(_holds(table, wanted) for table in tables if table.stem == "accounts"):
            for path in (*reversed(tables), told):  # accounts after what they tell of, for the next try
                path.unlink()
                count += 1
    return count


def _tables_of(folder: Path) -> list[Path]:
    return [
        path for name in EXPORTED for path in sorted(folder.glob(f"{name}.*")) if path.suffix in (".parquet", ".csv")
    ]


def _holds(path: Path, wanted: pa.Array) -> bool:
    if path.suffix == ".csv":
        text = pacsv.ConvertOptions(column_types={"account_id": pa.string()}, include_columns=["account_id"])
        column = pacsv.read_csv(path, convert_options=text)["account_id"]
    else:
        column = pq.read_table(path, columns=["account_id"])["account_id"]
    return bool(pc.any(pc.is_in(column, value_set=wanted)).as_py())


def places_that_name(settings: Settings, account_ids: Sequence[str]) -> list[str]:
    """A sentence on each file of people that still names one of the accounts, and on copies of the graph."""
    left = [
        f"{path.relative_to(settings.home)} in the home names an account; mend it or remove it."
        for path in _files_of_people(settings.home)
        if _names(path, account_ids)
    ]
    if (settings.home / "neo4j-replica" / "data").exists():
        left.append(
            "The replica shows the last dump: dump again, remove older dumps, stop the replica, remove neo4j-replica/data in the home."
        )
    return left


def _files_of_people(home: Path) -> Iterator[Path]:
    for entry in sorted(home.iterdir()):
        if entry.name in OURS or entry.suffix == ".lock":
            continue
        yield from (path for path in sorted([entry, *entry.rglob("*")]) if path.is_file())


def _names(path: Path, account_ids: Sequence[str]) -> bool:
    """Whether a file's text has an id as a word of its own."""
    words = b"|".join(re.escape(each.encode()) for each in account_ids)
    wanted = re.compile(rb"(?<![\w-])(?:" + words + rb")(?![\w-])")
    overlap, before = 4 * 128 + 8, b""
    with path.open("rb") as handle:
        while content := handle.read(BYTES_AT_ONCE):
            if wanted.search(before + content):
                return True
            before = content[-overlap:]
    return False
