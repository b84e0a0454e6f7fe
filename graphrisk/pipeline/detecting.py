# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""detect(): ledger → linkage → detection → rings → scoring → a run folder that readers do not see yet."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from graphrisk.detection.blocks import load_engine
from graphrisk.ledger.merged import is_damage, merged_ledger, without_merged
from graphrisk.ledger.reading import code_facts, merge_facts, view_loads
from graphrisk.ledger.store import Ledger, Load
from graphrisk.linkage.links import link
from graphrisk.logs import LOG, StageClock
from graphrisk.pipeline.describing import described, known_by, moment_of_live
from graphrisk.pipeline.finding import IDS, find_rings, identify_rings, profile, run_tables
from graphrisk.pipeline.increment.affected import TooManyPairsError
from graphrisk.pipeline.increment.base import base_of
from graphrisk.pipeline.increment.renewing import renewed
from graphrisk.pipeline.profiling import compared
from graphrisk.pipeline.spread.spreading import spread
from graphrisk.policy import Policy
from graphrisk.runs.assembly import neighbours_table
from graphrisk.runs.fact_tables import facts_tables
from graphrisk.runs.store import current_run, publications, read_manifest, write_run
from graphrisk.runs.tables import output_digest
from graphrisk.scoring.reference import Reference, read_reference
from graphrisk.settings import Settings
from graphrisk.spark.session import Cluster


def detect(
    settings: Settings,
    policy: Policy,
    as_of: datetime | None = None,
    engine: str = "igraph",
    shadow: bool = False,
    resume: bool = False,
    anew: bool = False,
    cluster: Cluster | None = None,
) -> dict[str, Any]:
    """Compute a run from the facts known as of a moment; returns its manifest. Readers do not see it yet.

    Without ``as_of`` the moment is the acceptance of the newest load, after which no earlier one can turn up. The run
    is named by what went into it: the same facts, policy, moment and live run give the same run. A ``shadow`` run says
    what the live one would have said under this policy: it is of the same moment, and cannot be published. With
    ``resume`` a run of that name that is there is taken as it is. What nothing can have changed since the live run is
    taken from it, unless all is to be computed ``anew``: the run is the same, and replaces one of its name that is not and
    that was never published. With a ``cluster`` all of it is computed there, and is the same. Raises ``SettingsError``
    (engine), ``DetectionError`` (no facts, nothing live to shadow, Spark failed) or ``StoreError`` (the home cannot be used, no
    memory).
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
        tables, manifest = computed(settings, scratch, policy, reference, manifest, loads, published, anew, cluster)
        unseen = anew and manifest["run_id"] not in published
        return write_run(scratch, settings.runs, tables, manifest, replaces=unseen)


def computed(
    settings: Settings,
    scratch: Path,
    policy: Policy,
    reference: Reference,
    manifest: dict[str, Any],
    loads: list[Load],
    published: list[str],
    anew: bool = False,
    cluster: Cluster | None = None,
) -> tuple[dict[str, pa.Table], dict[str, Any]]:
    """The tables of a run and its whole manifest, from the beginning of the latter (``described``).

    Facts are those of ``loads``, verdicts those known as of its moment. Ids are carried over from the run that was live, then from
    those of ``published`` (newest first) that are still kept. The merged ledger is brought up to date and read, and what the live
    run says is kept where nothing can have changed it, unless all is to be computed ``anew``.
    """
    moment, clock = datetime.fromisoformat(manifest["as_of"]), StageClock()
    priced = policy.priced_by(reference.evidence)
    try:
        with settings.columns(scratch) as columns, ExitStack() as held:
            with clock.stage("reading"):
                view_loads(columns, Ledger(settings.ledger), moment, loads)
                is_merged = (
                    not anew and not cluster and held.enter_context(merged_ledger(columns, settings.merged, loads))
                )
                if not is_merged and not cluster:
                    merge_facts(columns, len(loads))
                    code_facts(columns)
            with clock.stage("base"):
                base = base_of(settings, manifest, loads) if is_merged else None
            if cluster:
                tables, figures = spread(
                    columns, settings, scratch, cluster, priced, reference, manifest, loads, published, clock
                )
            elif base:
                tables, figures = renewed(columns, settings, priced, reference, manifest, base, published, clock)
            else:
                tables, figures = _whole(columns, settings, priced, reference, manifest, published, clock)
            with clock.stage("digest"):
                figures["output_digest"] = output_digest(tables)
            with clock.stage("comparison"):
                figures |= compared(columns, settings, priced, loads, manifest["live_run"], tables, figures["counts"])
    except TooManyPairsError as error:
        LOG.info("%s: everything is computed anew.", error)
        return computed(settings, scratch, policy, reference, manifest, loads, published, anew=True)
    except duckdb.Error as error:
        if anew or not is_damage(error):
            raise
        LOG.warning("The merged ledger is damaged (%s); everything is computed anew.", str(error).splitlines()[0])
        with without_merged(settings.merged):
            pass
        return computed(settings, scratch, policy, reference, manifest, loads, published, anew=True)
    return tables, {**manifest, **figures, "seconds": clock.seconds, "peak_mib": clock.peak_mib}


def _whole(
    columns: duckdb.DuckDBPyConnection,
    settings: Settings,
    policy: Policy,
    reference: Reference,
    manifest: dict[str, Any],
    published: list[str],
    clock: StageClock,
) -> tuple[dict[str, pa.Table], dict[str, Any]]:
    """The tables of a run and what its manifest says of them, all of it from the facts in view."""
    moment = datetime.fromisoformat(manifest["as_of"])
    with clock.stage("linkage"):
        linkage = link(columns, policy, moment, reference.expected_new_share)
        ids = columns.sql(IDS).to_arrow_table()
    found = find_rings(columns, settings, policy, reference, linkage, ids, manifest["engine"], clock)
    with clock.stage("identity"):
        identified, lineage_of = identify_rings(settings, found, manifest, moment, policy, published)
    with clock.stage("assembly"):
        tables = {**run_tables(columns, policy, found, identified), **facts_tables(columns)}
        tables["neighbours"] = neighbours_table(found.links, linkage.accounts)
    counts = {"lineage_of": lineage_of, "clock": linkage.clock, "counts": found.counts}
    return tables, {**counts, "profile": profile(columns, policy)}
