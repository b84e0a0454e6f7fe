"""A Neo4j graph as a source: the same facts as the equal files, bounded memory, and clear words when it does not fit."""

from __future__ import annotations

import csv
import logging
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import neo4j
import pytest

from graphrisk import pipeline
from graphrisk.errors import MappingError, SettingsError, StoreError
from graphrisk.graph.paths import parse_path
from graphrisk.graph.reading import GraphReader
from graphrisk.graph.server import USER, LocalServer, Running
from graphrisk.ledger.store import Ledger
from graphrisk.logs import LOG
from tests.graph.foreign import ForeignGraph
from tests.support import LENIENT, load, places_of, settings_at, write_csv

EXAMPLE = Path(__file__).parents[2] / "docs/examples/neo4j.mapping.toml"
ONE = """
[[accounts]]
path = "(c:Customer)"
key = "c.id"
columns = { account_id = "c.id", status = "c.state" }
"""

Load = Callable[..., pipeline.Loaded]


@pytest.fixture
def graph(empty: neo4j.Driver) -> Iterator[neo4j.Driver]:
    """An empty graph without the indexes that a test made."""
    yield empty
    with empty.session() as session:
        for name in [
            row["name"]
            for row in session.run("SHOW INDEXES YIELD name, labelsOrTypes WHERE 'Customer' IN labelsOrTypes")
        ]:
            dropped: Any = f"DROP INDEX {name}"
            session.run(dropped).consume()


