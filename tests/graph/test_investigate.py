"""The questions of an investigator, each asked of a real server; and what they cost next to a hub."""

from __future__ import annotations

from typing import Any

import neo4j
import pytest
from neo4j.graph import Node, Path

from graphrisk.graph.statements import names, statement
from tests.graph import world

QUICK_CROWD, LARGE_CROWD = 50_000, 1_000_000
NODES_AT_MOST = 300
PARAMETERS: dict[str, Any] = {
    "ringId": "ring_a",
    "otherRingId": "ring_b",
    "accountId": "a1",
    "otherId": "a2",
    "token": "ip_hub",
    "run": 1,
    "since": 1,
    "text": "crowd",
    "graphName": "near_hub",
}

Rows = list[neo4j.Record]


@pytest.fixture(scope="module")
def asked(driver: neo4j.Driver) -> neo4j.Driver:
    world.rewrite(driver)
    return driver


def ask(driver: neo4j.Driver, question: str, **parameters: Any) -> Rows:
    with driver.session() as session:
        return session.execute_read(
            lambda transaction: list(transaction.run(statement(f"investigate/{question}").text, parameters))
        )


def nodes(value: Any) -> set[str]:
    """The element ids of all nodes in a value, as the Browser would draw them."""
    if isinstance(value, Node):
        return {value.element_id}
    if isinstance(value, Path):
        return nodes(list(value.nodes))
    if isinstance(value, neo4j.Record | list | tuple):
        return {each for part in value for each in nodes(part)}  # pyright: ignore[reportUnknownVariableType]
    return set()


def column(rows: Rows, name: str) -> list[Any]:
    return [row[name] for row in rows]


def test_riskiest_rings_come_first_with_their_reasons(asked: neo4j.Driver) -> None:
    rows = ask(asked, "riskiest_rings")
    assert column(rows, "ringId") == ["ring_a", "ring_b"]
    assert (rows[0]["score"], rows[0]["reasons"], rows[0]["shown"], rows[0]["total"]) == (
        950,
        ["+5,200 card_reuse"],
        2,
        2,
    )
    assert len(rows[0]["members"]) == len(rows[0]["accounts"]) == 7


def test_ring_members_are_those_of_the_current_publication(asked: neo4j.Driver) -> None:
    rows = ask(asked, "ring_members", ringId="ring_a")
    assert column(rows, "accountId") == [f"a{each}" for each in range(1, 8)], "a1 is not out yet, ghost is not in yet"
    assert column(rows, "role") == ["core"] * 6 + ["associate"]
    assert rows[0]["reasons"] == ["+5,200 card_reuse", "-2,143 ip_div"]
    assert [link["strength"] for link in rows[0]["strongest"]] == [4200], "the link to a3 ended with publication 2"


def test_ring_as_of_an_earlier_publication(asked: neo4j.Driver) -> None:
    rows = ask(asked, "ring_as_of", ringId="ring_a", run=1)
    assert column(rows, "accountId") == ["a1", "a2", "a3", "a4"]
    assert (rows[0]["ringScore"], [link["strength"] for link in rows[0]["strongest"]]) == (700, [4200, 2100])


def test_ring_as_of_a_publication_that_never_was_is_the_current_one(asked: neo4j.Driver) -> None:
    assert {row["run"] for row in ask(asked, "ring_as_of", ringId="ring_a", run=3)} == {2}
    assert len(ask(asked, "ring_as_of", ringId="ring_a", run=None)) == 7


def test_ring_history_has_one_row_a_figure(asked: neo4j.Driver) -> None:
    rows = ask(asked, "ring_history", ringId="ring_a")
    assert [(row["fromRun"], row["toRun"], row["score"], row["accountsInRing"]) for row in rows] == [
        (2, None, 950, 7),
        (1, 2, 700, 4),
    ]
    assert [ring["ringId"] for ring in rows[0]["relatives"]] == ["ring_c"]


def test_ring_shares_tells_who_else_uses_it(asked: neo4j.Driver) -> None:
    rows = ask(asked, "ring_shares", ringId="ring_a")
    assert [(row["token"], row["membersUsing"], row["usedOutside"]) for row in rows] == [
        ("dev_a", 6, 0),
        ("card_a", 3, 1),
    ]
    assert {each["accountId"] for each in rows[1]["accounts"]} == {"a1", "a2", "a7"}


def test_hubs_near_ring_are_named_and_not_expanded(asked: neo4j.Driver) -> None:
    rows = ask(asked, "hubs_near_ring", ringId="ring_a")
    assert [(row["token"], row["accountsInAll"], row["membersUsing"]) for row in rows] == [("ip_hub", 4, 2)]
    assert {each["accountId"] for each in rows[0]["accounts"]} == {"a1", "a2"}


