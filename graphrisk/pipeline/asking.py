# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""What people ask of results: the state of a home, the runs, a ring, an account and why."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from graphrisk.errors import NotFoundError, StoreError
from graphrisk.graph.links import BrowserLinks
from graphrisk.ledger.reading import view_facts
from graphrisk.ledger.store import Ledger
from graphrisk.logs import LOG
from graphrisk.policy import Policy
from graphrisk.runs.export import Format, write_export
from graphrisk.runs.snapshot import Snapshot, plain
from graphrisk.runs.store import Publication, current_run, publications, read_manifest, read_table, run_ids
from graphrisk.runs.tables import SCHEMAS
from graphrisk.scoring.hypotheses import with_rival
from graphrisk.scoring.reasons import explain
from graphrisk.settings import Settings

STRONGEST = 5

KINDS = """
WITH held AS (SELECT DISTINCT kind, token, account_id FROM fact_sightings),
counted AS (SELECT kind, token, count(*) AS accounts FROM held GROUP BY kind, token)
SELECT kind, sum(accounts)::BIGINT AS sightings, count(*) AS attributes,
       count(*) FILTER (accounts >= 2) AS shared_attributes, max(accounts) AS max_accounts
FROM counted GROUP BY kind ORDER BY kind
"""


def status(settings: Settings) -> dict[str, Any]:
    """What the home holds: ``accounts``, ``kinds`` {kind: {sightings, attributes, shared_attributes, max_accounts}},
    ``loads``, ``last_load``, ``runs``, ``current_run``, ``graph_lag`` (null: no graph is configured).
    A sighting here is an account with a value, however often it was reported."""
    settings.prepare()
    ledger = Ledger(settings.ledger)
    loads = ledger.loads()
    accounts, kinds = 0, {}
    if loads:
        with settings.scratch("status") as scratch, settings.columns(scratch) as columns:
            view_facts(columns, ledger, loads[-1].accepted_at, loads)
            accounts = columns.execute("SELECT count(*) FROM accounts").fetchall()[0][0]
            rows = columns.sql(KINDS).to_arrow_table().to_pylist()
            kinds = {row.pop("kind"): row for row in rows}
    last = loads[-1] if loads else None
    return {
        "home": str(settings.home),
        "accounts": accounts,
        "kinds": kinds,
        "loads": len(loads),
        "last_load": {"load": last.load, "accepted_at": last.accepted_at.isoformat(), "rows": last.rows}
        if last
        else None,
        "runs": len(run_ids(settings.runs)),
        "current_run": current_run(settings.home),
        "graph_lag": None,
    }


def runs(settings: Settings) -> list[dict[str, Any]]:
    """All runs that are kept, oldest first, with their counts and status (``run_status``)."""
    settings.prepare()
    moves = publications(settings.home)
    found = [read_manifest(settings.runs, run_id) for run_id in run_ids(settings.runs)]
    kept = ("run_id", "as_of", "engine", "policy_hash", "output_digest", "counts")
    return [{**{key: each[key] for key in kept}, "status": _status(each, moves)} for each in found]


def run_status(settings: Settings, run_id: str) -> str:
    """``live``, ``published`` (it was live once), ``candidate``, or ``shadow`` (never to be published)."""
    return _status(read_manifest(settings.runs, run_id), publications(settings.home))


def _status(manifest: dict[str, Any], moves: list[Publication]) -> str:
    run_id = manifest["run_id"]
    if moves and moves[-1].run_id == run_id:
        return "live"
    if manifest.get("shadow"):
        return "shadow"
    return "published" if any(move.run_id == run_id for move in moves) else "candidate"


def chosen_run(settings: Settings, run_id: str | None) -> str:
    """The run asked for, or the live one. Raises ``NotFoundError`` when nothing was published yet."""
    settings.prepare()
    chosen = run_id or current_run(settings.home)
    if chosen is None:
        raise NotFoundError(
            "Nothing is published yet; `graphrisk detect` and `graphrisk publish` do it, or name a run with --run."
        )
    read_manifest(settings.runs, chosen)
    return chosen


def export(settings: Settings, folder: Path, run_id: str | None = None, form: Format = "parquet") -> list[Path]:
    """Write a run (the live one) as files into a folder; returns their paths."""
    chosen = chosen_run(settings, run_id)
    tables = {name: read_table(settings.runs, chosen, name) for name in SCHEMAS}
    return write_export(folder, tables, read_manifest(settings.runs, chosen), run_status(settings, chosen), form)


