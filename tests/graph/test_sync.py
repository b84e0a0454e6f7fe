"""The graph is the ledger and the published runs, no more and no less, whatever order things come in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import neo4j
import pytest

from graphrisk import pipeline
from graphrisk.errors import StoreError
from graphrisk.graph import facts, transactions
from graphrisk.graph.server import LocalServer
from graphrisk.pipeline import graphing
from graphrisk.policy import Policy, RingPolicy
from graphrisk.runs.store import current_run
from graphrisk.worlds import write_world
from tests.graph.homes import address_of, ask, equal, point_at, published, ring_facts
from tests.support import sighting, write_facts

SWAP = """
MATCH (a:Account {accountId: 'farm-1'})-[u:USES_DEVICE]->(x)
MATCH (b:Account {accountId: 'farm-2'})
CREATE (b)-[v:USES_DEVICE]->(x)
SET v = properties(u)
DELETE u
"""
"""Another account's use, with the same times and count: no sum would tell."""


@pytest.fixture(autouse=True)
def graph(server: LocalServer, empty: neo4j.Driver, monkeypatch: pytest.MonkeyPatch) -> neo4j.Driver:
    point_at(server, monkeypatch)
    return empty


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "facts"
    write_world(folder, "demo", 600, 3)
    return folder


def test_a_marketplace_with_its_rings_is_in_the_graph_and_a_second_sync_writes_nothing(
    world: Path, tmp_path: Path, graph: neo4j.Driver
) -> None:
    settings = published(tmp_path / "home", world)
    assert pipeline.sync(settings, Policy())["publications"] == 1
    groups = {(each["table"], each["group"]): each["graph_rows"] for each in equal(settings)["groups"]}
    assert groups["accounts", "all"] == 600
    assert groups["sightings", "device, load 1"] > 500
    assert groups["members", "all"] > 10
    assert pipeline.sync(settings, Policy()) == {"loads": 0, "batches": 0, "publications": 0}
    (shown,) = ask(graph, "MATCH (p:Publication {name: 'current'}) RETURN p.seq, p.runId")
    assert shown == [1, current_run(settings.home)]


def test_later_loads_widen_what_is_there_and_degrees_and_hubs_follow(tmp_path: Path, graph: neo4j.Driver) -> None:
    early = write_facts(
        tmp_path / "one", [{"account_id": "a"}], [sighting("a", "device", "d-1", "2026-01-05T10:00:00Z")]
    )
    late = [sighting("a", "device", "d-1", "2026-01-02T10:00:00Z", last_seen="2026-01-09T10:00:00Z", count=4)]
    late += [sighting(f"b{nth}", "device", "d-1") for nth in range(250)]
    settings = published(tmp_path / "home", early)
    pipeline.sync(settings, Policy())
    assert ask(graph, "MATCH (x:Device) RETURN x.accounts, x.hub") == [[1, False]]
    pipeline.load(settings, Policy(), [str(write_facts(tmp_path / "two", [], late))])
    pipeline.sync(settings, Policy())
    equal(settings)
    query = "MATCH (a:Account {accountId: 'a'})-[u:USES_DEVICE]->(x) RETURN u.firstSeen, u.lastSeen, u.count, u.load, x.accounts, x.hub"
    (row,) = ask(graph, query)
    assert [str(row[0]), str(row[1]), *row[2:]] == [
        "2026-01-02T10:00:00.000000000+00:00",
        "2026-01-09T10:00:00.000000000+00:00",
        5,
        1,
        251,
        True,
    ]


def test_publications_write_only_what_changed_and_earlier_ones_can_still_be_asked(
    tmp_path: Path, graph: neo4j.Driver
) -> None:
    home = tmp_path / "home"
    published(home, ring_facts(tmp_path, "farm", 6), ring_facts(tmp_path, "still", 5, 6))
    settings = published(home, ring_facts(tmp_path, "farm", 8, 7))
    assert pipeline.sync(settings, Policy())["publications"] == 2
    equal(settings)
    of_still = "MATCH (:Account {accountId: 'still-0'})-[m:MEMBER_OF]->() RETURN m.fromRun, m.toRun"
    assert ask(graph, of_still) == [[1, None]]
    as_of = (
        "MATCH (a:Account)-[m:MEMBER_OF]->(:Ring) WHERE a.accountId STARTS WITH 'farm'"
        " AND m.fromRun <= $run AND (m.toRun IS NULL OR m.toRun > $run) RETURN count(DISTINCT a)"
    )
    assert [ask(graph, as_of, run=run)[0][0] for run in (1, 2)] == [6, 8]
    pipeline.rollback(settings)
    pipeline.sync(settings, Policy())
    equal(settings)
    assert [ask(graph, as_of, run=run)[0][0] for run in (1, 2, 3)] == [6, 8, 6]
    assert ask(graph, "MATCH (a:Account {accountId: 'farm-7'}) RETURN a.score, a.ringId, a.band") == [
        [None, None, None]
    ]


