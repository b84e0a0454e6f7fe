"""The graph after the ledger: sync(), verify(), rebuild() and what of the ledger the graph does not have yet."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

import duckdb

from graphrisk.ahead import ahead
from graphrisk.errors import SettingsError, StoreError
from graphrisk.files import locked
from graphrisk.graph.bulk import import_facts
from graphrisk.graph.connection import GraphAddress, connect, graph_address
from graphrisk.graph.erasing import erase_missing
from graphrisk.graph.facts import LoadToWrite, empty_graph, load_batches, write_load
from graphrisk.graph.migrations import migrate
from graphrisk.graph.results import PublicationToWrite, compare_runs, pointer, write_publication
from graphrisk.graph.server import USER, LocalServer
from graphrisk.graph.transactions import Driver, Session, read
from graphrisk.graph.verification import compare, first_difference, read_graph
from graphrisk.ledger.reading import view_facts
from graphrisk.ledger.store import Ledger, Load
from graphrisk.logs import LOG, step
from graphrisk.policy import Policy
from graphrisk.runs.store import Publication, publications, read_manifest, read_table
from graphrisk.runs.tables import SCHEMAS
from graphrisk.settings import Settings
from graphrisk.sources.tokens import token_key
from graphrisk.sources.tombstones import read_tombstones

SIGHTINGS_WORTH_AN_IMPORT = 100_000


def graph_of(settings: Settings) -> GraphAddress | None:
    """The graph named by the environment, or the local server of the home if it runs."""
    named = graph_address()
    if named:
        return named
    server = LocalServer(settings.local_graph)
    running = server.running()
    return GraphAddress(running.url, USER, server.password) if running else None


def sync(settings: Settings, policy: Policy) -> dict[str, int]:
    """Write to the graph what it does not have: loads, then publications, each in order; and take erased accounts out.

    After an erasure or a rotation of the token key that cannot be followed in steps, the graph is written anew.

    Returns how many ``loads``, ``batches`` and ``publications`` were written. Raises ``SettingsError`` when no graph is
    named, ``StoreError`` when it cannot be reached or is another home's.
    """
    with locked(settings.graph_lock):
        _empty_if_stale(settings)
        imported = _import(settings, policy)
        with _graph(settings) as (driver, database):
            migrate(driver, database)
            with driver.session(database=database) as session:
                if imported:
                    _mark_imported(settings, session)
                loads, batches = _sync_loads(settings, policy, session)
                _sync_erasures(settings, policy, session)
                shown = _sync_publications(settings, session)
    return {"loads": loads + imported, "batches": batches, "publications": shown}


def graph_status(settings: Settings) -> dict[str, Any]:
    """What the ledger has and the graph has: ``loads`` and ``publications`` on both sides, and how many ``lag``."""
    wanted, moves = Ledger(settings.ledger).loads(), publications(settings.home)
    with _graph(settings) as (driver, database), driver.session(database=database) as session:
        done = [row for row in read(session, "load/watermark") if row["done"]]
        shown = pointer(session)
    return {
        "graph": _address(settings).url,
        "loads": {"ledger": len(wanted), "graph": len(done), "lag": len(wanted) - len(done)},
        "publications": {"home": len(moves), "graph": shown, "lag": len(moves) - shown},
    }


def verify(settings: Settings, policy: Policy) -> dict[str, Any]:
    """Read the graph back and compare it with the ledger and the live run.

    Returns ``equal``, ``first_difference`` (a sentence or ``None``) and ``groups``: rows and checksums on both sides of
    accounts, sightings by kind and load, members and links.
    """
    moves = publications(settings.home)
    with (
        _graph(settings) as (driver, database),
        settings.scratch("verify") as scratch,
        settings.columns(scratch) as columns,
    ):
        with driver.session(database=database) as session, step("Reading the graph (rows)") as progress:
            seq = pointer(session)
            read_graph(session, columns, seq, progress.advance)
        _view(settings, columns, Ledger(settings.ledger).loads())
        tables = _run_tables(settings, moves[seq - 1].run_id if 0 < seq <= len(moves) else None)
        columns.register("run_accounts", tables["accounts"])
        columns.register("run_links", tables["links"])
        groups = compare(columns, policy.kinds)
        unequal = [group for group in groups if not group.equal]
        difference = first_difference(columns, unequal[0].table) if unequal else None
        if difference:
            difference = f"{unequal[0].table} ({unequal[0].group}): {difference}"
    behind = f"the graph shows publication {seq} of {len(moves)}" if seq != len(moves) else None
    return {
        "equal": not unequal and behind is None,
        "first_difference": difference or behind,
        "groups": [{**group.__dict__, "equal": group.equal} for group in groups],
    }


def rebuild(settings: Settings, policy: Policy) -> dict[str, int]:
    """Empty the graph of everything that graphrisk put there, and write it again."""
    with (
        _graph(settings) as (driver, database),
        locked(settings.graph_lock),
        driver.session(database=database) as session,
    ):
        empty_graph(session)
    return sync(settings, policy)


def drop_local_graph(settings: Settings) -> None:
    """Remove the database files of the home's own server, which keep what was deleted in them; it starts again if it ran."""
    server = LocalServer(settings.local_graph)
    if server.has_data:
        with locked(settings.graph_lock), server.stopped():
            server.drop_data()


