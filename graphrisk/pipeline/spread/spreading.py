# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""spread(): the tables of a run from facts that a Spark cluster reads, equal to those of one machine, value for value."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from graphrisk.errors import DetectionError
from graphrisk.ledger.reading import name_tokens
from graphrisk.ledger.store import Ledger, Load
from graphrisk.linkage.links import links_of
from graphrisk.logs import StageClock, step
from graphrisk.model import Links
from graphrisk.pipeline.finding import Found, identify_rings, run_tables, with_open_since
from graphrisk.pipeline.spread.bucket import Part, find_in_bucket, read_part, uuids
from graphrisk.pipeline.spread.merging import merged
from graphrisk.policy import Policy
from graphrisk.runs.assembly import neighbours_table
from graphrisk.runs.fact_tables import facts_tables
from graphrisk.scoring.reference import Reference
from graphrisk.settings import Settings
from graphrisk.spark.buckets import SPANS, work_on_components
from graphrisk.spark.components import find_components
from graphrisk.spark.links import Counted, link
from graphrisk.spark.reading import view_facts
from graphrisk.spark.session import Cluster, session_of
from graphrisk.spark.work import Work, on_disk, work_in

FETCHED = {
    "ids": "SELECT account, account_id, created, closed, status, marketplace FROM ids ORDER BY account",
    "links": f"SELECT {', '.join(Links._fields)} FROM links ORDER BY a, b",
    "evidence": "SELECT a, b, kind, attribute, value, week, accounts, milli_nats FROM evidence",
    "attributes": "SELECT attribute, kind, value, week, hint, accounts, source FROM attributes",
    "uses": "SELECT attribute, account, first, last, returned FROM uses JOIN attributes USING (attribute) WHERE source IS NOT NULL",
    "weekly": "SELECT account, kind, value, week, first, last, hint FROM held",
    "retained": SPANS,
    "visited": "SELECT DISTINCT address, network FROM visited WHERE network IS NOT NULL",
    "arrivals": "SELECT source, place, week, arrived, ever, first_week, last_week, one_alone, other_alone, rest, present FROM arrivals",
    "arrived": "SELECT source, place, week, account, first, last, returned FROM arrived",
}
"""What the tables of a run are made from, as linkage leaves it in DuckDB."""

DECIDING = ("duckdb", "graphrisk", "igraph", "numpy", "pyarrow", "scipy")
"""Libraries that executors work with."""

UUIDS = ("value", "place", "address", "network")


def spread(
    columns: duckdb.DuckDBPyConnection,
    settings: Settings,
    scratch: Path,
    cluster: Cluster,
    policy: Policy,
    reference: Reference,
    manifest: dict[str, Any],
    loads: list[Load],
    published: list[str],
    clock: StageClock,
) -> tuple[dict[str, pa.Table], dict[str, Any]]:
    """The tables of a run and what its manifest says of them; ``columns`` has the views of ``ledger.reading.view_loads``.

    Raises ``SettingsError`` when there is no Spark to be had, or its executors have no folder in common.
    """
    moment = datetime.fromisoformat(manifest["as_of"])
    with ExitStack() as held:
        with clock.stage("session"):
            session = held.enter_context(session_of(cluster, scratch))
            work = held.enter_context(work_in(session, cluster.work or on_disk(scratch / "work")))
            if cluster.work:
                work.check_shared()
        found, counted, seen = _found(columns, work, settings, cluster, policy, reference, manifest, loads, clock)
    with clock.stage("identity"):
        identified, lineage_of = identify_rings(settings, found, manifest, moment, policy, published)
    with clock.stage("assembly"):
        tables = {**run_tables(columns, policy, found, identified), **facts_tables(columns)}
        tables["neighbours"] = neighbours_table(found.links, counted.accounts)
    figures = {"lineage_of": lineage_of, "clock": counted.clock, "counts": found.counts, "profile": seen}
    return tables, figures


def _found(
    columns: duckdb.DuckDBPyConnection,
    work: Work,
    settings: Settings,
    cluster: Cluster,
    policy: Policy,
    reference: Reference,
    manifest: dict[str, Any],
    loads: list[Load],
    clock: StageClock,
) -> tuple[Found, Counted, dict[str, int]]:
    """What Spark found, with linkage's tables in ``columns``, and sightings by kind."""
    moment, key_id = datetime.fromisoformat(manifest["as_of"]), loads[0].key_id
    with clock.stage("linkage"), step("Linking on Spark (tables)") as progress:
        work.advance = progress.advance
        view_facts(work, Ledger(settings.ledger), loads, cluster.ledger)
        counted = link(work, policy, moment, reference.expected_new_share, key_id)
    with clock.stage("components"), step("Components on Spark (tables)") as progress:
        work.advance = progress.advance
        find_components(work)
    with clock.stage("rings"), step("Rings on Spark (tables)") as progress:
        work.advance = progress.advance
        labels = columns.sql("SELECT account_id, label FROM labels").to_arrow_table()
        work.named("labels", work.frame(labels))
        alone = Settings(settings.home, threads=1, processes=1, memory_mib=settings.memory_mib, browser_url=None)
        find = partial(find_in_bucket, settings=alone, policy=policy, reference=reference, engine=manifest["engine"])
        answers = work_on_components(work, find)
    with clock.stage("collection"), step("Fetching from Spark (tables)", len(FETCHED)) as progress:
        work.advance = progress.advance
        ids, links = _collect(columns, work)
        name_tokens(columns, key_id)
        names = list(policy.priced())
        rows = work.fetch("SELECT kind, count(*) AS rows FROM retained GROUP BY kind ORDER BY kind").to_pylist()
        seen = {names[row["kind"]]: row["rows"] for row in rows}
    parts = [read_part(answer) for answer in answers]
    _check_versions(parts, manifest["versions"])
    return merged(parts, ids, links, counted), counted, seen


def _check_versions(parts: list[Part], ours: dict[str, str]) -> None:
    """Raises ``DetectionError`` when an executor computed with another version of what decides the result."""
    for name in DECIDING:
        for part in parts:
            if (theirs := part.versions.get(name)) != ours.get(name):
                raise DetectionError(
                    f"An executor has {name} {theirs}, this machine {ours.get(name)}; give both the same environment."
                )


def _collect(columns: duckdb.DuckDBPyConnection, work: Work) -> tuple[pa.Table, Links]:
    """Give ``columns`` linkage's tables; returns the accounts as ``pipeline.finding.IDS`` tells them, and the links."""
    tables: dict[str, pa.Table] = {}
    for name, sql in FETCHED.items():
        tables[name] = _with_uuids(work.fetch(sql))
        columns.register(name, tables[name])
        work.advance(1)
    return with_open_since(tables["ids"]), links_of(tables["links"])


def _with_uuids(table: pa.Table) -> pa.Table:
    for name in set(UUIDS) & set(table.column_names):
        table = table.set_column(table.schema.get_field_index(name), name, uuids(table[name]))
    return table
