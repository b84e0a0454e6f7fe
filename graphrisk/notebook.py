"""The Python interface: the verbs of the command line with plain arguments, and runs as pandas frames.

As with the commands, what a verb changed is in the graph too when it returns, if there is a graph; if that is away, the
verb has done its work all the same, and the logger ``graphrisk`` warns that the graph lags.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from graphrisk import pipeline
from graphrisk.policy import read_policy
from graphrisk.runs.export import exported
from graphrisk.runs.store import read_manifest, read_table
from graphrisk.runs.tables import SCHEMAS
from graphrisk.settings import Settings

Where = str | Path | None


class PublishedRun:
    """One run, whole: every frame comes from it, whatever is published meanwhile."""

    def __init__(self, settings: Settings, run_id: str) -> None:
        self.run_id = run_id
        self._runs = settings.runs
        self.manifest: dict[str, Any] = read_manifest(settings.runs, run_id)

    def accounts(self) -> pd.DataFrame:
        """One row an account, sorted by ``account_id``: ring_id, role, score (0–1000), band, reasons."""
        return self._frame("accounts")

    def rings(self) -> pd.DataFrame:
        """One row a ring, sorted by ``ring_id``: size, core_size, score, band, window, kinds, reasons, lineage, whether it
        is recommended for action, hypotheses (permille), its rival, and its lead over it (milli-logits) with reasons."""
        return self._frame("rings")

    def links(self) -> pd.DataFrame:
        """One row a link, sorted by ids: account_a < account_b, strength (milli-nats), onset, evidence."""
        return self._frame("links")

    def lineage(self) -> pd.DataFrame:
        """One row a ring id ever issued: status, last event, what superseded it."""
        return read_table(self._runs, self.run_id, "lineage").to_pandas()

    def _frame(self, name: str) -> pd.DataFrame:
        tables = {table: read_table(self._runs, self.run_id, table) for table in SCHEMAS}
        return exported(tables)[name].to_pandas()


def load(
    sources: Sequence[str | Path], *, home: Where = None, mapping: Where = None, policy: Where = None
) -> dict[str, Any]:
    """Take facts into the ledger, all or nothing; returns the load report. Raises ``graphrisk.errors``."""
    settings = _settings(home)
    chosen = _policy(settings, policy)
    loaded = pipeline.load(settings, chosen, [str(source) for source in sources], Path(mapping) if mapping else None)
    pipeline.follow(settings, chosen)
    return {"new": loaded.new, **loaded.report}


def detect(
    *,
    home: Where = None,
    policy: Where = None,
    as_of: datetime | None = None,
    engine: Literal["igraph", "leidenalg", "networkx"] = "igraph",
) -> dict[str, Any]:
    """Compute a run and return its manifest; it is not live until it is published."""
    settings = _settings(home)
    return pipeline.detect(settings, _policy(settings, policy), as_of, engine)


def publish(
    run_id: str | None = None, *, home: Where = None, policy: Where = None, force_reason: str | None = None
) -> str:
    """Make a run (the newest) live and return its id. Raises ``PublicationRefusedError`` with the guard's reasons."""
    settings = _settings(home)
    chosen = _policy(settings, policy)
    move = pipeline.publish(settings, chosen, run_id, force_reason)
    pipeline.follow(settings, chosen)
    return move.run_id


def run(
    sources: Sequence[str | Path], *, home: Where = None, mapping: Where = None, policy: Where = None
) -> PublishedRun:
    """Load, detect and publish; returns the run, which is live now."""
    load(sources, home=home, mapping=mapping, policy=policy)
    manifest = detect(home=home, policy=policy)
    publish(manifest["run_id"], home=home, policy=policy)
    return read_run(home=home)


def rollback(*, home: Where = None, reason: str | None = None) -> str:
    """Make the run that was live before the current one live again; returns its id."""
    settings = _settings(home)
    move = pipeline.rollback(settings, reason)
    pipeline.follow(settings, _policy(settings, None))
    return move.run_id


def export(
    folder: str | Path, *, home: Where = None, run_id: str | None = None, form: Literal["parquet", "csv"] = "parquet"
) -> list[Path]:
    """Write a run (the live one) as files; returns their paths."""
    return pipeline.export(_settings(home), Path(folder), run_id, form)


def status(*, home: Where = None) -> dict[str, Any]:
    """What the home holds, as ``graphrisk status --json`` prints it."""
    return pipeline.status(_settings(home))


def show_account(account_id: str, *, home: Where = None, run_id: str | None = None) -> dict[str, Any]:
    """An account, its ring, role and strongest links, and reasons that add up to its logit."""
    return pipeline.account(_settings(home), account_id, run_id)


def show_ring(ring_id: str, *, home: Where = None, run_id: str | None = None) -> dict[str, Any]:
    """A ring with its members, links, reasons and lineage; a retired id answers with what superseded it."""
    return pipeline.ring(_settings(home), ring_id, run_id)


def why(
    asked: str,
    other: str | None = None,
    *,
    home: Where = None,
    run_id: str | None = None,
    audience: Literal["investigator", "disclosable"] = "investigator",
) -> dict[str, Any]:
    """Why two accounts are tied, or are not; or why an account is in its ring, or how a ring holds together.

    Raises ``NotFoundError``, or ``SettingsError`` when what is asked for is not disclosable.
    """
    return pipeline.why(_settings(home), asked, other, run_id, audience)


def read_run(run_id: str | None = None, *, home: Where = None) -> PublishedRun:
    """The live run, or the one named. Raises ``NotFoundError`` when there is none."""
    settings = _settings(home)
    return PublishedRun(settings, pipeline.chosen_run(settings, run_id))


def _settings(home: Where) -> Settings:
    return Settings(home=Path(home)) if home else Settings()


def _policy(settings: Settings, path: Where) -> Any:
    if path is None and settings.policy_file.exists():
        path = settings.policy_file
    return read_policy(Path(path) if path else None)
