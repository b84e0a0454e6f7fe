"""A server that has no lock or no disk left to give: sync waits or says so in one sentence, and catches up afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import neo4j
import pytest

from graphrisk import pipeline
from graphrisk.errors import StoreError
from graphrisk.graph.server import LocalServer
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from tests.graph.homes import equal, point_at, published, ring_facts
from tests.support_disk import SmallDisk

SECONDS_TO_LOCK = 60
"""How long the server lets a transaction wait (``server_files``)."""


@pytest.fixture
def lagging(
    tmp_path: Path, server: LocalServer, empty: neo4j.Driver, monkeypatch: pytest.MonkeyPatch
) -> tuple[Settings, neo4j.Driver]:
    """A home whose graph lacks its second load and publication."""
    point_at(server, monkeypatch)
    settings = published(tmp_path / "home", ring_facts(tmp_path, "farm", 6))
    pipeline.sync(settings, Policy())
    return published(settings.home, ring_facts(tmp_path, "farm", 9, 7)), empty


@contextmanager
def all_nodes_locked(driver: neo4j.Driver) -> Generator[None]:
    with driver.session() as session, session.begin_transaction() as transaction:
        transaction.run("MATCH (n) SET n.held = true").consume()
        yield
        transaction.rollback()


@pytest.mark.slow
def test_sync_waits_for_locks_that_are_let_go_in_time(lagging: tuple[Settings, neo4j.Driver]) -> None:
    settings, driver = lagging
    done: list[dict[str, int]] = []
    writer = threading.Thread(target=lambda: done.append(pipeline.sync(settings, Policy())))
    with all_nodes_locked(driver):
        writer.start()
        time.sleep(10)
        assert not done
    writer.join(60)
    assert (done[0]["loads"], done[0]["publications"]) == (1, 1)
    equal(settings)


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_sync_says_that_locks_are_held_for_too_long_and_catches_up(lagging: tuple[Settings, neo4j.Driver]) -> None:
    settings, driver = lagging
    began = time.monotonic()
    with all_nodes_locked(driver), pytest.raises(StoreError) as error:
        pipeline.sync(settings, Policy())
    assert time.monotonic() - began > SECONDS_TO_LOCK - 1
    assert "LockAcquisitionTimeout" in str(error.value)
    assert "\n" not in str(error.value)
    assert pipeline.sync(settings, Policy())["publications"] == 1
    equal(settings)


def transaction_logs(server: LocalServer) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (server.folder / "data/transactions/neo4j").iterdir()}


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_disk_that_is_full_under_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = published(tmp_path / "home", ring_facts(tmp_path, "farm", 6))
    with SmallDisk(tmp_path / "disk") as disk:
        own = LocalServer(disk.folder / "neo4j", heap_mib=512, page_cache_mib=64)
        own.start()
        try:
            point_at(own, monkeypatch)
            pipeline.sync(settings, Policy())
            equal(settings)
            published(settings.home, ring_facts(tmp_path, "mill", 3_000, 7))
            disk.leave_free(300)
            with pytest.raises(StoreError) as error:
                pipeline.sync(settings, Policy())
            assert "\n" not in str(error.value)
            cut_short = transaction_logs(own)
            disk.leave_free(100_000)
            own.stop()
            assert transaction_logs(own) == cut_short, "nothing behind the cut, which the next start could not read"
            own.start()
            point_at(own, monkeypatch)
            pipeline.sync(settings, Policy())
            equal(settings)
        finally:
            own.stop()
