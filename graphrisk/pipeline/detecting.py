# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""detect(): ledger → linkage → detection → rings → scoring → a run folder that readers do not see yet."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.detection.blocks import load_engine
from graphrisk.detection.bridges import weak_bridges
from graphrisk.detection.communities import find_communities, link_weights
from graphrisk.detection.components import find_components
from graphrisk.errors import DetectionError
from graphrisk.ledger.merged import merged_ledger
from graphrisk.ledger.reading import code_facts, merge_facts, view_loads
from graphrisk.ledger.store import Ledger, Load
from graphrisk.linkage.links import Linkage, link
from graphrisk.logs import LOG, StageClock
from graphrisk.model import NEVER, Lineage, Links, Members, RingLinks, Rings, microseconds
from graphrisk.pipeline.describing import described, known_by, moment_of_live
from graphrisk.pipeline.profiling import compared
from graphrisk.policy import Policy
from graphrisk.rings.formation import form_rings
from graphrisk.rings.identity import Identified, identify, ring_key
from graphrisk.runs.assembly import (
    Scores,
    accounts_table,
    kinds_of_rings,
    lineage_table,
    links_table,
    neighbours_table,
    read_lineage,
    rings_table,
)
from graphrisk.runs.fact_tables import facts_tables
from graphrisk.runs.store import current_run, publications, read_manifest, read_table, write_run
from graphrisk.runs.tables import output_digest
from graphrisk.schema import LABELS
from graphrisk.scoring.account_risk import account_risk
from graphrisk.scoring.features import ring_features
from graphrisk.scoring.hypotheses import posterior, recommended
from graphrisk.scoring.reference import SIGNS, Reference, read_reference
from graphrisk.scoring.ring_facts import ring_facts
from graphrisk.scoring.ring_risk import LOGIT_LIMIT, ring_contributions, ring_logits, to_score
from graphrisk.settings import Settings

IDS = f"""
SELECT account, account_id, status, marketplace,
       coalesce(CASE WHEN status = 'active' THEN created END, {NEVER}) AS open_since
FROM ids ORDER BY account
"""


@dataclass(frozen=True)
class _Found:
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
    clock: int

    def cores(self) -> list[list[str]]:
        """The core account ids of each ring."""
        of_core = self.members.ring[self.members.core]
        ids = self.account_ids.take(pa.array(self.members.account[self.members.core])).to_pylist()
        bounds = np.searchsorted(of_core, np.arange(len(self.rings.size) + 1))
        return [ids[start:end] for start, end in pairwise(bounds.tolist())]


def detect(
    settings: Settings,
    policy: Policy,
    as_of: datetime | None = None,
    engine: str = "igraph",
    shadow: bool = False,
    resume: bool = False,
) -> dict[str, Any]:
    """Compute a run from the facts known as of a moment; returns its manifest. Readers do not see it yet.

    Without ``as_of`` the moment is the acceptance of the newest load, after which no earlier one can turn up. The run
    is named by what went into it: the same facts, policy, moment and live run give the same run. A ``shadow`` run says
    what the live one would have said under this policy: it is of the same moment, and cannot be published. With
    ``resume`` a run of that name that is there is taken as it is. Raises
    ``SettingsError`` (engine), ``DetectionError`` (no facts, no memory, nothing live to shadow) or ``StoreError`` (the
    home cannot be used).
    """
    settings.prepare()
    load_engine(engine)
    live = current_run(settings.home)
    if shadow:
        as_of = moment_of_live(settings, live)
    loads, moment = known_by(Ledger(settings.ledger), as_of)
    reference = read_reference(settings.reference_file)
    manifest = described(policy, reference, moment, engine, loads, live, shadow)
    if resume and (settings.runs / manifest["run_id"]).exists():
        LOG.info("The run %s is there already: the same facts, policy and live run.", manifest["run_id"])
        return read_manifest(settings.runs, manifest["run_id"])
    published = [move.run_id for move in reversed(publications(settings.home))]
    with settings.scratch("detect") as scratch:
        tables, manifest = computed(settings, scratch, policy, reference, manifest, loads, published)
        return write_run(scratch, settings.runs, tables, manifest)


