"""Writers and servers that die, connections that break: afterwards sync catches up and the graph is equal."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import neo4j
import pytest

from graphrisk import pipeline
from graphrisk.errors import StoreError
from graphrisk.graph import transactions
from graphrisk.graph.server import USER, LocalServer
from graphrisk.graph.statements import statement
from graphrisk.policy import Policy
from graphrisk.runs.store import publications
from graphrisk.settings import Settings
from tests.graph import world
from tests.graph.homes import ask, equal, point_at, published, ring_facts, sync_process
from tests.support import call_cli

WRITER_KILLS = [2, pytest.param(20, marks=pytest.mark.slow)]
SERVER_KILLS = [(6, 1), *(pytest.param(seed, 5, marks=pytest.mark.slow) for seed in range(7, 11))]
PUBLICATIONS = [4, pytest.param(50, marks=pytest.mark.slow)]

LOCK_THE_LAST_USER = """
MATCH (:Attribute {token: $hub})<-[use]-(account)
WITH account
ORDER BY id(use) DESC
LIMIT 1
SET account.held = true
"""


class Proxy:
    """A TCP proxy on loopback that waits before it passes anything on, and cuts each connection after some bytes."""

    def __init__(self, target: int, cut_after: list[int], delay: float = 0.0) -> None:
        self._target, self._cut_after, self._delay = target, cut_after, delay
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"bolt://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            limit = self._cut_after.pop(0) if self._cut_after else 1 << 60
            threading.Thread(target=self._pass_on, args=(client, limit), daemon=True).start()

    def _pass_on(self, client: socket.socket, limit: int) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            other, passed = {client: server, server: client}, 0
            while True:
                for side in select.select([client, server], [], [])[0]:
                    data = side.recv(65_536)
                    passed += len(data)
                    if not data or passed > limit:
                        self.cuts += passed > limit
                        return
                    time.sleep(self._delay)
                    other[side].sendall(data)


@pytest.fixture
def graph(server: LocalServer, empty: neo4j.Driver, monkeypatch: pytest.MonkeyPatch) -> neo4j.Driver:
    point_at(server, monkeypatch)
    return empty


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of three loads and two publications, none of them in the graph; batches are small, so there are many."""
    monkeypatch.setattr(transactions, "ROWS_A_BATCH", 20)
    home = tmp_path / "home"
    published(home, ring_facts(tmp_path, "farm", 30), ring_facts(tmp_path, "mill", 20, 6))
    return published(home, ring_facts(tmp_path, "farm", 40, 9))


@pytest.mark.parametrize("kills", WRITER_KILLS)
def test_a_writer_that_is_killed_again_and_again_leaves_nothing_twice(
    kills: int, tmp_path: Path, graph: neo4j.Driver
) -> None:
    home, dice = tmp_path / "home", random.Random(5)
    for nth in range(kills):
        published(home, ring_facts(tmp_path, f"farm{nth}", 400 + nth))
        writer = sync_process(home)
        time.sleep(dice.uniform(0.8, 3.0))
        writer.kill()
        writer.wait()
    settings = Settings(home=home, threads=1, processes=1)
    pipeline.sync(settings, Policy())
    equal(settings)


def test_a_hub_is_emptied_in_transactions_of_a_bounded_size(settings: Settings, graph: neo4j.Driver) -> None:
    # Whoever removed it in one transaction would wait for the account that is locked, and have committed nothing.
    pipeline.sync(settings, Policy())
    (hub,) = ask(graph, "MATCH (hub:Device) RETURN hub.token LIMIT 1")[0]
    world.crowd(graph, hub, 12_000)
    uses = "MATCH (hub:Attribute {token: $hub}) RETURN COUNT { (hub)<--() }"
    (all_of_them,) = ask(graph, uses, hub=hub)[0]
    writer = threading.Thread(target=pipeline.rebuild, args=(settings, Policy()))
    with graph.session() as session, session.begin_transaction() as transaction:
        transaction.run(LOCK_THE_LAST_USER, hub=hub).consume()
        writer.start()
        ends = time.monotonic() + 40
        while ask(graph, uses, hub=hub) == [[all_of_them]] and time.monotonic() < ends:
            time.sleep(0.1)
        (left,) = ask(graph, uses, hub=hub)[0]
        transaction.rollback()
    assert 0 < left < all_of_them
    writer.join(120)
    equal(settings)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("seed", "kills"), SERVER_KILLS)
