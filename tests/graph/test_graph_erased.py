"""Erased accounts leave the graph with what only they had, and a rotated key gives it other tokens; nothing else differs."""

from __future__ import annotations

from pathlib import Path

import neo4j
import pytest

from graphrisk import pipeline
from graphrisk.graph.server import LocalServer
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from tests.graph.homes import ask, equal, point_at, published, ring_facts
from tests.support import sighting, write_facts

ACCOUNT = "MATCH (a:Account {accountId: $id}) RETURN elementId(a)"


@pytest.fixture
def graph(server: LocalServer, empty: neo4j.Driver, monkeypatch: pytest.MonkeyPatch) -> neo4j.Driver:
    point_at(server, monkeypatch)
    return empty


def two_farms(folder: Path) -> Settings:
    own = write_facts(
        folder / "own",
        [],
        [sighting("farm-1", "email", "only@farm.example"), sighting("b", "device", "device-of-farm")],
    )
    return published(folder / "home", ring_facts(folder, "farm", 7), own, ring_facts(folder, "still", 5, 6))


def erase(settings: Settings, *ids: str) -> pipeline.Erased:
    return pipeline.erase(settings, Policy(), ids)


def test_an_account_goes_and_nothing_else_is_written_anew(tmp_path: Path, graph: neo4j.Driver) -> None:
    settings = two_farms(tmp_path)
    pipeline.sync(settings, Policy())
    others = ask(
        graph, "MATCH (a:Account) WHERE a.accountId <> 'farm-1' RETURN a.accountId, elementId(a) ORDER BY a.accountId"
    )
    (emails, degree) = ask(
        graph, "MATCH (x:Email) RETURN count(x) UNION ALL MATCH (x:Device) WHERE x.accounts = 8 RETURN count(x)"
    )
    assert (emails, degree) == ([1], [1])
    done = erase(settings, "farm-1")
    assert (done.certificate["graph"], done.left) == ("done", [])
    equal(settings)
    assert ask(graph, ACCOUNT, id="farm-1") == []
    assert ask(graph, "MATCH (x:Email) RETURN count(x)") == [[0]]
    assert ask(graph, "MATCH (x:Device) RETURN x.accounts ORDER BY x.accounts") == [[5], [7]]
    assert ask(graph, "MATCH (a:Account) RETURN a.accountId, elementId(a) ORDER BY a.accountId") == others
    assert pipeline.sync(settings, Policy()) == {"loads": 0, "batches": 0, "publications": 0}


def test_a_server_that_is_away_is_told_of_and_the_next_sync_ends_it(
    tmp_path: Path, graph: neo4j.Driver, monkeypatch: pytest.MonkeyPatch, impatient: None, server: LocalServer
) -> None:
    settings = two_farms(tmp_path)
    pipeline.sync(settings, Policy())
    point_at(server, monkeypatch, "bolt://127.0.0.1:9")
    done = erase(settings, "farm-1", "still-2")
    assert done.certificate["graph"] == "lags"
    assert "graphrisk graph sync" in done.left[0]
    point_at(server, monkeypatch)
    pipeline.sync(settings, Policy())
    equal(settings)
    assert ask(graph, ACCOUNT, id="still-2") == []
    assert erase(settings, "farm-1", "still-2").certificate["finished_at"]


@pytest.mark.slow
def test_a_load_that_changed_while_it_was_written_is_written_anew(tmp_path: Path, graph: neo4j.Driver) -> None:
    settings = two_farms(tmp_path)
    pipeline.sync(settings, Policy())
    graph.execute_query("MATCH (load:Load {seq: 3}) SET load.done = false, load.batch = 2")
    erase(settings, "still-1")
    equal(settings)


@pytest.mark.slow
def test_after_a_rotation_the_graph_has_the_new_tokens(
    tmp_path: Path, graph: neo4j.Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAPHRISK_TOKEN_KEY", raising=False)
    settings = two_farms(tmp_path)
    pipeline.sync(settings, Policy())
    told = pipeline.rotate_tokens(settings)
    pipeline.sync(settings, Policy())
    equal(settings)
    assert ask(graph, "MATCH (x:Attribute) RETURN DISTINCT split(x.token, ':')[0]") == [[told["to"]]]


@pytest.mark.slow
def test_the_files_of_the_homes_own_server_forget_too(
    spare: LocalServer, spare_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("URL", "USER", "PASSWORD"):
        monkeypatch.delenv(f"GRAPHRISK_NEO4J_{name}", raising=False)
    settings = published(spare_home, ring_facts(tmp_path, "farm", 7), ring_facts(tmp_path, "forgetme", 6, 6))
    pipeline.sync(settings, Policy())
    spare.stop()
    spare.start()

    def files() -> list[str]:
        found = [path for path in spare.folder.rglob("*") if path.is_file()]
        return [str(path) for path in found if b"forgetme-3" in path.read_bytes()]

    assert files()
    assert erase(settings, "forgetme-3").left == []
    equal(settings)
    spare.stop()
    assert files() == []
