"""renewed(): the tables of a run from those of the live one, equal to those of a whole run, value for value."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.detection.components import find_components
from graphrisk.linkage.links import Linkage, state_rules
from graphrisk.linkage.local import Evidence
from graphrisk.logs import StageClock
from graphrisk.model import Ints, Links
from graphrisk.pipeline.finding import (
    Found,
    find_rings,
    identify_rings,
    profile,
    run_tables,
    with_nameless,
    with_open_since,
)
from graphrisk.pipeline.increment.affected import Affected, Renewed, affected, priced_among, renewed_facts
from graphrisk.pipeline.increment.base import Base
from graphrisk.pipeline.increment.changes import Changes, changes_since
from graphrisk.policy import Policy
from graphrisk.runs.assembly import neighbours_table
from graphrisk.scoring.reference import Reference
from graphrisk.settings import Settings


def renewed(
    columns: duckdb.DuckDBPyConnection,
    settings: Settings,
    policy: Policy,
    reference: Reference,
    manifest: dict[str, Any],
    base: Base,
    published: list[str],
    clock: StageClock,
) -> tuple[dict[str, pa.Table], dict[str, Any]]:
    """The tables of a run and what its manifest says of them; ``columns`` has the merged ledger attached."""
    moment = datetime.fromisoformat(manifest["as_of"])
    with clock.stage("changes"):
        changes = changes_since(columns, base, policy, moment, reference.expected_new_share)
        seen = profile(columns, policy)
    with clock.stage("facts"):
        facts = renewed_facts(base, changes)
    with clock.stage("linkage"):
        again = affected(base, changes, facts, policy)
        linkage, ids = _part(columns, policy, changes, facts, again.accounts)
    found = find_rings(columns, settings, policy, reference, linkage, ids, manifest["engine"], clock)
    with clock.stage("identity"):
        same = _same_rings(base, changes, again.accounts)
        identified, lineage_of = identify_rings(settings, found, manifest, moment, policy, published, same)
    with clock.stage("assembly"):
        part = run_tables(columns, policy, found, identified)
        links = _all_links(again, linkage.links)
        tables = _whole_tables(base, changes, again, part, links, same) | facts.tables
    figures: dict[str, Any] = {
        "lineage_of": lineage_of,
        "clock": changes.clock,
        "counts": _counts(changes, tables, policy, found, links),
        "profile": seen,
        "increment": {"base": base.run_id, "accounts": len(again.accounts)},
    }
    return tables, figures


def _part(
    columns: duckdb.DuckDBPyConnection, policy: Policy, changes: Changes, renewed: Renewed, accounts: Ints
) -> tuple[Linkage, pa.Table]:
    """Linkage among some accounts, and their ids; linkage's tables in ``columns`` are of them alone from here on."""
    facts, count = renewed.facts, changes.ids.num_rows
    local = np.full(count, -1)
    local[accounts] = np.arange(len(accounts))
    shared, priced = priced_among(renewed, accounts, policy)
    links, evidence = priced.links(policy.links.threshold)
    links = links._replace(a=local[links.a], b=local[links.b])
    uses, attribute = facts.uses_by(accounts)
    outside, outside_on = _closed_elsewhere(changes, renewed, policy, np.unique(attribute), local)
    closed = np.unique(renewed.tables["uses"]["account"].to_numpy()[outside])
    local[closed] = len(accounts) + np.arange(len(closed))
    ids = changes.ids.take(pa.array(accounts))
    for name, table in (
        ("ids", with_nameless(ids, len(closed))),
        ("weekly", _weekly(renewed, local, uses, attribute)),
        ("retained", _retained(renewed, accounts)),
        ("attributes", _attributes(renewed, np.unique(np.concatenate([attribute, outside_on])))),
        ("uses", _uses(renewed, local, np.concatenate([uses, outside]), np.concatenate([attribute, outside_on]))),
        ("links", pa.table(dict(zip(("a", "b", "strength", "onset"), links[:4], strict=True)))),
        ("evidence", _evidence(renewed, links, evidence, shared.row, local, count)),
    ):
        columns.register(name, table)
    state_rules(columns, policy)
    shared = np.count_nonzero(facts.degrees > 1)
    return Linkage(links, len(accounts), int(shared), changes.cohorts, changes.clock), with_open_since(ids)


def _closed_elsewhere(
    changes: Changes, renewed: Renewed, policy: Policy, attributes: Ints, local: Ints
) -> tuple[Ints, Ints]:
    """Uses by other accounts that are closed, of values that may be evidence among these."""
    facts = renewed.facts
    cap = np.array([kind.cap for kind in policy.priced().values()])
    held = facts.accounts(attributes)
    uses, on = facts.uses_on(attributes[(held > 1) & (held <= cap[facts.kind[attributes]])])
    closed = pc.equal(changes.ids["status"], "closed").to_numpy()
    account = renewed.tables["uses"]["account"].to_numpy()[uses]
    wanted = closed[account] & (local[account] < 0)
    return uses[wanted], on[wanted]


def _uuids(renewed: Renewed, attributes: Ints) -> pa.Array:
    value = renewed.tables["attributes"]["value"].combine_chunks().take(pa.array(attributes))
    return pa.ExtensionArray.from_storage(pa.uuid(), value)


