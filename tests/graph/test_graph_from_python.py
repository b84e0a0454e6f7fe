"""``import graphrisk`` with a graph: each verb leaves the graph as its command does."""

from __future__ import annotations

import socket
from pathlib import Path

import neo4j
import pytest

import graphrisk
from graphrisk.graph.server import LocalServer
from graphrisk.logs import LOG
from graphrisk.settings import Settings
from tests.graph.homes import ask, equal, point_at, ring_facts

SHOWN = "MATCH (p:Publication {name: 'current'}) RETURN p.seq, p.runId"


@pytest.fixture
def graph(server: LocalServer, empty: neo4j.Driver, monkeypatch: pytest.MonkeyPatch) -> neo4j.Driver:
    point_at(server, monkeypatch)
    return empty


def test_each_verb_of_the_python_interface_is_in_the_graph_when_it_returns(tmp_path: Path, graph: neo4j.Driver) -> None:
    home = tmp_path / "home"
    settings = Settings(home=home)
    first = graphrisk.run([ring_facts(tmp_path, "farm", 6)], home=home)
    equal(settings)
    assert ask(graph, SHOWN) == [[1, first.run_id]]
    graphrisk.load([ring_facts(tmp_path, "mill", 5, 9)], home=home)
    assert ask(graph, "MATCH (a:Account) WHERE a.accountId STARTS WITH 'mill' RETURN count(a)") == [[5]]
    second = graphrisk.detect(home=home)["run_id"]
    assert ask(graph, SHOWN) == [[1, first.run_id]], "what is not published is not shown"
    graphrisk.publish(second, home=home, force_reason="a test publishes whatever it is")
    equal(settings)
    assert ask(graph, SHOWN) == [[2, second]]
    graphrisk.rollback(home=home)
    equal(settings)
    assert ask(graph, SHOWN) == [[3, first.run_id]]


def test_with_the_server_away_the_python_interface_does_its_work_and_warns_that_the_graph_lags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setenv("GRAPHRISK_NEO4J_URL", f"bolt://127.0.0.1:{port}")
    monkeypatch.setenv("GRAPHRISK_NEO4J_PASSWORD", "not-asked-for")
    monkeypatch.setattr(LOG, "propagate", True)
    home = tmp_path / "home"
    assert graphrisk.load([ring_facts(tmp_path, "farm", 6)], home=home)["accounts"] == 6
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"bolt://127.0.0.1:{port}" in warning
    assert "graph lags behind" in warning
    assert "`graphrisk graph sync` catches up" in warning
    caplog.clear()
    run = graphrisk.detect(home=home)["run_id"]
    assert graphrisk.publish(run, home=home) == run
    assert "graph lags behind" in caplog.text
    assert graphrisk.read_run(home=home).run_id == run