def computed(
    settings: Settings,
    scratch: Path,
    policy: Policy,
    reference: Reference,
    manifest: dict[str, Any],
    loads: list[Load],
    published: list[str],
    merged: bool = True,
) -> tuple[dict[str, pa.Table], dict[str, Any]]:
    """The tables of a run and its whole manifest, from the beginning of the latter (``described``).

    Facts are those of ``loads``, verdicts those known as of its moment. Ids are carried over from the run that was live, then from
    those of ``published`` (newest first) that are still kept. With ``merged`` the merged ledger is used and brought up to date
    where it can be, else the ledger itself is read.
    """
    policy = policy.priced_by(reference.evidence)
    moment = datetime.fromisoformat(manifest["as_of"])
    clock = StageClock()
    with settings.columns(scratch) as columns, _memory_explained(settings), ExitStack() as held:
        with clock.stage("reading"):
            view_loads(columns, Ledger(settings.ledger), moment, loads)
            if not (merged and held.enter_context(merged_ledger(columns, settings.merged, loads))):
                merge_facts(columns, len(loads))
                code_facts(columns)
        found = _find_rings(columns, settings, policy, reference, moment, manifest["engine"], clock)
        with clock.stage("identity"):
            identified, lineage_of = _identify(settings, found, manifest, moment, policy, published)
        with clock.stage("assembly"):
            tables = _tables(columns, policy, found, identified)
            figures = {
                "lineage_of": lineage_of,
                "clock": found.clock,
                "counts": found.counts,
                "profile": _profile(columns, policy),
                "output_digest": output_digest(tables),
            }
        with clock.stage("comparison"):
            figures |= compared(columns, settings, policy, loads, manifest["live_run"], tables, found.counts)
    return tables, {**manifest, **figures, "seconds": clock.seconds, "peak_mib": clock.peak_mib}


@contextmanager
def _memory_explained(settings: Settings) -> Generator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise DetectionError(
            f"DuckDB's share of memory ({settings.memory_mib} MiB) or the room to spill was not enough; "
            "raise GRAPHRISK_MEMORY_MIB or free disk space, then detect again."
        ) from error


def _find_rings(
    columns: duckdb.DuckDBPyConnection,
    settings: Settings,
    policy: Policy,
    reference: Reference,
    moment: datetime,
    engine: str,
    clock: StageClock,
) -> _Found:
    """linkage → detection → rings → scoring, on the facts in view."""
    with clock.stage("linkage"):
        linkage = link(columns, policy, moment, reference.expected_new_share)
        ids = columns.sql(IDS).to_arrow_table()
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
    return _Found(ids, account_ids, linkage.links, rings, members, ring_links, bridges, scores, counts, linkage.clock)


def _score(
    columns: duckdb.DuckDBPyConnection,
    policy: Policy,
    reference: Reference,
    linkage: Linkage,
    rings: Rings,
    members: Members,
    links: RingLinks,
) -> Scores:
    facts = ring_facts(columns, policy, members, links)
    features = ring_features(facts, policy, reference, rings, members, links)
    parts = ring_contributions(features, reference)
    logits = ring_logits(parts, reference)
    rivals, wanted = posterior(features, reference), policy.recommendation
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


def _identify(
    settings: Settings,
    found: _Found,
    manifest: dict[str, Any],
    moment: datetime,
    policy: Policy,
    published: list[str],
) -> tuple[Identified, list[str]]:
    """Ids by overlap with the live run, and the published runs whose ring ids the lineage now holds.

    Ids of runs that were rolled back or overtaken count as issued too; each run's lineage holds those before it.
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
    identified = identify(found.cores(), alive, list(known.values()), manifest["run_id"], as_of, policy.rings)
    return identified, sorted(set(held))


def _tables(
    columns: duckdb.DuckDBPyConnection, policy: Policy, found: _Found, identified: Identified
) -> dict[str, pa.Table]:
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
        "neighbours": neighbours_table(found.links, found.counts["accounts"]),
        **facts_tables(columns),
    }


def _profile(columns: duckdb.DuckDBPyConnection, policy: Policy) -> dict[str, int]:
    """Sightings in view by kind, for the guard."""
    names = list(policy.priced())
    rows = columns.execute("SELECT kind, count(*) FROM retained GROUP BY kind ORDER BY kind").fetchall()
    return {names[kind]: count for kind, count in rows}
