"""A Neo4j graph as a source: the same facts as the equal files, bounded memory, and clear words when it does not fit."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import neo4j
import pytest

from graphrisk import pipeline
from graphrisk.errors import MappingError, SettingsError
from graphrisk.graph.paths import parse_path
from graphrisk.graph.reading import GraphReader
from graphrisk.graph.server import USER, LocalServer, Running
from graphrisk.ledger.store import Ledger
from graphrisk.logs import LOG
from tests.graph.foreign import ONE, ForeignGraph, run
from tests.support import LENIENT, load, places_of, settings_at, write_csv

EXAMPLE = Path(__file__).parents[2] / "docs/examples/neo4j.mapping.toml"
Load = Callable[..., pipeline.Loaded]


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


def reasons(home: Path) -> Counter[tuple[str, str, str]]:
    """How often each table, reason and masked value was rejected in a home."""
    found: Counter[tuple[str, str, str]] = Counter()
    for path in (home / "loads").glob("load_*/rejects.csv"):
        with path.open(newline="", encoding="utf-8") as handle:
            found.update((row["table"], row["reason"], row["value"]) for row in csv.DictReader(handle))
    return found


def test_a_graph_gives_what_the_equal_files_give(foreign: neo4j.Driver, load_graph: Load, tmp_path: Path) -> None:
    world = ForeignGraph()
    world.write(foreign)
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
    index: bool, foreign: neo4j.Driver, caplog: pytest.LogCaptureFixture
) -> None:
    if index:
        run(foreign, "CREATE INDEX customer_id FOR (c:Customer) ON (c.id)")
        run(foreign, "CALL db.awaitIndexes()")
    keys = [
        *(f"c{number}" for number in range(40)),
        *["same"] * 25,
        *range(-30, 30),
        *[7] * 12,
        0.5,
        float("nan"),
        True,
    ]
    run(foreign, "UNWIND $keys AS key CREATE (:Customer {id: key})-[:OWNS]->(:Thing {name: 'a'})", keys=keys)
    run(foreign, "CREATE (:Customer {n: 1})-[:OWNS]->(:Thing {name: 'a'}), (:Customer {id: date()})-[:OWNS]->(:Thing)")
    run(foreign, "MATCH (c:Customer {id: 'c7'}) UNWIND range(1, 50) AS n CREATE (c)-[:OWNS]->(:Thing {name: 'b' + n})")
    with caplog.at_level(logging.WARNING, LOG.name), pytest.MonkeyPatch.context() as patch:
        patch.setattr(LOG, "propagate", True)
        things = rows(foreign, "(c:Customer)-[r:OWNS]->(t:Thing)", "c.id", "c.id", "t.name")
        assert len(rows(foreign, "(c:Customer)", "c.id", "c.id")) == len(keys) + 2
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


def test_values_become_the_text_of_a_file(foreign: neo4j.Driver) -> None:
    values = {
        "'a[1]'": "a[1]",
        "''": None,
        "12345678901234567": "12345678901234567",
        "2.0": "2.0",
        "true": "true",
        "date('2026-01-05')": "2026-01-05",
        "datetime('2026-07-05T10:00:00.25[Europe/Paris]')": "2026-07-05T10:00:00.25+02:00",
        "localdatetime('2026-01-05T10:00')": "2026-01-05T10:00:00",
        "datetime('+123456-01-05T10:00Z')": "+123456-01-05T10:00:00Z",
    }
    for place, value in enumerate(values):
        run(foreign, f"CREATE (:Customer {{id: {place}, value: {value}}})")
    assert dict(rows(foreign, "(c:Customer)", "c.id", "c.id", "c.value")) == {
        str(place): text for place, text in enumerate(values.values())
    }


def test_names_of_any_shape_stay_names(foreign: neo4j.Driver) -> None:
    label, kind, name = "a`) DETACH DELETE (b:`", "x`]->() SET c.`y", "p` = 1} ) //"
    quoted = [f"`{each.replace('`', '``')}`" for each in (label, kind, name)]
    run(foreign, f"CREATE (:{quoted[0]} {{{quoted[2]}: 'k'}})-[:{quoted[1]}]->(:Other {{v: 'w'}})")
    path = f"(c:{quoted[0]})-[r:{quoted[1]}]->(o:Other)"
    assert rows(foreign, path, f"c.{name}", f"c.{name}", "o.v") == [("k", "w")]
    with pytest.raises(MappingError, match="backslash"):
        rows(foreign, "(c:Customer)", "c.id", "c.a\\u0060 = 1 //")


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
    wrong: str, told: str, foreign: neo4j.Driver, load_graph: Load, tmp_path: Path
) -> None:
    run(foreign, "CREATE (:Customer {id: 'c1', state: 'active', score: .5, tags: ['a']})-[:OWNS]->(:Thing)")
    if "score" in wrong:
        wrong = wrong.replace('status = "c.score"', 'marketplace = "c.state"').replace('"c.id", m', '"c.score", m')
    with pytest.raises(MappingError) as error:
        load_graph(wrong)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert Ledger(tmp_path / "home/ledger").loads() == []


def test_rejects_and_report_name_the_graph_without_credentials(
    foreign: neo4j.Driver, load_graph: Load, running: Running, server: LocalServer, tmp_path: Path
) -> None:
    run(foreign, "CREATE (:Customer {id: 'c1', state: 'dozing'}), (:Customer {id: 'c2'})")
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
    foreign: neo4j.Driver, load_graph: Load, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOG, "propagate", True)
    run(foreign, "CREATE (:Customer {id: 'c1'}), (:Other {state: 'active'})")
    with caplog.at_level(logging.WARNING, LOG.name):
        assert load_graph().report["accepted"]["accounts"] == 1
    assert "has the property c.state" in caplog.text


def test_a_graph_and_files_make_one_load(
    foreign: neo4j.Driver, running: Running, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHRISK_SOURCE_PASSWORD", server.password)
    run(foreign, "CREATE (:Customer {id: 'c1', state: 'active'})")
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
