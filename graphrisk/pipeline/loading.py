"""load(): sources → ledger."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphrisk.errors import LoadRefusedError
from graphrisk.files import is_abandoned, locked, sweep_unfinished, write_durably
from graphrisk.ledger.store import Ledger, Load
from graphrisk.pipeline.sourcing import find_tables
from graphrisk.policy import Policy
from graphrisk.settings import SECONDS_BETWEEN_LOOKS, Settings
from graphrisk.sources.mapping import read_mapping
from graphrisk.sources.report import content_digest, load_report, refusal
from graphrisk.sources.source import Source
from graphrisk.sources.staging import Stager
from graphrisk.sources.tokens import TokenKey, token_key
from graphrisk.sources.tombstones import read_tombstones


@dataclass(frozen=True)
class Loaded:
    """What a load gave: the accepted load, whether it was new, and its report."""

    load: Load
    new: bool
    report: dict[str, Any]


def load(settings: Settings, policy: Policy, sources: list[str], mapping: Path | None = None) -> Loaded:
    """Take sources into the ledger as one load, all or nothing.

    A source is a folder, a file, a glob, or the URL of a Neo4j graph. Raises ``InputError`` (a source or the share of
    rejected rows), ``SettingsError`` (another token key, a graph's password) or ``StoreError`` (the ledger cannot be
    written, a graph is away); in each case nothing was accepted.
    """
    with ExitStack() as held:
        tables = find_tables(sources, read_mapping(mapping) if mapping else None, held)
        return _load(settings, policy, tables, sources)


def _load(settings: Settings, policy: Policy, tables: list[Source], sources: list[str]) -> Loaded:
    settings.prepare()
    token_key(settings.home)  # made, or refused, before anything waits
    ledger = Ledger(settings.ledger).open()
    name = "load_" + base64.b32encode(secrets.token_bytes(8)).decode().lower().rstrip("=")
    folder = settings.loads / name
    with ExitStack() as held:
        with locked(settings.loads / "sweep.lock"):
            # Only now, since whoever rotates the key or erases accounts holds this lock.
            key = token_key(settings.home)
            ledger.check_key(key.key_id)
            _sweep(settings, ledger)
            folder.mkdir()
            held.enter_context(locked(folder / "owner.lock"))
        try:
            accepted, new = _accept(settings, policy, tables, sources, folder, ledger, key)
        except BaseException:
            with suppress(Exception):
                _forget(ledger, folder)
            raise
        if not new:
            _forget(ledger, folder)
    return Loaded(accepted, new, json.loads(accepted.report))


def _accept(
    settings: Settings,
    policy: Policy,
    tables: list[Source],
    sources: list[str],
    folder: Path,
    ledger: Ledger,
    key: TokenKey,
) -> tuple[Load, bool]:
    with (
        settings.scratch("load") as scratch,
        settings.columns(None) as judge,
        settings.columns(scratch) as staged,
    ):
        stager = Stager(judge, staged, policy, key, time.time_ns() // 1000, read_tombstones(settings.home))
        tally = stager.stage(tables, folder / "rejects.csv")
        report = load_report(staged, tally, policy, folder.name, sources)
        if why := refusal(tally, policy):
            raise LoadRefusedError(f"{why}; nothing was loaded: mend the rows listed in {_refused(folder, report)}.")
        accepted, new = ledger.accept(staged, folder.name, content_digest(staged), key.key_id, report)
    if new:
        write_durably(folder / "report.json", accepted.report.encode())
    else:
        _ensure_report(settings.loads / accepted.load, accepted)
    return accepted, new


def _ensure_report(folder: Path, accepted: Load) -> None:
    """The report of a load whose process was killed once it was accepted; a folder that a person removed stays away."""
    path = folder / "report.json"
    if folder.exists() and not path.exists() and is_abandoned(folder / "owner.lock"):
        sweep_unfinished(folder, path.name)
        write_durably(path, accepted.report.encode())


def _forget(ledger: Ledger, folder: Path) -> None:
    """Remove what a load left that was not accepted; a folder that is gone was refused before it wrote any fact."""
    if folder.exists() and folder.name not in {load.load for load in ledger.loads()}:
        ledger.sweep(folder.name)
        shutil.rmtree(folder)


def _refused(folder: Path, report: dict[str, Any]) -> Path:
    write_durably(folder / "report.json", json.dumps(report, ensure_ascii=False).encode())
    kept = folder.with_name(folder.name.replace("load_", "refused_"))
    folder.rename(kept)
    return kept / "rejects.csv"


def _sweep(settings: Settings, ledger: Ledger) -> None:
    """Remove what loads left behind that were killed before they were accepted."""
    if not settings.loads.exists():
        return
    # First whose process is gone, then what was accepted: the other way round, a load that is accepted in between and
    # ends would look as if it never was.
    gone = [folder for folder in sorted(settings.loads.glob("load_*")) if is_abandoned(folder / "owner.lock")]
    accepted = {load.load for load in ledger.loads()}
    for folder in gone:
        if folder.name not in accepted:
            ledger.sweep(folder.name)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def without_loads(settings: Settings, ledger: Ledger) -> Generator[None]:
    """Hold off loads and compaction; waits for those that run, and removes what killed ones left."""
    with locked(settings.loads / "sweep.lock"):
        while not all(is_abandoned(folder / "owner.lock") for folder in settings.loads.glob("load_*")):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        with ledger.rewriting():
            _sweep(settings, ledger)
            yield


def compact(settings: Settings) -> dict[str, int]:
    """Rewrite the ledger's small files into large ones; changes no answer. Returns the files saved in each table."""
    settings.prepare()
    ledger = Ledger(settings.ledger).open()
    with locked(settings.loads / "sweep.lock"):
        _sweep(settings, ledger)
    return ledger.compact()