def rings(
    settings: Settings,
    run_id: str | None = None,
    band: str | None = None,
    limit: int = 20,
    recommended: bool = False,
) -> list[dict[str, Any]]:
    """The riskiest rings first: id, size, core size, score, band, kinds of sharing, window, flags, whether they are
    recommended for action, and the likeliest innocent explanation."""
    table = read_table(settings.runs, chosen_run(settings, run_id), "rings")
    if band:
        table = table.filter(pc.equal(table["band"], band))
    if recommended:
        table = table.filter(table["recommended"])
    kept = (
        "ring_id", "size", "core_size", "score", "band", "kinds", "first_link_at", "last_link_at", "flags", "recommended", "rival",
    )  # fmt: skip
    return plain(table.select(list(kept)).sort_by([("score", "descending"), ("ring_id", "ascending")]).slice(0, limit))


def ring(settings: Settings, ring_id: str, run_id: str | None = None) -> dict[str, Any]:
    """A ring and why it has its score; for a retired id, what became of it. Raises ``NotFoundError``."""
    chosen = chosen_run(settings, run_id)
    snapshot = Snapshot(settings.runs, chosen, verify=False)
    lineage = snapshot.lineage_of(ring_id) or lineage_elsewhere(settings, ring_id)
    if lineage is None:
        raise NotFoundError(f"No ring was ever called {ring_id} in run {chosen}; `graphrisk rings` lists the rings.")
    del lineage["core"]
    links = BrowserLinks(settings.browser_url)
    row = snapshot.ring_row(ring_id)
    if row is None:
        link = links.retired_ring(ring_id)
        return {"run_id": chosen, "ring_id": ring_id, "browser_url": link, "status": "retired", "lineage": lineage}
    found = plain(snapshot.rings.slice(row, 1))[0]
    return {
        "run_id": chosen,
        **with_rival(found, snapshot.margin),
        "browser_url": links.ring(ring_id),
        "status": "live",
        "reasons": _reasons(found["reasons"], found["features"]),
        "lead_reasons": _reasons(found["lead_reasons"] or [], found["features"]),
        "links": snapshot.links_at(snapshot.links_inside(row)),
        "lineage": lineage,
    }


def account_row(snapshot: Snapshot, account_id: str) -> int:
    """The row of an account of a run. Raises ``NotFoundError``."""
    row = snapshot.account_row(account_id)
    if row is None:
        raise NotFoundError(
            f"Run {snapshot.run_id} has no account {account_id!r}; ids are taken as they were loaded, check the spelling."
        )
    return row


def account(settings: Settings, account_id: str, run_id: str | None = None) -> dict[str, Any]:
    """An account, its ring and role, its strongest links, and reasons that add up to the logit of its score."""
    chosen = chosen_run(settings, run_id)
    snapshot = Snapshot(settings.runs, chosen, verify=False)
    row = account_row(snapshot, account_id)
    found = plain(snapshot.accounts.slice(row, 1))[0]
    features: list[dict[str, Any]] = []
    summary = None
    if found["ring_id"]:
        whole = plain(snapshot.rings.slice(snapshot.ring_row(found["ring_id"]) or 0, 1))[0]
        features = whole["features"]
        kept = ("ring_id", "size", "core_size", "score", "band", "kinds", "recommended", "rival")
        summary = {key: whole[key] for key in kept}
    links, _ = snapshot.links_of(row)
    return {
        "run_id": chosen,
        **found,
        "browser_url": BrowserLinks(settings.browser_url).account(account_id),
        "reasons": _reasons(found["reasons"], features),
        "ring": summary,
        "links": len(links),
        "strongest_links": _links_of(snapshot, account_id, row)[:STRONGEST],
    }


def _links_of(snapshot: Snapshot, account_id: str, row: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for link in snapshot.links_at(snapshot.links_of(row)[0]):
        other = link["account_b"] if link["account_a"] == account_id else link["account_a"]
        found.append({"account_id": other, **{key: link[key] for key in ("strength", "onset", "evidence")}})
    return found


def lineage_elsewhere(settings: Settings, ring_id: str) -> dict[str, Any] | None:
    """The lineage of an id that only a run knows which was published and then rolled back."""
    held = set[str]()
    for run in dict.fromkeys(move.run_id for move in reversed(publications(settings.home))):
        if run in held:
            continue
        try:
            snapshot = Snapshot(settings.runs, run, verify=False)
            found = snapshot.lineage_of(ring_id)
        except NotFoundError:
            continue
        except StoreError as error:
            LOG.warning("%s", error)
            continue
        if found:
            return {**found, "status": "retired", "event": "rolled back", "superseded_by": []}
        held.update(snapshot.manifest["lineage_of"])
    return None


def policy_shown(policy: Policy) -> dict[str, Any]:
    """The policy in force with its hash."""
    return {"hash": policy.hash, **policy.model_dump(mode="json")}


def _reasons(parts: list[dict[str, Any]], features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    values = {each["code"]: each["value"] for each in features}
    return [asdict(reason) for reason in explain([(part["code"], part["contribution"]) for part in parts], values)]