def _empty_if_stale(settings: Settings) -> None:
    if not read_tombstones(settings.home) and not token_key(settings.home).rotations:
        return
    with _graph(settings) as (driver, database), driver.session(database=database) as session:
        if why := _stale(settings, session):
            LOG.info("The graph is written anew: %s", why)
            empty_graph(session)


def _stale(settings: Settings, session: Session) -> str | None:
    """Why a graph cannot follow an erasure or a rotation in steps."""
    loads = {load.seq: load for load in Ledger(settings.ledger).loads()}
    tokens, key_ids = read(session, "erase/any_token"), {load.key_id for load in loads.values()}
    if tokens and tokens[0]["token"].partition(":")[0] not in key_ids:
        return "its tokens are of an earlier key"
    for row in read(session, "load/watermark"):
        load = loads.get(row["seq"])
        if load and not row["done"] and (row["accounts"], row["sightings"]) != (load.accounts, load.sightings):
            return f"load {load.seq} changed while it was written"
    moves, shown = publications(settings.home), pointer(session)
    if 0 < shown < len(moves) and not (settings.runs / moves[shown - 1].run_id).exists():
        return f"the run that it shows, {moves[shown - 1].run_id}, is gone"
    return None


def _sync_erasures(settings: Settings, policy: Policy, session: Session) -> None:
    if not read_tombstones(settings.home):
        return
    with settings.scratch("graph") as scratch, settings.columns(scratch) as columns:
        loads = Ledger(settings.ledger).loads()
        _view(settings, columns, loads)
        with step("Erased accounts out of the graph") as progress:
            erase_missing(session, columns, [_to_write(load) for load in loads], policy.kinds, progress.advance)


def _import(settings: Settings, policy: Policy) -> int:
    """The first load of the home's own server, when it is empty and there is much to write; how many loads that were."""
    loads, server = Ledger(settings.ledger).loads(), LocalServer(settings.local_graph)
    if graph_address() is not None or sum(load.sightings for load in loads) < SIGHTINGS_WORTH_AN_IMPORT:
        return 0
    with _graph(settings) as (driver, database), driver.session(database=database) as session:
        if read(session, "load/count_others")[0]["others"]:
            return 0
    with settings.scratch("graph") as scratch, settings.columns(scratch) as columns, step("Importing into Neo4j"):
        _view(settings, columns, loads)
        with server.stopped():
            import_facts(server, columns, policy.kinds, scratch)
    return len(loads)


def _mark_imported(settings: Settings, session: Session) -> None:
    for load in Ledger(settings.ledger).loads():
        write_load(session, _to_write(load), iter(()), lambda _: None)


def _to_write(load: Load) -> LoadToWrite:
    return LoadToWrite(load.seq, load.load, load.accepted_at, load.accounts, load.sightings)


