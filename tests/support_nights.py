"""Nights of ``graphrisk run`` whose processes get kill -9 at drawn moments and are started again until one ends by itself."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from glob import glob
from pathlib import Path
from typing import Any, NamedTuple

PLACES = {
    "starting": ("", 1.0),
    "reading": ("load", 1.0),
    "accepting": ("load", 0.2),
    "accepted": ("load", 0.01),
    "detecting": ("detect", 1.0),
    "writing": ("detect", 0.1),
    "publishing": ("publish", 1.0),
    "published": ("publish", 0.2),
    "tidying": ("tidy", 1.0),
}
"""Where a kill is meant to hit: the stage of the job, and for how much of the stage it is about there. Each is as likely
as another, since by time alone the short ones are never hit."""
SHARE_OF_NIGHTS, MOST_KILLS = 0.6, 3
SECONDS_BETWEEN_LOOKS = 0.004
FORCED = "these facts are of a world that only lives, so there is nothing wrong with their source"
REFUSED = 7


class NightError(Exception):
    """A night ended neither published nor refused; the text has what it wrote to standard error."""


class Kill(NamedTuple):
    """Where a process is to be killed, and how late: a share (0–1) of what the place usually takes; alone, or with all
    that it started."""

    place: str
    share: float
    alone: bool


@dataclass(frozen=True)
class Ended:
    """How one process ended (a negative code is the signal), with its pid, words, seconds, and where it was killed."""

    pid: int
    code: int
    out: str
    err: str
    seconds: float
    killed_in: str | None


@dataclass
class Night:
    """One night: where its processes were killed, how it ended, the reasons of a refusal, and its seconds in all."""

    folder: Path
    killed_in: list[str] = field(default_factory=list)
    outcome: str = ""
    reasons: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def line(self) -> str:
        """The night in one line, and one more for each reason."""
        killed = f"killed in {', '.join(self.killed_in)}; " if self.killed_in else ""
        return "\n".join(
            [
                f"{self.folder.name}: {killed}{self.outcome}; {self.seconds:.1f} s",
                *(f"    {each}" for each in self.reasons),
            ]
        )


class _State(NamedTuple):
    """What tells how far a process has come: acceptances, files of accounts, whole runs, a run being written, the pointer."""

    acceptances: int
    files: int
    runs: int
    written: bool
    pointer: int


class Nights:
    """A home that lives night by night. ``kills``: whether nights are disturbed; ``keep``: what is given as ``--keep``.

    The first two nights end by themselves: what later ones usually take is learned from them.
    """

    def __init__(self, home: Path, seed: int, kills: bool, keep: int, share: float = SHARE_OF_NIGHTS) -> None:
        self.home, self.keep, self.kills, self.share = home, keep, kills, share
        self.pids: list[int] = []
        self._dice = random.Random(seed)
        self._usual = dict.fromkeys((stage for stage, _ in PLACES.values()), 1.0)
        self._lived = 0

    def live(self, folder: Path) -> Night:
        """One night on a day's folder, as an operator would see it through. Raises ``NightError``.

        A process that was killed is started again with the same words. A night that is refused is published by force:
        an operator who has read the reasons and knows that the source is as it was would do that, and the next night
        is judged by what became usual.
        """
        night, began = Night(folder), time.perf_counter()
        for kill in [*self._planned(), None]:
            ended = self._run(folder, kill)
            if ended.killed_in is None:
                break
            night.killed_in.append(ended.killed_in)
        else:
            raise AssertionError("the last process of a night is not killed")
        if ended.code == REFUSED:
            night.reasons = [line for line in ended.err.splitlines() if " INFO " not in line and line]
            self._publish_by_force(ended.pid)
        elif ended.code:
            raise NightError(f"{folder.name} ended with {ended.code}:\n{ended.err}")
        night.outcome = "refused, then published by force" if ended.code else "published"
        night.seconds = time.perf_counter() - began
        self._lived += 1
        return night

    def _planned(self) -> list[Kill]:
        if not self.kills or self._lived < 2 or self._dice.random() >= self.share:
            return []
        return [
            Kill(self._dice.choice(list(PLACES)), self._dice.random(), self._dice.random() < 0.5)
            for _ in range(self._dice.randint(1, MOST_KILLS))
        ]

    def _run(self, folder: Path, kill: Kill | None) -> Ended:
        words = ["run", str(folder), "--keep", str(self.keep)]
        before = _state(self.home)
        ended = _ended(self.home, words, lambda process: kill is not None and self._killed(process, kill, before))
        self.pids.append(ended.pid)
        report = report_of(self.home, ended.pid)
        # A stage that found its work done already says nothing of what it usually takes.
        if report and report["load"] and report["load"]["new"]:
            self._usual |= {name: spent for name, spent in report["seconds"].items() if name in self._usual}
        if ended.code != -signal.SIGKILL:
            if report:
                self._usual[""] = max(0.1, ended.seconds - sum(report["seconds"].values()))
            return ended
        return replace(ended, killed_in=_place(self.home, report, before))

    def _killed(self, process: subprocess.Popen[bytes], kill: Kill, before: _State) -> bool:
        """Wait for the moment and kill; False if the process had ended before."""
        while _place(self.home, report_of(self.home, process.pid), before) != kill.place:
            if process.poll() is not None:
                return False
            time.sleep(SECONDS_BETWEEN_LOOKS)
        stage, part = PLACES[kill.place]
        try:
            process.wait(kill.share * part * self._usual[stage])
        except subprocess.TimeoutExpired:
            (os.kill if kill.alone else os.killpg)(process.pid, signal.SIGKILL)
            return True
        return False

    def _publish_by_force(self, pid: int) -> None:
        report = report_of(self.home, pid)
        assert report
        words = ["publish", report["run"]["run_id"], "--force", "--reason", FORCED]
        forced = _ended(self.home, words, lambda process: False)
        if forced.code:
            raise NightError(f"publish --force ended with {forced.code}:\n{forced.err}")


def report_of(home: Path, pid: int) -> dict[str, Any] | None:
    """The report of the job of this process, if it came so far."""
    for path in sorted((home / "jobs").glob("*.json"), reverse=True)[: MOST_KILLS + 1]:
        report: dict[str, Any] = json.loads(path.read_text())
        if report["owner"].startswith(f"{pid}@"):
            return report
    return None


def alive(groups: Sequence[int]) -> list[int]:
    """Processes that still run, of those that once were in one of these process groups."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(group) in groups and state != "Z":
            found.append(int(path.parent.name))
    return found