def _weekly(renewed: Renewed, local: Ints, uses: Ints, attribute: Ints) -> pa.Table:
    facts = renewed.facts
    kept = facts.source[attribute] < 0
    account = local[renewed.tables["uses"]["account"].to_numpy()[uses[kept]]]
    on = attribute[kept]
    return pa.table({"account": account, "kind": facts.kind[on], "value": _uuids(renewed, on), "week": facts.week[on]})


def _retained(renewed: Renewed, accounts: Ints) -> pa.Table:
    held = renewed.tables["held"].select(["first", "last"]).take(pa.array(accounts))
    table = held.append_column("account", pa.array(np.arange(len(accounts))))
    return table.filter(pc.is_valid(table["first"]))


def _attributes(renewed: Renewed, rows: Ints) -> pa.Table:
    facts = renewed.facts
    shared = rows[facts.accounts(rows) > 1]
    return pa.table(
        {
            "attribute": shared,
            "kind": facts.kind[shared],
            "value": _uuids(renewed, shared),
            "week": facts.week[shared],
            "hint": renewed.tables["attributes"]["hint"].combine_chunks().take(pa.array(shared)),
            "accounts": facts.accounts(shared),
            "source": facts.source[shared],
        }
    )


def _uses(renewed: Renewed, local: Ints, uses: Ints, attribute: Ints) -> pa.Table:
    told = renewed.tables["uses"].take(pa.array(uses))
    account = pa.array(local[told["account"].to_numpy()])
    return told.drop(["account"]).append_column("account", account).append_column("attribute", pa.array(attribute))


def _evidence(renewed: Renewed, links: Links, evidence: Evidence, row: Ints, local: Ints, count: int) -> pa.Table:
    a, b = local[evidence.a], local[evidence.b]
    under = np.isin(a * count + b, links.a * count + links.b)
    on, facts = row[evidence.attribute[under]], renewed.facts
    return pa.table(
        {
            "a": a[under],
            "b": b[under],
            "kind": facts.kind[on],
            "attribute": on,
            "value": _uuids(renewed, on),
            "week": facts.week[on],
            "accounts": facts.accounts(on),
            "milli_nats": evidence.milli_nats[under],
        }
    )


def _same_rings(base: Base, changes: Changes, accounts: Ints) -> set[str]:
    """The rings of the base in which no account is computed again."""
    again = np.zeros(changes.ids.num_rows, bool)
    again[accounts] = True
    rings = base.tables["accounts"]["ring_id"].combine_chunks()
    gone = pc.unique(rings.filter(pa.array(again[changes.moved])))
    return set(base.tables["rings"]["ring_id"].to_pylist()) - set(gone.to_pylist())


def _all_links(again: Affected, links: Links) -> Links:
    """The links that were kept, and after them those of the accounts that were computed again; accounts are positions in the run."""
    placed = links._replace(a=again.accounts[links.a], b=again.accounts[links.b])
    columns: Any = [np.concatenate(pair) for pair in zip(again.kept_links, placed, strict=True)]
    return Links(*columns)


def _whole_tables(
    base: Base, changes: Changes, again: Affected, part: dict[str, pa.Table], links: Links, same: set[str]
) -> dict[str, pa.Table]:
    """The tables of the base with those of the part in the place of what they are about."""
    count, accounts = changes.ids.num_rows, again.accounts
    rows = np.empty(count, np.int64)
    rows[changes.moved] = np.arange(base.accounts)
    rows[accounts] = base.accounts + np.arange(len(accounts))
    order = np.lexsort((links.b, links.a))
    of_links = np.concatenate([again.kept, len(base.links.a) + np.arange(len(links.a) - len(again.kept))])[order]
    kept = pc.is_in(base.tables["rings"]["ring_id"], value_set=pa.array(sorted(same), pa.string()))
    rings = pa.concat_tables([base.tables["rings"].filter(kept), part["rings"]])
    return {
        "accounts": _taken(base.tables["accounts"], part["accounts"], rows),
        "rings": rings.take(pc.sort_indices(rings, sort_keys=[("ring_id", "ascending")])).combine_chunks(),
        "links": _taken(base.tables["links"], part["links"], of_links),
        "lineage": part["lineage"],
        "neighbours": neighbours_table(links.take(order), count),
    }


def _taken(base: pa.Table, part: pa.Table, rows: Ints) -> pa.Table:
    return pa.concat_tables([base, part]).combine_chunks().take(pa.array(rows))


def _counts(
    changes: Changes, tables: dict[str, pa.Table], policy: Policy, found: Found, links: Links
) -> dict[str, int]:
    sizes = tables["rings"]["size"].to_numpy()
    components = find_components(links, policy.links.threshold, policy.detection.oversize)
    return {
        "accounts": changes.ids.num_rows,
        "links": len(links.a),
        "components": components.count,
        "rings": len(sizes),
        "members": int(sizes.sum()),
        "shared_attributes": found.counts["shared_attributes"],
        "cohorts": changes.cohorts,
        "largest_component": int(np.bincount(components.component, minlength=1).max()),
        "largest_ring": int(sizes.max(initial=0)),
    }
