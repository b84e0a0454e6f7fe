"""A real Neo4j server for the tests of this folder: started once a session, emptied for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import neo4j
import pytest

from graphrisk.errors import GraphriskError
from graphrisk.graph import connection
from graphrisk.graph.server import USER, LocalServer, Running

REQUIRED = os.environ.get("GRAPHRISK_REQUIRE_NEO4J") == "1"
QUICK_START = "-XX:TieredStopAtLevel=1"
"""For servers that live for minutes: their best compiler costs more than it brings."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [command for command in ("java", "mvn") if shutil.which(command) is None]
    if missing and not REQUIRED:
        reason = f"Neo4j is NOT tested: {' and '.join(missing)} not found (Java 17+ and Maven are needed)"
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    local = LocalServer(tmp_path_factory.mktemp("neo4j"), heap_mib=768, page_cache_mib=256)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", QUICK_START)
        try:
            local.start()
        except GraphriskError as error:
            if REQUIRED:
                raise
            pytest.skip(f"Neo4j is NOT tested: {error}")
    yield local
    local.stop()


@pytest.fixture(scope="session")
def spare_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for a server that tests may stop, kill and start: one for all of them, since a start takes 15 seconds."""
    home = tmp_path_factory.mktemp("home with é")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", QUICK_START)
        yield home
    for name in ("neo4j", "neo4j-replica"):
        LocalServer(home / name).stop()


@pytest.fixture
def spare(spare_home: Path) -> LocalServer:
    """The server of that home, running and without nodes."""
    local = LocalServer(spare_home / "neo4j", heap_mib=512, page_cache_mib=64)
    started = local.start()
    with neo4j.GraphDatabase.driver(started.url, auth=(USER, local.password)) as driver:
        _wipe(driver)
    return local


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that waits for a server which is gone for 3 seconds and not for 30."""
    monkeypatch.setattr(connection, "SECONDS_OF_RETRIES", 3.0)


@pytest.fixture(scope="session")
def running(server: LocalServer) -> Running:
    found = server.running()
    assert found
    return found


@pytest.fixture(scope="session")
def driver(server: LocalServer, running: Running) -> Iterator[neo4j.Driver]:
    with neo4j.GraphDatabase.driver(running.url, auth=(USER, server.password)) as found:
        yield found


@pytest.fixture
def empty(driver: neo4j.Driver) -> neo4j.Driver:
    """The driver of a database without nodes; constraints and indexes stay."""
    _wipe(driver)
    return driver


@pytest.fixture
def foreign(empty: neo4j.Driver) -> Iterator[neo4j.Driver]:
    """An empty graph for somebody's customers; their indexes are gone afterwards."""
    yield empty
    empty.execute_query("DROP INDEX customer_id IF EXISTS")


def _wipe(driver: neo4j.Driver) -> None:
    with driver.session() as session:
        # Some tests give a node more relationships than fit into one transaction together with it.
        session.run("MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS").consume()
        session.run("MATCH (n) CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS").consume()
