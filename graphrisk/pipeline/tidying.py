"""tidy(): old runs are removed; what readers, a rollback or the next run may need stays."""

from __future__ import annotations

from graphrisk.logs import LOG
from graphrisk.pipeline.signalling import ensure_signals
from graphrisk.runs.removal import remove_run
from graphrisk.runs.store import current_run, publications, run_ids
from graphrisk.settings import Settings


def tidy(settings: Settings, keep: int) -> list[str]:
    """Remove all runs but the ``keep`` published last, the live one, the one that a rollback would lead to, and those made
    since the live one; returns the ids of those that are gone.

    Their signals are written first. Raises ``StoreError`` when they cannot be.
    """
    settings.prepare()
    ensure_signals(settings)
    moves, made = publications(settings.home), run_ids(settings.runs)
    live = current_run(settings.home)
    published = list(dict.fromkeys(move.run_id for move in reversed(moves)))
    needed = {live, *published[:keep], *(move.previous for move in moves if move.run_id == live)}
    if live in made:
        needed.update(made[made.index(live) :])
    elif live is None:
        needed.update(made)
    gone = [run_id for run_id in made if run_id not in needed]
    with settings.scratch("tidy") as scratch:
        for run_id in gone:
            remove_run(scratch, settings.runs, run_id)
    if gone:
        LOG.info("Removed %d runs; %d are kept.", len(gone), len(made) - len(gone))
    return gone
