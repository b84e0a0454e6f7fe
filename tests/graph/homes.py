"""Homes with a small marketplace and the graph that belongs to them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import neo4j
import pytest

from graphrisk import pipeline
from graphrisk.graph.server import USER, LocalServer
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from tests.support import Row, settings_at, sighting, write_facts

DAY = "2026-01-{:02}T10:00:00Z"


def ring_facts(folder: Path, name: str, members: int, day: int = 5) -> Path:
    """A device farm: accounts that sign up on one device and one card within an hour."""
    names = [f"{name}-{nth}" for nth in range(members)]
    seen: list[Row] = [sighting(each, "device", f"device-of-{name}", DAY.format(day)) for each in names]
    seen += [sighting(each, "card", f"card-of-{name}", DAY.format(day)) for each in names]
    seen += [sighting(each, "ip", address_of(name), DAY.format(day), count=3) for each in names]
    accounts: list[Row] = [{"account_id": each, "created_at": DAY.format(day), "marketplace": "de"} for each in names]
    return write_facts(folder / f"{name}-{members}-{day}", accounts, seen)


def address_of(name: str) -> str:
    """An address in a network of its own."""
    return f"81.{sum(map(ord, name)) % 250}.69.7"


def point_at(server: LocalServer, patch: pytest.MonkeyPatch, url: str | None = None) -> None:
    """Name the server as the graph, for this process and those that it starts."""
    running = server.running()
    assert running
    for name, value in {"URL": url or running.url, "USER": USER, "PASSWORD": server.password}.items():
        patch.setenv(f"GRAPHRISK_NEO4J_{name}", value)


def published(home: Path, *sources: Path, policy: Policy | None = None) -> Settings:
    """Load the sources one by one, detect and publish; the graph is not touched."""
    settings = settings_at(home)
    for source in sources:
        pipeline.load(settings, Policy(), [str(source)])
    run = pipeline.detect(settings, policy or Policy())
    pipeline.publish(settings, Policy(), run["run_id"], "a test publishes whatever it is")
    return settings


def equal(settings: Settings) -> dict[str, Any]:
    """What verify says, which must be that the graph is equal."""
    found = pipeline.verify(settings, Policy())
    assert found["equal"], found["first_difference"]
    return found


def ask(driver: neo4j.Driver, query: Any, **bound: Any) -> list[Any]:
    return [record.values() for record in driver.execute_query(query, bound).records]


def sync_process(home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "graphrisk", "--home", str(home), "graph", "sync"]
    environment = os.environ | {"GRAPHRISK_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
