"""What a run's manifest says for the guard: news since the live run, and drift from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from graphrisk.ledger.store import Load
from graphrisk.policy import Policy
from graphrisk.publication.drift import drift
from graphrisk.publication.news import news
from graphrisk.runs.store import read_manifest, read_table
from graphrisk.runs.tables import DIGESTED
from graphrisk.settings import Settings


def compared(
    columns: duckdb.DuckDBPyConnection,
    settings: Settings,
    policy: Policy,
    loads: list[Load],
    live: str | None,
    tables: Mapping[str, pa.Table],
    counts: Mapping[str, int],
) -> dict[str, Any]:
    """``news`` and ``drift`` of a run against the live one; each is null where there is nothing to tell.

    ``columns`` has the views of the facts in the given loads, ``tables`` and ``counts`` are the run's.
    """
    if live is None:
        return {"news": None, "drift": None}
    seen_by = datetime.fromisoformat(read_manifest(settings.runs, live)["as_of"])
    fresh = [load for load in loads if load.accepted_at > seen_by]
    after = loads[len(loads) - len(fresh) - 1].seq if len(fresh) < len(loads) else 0
    reports = [json.loads(load.report) for load in fresh]
    before = {name: read_table(settings.runs, live, name) for name in DIGESTED}
    return {
        "news": news(columns, after, policy.kinds, reports) if reports else None,
        "drift": drift(columns, after, tables, before, counts),
    }
