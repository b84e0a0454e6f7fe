# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Homes from which accounts are erased."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphrisk import pipeline
from graphrisk.api.audit import AuditLog
from graphrisk.api.redaction import redact_audit
from graphrisk.policy import Policy
from graphrisk.runs.feed import read_signals
from graphrisk.runs.store import current_run, read_table
from graphrisk.webhooks.dead import Batch, bury, redact_dead
from tests.support import Row, ask, call_cli, load, settings_at, sighting, write_facts
from tests.support_audit import read
from tests.support_detection import farm

KEY = "5c" * 32
FACTS = (
    "SELECT * EXCLUDE (load) FROM fact_accounts",
    "SELECT * EXCLUDE (load) FROM fact_labels",
    "FROM fact_sightings",
)


def without(facts: Path, to: Path, ids: Iterable[str]) -> Path:
    """The same facts folder as if the accounts had never been in it."""
    to.mkdir()
    for table in ("accounts", "sightings", "labels"):
        rows = pq.read_table(facts / table)
        gone = pc.is_in(rows["account_id"], value_set=pa.array(list(ids)))
        pq.write_table(rows.filter(pc.invert(gone)), to / f"{table}.parquet")
    return to


def night(home: Path, *facts: Path) -> str:
    load(home, *facts)
    run_id = pipeline.detect(settings_at(home), Policy())["run_id"]
    return pipeline.publish(settings_at(home), Policy(), run_id, "a test").run_id


def erase(home: Path, *ids: str, reason: str | None = None) -> pipeline.Erased:
    return pipeline.erase(settings_at(home), Policy(), ids, reason, [redact_dead, redact_audit])


def core_of_the_riskiest(home: Path, count: int) -> list[str]:
    ring = pipeline.rings(settings_at(home), limit=1)[0]["ring_id"]
    members = pipeline.ring(settings_at(home), ring)["members"]
    return [each["account_id"] for each in members if each["role"] == "core"][:count]


def lonely_tokens(home: Path, ids: list[str]) -> list[str]:
    """The digits of the tokens that only these accounts have."""
    listed = ", ".join(f"'{each}'" for each in ids)
    of = "SELECT token FROM fact_sightings WHERE account_id"
    return [row[0].split(":")[1] for row in ask(home, f"{of} IN ({listed}) EXCEPT {of} NOT IN ({listed})")]


def rings_without_ids(home: Path) -> list[Row]:
    """The rings of the live run, but for their ids, which tell of the past."""
    rings = read_table(home / "runs", str(current_run(home)), "rings").drop(["ring_id"])
    return sorted(rings.to_pylist(), key=lambda ring: ring["ring_key"])


def links_of(home: Path) -> list[Row]:
    return read_table(home / "runs", str(current_run(home)), "links").to_pylist()


def furnished(home: Path, world: Path, folder: Path) -> list[str]:
    """Two nights, an export under the home, dead letters, reads; the accounts that all of them name."""
    night(home, world)
    erased = [*core_of_the_riskiest(home, 2), "crook000"]
    own = [sighting("crook000", "email", "only@crook.example"), sighting("crook000", "card", "tok_of_crook000")]
    own += [sighting(each, "device", "device of the three erased ones") for each in erased]
    more = write_facts(folder / "more" / "crook000", sightings=[*farm("crook", 9, 3), *own])
    assert call_cli("run", more, home=home).returncode in (0, 7)
    night(home)
    pipeline.export(settings_at(home), home / "exports" / "p", None, "parquet")
    pipeline.export(settings_at(home), home / "exports" / "c", None, "csv")
    log = AuditLog(home)
    read(log, *erased, "acc_other")
    read(log, "ring_1")
    log.close()
    lines, _ = read_signals(home, None, 100_000)
    named = [line for line in lines if any(each.encode() in line for each in erased)]
    assert len(named) > 3
    bury(home, Batch("hook", "dlv_1", "c" * 24, len(named), b"".join(named)), "away", 3)
    (home / "notes.txt").write_text(f"Ask Ann about {erased[0]}.")
    return erased
