"""Audit logs for tests: written in this process, read back, and where their files are."""

from __future__ import annotations

from pathlib import Path

from graphrisk.api.audit import AuditLog, AuditReport

RECORD_BYTES = 128
"""Of a chain in the register."""


def read(log: AuditLog, *ids: str, request_id: str = "r") -> None:
    log.record(key="ab12cd34", scope="rings:read", route="/v1/x", ids=ids, run_id=None, status=200, request_id=request_id)  # fmt: skip


def write_log(home: Path, lines: int) -> Path:
    """A closed chain of so many reads; gives its file."""
    before, log = set(files_of(home)), AuditLog(home)
    for number in range(lines):
        read(log, f"acc_{number}")
    log.close()
    (made,) = set(files_of(home)) - before
    return made


def files_of(home: Path) -> list[Path]:
    return sorted((home / "audit").glob("*.ndjson"), key=lambda each: int(each.stem.split("-")[-1]))


def register_of(home: Path) -> Path:
    return home / "audit" / "register"


def assert_whole(report: AuditReport, chains: int, lines: int) -> None:
    assert report.problems == []
    assert (report.chains, report.lines) == (chains, lines)
