"""What the OpenAPI document says, held against what the API does: cases that schemathesis makes, right and wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.python import asgi

from graphrisk.api.app import create_app
from tests.support_api import copy_home, new_key, settings_at, small_home

OPERATIONS = (
    "GET /v1/accounts/{account_id}",
    "POST /v1/accounts:lookup",
    "POST /v1/accounts:assess",
    "GET /v1/accounts/{account_id}/links",
    "GET /v1/accounts/{account_id}/explanation",
    "GET /v1/links/why",
    "GET /v1/rings",
    "GET /v1/rings/{ring_id}",
    "GET /v1/rings/{ring_id}/members",
    "GET /v1/rings/{ring_id}/links",
    "GET /v1/rings/{ring_id}/lineage",
    "GET /v1/rings/{ring_id}/graph",
    "GET /v1/rings/{ring_id}/explanation",
    "GET /v1/runs/{run_id}",
    "GET /v1/runs/{run_id}/diff/{other}",
    "GET /v1/signals",
)
WITHOUT_INPUT = ("GET /v1/runs", "GET /livez", "GET /readyz", "GET /metrics")
QUICK, LONG = 12, 120
"""Cases of one operation: right ones with ids that exist, right ones with made-up ids, and wrong ones, each."""


class Described(NamedTuple):
    """The schema, a client of the running application, and what it sends with each request."""

    schema: Any
    client: Any
    headers: dict[str, str]
    ids: dict[str, str]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Described]:
    home = copy_home(small_home(tmp_path_factory), tmp_path_factory.mktemp("schema") / "home")
    headers = {"Authorization": f"Bearer {new_key(home)}"}
    app: Any = create_app(settings_at(home))
    with asgi.get_client(app) as client:
        first = client.get("/v1/rings?limit=1", headers=headers).json()
        ring = first["items"][0]["ring_id"]
        member = client.get(f"/v1/rings/{ring}/members", headers=headers).json()["items"][0]["account_id"]
        ids = {"account_id": member, "ring_id": ring, "run_id": first["run_id"], "other": first["run_id"]}
        schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        schema.app = app
        yield Described(schema, client, headers, ids)
    asgi.shutdown_lifespans()


def test_every_operation_of_the_schema_is_tried(described: Described) -> None:
    found = {result.ok().label for result in described.schema.get_all_operations()}
    assert found == {*OPERATIONS, *WITHOUT_INPUT}


def check(described: Described, label: str, mode: GenerationMode, cases: int, known: bool) -> int:
    """Send that many cases of an operation, with ids that exist or with made-up ones, and hold each answer to the
    schema; returns how many were sent."""
    operation = described.schema.find_operation_by_label(label)
    named = {name: text for name, text in described.ids.items() if f"{{{name}}}" in label}
    count = 0

    @settings(max_examples=cases, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])  # fmt: skip
    @given(operation.as_strategy(generation_mode=mode, **({"path_parameters": named} if named and known else {})))
    def ask(case: Any) -> None:
        nonlocal count
        count += 1
        case.call_and_validate(
            session=described.client, base_url="http://testserver", headers=described.headers, checks=CHECKED
        )

    ask()
    return count


CHECKED = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.ignored_auth,
    checks.unsupported_method,
]


@pytest.mark.parametrize("label", OPERATIONS)
def test_an_operation_does_what_the_schema_says(described: Described, label: str) -> None:
    assert all_cases(described, label, QUICK) > QUICK


@pytest.mark.parametrize("label", WITHOUT_INPUT)
def test_an_operation_without_input_does_what_the_schema_says(described: Described, label: str) -> None:
    assert check(described, label, GenerationMode.POSITIVE, QUICK, known=True) >= 1


@pytest.mark.slow
def test_thousands_of_cases_find_nothing_that_the_schema_does_not_say(described: Described) -> None:
    assert sum(all_cases(described, label, LONG) for label in OPERATIONS) >= 2000


def all_cases(described: Described, label: str, cases: int) -> int:
    """Right cases with ids that exist and with made-up ones, then wrong ones; returns how many were sent."""
    right = [check(described, label, GenerationMode.POSITIVE, cases, known) for known in (True, False)]
    return sum(right) + check(described, label, GenerationMode.NEGATIVE, cases, known=False)