def test_accounts_tied_by_attributes_and_a_link(asked: neo4j.Driver) -> None:
    rows = ask(asked, "accounts_tied", accountId="a1", otherId="a2")
    assert set(column(rows, "token")) == {"dev_a", "card_a", "ip_hub"}
    assert rows[0]["linkStrengths"] == [4200]
    assert "2,996" in rows[0]["linkEvidence"][0][0]


def test_accounts_tied_through_others(asked: neo4j.Driver) -> None:
    rows = ask(asked, "accounts_tied", accountId="a1", otherId="outsider")
    assert (column(rows, "token"), rows[0]["linkStrengths"]) == (["card_a"], [4200, 900])
    rows = ask(asked, "accounts_tied", accountId="a4", otherId="stranger")
    assert [(row["token"], row["linkStrengths"], row["total"]) for row in rows] == [(None, None, 0)]


def test_account_ring_with_role_and_reasons(asked: neo4j.Driver) -> None:
    (row,) = ask(asked, "account_ring", accountId="a1")
    assert (row["ringId"], row["role"], row["reasons"][0]) == ("ring_a", "core", "+5,200 card_reuse")
    assert row["strongest"] == ["a2 4200"]
    (row,) = ask(asked, "account_ring", accountId="ghost")
    assert (row["ringId"], row["total"]) == (None, 0), "publication 3 never came"


def test_account_timeline_in_the_order_of_first_use(asked: neo4j.Driver) -> None:
    rows = ask(asked, "account_timeline", accountId="a1")
    assert [(row["token"], row["daysAfterSignUp"]) for row in rows] == [("dev_a", 1), ("card_a", 11), ("ip_hub", 41)]


def test_attribute_users_with_their_rings(asked: neo4j.Driver) -> None:
    rows = ask(asked, "attribute_users", token="card_a")
    assert [(row["accountId"], row["ringId"]) for row in rows] == [
        ("a1", "ring_a"),
        ("a2", "ring_a"),
        ("a7", "ring_a"),
        ("outsider", None),
    ]


def test_attribute_users_of_a_hub_are_counted_and_not_read(asked: neo4j.Driver) -> None:
    (row,) = ask(asked, "attribute_users", token="ip_hub")
    assert (row["accountId"], row["hub"], row["shown"], row["total"]) == (None, True, 0, 4)


def test_next_to_ring_by_link_and_by_attribute(asked: neo4j.Driver) -> None:
    rows = ask(asked, "next_to_ring", ringId="ring_a")
    assert [(row["accountId"], row["linkStrength"], row["kind"], row["otherRingId"]) for row in rows] == [
        ("outsider", 900, "card", None),
        ("b1", 800, "address", "ring_b"),
    ]


def test_two_rings_touch_by_link_and_by_attribute(asked: neo4j.Driver) -> None:
    rows = ask(asked, "two_rings_touch", ringId="ring_a", otherRingId="ring_b")
    assert [(row["accountId"], row["otherAccountId"], row["linkStrength"], row["token"]) for row in rows] == [
        ("a3", "b1", 800, None),
        ("a3", "b1", None, "addr_ab"),
    ]


def test_rings_grew_and_shrank(asked: neo4j.Driver) -> None:
    rows = ask(asked, "rings_grew", since=1)
    assert [(row["ringId"], row["grewBy"], row["status"]) for row in rows] == [
        ("ring_a", 3, "live"),
        ("ring_c", -2, "retired"),
    ]
    assert {each["accountId"] for each in rows[0]["accounts"]} == {"a5", "a6", "a7"}
    assert ask(asked, "rings_grew", since=2) == []


def test_search_by_the_beginning_of_an_id(asked: neo4j.Driver) -> None:
    assert column(ask(asked, "search", text="ring_a"), "id") == ["ring_a"]
    found = ask(asked, "search", text=" a")
    assert column(found, "id") == ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "addr_ab"]
    assert found[0]["ringId"] == "ring_a"
    assert set(column(found, "note")) == {None}


@pytest.mark.parametrize("text", ["a:1/2 (x) [y] ~ ^", 'a"', "a\\", "a AND", "*"])
def test_search_takes_any_text(asked: neo4j.Driver, text: str) -> None:
    assert ask(asked, "search", text=text) == []


