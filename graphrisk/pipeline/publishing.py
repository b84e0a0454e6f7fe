"""publish() and rollback(): the guard decides, then one pointer moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphrisk.errors import InputError, NotFoundError, PublicationRefusedError
from graphrisk.logs import LOG
from graphrisk.pipeline.signalling import catch_up
from graphrisk.policy import Policy
from graphrisk.publication.guard import Answers, objections
from graphrisk.publication.limits import Figure
from graphrisk.publication.unusual import Compared, compared, figures_of
from graphrisk.runs.store import (
    Publication,
    current_run,
    move_pointer,
    publications,
    read_manifest,
    read_table,
    run_ids,
    verify_run,
)
from graphrisk.settings import Settings


def publish(
    settings: Settings, policy: Policy, run_id: str | None = None, force_reason: str | None = None
) -> Publication:
    """Make a run (the newest) the live one, if the guard agrees or ``force_reason`` says why it is overruled.

    Raises ``PublicationRefusedError`` with the guard's reasons, ``InputError`` for a shadow run, ``NotFoundError``, or
    ``StoreError`` when the run is damaged or was made against a run that is no longer live. In each case the live run
    stays.
    """
    settings.prepare()
    chosen = run_id or _newest(settings)
    manifest = read_manifest(settings.runs, chosen)
    live = current_run(settings.home)
    if chosen == live:
        _signal(settings)
        return publications(settings.home)[-1]
    if manifest.get("shadow"):
        raise InputError(
            f"Run {chosen} is a shadow run and cannot be published; detect with its policy, without --shadow."
        )
    verify_run(settings.runs, chosen)
    reasons = judgement(settings, policy, chosen, live).objections
    if manifest["live_run"] != live:
        reasons.append(
            f"it was made against {manifest['live_run'] or 'no live run'}, and {live} is live now: detect again"
        )
    if reasons and force_reason is None:
        raise PublicationRefusedError(chosen, reasons)
    note = f"{force_reason} (overruled: {'; '.join(reasons)})" if reasons else force_reason
    move = move_pointer(settings.home, chosen, live, "publish", note)
    _signal(settings)
    return move


def rollback(settings: Settings, reason: str | None = None) -> Publication:
    """Make the run that was live before the current one the live one again. Raises ``NotFoundError`` when there is none."""
    settings.prepare()
    moves = publications(settings.home)
    if not moves:
        raise NotFoundError(
            "Nothing was published yet, so there is nothing to roll back; `graphrisk publish` publishes a run."
        )
    live = moves[-1].run_id
    before = next((move.previous for move in moves if move.run_id == live and move.verb == "publish"), None)
    if before is None:
        raise NotFoundError(f"Run {live} was the first to be published; there is none to roll back to.")
    verify_run(settings.runs, before)
    move = move_pointer(settings.home, before, live, "rollback", reason)
    _signal(settings)
    return move


def _signal(settings: Settings) -> None:
    if lag := catch_up(settings):
        LOG.warning("%s", lag)


def _newest(settings: Settings) -> str:
    for run_id in reversed(run_ids(settings.runs)):
        if not read_manifest(settings.runs, run_id).get("shadow"):
            return run_id
    raise NotFoundError("There is no run yet; `graphrisk detect` computes one.")


@dataclass(frozen=True)
class Judgement:
    """What the guard says of a run against the live one: its objections, and each figure beside what is usual for it."""

    run_id: str
    live_run: str | None
    objections: list[str]
    figures: dict[str, Compared]

    def told(self) -> dict[str, Any]:
        """Objections and figures as plain values: ``value``, ``of`` (null: an amount), and from where to where it is usual."""
        return {"objections": self.objections, "figures": {name: each.told() for name, each in self.figures.items()}}


def judgement(settings: Settings, policy: Policy, run_id: str | None = None, live: str | None = None) -> Judgement:
    """What the guard says of going from a run (the live one) to another (the newest).

    Raises ``NotFoundError``, or ``StoreError`` when a run is damaged.
    """
    chosen, live = run_id or _newest(settings), live or current_run(settings.home)
    if live is None:
        return Judgement(chosen, None, objections(_answers(settings, chosen, None), None, policy.guard), {})
    candidate, before = _answers(settings, chosen, live), _answers(settings, live, None)
    past = _past(settings, chosen, policy.guard.learn_from)
    figures = compared(candidate.news, candidate.drift, past, policy.guard)
    return Judgement(chosen, live, objections(candidate, before, policy.guard, figures), figures)


def _answers(settings: Settings, run_id: str, live: str | None) -> Answers:
    """What the guard looks at of a run; what came since the live run is known if the run was made against it."""
    manifest = read_manifest(settings.runs, run_id)
    accounts = read_table(settings.runs, run_id, "accounts").select(["account_id", "ring_id", "band"])
    told = manifest if live and manifest["live_run"] == live else {}
    return Answers(accounts, manifest["counts"], manifest["profile"], told.get("news"), told.get("drift"))


def _past(settings: Settings, run_id: str, most: int) -> list[dict[str, Figure]]:
    """The figures of the last runs that were published before a run, oldest first; those of deleted runs are missing."""
    moves = [move.run_id for move in publications(settings.home) if move.verb == "publish"]
    before = moves[: moves.index(run_id)] if run_id in moves else moves
    kept = [each for each in dict.fromkeys(reversed(before)) if (settings.runs / each).exists()][:most]
    manifests = (read_manifest(settings.runs, each) for each in reversed(kept))
    return [figures_of(each.get("news"), each.get("drift")) for each in manifests]
