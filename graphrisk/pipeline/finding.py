# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""From links to the tables of a run: detection → rings → scoring → identity → assembly.

All of it is a function of single components, so it takes the accounts of a whole marketplace or of a part of it alike: accounts
are positions in the sorted ids of whatever it is given.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.detection.bridges import weak_bridges
from graphrisk.detection.communities import find_communities, link_weights
from graphrisk.detection.components import find_components
from graphrisk.linkage.links import Linkage
from graphrisk.logs import StageClock
from graphrisk.model import NEVER, Lineage, Links, Members, RingLinks, Rings, microseconds
from graphrisk.policy import Policy
from graphrisk.rings.formation import form_rings
from graphrisk.rings.identity import Identified, identify, ring_key
from graphrisk.runs.assembly import (
    Scores,
    accounts_table,
    kinds_of_rings,
    lineage_table,
    links_table,
    read_lineage,
    rings_table,
)
from graphrisk.runs.store import read_manifest, read_table
from graphrisk.schema import LABELS
from graphrisk.scoring.account_risk import account_risk
from graphrisk.scoring.features import ring_features
from graphrisk.scoring.hypotheses import posterior, recommended
from graphrisk.scoring.reference import SIGNS, Reference
from graphrisk.scoring.ring_facts import among_core, ring_facts
from graphrisk.scoring.ring_risk import LOGIT_LIMIT, ring_logits, ring_parts, to_score
from graphrisk.settings import Settings

IDS = f"""
SELECT account, account_id, status, marketplace,
       coalesce(CASE WHEN status = 'active' THEN created END, {NEVER}) AS open_since
FROM ids ORDER BY account
"""


def with_open_since(ids: pa.Table) -> pa.Table:
    """Accounts (with ``created`` and ``status``) as ``IDS`` tells them."""
    opened = pc.if_else(pc.equal(ids["status"], "active"), ids["created"], pa.scalar(None, pa.int64()))
    return ids.append_column("open_since", pc.fill_null(opened, NEVER))


def with_nameless(ids: pa.Table, elsewhere: int) -> pa.Table:
    """Linkage's table ``ids`` of some accounts, and after them so many closed ones without a name, which are of no such part."""
    told = ids.select(["account_id", "created", "status", "marketplace"])
    nameless = pa.table([pa.nulls(elsewhere, field.type) for field in told.schema], schema=told.schema)
    closed = np.concatenate([pc.equal(ids["status"], "closed").to_numpy(), np.ones(elsewhere, bool)])
    every = pa.concat_tables([told, nameless]).append_column("account", pa.array(np.arange(len(closed))))
    return every.append_column("closed", pa.array(closed))


@dataclass(frozen=True)
class Found:
    """What the stages found, as columns, before rings have their ids."""

    ids: pa.Table
    account_ids: pa.Array
    links: Links
    rings: Rings
    members: Members
    ring_links: RingLinks
    bridges: dict[int, tuple[tuple[int, int], ...]]
    scores: Scores
    counts: dict[str, int]

    def cores(self) -> list[list[str]]:
        """The core account ids of each ring."""
        of_core = self.members.ring[self.members.core]
        ids = self.account_ids.take(pa.array(self.members.account[self.members.core])).to_pylist()
        bounds = np.searchsorted(of_core, np.arange(len(self.rings.size) + 1))
        return [ids[start:end] for start, end in pairwise(bounds.tolist())]


def find_rings(
    columns: duckdb.DuckDBPyConnection,
    settings: Settings,
    policy: Policy,
    reference: Reference,
    linkage: Linkage,
    ids: pa.Table,
    engine: str,
    clock: StageClock,
) -> Found:
    """detection → rings → scoring, of links among the accounts of ``ids``, with linkage's tables in ``columns``."""
    account_ids = ids["account_id"].combine_chunks()
    with clock.stage("detection"):
        components = find_components(linkage.links, policy.links.threshold, policy.detection.oversize)
        linked_ids = account_ids.take(pa.array(components.accounts))
        community = find_communities(components, linked_ids, policy.detection, engine, settings.processes)
    with clock.stage("rings"):
        oversize = components.oversize[components.component]
        open_since = ids["open_since"].to_numpy()[components.accounts]
        rings, members, ring_links = form_rings(
            components.accounts, community, open_since, components.links, oversize, policy.rings
        )
        bridges = {each.ring: each.pairs for each in weak_bridges(ring_links.ring, ring_links.link, rings.size)}
    with clock.stage("scoring"):
        scores = _score(columns, policy, reference, linkage, rings, members, ring_links)
    sizes = np.bincount(components.component, minlength=1)
    counts = {
        "accounts": linkage.accounts,
        "links": len(linkage.links.a),
        "components": components.count,
        "rings": len(rings.size),
        "members": len(members.account),
        "shared_attributes": linkage.shared_attributes,
        "cohorts": linkage.cohorts,
        "largest_component": int(sizes.max()),
        "largest_ring": int(rings.size.max(initial=0)),
    }
    return Found(ids, account_ids, linkage.links, rings, members, ring_links, bridges, scores, counts)


