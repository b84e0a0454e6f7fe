"""nightly(): load, detect, publish and tidy up as one job that can be left alone: one at a time, resumed, reported."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import Any

from graphrisk.errors import GraphriskError, PublicationRefusedError, StoreError
from graphrisk.files import BusyError, only_one, sweep_unfinished, write_durably
from graphrisk.ledger.store import Ledger
from graphrisk.logs import LOG
from graphrisk.pipeline.describing import described, known_by
from graphrisk.pipeline.detecting import detect
from graphrisk.pipeline.following import follow
from graphrisk.pipeline.loading import load
from graphrisk.pipeline.publishing import publish
from graphrisk.pipeline.tidying import tidy
from graphrisk.policy import Policy
from graphrisk.runs.store import current_run, read_manifest
from graphrisk.scoring.reference import read_reference
from graphrisk.settings import Settings

REPORTS_KEPT = 400
DISK_PER_SOURCE_BYTE = 6
"""A million accounts from 142 MB of Parquet: 380 MB of ledger, as much while they are staged, and some to spill."""
DISK_PER_RUN_BYTE = 1.3
LEAST_DISK = 64 << 20


@dataclass
class Job:
    """What a job did, as it goes into its report. ``outcome`` is running, published, refused, failed or stopped."""

    started_at: str
    owner: str
    sources: list[str]
    outcome: str = "running"
    stage: str = "start"
    ended_at: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    exit_code: int | None = None
    load: dict[str, Any] | None = None
    run: dict[str, Any] | None = None
    publication: dict[str, Any] | None = None
    removed_runs: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """The job in one line."""
        did: list[str] = []
        if self.load:
            did.append(f"load {self.load['seq']}" + ("" if self.load["new"] else " (there before)"))
        if self.run:
            counts = self.run["counts"]
            did.append(f"{counts['rings']:,} rings with {counts['members']:,} of {counts['accounts']:,} accounts")
            did.append(self.run["run_id"])
        where = "" if self.outcome == "published" else f" in {self.stage}"
        told = f" ({', '.join(did)})" if did else ""
        return f"{self.outcome}{where} after {sum(self.seconds.values()):.0f} s{told}{f': {self.error}' if self.error else ''}"


def nightly(
    settings: Settings,
    policy: Policy,
    sources: list[str],
    mapping: Path | None = None,
    engine: str = "igraph",
    keep: int | None = None,
    told: Callable[[str, Any], None] = lambda stage, result: None,
) -> Job:
    """Load, detect, publish; then remove all but ``keep`` runs (None: none is removed).

    A job that was killed goes on where it was: a load that was accepted is recognised, a run that is whole is taken, and
    one that is live already is not made and published again.
    Its report is in ``jobs/`` of the home, from its first second. ``told`` hears what load, detect and publish gave, and,
    as ``end``, of the job itself, however it ends.
    Raises what the stages raise, and ``StoreError`` when another job is at work or the disk has no room.
    """
    settings.prepare()
    with _alone(settings), _reported(settings, sources, told) as (job, stage):
        with stage("start"):
            _check_disk(settings, sources)
        with stage("load"):
            loaded = load(settings, policy, sources, mapping)
            told("load", loaded)
            job.load = {"load": loaded.load.load, "seq": loaded.load.seq, "new": loaded.new, "report": loaded.report}
        with stage("detect"):
            manifest = _published_already(settings, policy, engine)
            if manifest is None:
                manifest = detect(settings, policy, engine=engine, resume=True)
                told("detect", manifest)
            job.run = {key: value for key, value in manifest.items() if key not in ("files", "news", "drift")}
        with stage("publish"):
            move = publish(settings, policy, manifest["run_id"])
            told("publish", move)
            job.publication = dict(move.__dict__)
        with stage("follow"):
            follow(settings, policy)
        if keep is not None:
            with stage("tidy"):
                job.removed_runs = tidy(settings, keep)
        job.outcome = "published"
        return job


def _published_already(settings: Settings, policy: Policy, engine: str) -> dict[str, Any] | None:
    """The manifest of the live run if a job of the same facts and policy made it, which was killed once it had published.

    A run beside it would be made against it, and a rollback would lead from one to the other: to the same facts.
    """
    live = current_run(settings.home)
    if live is None:
        return None
    manifest = read_manifest(settings.runs, live)
    loads, moment = known_by(Ledger(settings.ledger), None)
    reference = read_reference(settings.reference_file)
    made = described(policy, reference, moment, engine, loads, manifest["live_run"], shadow=False)
    if made["run_id"] != live:
        return None
    LOG.info("The run %s is live already: the same facts and policy.", live)
    return manifest


def jobs(settings: Settings) -> list[dict[str, Any]]:
    """The reports of all jobs that are kept, oldest first. One that says ``running`` while no job is at work was killed."""
    return [json.loads(path.read_text()) for path in sorted((settings.home / "jobs").glob("*.json"))]


@contextmanager
def _alone(settings: Settings) -> Generator[None]:
    try:
        with only_one(settings.job_lock):
            yield
    except BusyError as busy:
        raise StoreError(f"Another job is at work on {settings.home}: {busy}; let it end, or stop it.") from None


@contextmanager
def _reported(
    settings: Settings, sources: Sequence[str], told: Callable[[str, Any], None]
) -> Generator[tuple[Job, Callable[[str], Any]]]:
    """A job whose report is written at its start, at each stage and at its end."""
    folder, now = settings.home / "jobs", datetime.now(UTC)
    folder.mkdir(exist_ok=True)
    sweep_unfinished(folder)
    path = folder / f"{now:%Y%m%dT%H%M%S%f}.json"
    job = Job(now.isoformat(timespec="seconds"), f"{os.getpid()}@{socket.gethostname()}", list(sources))

    @contextmanager
    def stage(name: str) -> Generator[None]:
        job.stage, began = name, time.perf_counter()
        _write(path, job)
        try:
            yield
        finally:
            job.seconds[name] = round(time.perf_counter() - began, 3)

    try:
        yield job, stage
        job.exit_code = 0
    except BaseException as error:
        job.outcome = "refused" if isinstance(error, PublicationRefusedError) else "failed"
        job.outcome = "stopped" if isinstance(error, KeyboardInterrupt | SystemExit) else job.outcome
        # The text of an error that nobody foresaw can quote raw values, so only its type and place are told.
        last = traceback.extract_tb(error.__traceback__)[-1]
        unforeseen = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
        job.error = str(error) if isinstance(error, GraphriskError) else unforeseen
        job.exit_code = error.exit_code if isinstance(error, GraphriskError) else 1
        raise
    finally:
        job.ended_at = datetime.now(UTC).isoformat(timespec="seconds")
        _write(path, job)
        for old in sorted(folder.glob("*.json"))[:-REPORTS_KEPT]:
            old.unlink()
        LOG.info("Job %s", job.summary())
        told("end", job)


def _write(path: Path, job: Job) -> None:
    write_durably(path, json.dumps(job.__dict__, indent=1, ensure_ascii=False).encode())


def _check_disk(settings: Settings, sources: list[str]) -> None:
    given = sum(_bytes(Path(each)) for source in sources for each in glob(source))
    live = current_run(settings.home)
    run = sum(each["bytes"] for each in read_manifest(settings.runs, live)["files"].values()) if live else 0
    needed = int(DISK_PER_SOURCE_BYTE * given + DISK_PER_RUN_BYTE * run) + LEAST_DISK
    free = shutil.disk_usage(settings.home).free
    if free < needed:
        raise StoreError(
            f"The disk of {settings.home} has {free >> 20:,} MiB free, and this job may need {needed >> 20:,} "
            f"({given >> 20:,} MiB of facts, runs of {run >> 20:,} MiB); free some, or remove old runs with `graphrisk tidy`."
        )


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return path.stat().st_size
