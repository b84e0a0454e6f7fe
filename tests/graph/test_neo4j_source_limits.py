"""What a Neo4j source may cost, and what it leaves when its server goes away in the middle."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from select import select

import neo4j
import pytest

from graphrisk import pipeline
from graphrisk.errors import StoreError
from graphrisk.graph.server import USER, LocalServer, Running
from graphrisk.ledger.store import Ledger
from tests.graph.foreign import ONE, run
from tests.support import LENIENT, settings_at

PEAK = """
import resource, sys
from graphrisk.graph.connection import connect
from graphrisk.graph.paths import parse_path
from graphrisk.graph.reading import GraphReader
path = parse_path("(c:Customer)-[r:HAS_CARD]->(k:Card)", "c.id", {"c.id": True, "k.number": True, "r.since": False}, "")
with connect(sys.argv[1], "neo4j", sys.stdin.read(), "neo4j") as driver:
    rows = sum(table.num_rows for table in GraphReader(driver, "neo4j", "the graph").tables(path))
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


CARDS_OF = """
MATCH (card:Card)
WITH collect(card) AS cards
MATCH (c:Customer) WHERE (c.id = 'c0') = $one
UNWIND range(1, $n) AS n
WITH c, cards[n % size(cards)] AS card
CREATE (c)-[:HAS_CARD {since: datetime()}]->(card)
"""


def test_memory_does_not_grow_with_the_graph_or_with_one_account(
    foreign: neo4j.Driver, running: Running, server: LocalServer
) -> None:
    run(foreign, "UNWIND range(0, 1000) AS n CREATE (:Customer {id: 'c' + n})")
    run(foreign, "UNWIND range(1, 1000) AS n CREATE (:Card {number: 'tok_' + n})")
    peaks: dict[str, list[int]] = {"by pages": [], "as a stream": []}
    for each, of_one in ((10, 10_000), (80, 110_000)):
        run(foreign, CARDS_OF, one=False, n=each)
        run(foreign, CARDS_OF, one=True, n=of_one)
        for how, of_mode in peaks.items():
            if how == "by pages":
                run(foreign, "CREATE INDEX customer_id FOR (c:Customer) ON (c.id)")
                run(foreign, "CALL db.awaitIndexes()")
            else:
                run(foreign, "DROP INDEX customer_id")
            done = subprocess.run(
                [sys.executable, "-c", PEAK, running.url],
                input=server.password,
                capture_output=True,
                text=True,
                check=True,
            )
            found, peak = map(int, done.stdout.split())
            assert found == {10: 20_000, 80: 210_000}[each]
            of_mode.append(peak)
    for how, (before, after) in peaks.items():
        assert after - before < 40, f"MiB, {how}"


class Relay:
    """A relay before a server that calls ``at_limit`` once it has passed that many bytes on."""

    def __init__(self, port: int, limit: int, at_limit: Callable[[], object]) -> None:
        self._port, self._left, self._at_limit = port, limit, at_limit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"bolt://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as server:
            other = {client: server, server: client}
            while True:
                for side in select([client, server], [], [])[0]:
                    data = side.recv(65_536)
                    if not data:
                        return
                    other[side].sendall(data)
                    before, self._left = self._left, self._left - len(data)
                    if before > 0 >= self._left:
                        self._at_limit()


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stops_in_the_middle_leaves_nothing(
    spare: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = spare.running()
    assert running
    monkeypatch.setenv("GRAPHRISK_SOURCE_PASSWORD", spare.password)
    relay = Relay(running.bolt_port, 400_000, spare.stop)
    try:
        with neo4j.GraphDatabase.driver(running.url, auth=(USER, spare.password)) as driver:
            run(driver, "CREATE INDEX customer_id IF NOT EXISTS FOR (c:Customer) ON (c.id)")
            run(driver, "UNWIND range(1, 60000) AS n CREATE (:Customer {id: 'c' + n, state: 'active'})")
        (tmp_path / "mapping.toml").write_text(ONE)
        with pytest.raises(StoreError, match="is away"):
            pipeline.load(settings_at(tmp_path / "home"), LENIENT, [relay.url], tmp_path / "mapping.toml")
        assert spare.running() is None
    finally:
        relay.close()
    assert Ledger(tmp_path / "home/ledger").loads() == []
    assert list((tmp_path / "home/loads").glob("*_*")) == []
