"""What every Cypher file has to be: in Neo4j's style, planned without warnings and scans, and tested if it is a question."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import neo4j
import pytest

from graphrisk.graph.statements import FOLDER, Statement, statement
from tests.graph import test_investigate, world

EVERY = sorted(f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.cypher"))
QUESTIONS = [name for name in EVERY if name.startswith("investigate/")]

DOCUMENT = Path(__file__).parents[2] / "docs/investigating.md"

KEYWORDS = frozenset(
    """
MATCH WHERE RETURN WITH UNWIND MERGE CREATE SET REMOVE DELETE DETACH OPTIONAL UNION CALL YIELD LIMIT SKIP EXISTS AND OR
XOR NOT AS IN IS CASE WHEN THEN ELSE DISTINCT ASC DESC FOREACH TRANSACTIONS CONSTRAINT UNIQUE REQUIRE COLLECT
""".split()  # noqa: SIM905 - easier to read
)
CLAUSES = ("MATCH", "UNWIND", "MERGE", "RETURN", "ORDER BY", "LIMIT", "UNION")

SCANS = {
    "load/empty_nodes": "it removes everything",
    "load/empty_relationships": "it removes everything",
    "load/watermark": "one node a load",
    "migrations/applied": "one node a migration",
}
"""Statements that may read all nodes of a label, and why."""

PARAMETERS: dict[str, Any] = {
    "rows": [],
    "type": "USES_DEVICE",
    "label": "Device",
    "counts": {},
    **dict.fromkeys(("seq", "run", "since", "oldest", "expected", "page", "batch", "limit"), 1),
}
"""Values that a plan is made for; every other parameter is a text."""


@pytest.fixture(scope="module")
def planned(driver: neo4j.Driver) -> neo4j.Driver:
    """A database that has all labels, types and properties, since the planner warns of unknown ones."""
    world.rewrite(driver)
    # To a planner that sees a handful of nodes, a scan is as good as a seek; samples of indexes may be of earlier tests.
    driver.execute_query(
        "UNWIND range(1, 2000) AS n CREATE (:Account {accountId: 'filler ' + n}), (:Ring {ringId: 'filler ' + n}),"
        " (:Attribute:Device {token: 'filler ' + n, kind: 'device', accounts: 1, hub: false})"
    )
    driver.execute_query("CALL db.prepareForReplanning(60)")
    return driver


@pytest.mark.parametrize("name", EVERY)
def test_header_is_true(name: str) -> None:
    found = statement(name)
    assert (FOLDER / f"{name}.cypher").read_text().splitlines()[2] == (
        " ".join(["// params:", *(f"${each}" for each in re.findall(r"\$(\w+)", _header(name)))])
    )
    assert (found.mode == "schema") == name.startswith("schema/")


@pytest.mark.parametrize("name", EVERY)
def test_style(name: str) -> None:
    text = (FOLDER / f"{name}.cypher").read_text()
    assert text.endswith("\n")
    for line in text.splitlines():
        assert len(line) <= 120, line
        assert line == line.rstrip(), line
        assert "\t" not in line, line
    bare = re.sub(r"'(?:[^'\\]|\\.)*'", "''", statement(name).text)
    assert '"' not in bare, "single quotes"
    assert ";" not in bare, "one statement a file"
    for word in re.findall(r"(?<![\w.$:`])([A-Za-z]+)\b(?!\s*:|\()", bare):
        assert word.upper() not in KEYWORDS or word.isupper(), f"{word}: keywords are upper case"
    for labels in re.findall(r"\(\w*:([\w|&!:]+)", bare):
        for label in re.findall(r"\w+", labels):
            assert re.fullmatch(r"([A-Z][a-z]+)+", label), f"{label}: labels are CamelCase"
    for types in re.findall(r"\[\w*:([\w|&!]+)", bare):
        for type_ in re.findall(r"\w+", types):
            assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", type_), f"{type_}: types are UPPER_SNAKE"
    for key in re.findall(r"\.([A-Za-z_]\w*)|\b(\w+):\s", bare):
        assert re.fullmatch(r"[a-z][A-Za-z0-9]*", "".join(key)), f"{''.join(key)}: properties are camelCase"
    for clause in CLAUSES:
        for line in re.findall(rf".*\b{clause}\b.*", bare):
            assert re.match(rf"(\s*|.*\{{ )(OPTIONAL |ON )?{clause}\b", line), f"{line}: begins no line"


@pytest.mark.parametrize("name", EVERY)
def test_planner_has_nothing_to_warn_of(name: str, planned: neo4j.Driver) -> None:
    warnings = [each for each in _explain(planned, statement(name)).gql_status_objects if each.is_notification]
    assert [f"{each.gql_status} {each.status_description}" for each in warnings] == []


@pytest.mark.parametrize("name", [each for each in EVERY if statement(each).mode != "schema"])
def test_plan(name: str, planned: neo4j.Driver) -> None:
    operators = list(_operators(_explain(planned, statement(name)).plan or {}))
    assert "AllNodesScan" not in operators
    assert "CartesianProduct" not in operators
    if name.startswith("load/") and "rows" in statement(name).params:
        assert "Eager" not in operators
    if name not in SCANS:
        assert [
            each for each in operators if each.endswith(("LabelScan", "LabelsScan", "TypeScan", "RelationshipsScan"))
        ] == []


def test_plan_with_the_type_written_into_it(planned: neo4j.Driver) -> None:
    asked = statement("load/sightings")
    with planned.session() as session:
        plan = session.run("EXPLAIN " + asked.of_type("USES_DEVICE"), rows=[], seq=1).consume().plan or {}
    assert not {"Eager", "AllNodesScan", "CartesianProduct"} & set(_operators(plan))
    with pytest.raises(ValueError, match="no relationship type"):
        asked.of_type("A]->() DETACH DELETE account //")


@pytest.mark.parametrize("name", QUESTIONS)
def test_question_only_reads_and_says_when_it_cuts(name: str) -> None:
    found = statement(name)
    assert found.mode == "read"
    returned = found.text.rsplit("\nRETURN", 1)[1]
    if name != "investigate/gds_drop":
        assert re.search(r"\bshown\b", returned)
        assert re.search(r"\btotal\b", returned)


def test_every_question_is_tested() -> None:
    tested = re.findall(r'ask\(\s*\w+,\s*"(\w+)"', inspect.getsource(test_investigate))
    assert sorted(set(QUESTIONS) - {f"investigate/{each}" for each in tested}) == []


def test_every_question_is_documented() -> None:
    rows = [re.split(r"\s*\|\s*", line)[1:4] for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    documented = {name.strip("`"): (purpose, set(re.findall(r"`(\w+)`", takes))) for name, purpose, takes in rows}
    shipped = {each.name.split("/")[1]: (each.purpose, set(each.params)) for each in map(statement, QUESTIONS)}
    assert documented == shipped


def _header(name: str) -> str:
    return (FOLDER / f"{name}.cypher").read_text().splitlines()[2]


def _explain(driver: neo4j.Driver, asked: Statement) -> neo4j.ResultSummary:
    values = {name: PARAMETERS.get(name, "text") for name in asked.params}
    with driver.session() as session:
        return session.run("EXPLAIN " + asked.text, values).consume()


def _operators(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["operatorType"].split("@")[0]
    for child in plan.get("children", []):
        yield from _operators(child)
