"""erase(): the facts of accounts leave the home: ledger, runs, signals, reports, exports, graph; a tombstone stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from graphrisk.errors import InputError, NotFoundError, PublicationRefusedError
from graphrisk.files import locked, only_one
from graphrisk.ledger.merged import without_merged
from graphrisk.ledger.rewriting import delete_accounts, view_stored
from graphrisk.ledger.store import Ledger
from graphrisk.ledger.tables import FACTS
from graphrisk.logs import LOG
from graphrisk.pipeline.describing import input_digest
from graphrisk.pipeline.detecting import detect
from graphrisk.pipeline.erasure_record import Record, begin_record
from graphrisk.pipeline.erasure_remains import places_that_name, redact_reports, remove_exports
from graphrisk.pipeline.following import forget_in_graph, show_elsewhere
from graphrisk.pipeline.loading import without_loads
from graphrisk.pipeline.publishing import publish
from graphrisk.pipeline.redescribing import redescribe
from graphrisk.policy import Policy
from graphrisk.rings.identity import ring_key
from graphrisk.runs.redaction import redact_feed, redact_reasons, redacted
from graphrisk.runs.removal import holds, leave_cores, remove_run
from graphrisk.runs.store import current_run, read_manifest, run_ids
from graphrisk.settings import Settings
from graphrisk.sources.tokens import token_key
from graphrisk.sources.tombstones import read_tombstones, tombstone, write_tombstones

Beyond = Callable[[Path, Sequence[str]], tuple[dict[str, Any], list[str]]]
"""Takes accounts out of what lies beside the flow; gives figures for the certificate, and sentences on what is left."""


@dataclass
class Erased:
    """What an erasure did, without any account id; in ``left`` what it could not do yet, and in ``notes`` what only people
    can do, each a sentence with the next step."""

    certificate: dict[str, Any]
    left: list[str]
    notes: list[str]


def erase(
    settings: Settings,
    policy: Policy,
    account_ids: Sequence[str],
    reason: str | None = None,
    beyond: Sequence[Beyond] = (),
) -> Erased:
    """Take all that the home holds of accounts out of it, and keep a tombstone of each, so that no file brings it back.

    However it ends before, erasing the same accounts again goes on with it. Raises ``NotFoundError`` for an account that
    no fact names and that was not erased before, ``InputError`` for a reason that names an account; then nothing changed.
    """
    settings.prepare()
    ids = sorted(set(account_ids))
    if reason and redacted(reason, ids) != reason:
        raise InputError("The reason names an account, and it is kept for ever; give one without its id.")
    ledger = Ledger(settings.ledger).open()
    # A job writes its report again at its end, so one that is at work is waited for.
    with locked(settings.home / "erase.lock"), only_one(settings.job_lock, waits=True):
        record = _leave_ledger(settings, ledger, ids, reason)
        _leave_runs(settings, policy, ids, record)
        figures: dict[str, Any] = {"signals": redact_feed(settings.home, ids)}
        redact_reasons(settings.home, ids)
        redact_reports(settings, ids)
        figures["exports"] = remove_exports(settings, ids)
        left: list[str] = []
        for step in beyond:
            more, undone = step(settings.home, ids)
            figures |= more
            left += undone
        figures["graph"], lag = forget_in_graph(settings, policy)
        left += [lag] if lag else []
        certificate = record.finish(figures, input_digest(ledger.loads()), bool(left))
        return Erased(certificate, left, places_that_name(settings, ids))


def _leave_ledger(settings: Settings, ledger: Ledger, ids: list[str], reason: str | None) -> Record:
    with without_loads(settings, ledger):
        key = token_key(settings.home)
        ledger.check_key(key.key_id)
        stones = {account_id: tombstone(key, account_id) for account_id in ids}
        before = read_tombstones(settings.home)
        rows, lonely = _rows(settings, ledger, ids, stones, set(before))
        record = begin_record(settings.home, sorted(stones.values()), reason, rows)
        write_tombstones(settings.home, {*before, *stones.values()})
        redact_reports(settings, ids, lonely)
        with without_merged(settings.merged):
            delete_accounts(ledger, ids)
            settings.wait_for_work()
        with settings.scratch("erase") as scratch, settings.columns(scratch) as columns:
            record.add("loads", redescribe(columns, settings, ledger, key.key_id, ids))
        ledger.forget_history()
    return record


def _rows(
    settings: Settings, ledger: Ledger, ids: list[str], stones: dict[str, str], erased: set[str]
) -> tuple[dict[str, int], set[str]]:
    """How many rows of each table the accounts have, and the tokens that nobody else has."""
    with settings.scratch("erase") as scratch, settings.columns(scratch) as columns:
        view_stored(columns, ledger)
        columns.execute("CREATE TABLE going (account_id VARCHAR)")
        columns.execute("INSERT INTO going SELECT unnest($ids)", {"ids": ids})
        known = {
            row[0]
            for row in columns.execute(
                "SELECT account_id FROM stored_accounts SEMI JOIN going USING (account_id)"
            ).fetchall()
        }
        for account_id in ids:
            if account_id not in known and stones[account_id] not in erased:
                raise NotFoundError(f"The ledger has no account {account_id!r}; give its id as the sources write it.")
        rows = {}
        for table in FACTS:
            found = columns.execute(
                f"SELECT count(*) FROM stored_{table} SEMI JOIN going USING (account_id)"
            ).fetchall()
            rows[table] = int(found[0][0])
        lonely = columns.execute(
            "SELECT token FROM stored_sightings SEMI JOIN going USING (account_id)"
            " EXCEPT SELECT token FROM stored_sightings ANTI JOIN going USING (account_id)"
        ).fetchall()
    return rows, {row[0] for row in lonely}


def _leave_runs(settings: Settings, policy: Policy, ids: list[str], record: Record) -> None:
    """A run without the accounts goes live before those that hold them go."""
    live = current_run(settings.home)
    if live is not None and holds(settings.runs, live, ids):
        _publish_without(settings, policy, live, ids, record)
    settings.wait_for_work()
    going = [run_id for run_id in run_ids(settings.runs) if holds(settings.runs, run_id, ids)]
    record.add("runs", going)
    with settings.scratch("erase") as scratch:
        for run_id in going:
            remove_run(scratch, settings.runs, run_id)


def _publish_without(settings: Settings, policy: Policy, live: str, ids: list[str], record: Record) -> None:
    """Detect as the live run was detected, on the facts that are left, and publish that."""
    made = read_manifest(settings.runs, live)
    as_of, made_by = datetime.fromisoformat(made["as_of"]), Policy.model_validate(made["policy"])
    run_id = detect(settings, made_by, as_of, made["engine"])["run_id"]
    with settings.scratch("erase") as scratch:
        leave_cores(scratch, settings.runs, run_id, ids, ring_key)
    try:
        publish(settings, policy, run_id)
    except PublicationRefusedError as error:
        LOG.warning(
            "The guard refused the run without the erased accounts, and is overruled: %s", "; ".join(error.reasons)
        )
        publish(settings, policy, run_id, "accounts were erased")
    record.add("published", [run_id])
    show_elsewhere(settings, policy)