def test_surroundings_of_a_ring_in_graph_data_science(asked: neo4j.Driver) -> None:
    ask(asked, "gds_drop", graphName="around")
    (projected,) = ask(asked, "gds_project", graphName="around", ringId="ring_a")
    assert projected["nodes"] == 12, "9 accounts and 3 attributes; no hub, no ghost"
    hang = ask(asked, "gds_wcc", graphName="around")
    assert {row["accountId"] for row in hang if row["component"] == hang[0]["component"]} == {"a1", "a2", "outsider"}
    groups = ask(asked, "gds_leiden", graphName="around")
    assert (len(groups), groups[0]["accountsInIt"], groups[0]["total"]) == (9, 3, 9)
    alike = ask(asked, "gds_similarity", graphName="around")
    assert (alike[0]["accountId"], alike[0]["otherId"], alike[0]["similarity"]) == ("a1", "a2", 1.0)
    assert column(ask(asked, "gds_drop", graphName="around"), "graphName") == ["around"]


@pytest.mark.parametrize("accounts", [QUICK_CROWD, pytest.param(LARGE_CROWD, marks=pytest.mark.slow)])
def test_every_question_stays_small_next_to_a_hub(driver: neo4j.Driver, accounts: int) -> None:
    world.rewrite(driver)
    world.crowd(driver, "ip_hub", accounts)
    _settled(driver)
    measured = [_measure(driver, name.removeprefix("investigate/"), PARAMETERS) for name in _near_hub()]
    print(*(f"{name:18} {drawn:4} nodes {took:6} ms {hits:9,} hits" for name, drawn, took, hits in measured), sep="\n")
    for name, drawn, _, hits in measured:
        assert drawn <= NODES_AT_MOST, name
        assert hits < accounts / 2, f"{name} reads the hub"
    (users,) = ask(driver, "attribute_users", token="ip_hub")
    assert (users["shown"], users["total"]) == (0, accounts + 4), "it says what it left out"
    found = ask(driver, "search", text="crowd")
    assert (len(found), found[0]["shown"], found[0]["total"]) == (140, 140, 5000)
    assert set(column(found, "note")) == {"There is more: counting stopped at 5,000; type more of it."}


def test_every_question_stays_small_in_large_rings(driver: neo4j.Driver) -> None:
    """Two rings of 1,000 that share 400 cards, each used by 50 accounts, and members next to them in the same number."""
    world.rewrite(driver)
    world.large_ring(driver, "ring_l", "card", 1000)
    world.large_ring(driver, "ring_m", "card", 1000)
    asked = {**PARAMETERS, "ringId": "ring_l", "otherRingId": "ring_m", "accountId": "ring_l_1", "token": "card_0_1"}
    asked |= {"otherId": "ring_l_41", "since": 0, "text": "ring_"}
    _settled(driver)
    measured = [_measure(driver, name.removeprefix("investigate/"), asked) for name in _near_hub()]
    print(*(f"{name:18} {drawn:4} nodes {took:6} ms {hits:9,} hits" for name, drawn, took, hits in measured), sep="\n")
    for name, drawn, _, hits in measured:
        assert drawn <= NODES_AT_MOST, name
        # A pair of accounts at a card is looked at a few times: 800 cards, 50 accounts at each.
        assert hits < 3 * 800 * 50**2, name
    for question, total in (("ring_members", 1000), ("ring_shares", 400), ("next_to_ring", 1000)):
        rows = ask(driver, question, ringId="ring_l")
        assert len(rows) == rows[0]["shown"] < rows[0]["total"] == total, question


def _near_hub() -> list[str]:
    """All questions, those that make a projection before those that read it."""
    every = names("investigate")
    first = [f"investigate/gds_{each}" for each in ("project", "wcc", "leiden", "similarity", "drop")]
    return [*(each for each in every if each not in first), *first]


def _settled(driver: neo4j.Driver) -> None:
    """Let the server count what it plans by: its samples of indexes may be from when the graph was a handful of nodes."""
    driver.execute_query("CALL db.prepareForReplanning(60)")


def _measure(driver: neo4j.Driver, question: str, parameters: dict[str, Any]) -> tuple[str, int, int, int]:
    """The nodes, the server's milliseconds on a warm run, and the store accesses of a question."""
    asked = statement(f"investigate/{question}")
    values = {name: parameters[name] for name in asked.params}
    with driver.session() as session:
        plan = session.run("PROFILE " + asked.text, values)
        drawn = len(nodes(list(plan)))
        hits = _hits(plan.consume().profile or {})
        if question in ("gds_project", "gds_drop"):  # they can be done once only
            return question, drawn, 0, hits
        summary = session.run(asked.text, values).consume()
    return question, drawn, (summary.result_available_after or 0) + (summary.result_consumed_after or 0), hits


def _hits(profile: dict[str, Any]) -> int:
    return profile.get("dbHits", 0) + sum(map(_hits, profile.get("children", [])))
