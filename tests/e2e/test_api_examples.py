"""The OpenAPI document: every example is of its own schema, and every route, asked with them, answers as documented."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from graphrisk.worlds import write_world
from tests.docs import OPENAPI, ROOT
from tests.support_api import Served, publish_facts, serving
from tests.support_e2e import write_farm

DOCUMENT: dict[str, Any] = json.loads((ROOT / OPENAPI).read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = [(method, path, each) for path, methods in DOCUMENT["paths"].items() for method, each in methods.items()]
ASKED_FOR = {"account_id", "ring_id", "run_id", "ids"}
FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_moment(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """The marketplace of the demo, whose ids the examples have, and a second run."""
    folder = tmp_path_factory.mktemp("examples")
    home: Path = folder / "home"
    write_world(folder / "facts", "demo", 2_000)
    publish_facts(home, folder / "facts")
    publish_facts(home, write_farm(folder / "late", "late", 12))
    with serving(home) as server:
        yield server


def agrees(value: Any, schema: Any) -> None:
    """Raises where a value is not of a schema of the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(whole, format_checker=FORMATS).validate(value)


def resolved(schema: Any) -> Any:
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def examples(schema: Any, name: str) -> Iterator[Any]:
    """The examples of the members called ``name``, anywhere in a schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).get(name, {}).get("examples", [])
        for each in schema.values():
            yield from examples(each, name)
    elif isinstance(schema, list):
        for each in schema:
            yield from examples(each, name)


def composed(schema: Any) -> Any:
    """An example of a schema, out of those of its members."""
    schema = resolved(schema)
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return composed(schema["anyOf"][0])
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if "properties" in schema:
        return {name: composed(each) for name, each in schema["properties"].items()}
    plain = {"object": {}, "integer": 1, "number": 1.5, "boolean": True, "string": "text", "null": None}
    return [composed(schema["items"])] if schema["type"] == "array" else plain[schema["type"]]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_examples_are_of_their_schema(name: str) -> None:
    agrees(composed(SCHEMAS[name]), SCHEMAS[name])
    for member, schema in SCHEMAS[name].get("properties", {}).items():
        for example in schema.get("examples", []):
            agrees(example, SCHEMAS[name]["properties"][member])


def test_what_is_asked_for_has_examples() -> None:
    assert {name for name in ASKED_FOR if not list(examples([SCHEMAS, DOCUMENT["paths"]], name))} == set()


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS])
def test_routes_answer_their_examples_as_documented(served: Served, method: str, path: str, operation: Any) -> None:
    key = {"Authorization": f"Bearer {served.key()}"}
    runs = [each["run_id"] for each in httpx.get(f"{served.url}/v1/runs", headers=key).json()["runs"]]
    ids = {name: next(examples(SCHEMAS, name)) for name in ("account_id", "ring_id")}
    url = served.url + path.format(**ids, run_id=runs[0], other=runs[1])
    body = None
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        name = "ids" if path.endswith(":lookup") else "accounts"
        body = {name: next(examples(resolved(schema), name))}
        agrees(body, schema)
    query = {
        each["name"]: each["schema"]["examples"][0]
        for each in operation.get("parameters", [])
        if each["in"] == "query" and each["required"]
    }
    answer = httpx.request(method, url, headers=key, json=body, params=query)
    assert answer.status_code == 200, answer.text
    kind = answer.headers["content-type"].partition(";")[0]
    documented = operation["responses"]["200"]["content"]
    assert kind in documented
    if kind == "application/json":
        agrees(answer.json(), documented[kind]["schema"])
    elif kind == "application/x-ndjson":
        assert all(json.loads(line)["cursor"] for line in answer.content.splitlines())
    else:
        assert "# TYPE graphrisk_requests" in answer.text


@pytest.mark.parametrize("path", [path for _, path, each in OPERATIONS if "security" in each and "{" in path])
def test_what_is_not_there_is_a_documented_problem(served: Served, path: str) -> None:
    ids = dict.fromkeys(("account_id", "ring_id"), "nobody") | dict.fromkeys(("run_id", "other"), "run_nothing")
    answer = httpx.get(served.url + path.format(**ids), headers={"Authorization": f"Bearer {served.key()}"})
    assert answer.status_code == 404
    agrees(answer.json(), SCHEMAS["Problem"])


def test_the_committed_document_is_what_the_server_gives(served: Served) -> None:
    assert httpx.get(f"{served.url}/openapi.json").json() == DOCUMENT