def test_a_server_that_is_killed_while_it_is_written_to(
    seed: int, kills: int, spare: LocalServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    for _ in range(kills):
        point_at(spare, monkeypatch)
        running = spare.running()
        assert running
        timer = threading.Timer(dice.uniform(0.5, 4.0), os.kill, (running.pid, signal.SIGKILL))
        timer.start()
        with suppress(StoreError):  # it may have been quick enough
            pipeline.sync(settings, Policy())
        timer.join()
        spare.start()
    point_at(spare, monkeypatch)
    pipeline.sync(settings, Policy())
    equal(settings)


def test_a_connection_that_is_cut_and_slow(
    settings: Settings, server: LocalServer, graph: neo4j.Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, dice = server.running(), random.Random(7)
    assert running
    with Proxy(running.bolt_port, [dice.randrange(2_000, 60_000) for _ in range(12)], delay=0.001) as proxy:
        point_at(server, monkeypatch, proxy.url)
        for _ in range(15):
            try:
                pipeline.sync(settings, Policy())
            except StoreError:
                continue
        assert proxy.cuts > 3
    point_at(server, monkeypatch)
    pipeline.sync(settings, Policy())
    equal(settings)


def test_two_writers_at_once_write_everything_once(settings: Settings, graph: neo4j.Driver) -> None:
    writers = [sync_process(settings.home) for _ in range(2)]
    assert [writer.wait(240) for writer in writers] == [0, 0]
    equal(settings)


@pytest.mark.parametrize("moves", PUBLICATIONS)
def test_readers_never_see_a_mix_of_two_publications(
    moves: int, tmp_path: Path, server: LocalServer, graph: neo4j.Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The ring has 5 accounts in one run and 9 in the other, and each answer says how many twice. What its node shows is
    # read when the answer is sent, so it may be of the next publication already (docs/graph-model.md).
    monkeypatch.setattr(transactions, "ROWS_A_BATCH", 3)
    home = tmp_path / "home"
    published(home, ring_facts(tmp_path, "farm", 5))
    settings = published(home, ring_facts(tmp_path, "farm", 9))
    runs = [move.run_id for move in publications(home)]
    pipeline.sync(settings, Policy())
    seen, done = Counter[tuple[int, int]](), threading.Event()
    running = server.running()
    assert running

    def watch() -> None:
        with neo4j.GraphDatabase.driver(running.url, auth=(USER, server.password)) as reader:
            while not done.is_set():
                (row,) = reader.execute_query(statement("investigate/riskiest_rings").text).records
                seen[row["accountsInRing"], len(row["members"])] += 1

    with ExitStack() as held:
        for _ in range(2):
            reader = threading.Thread(target=watch)
            reader.start()
            held.callback(reader.join)
        held.callback(done.set)
        for move in range(moves):
            pipeline.publish(settings, Policy(), runs[move % 2], "a test publishes whatever it is")
            pipeline.sync(settings, Policy())
    assert set(seen) == {(5, 5), (9, 9)}, seen
    assert min(seen.values()) > moves, "each was seen while it was current"


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setenv("GRAPHRISK_NEO4J_URL", f"bolt://127.0.0.1:{port}")
    monkeypatch.setenv("GRAPHRISK_NEO4J_PASSWORD", "not-asked-for")


@pytest.mark.usefixtures("away")
def test_with_the_server_away_every_command_does_its_work_and_says_that_the_graph_lags(tmp_path: Path) -> None:
    home, source = tmp_path / "home", ring_facts(tmp_path, "farm", 6)
    for words in (["load", source], ["detect"], ["publish"]):
        done = call_cli(*words, home=home)
        assert done.returncode == 0, done.stderr
        if words[0] != "detect":
            assert "graph lags behind" in done.stderr
            assert "graph sync" in done.stderr
    assert call_cli("graph", "sync", home=home).returncode == 4
    assert call_cli("graph", "status", home=home).returncode == 4