def places(nights: Sequence[Night]) -> Counter[str]:
    """How many kills hit each place."""
    return Counter(place for night in nights for place in night.killed_in)


def _ended(home: Path, words: list[str], meet: Callable[[subprocess.Popen[bytes]], bool]) -> Ended:
    """A command in a session of its own, which ``meet`` may kill, to its end."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("GRAPHRISK_NEO4J")}
    out, err = home.with_name(f"{home.name}.out"), home.with_name(f"{home.name}.err")
    command, began = [sys.executable, "-m", "graphrisk", "--home", str(home), *words], time.perf_counter()
    with out.open("wb") as told, err.open("wb") as failed:
        process = subprocess.Popen(command, env=clean, stdout=told, stderr=failed, start_new_session=True)
        try:
            meet(process)
            code = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    seconds = time.perf_counter() - began
    return Ended(process.pid, code, out.read_text(), err.read_text(), seconds, None)


def _state(home: Path) -> _State:
    def found(pattern: str) -> int:
        # Not Path.glob, which raises when a folder goes away while it looks.
        return len(glob(pattern, root_dir=home))

    pointer = home / "current.json"
    return _State(
        found("ledger/loads/_delta_log/*.json"),
        found("ledger/accounts/*.parquet"),
        found("runs/run_*"),
        found("tmp/detect-*/run_*") > 0,
        pointer.stat().st_mtime_ns if pointer.exists() else 0,
    )


def _place(home: Path, report: dict[str, Any] | None, before: _State) -> str:
    """What a process is doing, or was when it was killed, by its report and by what has changed since it began."""
    if report is None:
        return "starting"
    if report["ended_at"]:
        return "ending"
    now, stage = _state(home), str(report["stage"])
    if stage == "load":
        accepted = now.acceptances > before.acceptances
        return "accepted" if accepted else "accepting" if now.files > before.files else "reading"
    if stage == "detect":
        return "writing" if now.written or now.runs > before.runs else "detecting"
    if stage == "publish":
        return "published" if now.pointer > before.pointer else "publishing"
    return {"start": "checking the disk", "tidy": "tidying"}.get(stage, stage)