def _sync_loads(settings: Settings, policy: Policy, session: Session) -> tuple[int, int]:
    known = {row["seq"]: row for row in read(session, "load/watermark")}
    wanted = Ledger(settings.ledger).loads()
    if known and max(known) > len(wanted):
        raise StoreError(
            f"The graph has {max(known)} loads and the ledger {len(wanted)}: the graph belongs to another home; "
            "name another graph, or run `graphrisk graph rebuild`."
        )
    written = batches = 0
    for load in wanted:
        row = known.get(load.seq)
        if row and row["done"] and row["load"] == load.load:
            continue
        with settings.scratch("graph") as scratch, settings.columns(scratch) as columns:
            _view(settings, columns, wanted[: load.seq])
            each = _to_write(load)
            with (
                step(f"Load {load.seq} to the graph (rows)", _rows_to_write(load)) as progress,
                closing(ahead(load_batches(columns, each, policy.kinds))) as coming,
            ):
                batches += write_load(session, each, coming, progress.advance)
        written += 1
    return written, batches


def _rows_to_write(load: Load) -> int:
    return load.accounts + 2 * load.sightings  # at most one attribute a sighting


def _sync_publications(settings: Settings, session: Session) -> int:
    moves = publications(settings.home)
    shown = pointer(session)
    if shown > len(moves):
        raise StoreError(
            f"The graph shows publication {shown}, the home has {len(moves)}: the graph belongs to another home; "
            "name another graph, or run `graphrisk graph rebuild`."
        )
    # Of runs that are gone no folder tells; the newest is what must be shown.
    pending = [move for move in moves[shown:] if move == moves[-1] or (settings.runs / move.run_id).exists()]
    before = moves[shown - 1].run_id if shown else None
    for move in pending:
        _publish(settings, session, move, before)
        before = move.run_id
    return len(pending)


def _publish(settings: Settings, session: Session, move: Publication, before: str | None) -> None:
    manifest = read_manifest(settings.runs, move.run_id)
    written = PublicationToWrite(
        move.seq,
        move.run_id,
        datetime.fromisoformat(manifest["as_of"]),
        manifest["policy_hash"],
        datetime.fromisoformat(move.published_at),
        manifest["counts"],
    )
    with settings.scratch("graph") as scratch, settings.columns(scratch) as columns:
        changes = compare_runs(columns, _run_tables(settings, move.run_id), _run_tables(settings, before))
        total = sum(count for name, count in changes.items() if name.startswith(("ends", "begins")))
        LOG.info("Publication %d to the graph: %s", move.seq, ", ".join(f"{n} {c:,}" for n, c in changes.items() if c))
        with step(f"Publication {move.seq} to the graph (changes)", total) as progress:
            write_publication(session, columns, written, progress.advance)


def _run_tables(settings: Settings, run_id: str | None) -> dict[str, Any]:
    if run_id is not None and not (settings.runs / run_id).exists():
        raise StoreError(
            f"The run {run_id}, which the graph shows, is gone, so what changed since cannot be told; "
            "run `graphrisk graph rebuild`."
        )
    if run_id is None:
        return {name: schema.empty_table() for name, schema in SCHEMAS.items()}
    return {name: read_table(settings.runs, run_id, name) for name in SCHEMAS}


def _view(settings: Settings, columns: duckdb.DuckDBPyConnection, loads: list[Load]) -> None:
    moment = loads[-1].accepted_at if loads else datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    view_facts(columns, Ledger(settings.ledger), moment, loads)


def _address(settings: Settings) -> GraphAddress:
    address = graph_of(settings)
    if address is None:
        raise SettingsError(
            "No graph is named: run `graphrisk neo4j start`, or set GRAPHRISK_NEO4J_URL and GRAPHRISK_NEO4J_PASSWORD."
        )
    return address


@contextmanager
def _graph(settings: Settings) -> Generator[tuple[Driver, str]]:
    settings.prepare()
    address = _address(settings)
    with connect(address.url, address.user, address.password, address.database) as driver:
        yield driver, address.database
