# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""ensure_signals(): every publication has its signals, derived from the run folders, however the process before ended."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.errors import GraphriskError
from graphrisk.files import locked
from graphrisk.logs import LOG
from graphrisk.runs.feed import is_written, set_aside, write_signals
from graphrisk.runs.store import Publication, publications, read_manifest, read_table
from graphrisk.settings import Settings
from graphrisk.signals import Findings, Move, changes, gap
from graphrisk.sources.tokens import token_key
from graphrisk.sources.tombstones import read_tombstones, tombstone


def ensure_signals(settings: Settings) -> list[int]:
    """Write the signals of every publication that has none yet, oldest first; returns the numbers of those.

    A publication whose runs were deleted gets a ``feed.gap``. Raises ``StoreError`` when a run is damaged or the home
    cannot be used.
    """
    if all(is_written(settings.home, move) for move in publications(settings.home)):
        return []
    settings.prepare()
    with locked(settings.home / "signals.lock"):
        moves = publications(settings.home)
        missing = [move for move in moves if not is_written(settings.home, move)]
        if missing and (replaced := set_aside(settings.home, moves)):
            LOG.warning(
                "The feed begins another history: %d files of signals were set aside in %s, and their cursors end.",
                len(replaced),
                replaced[0].parent,
            )
        for move in missing:
            _write(settings, move)
    return [move.seq for move in missing]


def catch_up(settings: Settings) -> str | None:
    """``ensure_signals`` for those whose own work is done: a sentence when signals are still missing, and why."""
    try:
        ensure_signals(settings)
    except GraphriskError as error:
        return f"The feed of signals lags behind: {error} Then `graphrisk signals` writes what is missing."
    except Exception as error:  # a publication stands, whatever keeps its signals from being written
        cause = getattr(error, "strerror", None) or f"unexpected {type(error).__name__}"
        return f"The feed of signals lags behind ({cause}); mend that, then `graphrisk signals` writes what is missing."
    return None


def _write(settings: Settings, publication: Publication) -> None:
    move = Move(publication.seq, publication.published_at, publication.run_id, publication.previous, publication.verb)
    needed = [move.run_id] if move.previous_run_id is None else [move.previous_run_id, move.run_id]
    gone = [run_id for run_id in dict.fromkeys(needed) if not (settings.runs / run_id).exists()]
    if gone:
        members = gap(move, gone)
        LOG.warning("Publication %d: what changed is not known, since %s was deleted.", move.seq, ", ".join(gone))
    else:
        after = findings(settings, move.run_id)
        before = (
            _remembered(settings, findings(settings, move.previous_run_id), after) if move.previous_run_id else None
        )
        members = changes(move, before, after)
    write_signals(settings.home, publication, members)


def findings(settings: Settings, run_id: str) -> Findings:
    """What signals are derived from of a run."""
    accounts, rings, lineage = (read_table(settings.runs, run_id, name) for name in ("accounts", "rings", "lineage"))
    return Findings(read_manifest(settings.runs, run_id)["live_run"], accounts, rings, lineage)


def _remembered(settings: Settings, before: Findings, after: Findings) -> Findings:
    """The run before, without the accounts that were erased since: no signal names them again."""
    tombstones = set(read_tombstones(settings.home))
    if not tombstones:
        return before
    key = token_key(settings.home)
    ids = before.accounts["account_id"]
    gone = ids.filter(pc.invert(pc.is_in(ids, value_set=after.accounts["account_id"].combine_chunks()))).to_pylist()
    erased = [account_id for account_id in gone if tombstone(key, account_id) in tombstones]
    kept = pc.invert(pc.is_in(ids, value_set=pa.array(erased, pa.string())))
    return replace(before, accounts=before.accounts.filter(kept))
