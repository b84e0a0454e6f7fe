"""What ``loads`` says of loads whose facts were rewritten: content digest, key and report, as if they had come so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import duckdb

from graphrisk.files import write_durably
from graphrisk.ledger.rewriting import describe_loads
from graphrisk.ledger.store import Ledger, Load
from graphrisk.runs.redaction import redacted
from graphrisk.settings import Settings
from graphrisk.sources.report import content_digest, facts_report


def redescribe(
    columns: duckdb.DuckDBPyConnection, settings: Settings, ledger: Ledger, key_id: str, erased: Sequence[str] = ()
) -> list[str]:
    """Make the digests and reports of loads true again after their facts were rewritten; returns those loads.

    The same source loaded again is then known again, since its facts have the digest that its load has now. ``erased``
    accounts are taken out of the names of sources.
    """

    def described(columns: duckdb.DuckDBPyConnection, load: Load) -> tuple[str, str, dict[str, Any]]:
        report = json.loads(load.report)
        report |= {name: redacted(report[name], erased) for name in ("sources", "ignored_columns")}
        report |= facts_report(columns, sorted(report["completeness"]))
        return content_digest(columns), key_id, report

    changed = describe_loads(columns, ledger, key_id, described)
    for load in changed:
        path = settings.loads / load.load / "report.json"
        if path.exists():
            write_durably(path, load.report.encode())
    return [load.load for load in changed]
