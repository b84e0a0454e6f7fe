"""A real ``graphrisk serve`` over a home, and a small published home to serve."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import httpx
import pytest

from graphrisk import pipeline
from graphrisk.api.keys import HIGHEST_RATE, SCOPES, SECONDS_BETWEEN_LOOKS, create_key
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from graphrisk.worlds import write_world
from tests.support_e2e import ROOT, write_farm

READY_SECONDS, STOP_SECONDS = 60.0, 30.0


@dataclass(frozen=True)
class Served:
    """A server that answers at ``url``. Its standard output (the access log) and error go to ``out`` and ``err``."""

    url: str
    process: subprocess.Popen[bytes]
    home: Path
    out: Path
    err: Path
    _keys: dict[tuple[tuple[str, ...], int], str] = field(default_factory=dict[tuple[tuple[str, ...], int], str])

    def key(self, *scopes: str, rate: int = HIGHEST_RATE) -> str:
        """A key with these scopes (none: all of them) that every worker knows already."""
        wanted = (scopes or SCOPES, rate)
        if wanted not in self._keys:
            self._keys[wanted] = new_key(self.home, *scopes, rate=rate)
            if self.process.poll() is None:
                time.sleep(SECONDS_BETWEEN_LOOKS + 0.05)
        return self._keys[wanted]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the server and its workers, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


def new_key(home: Path, *scopes: str, rate: int = HIGHEST_RATE) -> str:
    """The text of a new key with these scopes (none: all of them); workers that run see it within a second."""
    return create_key(home, "test", scopes or SCOPES, rate=rate)[1]


@contextmanager
def serving(home: Path, workers: int = 1, ready: bool = True, port: int | None = None) -> Generator[Served]:
    """A server over a home on a port (None: a free one), from when a run is loaded (``ready``) or it merely answers, to
    the block's end. The key with all scopes is there from the start."""
    logs = home.parent / f"{home.name}-server"
    logs.mkdir(exist_ok=True)
    out, err = logs / "out", logs / "err"
    port = port or free_port()
    words = ("serve", "--home", str(home), "--port", str(port), "--workers", str(workers))
    key = new_key(home)
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(
            [sys.executable, "-m", "graphrisk", *words],
            cwd=ROOT,
            env={name: text for name, text in os.environ.items() if not name.startswith("GRAPHRISK_")},
            stdin=subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_err,
            start_new_session=True,
        )
    served = Served(f"http://127.0.0.1:{port}", process, home, out, err, {(SCOPES, HIGHEST_RATE): key})
    try:
        wait_until_ready(served, "/readyz" if ready else "/livez")
        yield served
    finally:
        _end(process)


def wait_until_ready(served: Served, path: str = "/readyz") -> None:
    """Return when the server answers 200; fail with what it printed when it ends, or takes too long."""
    due = time.monotonic() + READY_SECONDS
    while time.monotonic() < due and served.process.poll() is None:
        try:
            if httpx.get(f"{served.url}{path}", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not ready ({served.process.poll()}): {served.err.read_text()}")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def settings_at(home: Path) -> Settings:
    return Settings(home=home, threads=1, processes=1)


def publish_facts(home: Path, facts: Path) -> str:
    """Load a folder of facts, detect and publish, and return the id of the run that is live now."""
    settings, policy = settings_at(home), Policy()
    settings.prepare()
    pipeline.load(settings, policy, [str(facts)], None)
    run_id = pipeline.detect(settings, policy, None, "igraph")["run_id"]
    return pipeline.publish(settings, policy, run_id, "a test says so").run_id


@lru_cache(1)
def _small_home(folder: Path) -> Path:
    write_world(folder / "facts", "demo", 600)
    publish_facts(folder / "home", folder / "facts")
    publish_facts(folder / "home", write_farm(folder / "late", "late", 12))
    return folder / "home"


def small_home(factory: pytest.TempPathFactory) -> Path:
    """A home with two published runs: 600 accounts of a small world, then 12 more that share devices and an address.

    Made once for all tests, and shared: serve it, but change only a copy (``copy_home``).
    """
    return _small_home(factory.getbasetemp() / "small")


def copy_home(home: Path, to: Path) -> Path:
    """A copy of a home that a test may change."""
    return shutil.copytree(home, to)