def _score(
    columns: duckdb.DuckDBPyConnection,
    policy: Policy,
    reference: Reference,
    linkage: Linkage,
    rings: Rings,
    members: Members,
    links: RingLinks,
) -> Scores:
    links = among_core(members, links)
    facts = ring_facts(columns, policy, members, links)
    features = ring_features(facts, policy, reference, rings, members, links)
    rivals, wanted = posterior(features, reference), policy.recommendation
    parts = ring_parts(features, reference, rivals.lead)
    logits = ring_logits(parts, reference)
    labels = columns.sql("SELECT account, label FROM labels JOIN ids USING (account_id)").to_arrow_table()
    verdicts = {name: np.zeros(linkage.accounts, bool) for name in LABELS}
    for name, known in verdicts.items():
        known[labels.filter(pc.equal(labels["label"], name))["account"].to_numpy()] = True
    weights = link_weights(linkage.links.strength)
    risk = account_risk(linkage.accounts, linkage.links, weights, members, logits, verdicts["bad"], verdicts["good"])
    return Scores(
        feature_names=list(SIGNS),
        features=np.column_stack([features[name] for name in SIGNS]),
        ring_parts=parts,
        ring_base=reference.intercept,
        ring_logit=logits,
        ring_score=to_score(logits),
        posterior=rivals,
        recommended=recommended(rivals, to_score(logits), policy.bands.start(wanted.band), wanted.margin),
        account_base=-LOGIT_LIMIT,
        account_parts=np.column_stack([risk.membership, risk.near_bad, risk.near_good]),
        account_logit=risk.logit,
        account_score=to_score(risk.logit),
    )


def identify_rings(
    settings: Settings,
    found: Found,
    manifest: dict[str, Any],
    moment: datetime,
    policy: Policy,
    published: list[str],
    same: Set[str] = frozenset(),
) -> tuple[Identified, list[str]]:
    """Ids by overlap with the live run, and the published runs whose ring ids the lineage now holds.

    Ids of runs that were rolled back or overtaken count as issued too; each run's lineage holds those before it. ``same`` are
    rings of the live run that are as they were and not among those found.
    """
    known: dict[str, Lineage] = {}
    alive: set[str] = set()
    held: list[str] = []
    live = manifest["live_run"]
    for run in dict.fromkeys([live, *published] if live else published):
        if run in held or (run != live and not (settings.runs / run).exists()):
            continue
        for row in read_lineage(read_table(settings.runs, run, "lineage")):
            known.setdefault(row.ring_id, row)
        held += [run, *read_manifest(settings.runs, run)["lineage_of"]]
    if live:
        alive = set(read_table(settings.runs, live, "rings")["ring_id"].to_pylist())
    as_of = microseconds(moment)
    identified = identify(
        found.cores(), alive - same, list(known.values()), manifest["run_id"], as_of, policy.rings, same
    )
    return identified, sorted(set(held))


def run_tables(
    columns: duckdb.DuckDBPyConnection, policy: Policy, found: Found, identified: Identified
) -> dict[str, pa.Table]:
    """The tables of a run but for its facts and the index of links by account."""
    keys = [ring_key(core) for core in found.cores()]
    kinds = kinds_of_rings(columns, policy, found.ring_links, len(keys))
    ring_ids, bands = identified.ring_ids, policy.bands
    return {
        "accounts": accounts_table(found.ids, ring_ids, found.members, found.scores, bands),
        "rings": rings_table(
            found.account_ids, ring_ids, keys, found.rings, found.members, kinds, found.bridges, found.scores, bands
        ),
        "links": links_table(columns, policy, found.account_ids),
        "lineage": lineage_table(identified.lineage),
    }


def profile(columns: duckdb.DuckDBPyConnection, policy: Policy) -> dict[str, int]:
    """Sightings in view by kind, for the guard."""
    names = list(policy.priced())
    rows = columns.execute("SELECT kind, count(*) FROM retained GROUP BY kind ORDER BY kind").fetchall()
    return {names[kind]: count for kind, count in rows}