def test_a_ring_that_is_gone_is_shown_as_retired(tmp_path: Path, graph: neo4j.Driver) -> None:
    home = tmp_path / "home"
    settings = published(home, ring_facts(tmp_path, "farm", 6))
    pipeline.sync(settings, Policy())
    published(home, policy=Policy(rings=RingPolicy(min_core=10)))
    pipeline.sync(settings, Policy())
    equal(settings)
    assert ask(graph, "MATCH (r:Ring) RETURN r.status, r.caption") == [["retired", "retired"]]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("MATCH (:Account {accountId: 'farm-1'})-[u:USES_CARD]->() DELETE u", "not in the graph: token"),
        ("MATCH (:Account {accountId: 'farm-1'})-[u:USES_CARD]->() SET u.count = u.count + 1", "account_id farm-1"),
        ("MATCH (a:Account {accountId: 'farm-1'}) SET a.status = 'closed'", "accounts (all)"),
        ("CREATE (:Account {accountId: 'nobody'})", "only in the graph: account_id nobody"),
        ("MATCH (x:Card) SET x.hub = true", "sightings (card, load 1)"),
        ("MATCH (:Account {accountId: 'farm-2'})-[m:MEMBER_OF]->() SET m.role = 'associate'", "members (all)"),
        ("MATCH (a:Account {accountId: 'farm-2'}) SET a.score = 1", "members (all)"),
        ("MATCH ()-[l:LINKED]->() WITH l LIMIT 1 SET l.strength = 1", "links (all)"),
        (
            SWAP,
            "sightings (device, load 1)",
        ),
    ],
)
def test_verify_names_the_first_difference(damage: Any, told: str, tmp_path: Path, graph: neo4j.Driver) -> None:
    settings = published(tmp_path / "home", ring_facts(tmp_path, "farm", 6))
    pipeline.sync(settings, Policy())
    equal(settings)
    graph.execute_query(damage)
    found = pipeline.verify(settings, Policy())
    assert not found["equal"]
    assert told in found["first_difference"]
    pipeline.rebuild(settings, Policy())
    equal(settings)


def test_the_graph_of_another_home_is_left_alone(tmp_path: Path) -> None:
    one = published(tmp_path / "one", ring_facts(tmp_path, "farm", 6))
    other = published(tmp_path / "other", ring_facts(tmp_path, "mill", 6))
    pipeline.sync(one, Policy())
    with pytest.raises(StoreError, match="belongs to another home"):
        pipeline.sync(other, Policy())
    equal(one)


def test_small_batches_give_the_same_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = published(tmp_path / "home", ring_facts(tmp_path, "farm", 9), ring_facts(tmp_path, "mill", 7, 9))
    monkeypatch.setattr(transactions, "ROWS_A_BATCH", 4)
    pipeline.sync(settings, Policy())
    equal(settings)


def test_a_batch_whose_commit_was_not_heard_of_is_not_counted_twice(
    tmp_path: Path, graph: neo4j.Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The commit went through and its answer was lost: the driver raises, and the batch is sent again.
    settings = published(tmp_path / "home", ring_facts(tmp_path, "farm", 6))
    write, lost = transactions.write, list[str]()

    def loses_the_answer(session: Any, work: Any) -> Any:
        write(session, work)
        lost.append("answer")
        return write(session, work)

    monkeypatch.setattr(facts, "write", loses_the_answer)
    pipeline.sync(settings, Policy())
    assert lost
    equal(settings)


def test_the_first_load_of_a_large_ledger_is_imported_and_equal(
    world: Path, spare: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("URL", "USER", "PASSWORD"):
        monkeypatch.delenv(f"GRAPHRISK_NEO4J_{name}")
    settings = published(tmp_path / "home", world, ring_facts(tmp_path, "farm", 6))
    (settings.home / "neo4j").symlink_to(spare.folder)
    monkeypatch.setattr(graphing, "SIGHTINGS_WORTH_AN_IMPORT", 1)
    assert pipeline.sync(settings, Policy()) == {"loads": 2, "batches": 0, "publications": 1}
    equal(settings)
    pipeline.load(settings, Policy(), [str(ring_facts(tmp_path, "more", 5, 8))])
    assert pipeline.sync(settings, Policy())["loads"] == 1
    equal(settings)


def test_no_raw_value_is_in_the_store_files_or_the_logs(
    tmp_path: Path, server: LocalServer, graph: neo4j.Driver
) -> None:
    long = "a-name-so-long-that-the-store-keeps-it-letter-by-letter"  # it packs short ones
    settings = published(tmp_path / "home", ring_facts(tmp_path, long, 6))
    pipeline.sync(settings, Policy())
    paths = [path for path in server.folder.rglob("*") if path.is_file() and path.suffix != ".zip"]
    stored = b"".join(path.read_bytes() for path in paths)
    assert f"{long}-1".encode() in stored
    for raw in (f"device-of-{long}", f"card-of-{long}", address_of(long)):
        assert raw.encode() not in stored