@pytest.fixture
def load_graph(running: Running, server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Load the graph into a home, by a mapping file or the text of one."""
    monkeypatch.setenv("GRAPHRISK_SOURCE_PASSWORD", server.password)

    def loaded(mapping: str | Path = ONE, home: Path = tmp_path / "home", url: str = running.url) -> pipeline.Loaded:
        if isinstance(mapping, str):
            (tmp_path / "mapping.toml").write_text(mapping)
            mapping = tmp_path / "mapping.toml"
        return pipeline.load(settings_at(home), LENIENT, [f"{url}/neo4j"], mapping)

    return loaded


def run(driver: neo4j.Driver, text: Any, **values: Any) -> None:
    driver.execute_query(text, values)


def reasons(home: Path) -> Counter[tuple[str, str, str]]:
    """How often each table, reason and masked value was rejected in a home."""
    found: Counter[tuple[str, str, str]] = Counter()
    for path in (home / "loads").glob("load_*/rejects.csv"):
        with path.open(newline="", encoding="utf-8") as handle:
            found.update((row["table"], row["reason"], row["value"]) for row in csv.DictReader(handle))
    return found


def test_a_graph_gives_what_the_equal_files_give(graph: neo4j.Driver, load_graph: Load, tmp_path: Path) -> None:
    world = ForeignGraph()
    world.write(graph)
    from_graph = load_graph(EXAMPLE)
    from_files = load(tmp_path / "files", world.export(tmp_path / "facts"), policy=LENIENT)

    for figure in ("rows", "accepted", "rejected", "accounts", "completeness", "accounts_without_attribute"):
        assert from_graph.report[figure] == from_files.report[figure], figure
    assert len(from_graph.report["rejected"]["sightings"]) >= 8
    assert reasons(tmp_path / "home") == reasons(tmp_path / "files")
    in_the_same_home = load(tmp_path / "home", tmp_path / "facts", policy=LENIENT)
    assert (in_the_same_home.new, in_the_same_home.load) == (False, from_graph.load)
    again = load_graph(EXAMPLE)
    assert (again.new, again.load) == (False, from_graph.load)
    assert places_of(world.secrets(), tmp_path / "home") == []


@pytest.mark.parametrize("index", [True, False], ids=["with an index", "without one"])
def test_every_row_is_read_once_whatever_its_key(
    index: bool, graph: neo4j.Driver, caplog: pytest.LogCaptureFixture
) -> None:
    if index:
        run(graph, "CREATE INDEX FOR (c:Customer) ON (c.id)")
        run(graph, "CALL db.awaitIndexes()")
    keys = [
        *(f"c{number}" for number in range(40)),
        *["same"] * 25,
        *range(-30, 30),
        *[7] * 12,
        0.5,
        float("nan"),
        True,
    ]
    run(graph, "UNWIND $keys AS key CREATE (:Customer {id: key})-[:OWNS]->(:Thing {name: 'a'})", keys=keys)
    run(graph, "CREATE (:Customer {n: 1})-[:OWNS]->(:Thing {name: 'a'}), (:Customer {id: date()})-[:OWNS]->(:Thing)")
    run(graph, "MATCH (c:Customer {id: 'c7'}) UNWIND range(1, 50) AS n CREATE (c)-[:OWNS]->(:Thing {name: 'b' + n})")
    with caplog.at_level(logging.WARNING, LOG.name), pytest.MonkeyPatch.context() as patch:
        patch.setattr(LOG, "propagate", True)
        things = rows(graph, "(c:Customer)-[r:OWNS]->(t:Thing)", "c.id", "c.id", "t.name")
        assert len(rows(graph, "(c:Customer)", "c.id", "c.id")) == len(keys) + 2
    assert len(things) == len(keys) + 52
    assert Counter(things)["same", "a"] == 25
    assert Counter(things)["7", "a"] == 13
    assert {name for key, name in things if key == "c7"} == {"a", *(f"b{n}" for n in range(1, 51))}
    assert ("no range index on id of Customer" in caplog.text) is not index


def rows(driver: neo4j.Driver, path: str, key: str, *columns: str, page: int = 10) -> list[tuple[Any, ...]]:
    reader = GraphReader(driver, "neo4j", "the graph", page)
    parsed = parse_path(path, key, dict.fromkeys(columns, False), "The mapping")
    reader.check(parsed)
    tables = list(reader.tables(parsed))
    assert max(table.num_rows for table in tables) <= page
    return [tuple(row.values()) for table in tables for row in table.to_pylist()]


def test_values_become_the_text_of_a_file(graph: neo4j.Driver) -> None:
    values = {
        "'a[1]'": "a[1]",
        "''": None,
        "12345678901234567": "12345678901234567",
        "2.0": "2.0",
        "true": "true",
        "date('2026-01-05')": "2026-01-05",
        "datetime('2026-07-05T10:00:00.25[Europe/Paris]')": "2026-07-05T10:00:00.250+02:00",
        "localdatetime('2026-01-05T10:00')": "2026-01-05T10:00:00",
        "datetime('+123456-01-05T10:00Z')": "+123456-01-05T10:00:00Z",
    }
    for place, value in enumerate(values):
        run(graph, f"CREATE (:Customer {{id: {place}, value: {value}}})")
    assert dict(rows(graph, "(c:Customer)", "c.id", "c.id", "c.value")) == {
        str(place): text for place, text in enumerate(values.values())
    }


def test_names_of_any_shape_stay_names(graph: neo4j.Driver) -> None:
    label, kind, name = "a`) DETACH DELETE (b:`", "x`]->() SET c.`y", "p` = 1} ) //"
    quoted = [f"`{each.replace('`', '``')}`" for each in (label, kind, name)]
    run(graph, f"CREATE (:{quoted[0]} {{{quoted[2]}: 'k'}})-[:{quoted[1]}]->(:Other {{v: 'w'}})")
    path = f"(c:{quoted[0]})-[r:{quoted[1]}]->(o:Other)"
    assert rows(graph, path, f"c.{name}", f"c.{name}", "o.v") == [("k", "w")]
    with pytest.raises(MappingError, match="backslash"):
        rows(graph, "(c:Customer)", "c.id", "c.a\\u0060 = 1 //")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (ONE.replace("(c:Customer)", "(c:Custmer)"), "has no label 'Custmer' (the nearest is 'Customer')"),
        (ONE.replace("c.state", "c.sttate"), "has no property 'sttate' (the nearest is 'state')"),
        (ONE.replace("(c:Customer)", "(c:Customer)-[r:OWNED]->(t:Thing)"), "no relationship type 'OWNED' (the nearest is 'OWNS')"),
        (ONE.replace("(c:Customer)", "(c:Customer)<-[r:OWNS]-(t:Thing)"), "has nothing like (c:Customer)<-[r:OWNS]-(t:Thing); check the path and its direction"),
        (ONE.replace("c.state", "c.score"), "floating-point numbers"),
        (ONE.replace("c.state", "c.tags"), "has lists in 'c.tags'"),
        (ONE.replace("(c:Customer)", "(c:Customer"), "has the path '(c:Customer'; write it as (c:Label)"),
        (ONE.replace("(c:Customer)", "(c:Customer)-[:OWNS]-(t:Thing)"), "without a direction"),
        (ONE.replace("(c:Customer)", "(c:Customer)-[c:OWNS]->(t:Thing)"), "uses one name twice"),
        (ONE.replace("(c:Customer)", "(c)"), "node that has a label"),
        (ONE.replace('"c.state"', '"x.state"'), "'x.state', which is no property of '(c:Customer)'; write c.property"),
        (ONE.replace('key = "c.id"\n', ""), "path and key go together"),
        (ONE.replace("path", 'files = "x.csv"\npath'), "exclude each other"),
        ('[[accounts]]\nfiles = "x.csv"\ncolumns = { account_id = "id" }', "no mapping says what to read of it"),
        (ONE + '[[accounts]]\nfiles = "x.csv"\ncolumns = { account_id = "id" }', "no source has files"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_fit_is_told_in_one_sentence(
    wrong: str, told: str, graph: neo4j.Driver, load_graph: Load, tmp_path: Path
) -> None:
    run(graph, "CREATE (:Customer {id: 'c1', state: 'active', score: .5, tags: ['a']})-[:OWNS]->(:Thing)")
    if "score" in wrong:
        wrong = wrong.replace('status = "c.score"', 'marketplace = "c.state"').replace('"c.id", m', '"c.score", m')
    with pytest.raises(MappingError) as error:
        load_graph(wrong)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert Ledger(tmp_path / "home/ledger").loads() == []


def test_rejects_and_report_name_the_graph_without_credentials(
    graph: neo4j.Driver, load_graph: Load, running: Running, server: LocalServer, tmp_path: Path
) -> None:
    run(graph, "CREATE (:Customer {id: 'c1', state: 'dozing'}), (:Customer {id: 'c2'})")
    loaded = load_graph()
    assert loaded.report["sources"] == [f"{running.url}/neo4j"]
    listed = next((tmp_path / "home/loads").glob("load_*/rejects.csv")).read_text().splitlines()
    assert listed[1:] == [f'"{running.url}/neo4j (c:Customer)",1,"accounts","bad_status",']
    assert places_of([server.password], tmp_path / "home") == []
    with pytest.raises(SettingsError) as error:
        load_graph(url=running.url.replace("://", f"://{USER}:{server.password}@"))
    assert server.password not in str(error.value)
    assert "GRAPHRISK_SOURCE_PASSWORD" in str(error.value)


def test_a_property_that_no_node_of_the_path_has_is_warned_of(
    graph: neo4j.Driver, load_graph: Load, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOG, "propagate", True)
    run(graph, "CREATE (:Customer {id: 'c1'}), (:Other {state: 'active'})")
    with caplog.at_level(logging.WARNING, LOG.name):
        assert load_graph().report["accepted"]["accounts"] == 1
    assert "has the property c.state" in caplog.text


def test_a_graph_and_files_make_one_load(
    graph: neo4j.Driver, running: Running, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHRISK_SOURCE_PASSWORD", server.password)
    run(graph, "CREATE (:Customer {id: 'c1', state: 'active'})")
    write_csv(tmp_path / "facts/verdicts.csv", [{"who": "c1", "what": "bad", "when": "2026-02-01"}])
    (tmp_path / "mapping.toml").write_text(
        ONE
        + '[[labels]]\nfiles = "verdicts.csv"\ncolumns = { account_id = "who", label = "what", labelled_at = "when" }'
    )
    sources = [str(tmp_path / "facts"), running.url]
    loaded = pipeline.load(settings_at(tmp_path / "home"), LENIENT, sources, tmp_path / "mapping.toml")
    assert loaded.report["accepted"] == {"accounts": 1, "sightings": 0, "labels": 1}
    with pytest.raises(MappingError, match="no source is one"):
        pipeline.load(settings_at(tmp_path / "home"), LENIENT, sources[:1], tmp_path / "mapping.toml")


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


@pytest.mark.parametrize("index", [True, False], ids=["by pages", "as a stream"])
def test_memory_does_not_grow_with_the_graph_or_with_one_account(
    index: bool, graph: neo4j.Driver, running: Running, server: LocalServer
) -> None:
    if index:
        run(graph, "CREATE INDEX FOR (c:Customer) ON (c.id)")
    run(graph, "UNWIND range(1, 1000) AS n CREATE (:Customer {id: 'c' + n})")
    run(graph, "CREATE (:Customer {id: 'c0'})")
    peaks: list[int] = []
    for each, of_one in ((10, 10_000), (80, 110_000)):
        run(
            graph,
            "MATCH (c:Customer) WHERE c.id <> 'c0' UNWIND range(1, $n) AS n CREATE (c)-[:HAS_CARD {since: datetime()}]->(:Card {number: 'tok_' + n})",
            n=each,
        )
        run(
            graph,
            "MATCH (c:Customer {id: 'c0'}) UNWIND range(1, $n) AS n CREATE (c)-[:HAS_CARD {since: datetime()}]->(:Card {number: 'tok_' + n})",
            n=of_one,
        )
        done = subprocess.run(
            [sys.executable, "-c", PEAK, running.url], input=server.password, capture_output=True, text=True, check=True
        )
        found, peak = map(int, done.stdout.split())
        peaks.append(peak)
    assert found == 90_000 + 120_000
    assert peaks[1] - peaks[0] < 40, "MiB"


class Relay:
    """A relay before a server that calls ``at_limit`` once it has passed that many bytes of answers on."""

    def __init__(self, port: int, limit: int, at_limit: Callable[[], object]) -> None:
        self._server, self._left, self._at_limit = port, limit, at_limit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"bolt://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
            except OSError:
                return
            for source, target, answers in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, target, answers), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with source, target:
            while data := _received(source):
                try:
                    target.sendall(data)
                except OSError:
                    return
                before, self._left = self._left, self._left - len(data) * answers
                if before > 0 >= self._left:
                    self._at_limit()


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65_536)
    except OSError:
        return b""


def test_a_server_that_stops_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = LocalServer(tmp_path / "server", heap_mib=512, page_cache_mib=64)
    running = own.start()
    monkeypatch.setenv("GRAPHRISK_SOURCE_PASSWORD", own.password)
    relay = Relay(running.bolt_port, 400_000, own.stop)
    try:
        with neo4j.GraphDatabase.driver(running.url, auth=(USER, own.password)) as driver:
            run(driver, "CREATE INDEX FOR (c:Customer) ON (c.id)")
            run(driver, "UNWIND range(1, 60000) AS n CREATE (:Customer {id: 'c' + n, state: 'active'})")
        (tmp_path / "mapping.toml").write_text(ONE)
        with pytest.raises(StoreError, match="is away"):
            pipeline.load(settings_at(tmp_path / "home"), LENIENT, [relay.url], tmp_path / "mapping.toml")
        assert own.running() is None
    finally:
        relay.close()
        own.stop()
    assert Ledger(tmp_path / "home/ledger").loads() == []
    assert list((tmp_path / "home/loads").glob("*_*")) == []
