"""Who may ask what: no route is open by accident, and whoever may not ask learns nothing from the refusal."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import APIRouter
from starlette.requests import Request

from graphrisk.api.guard import GuardedRoute, scoped
from graphrisk.api.keys import SCOPES, create_key, revoke_key
from tests.support_api import copy_home, serving, small_home
from tests.support_asgi import Answered, Api, api_over

OPEN = {"/livez", "/readyz", "/openapi.json"}
NEEDED = {
    "/v1/accounts/{account_id}": "scores:read",
    "/v1/accounts:lookup": "scores:read",
    "/v1/accounts:assess": "assess",
    "/v1/accounts/{account_id}/links": "rings:read",
    "/v1/accounts/{account_id}/explanation": "rings:read",
    "/v1/links/why": "rings:read",
    "/v1/rings": "rings:read",
    "/v1/rings/{ring_id}": "rings:read",
    "/v1/rings/{ring_id}/members": "rings:read",
    "/v1/rings/{ring_id}/links": "rings:read",
    "/v1/rings/{ring_id}/lineage": "rings:read",
    "/v1/rings/{ring_id}/graph": "rings:read",
    "/v1/rings/{ring_id}/explanation": "rings:read",
    "/v1/runs": "ops:read",
    "/v1/runs/{run_id}": "ops:read",
    "/v1/runs/{run_id}/diff/{other}": "ops:read",
    "/v1/signals": "signals:read",
    "/metrics": "ops:read",
}
"""Said here once more, by hand: a scope that changes on a route has to be changed in two places."""


class Known(NamedTuple):
    account: str
    other: str
    ring: str
    run: str


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home = copy_home(small_home(tmp_path_factory), tmp_path_factory.mktemp("access") / "home")
    with api_over(home) as opened:
        yield opened


@pytest.fixture(scope="module")
def known(api: Api) -> Known:
    first = api.get("/v1/rings", limit=1).ok()
    ring = first["items"][0]["ring_id"]
    members = api.get(f"/v1/rings/{ring}/members").ok()["items"]
    return Known(members[0]["account_id"], members[1]["account_id"], ring, first["run_id"])


def ask(api: Api, path: str, known: Known, key: str | None) -> Answered:
    filled = path.format(account_id=known.account, ring_id=known.ring, run_id=known.run, other=known.run)
    if path.endswith((":lookup", ":assess")):
        asked = {"ids": [known.account]} if path.endswith(":lookup") else {"accounts": [{"account_id": known.account}]}
        body = [json.dumps(asked).encode()]
        return api.ask(filled, method="POST", key=key, headers={"content-type": "application/json"}, body=body)
    return api.ask(
        filled, key=key, query=f"a={known.account}&b={known.other}".encode() if path.endswith("/why") else b""
    )


def guarded(routes: Iterable[Any]) -> Iterator[GuardedRoute]:
    """Every route of an application, also of routers in it; fails when one is not guarded."""
    for route in routes:
        inside = getattr(route, "original_router", None) or getattr(route, "app", None)
        if isinstance(route, GuardedRoute):
            yield route
        else:
            assert inside, route
            yield from guarded(inside.routes)


def test_every_route_of_the_application_is_known_here(api: Api) -> None:
    assert {route.path: route.needed for route in guarded(api.app.routes)} == NEEDED | dict.fromkeys(OPEN, "open")


@pytest.mark.parametrize("path", [*NEEDED])
def test_a_route_answers_only_a_key_with_its_scope(api: Api, known: Known, path: str) -> None:
    for key in (None, "gr_00000000_" + "0" * 64, "", "gr_"):
        refused = ask(api, path, known, key)
        refused.problem(401, "missing_key" if not key else "invalid_key")
        assert refused.headers["www-authenticate"].startswith("Bearer")
    for scope in SCOPES:
        if scope != NEEDED[path]:
            ask(api, path, known, scope).problem(403, "missing_scope")
    assert ask(api, path, known, NEEDED[path]).status == 200


@pytest.mark.parametrize("path", [*OPEN])
def test_an_open_route_says_nothing_of_accounts_or_rings(api: Api, known: Known, path: str) -> None:
    answered = ask(api, path, known, None)
    assert answered.status == 200
    assert known.account.encode() not in answered.body
    assert known.ring.encode() not in answered.body


def test_a_route_that_does_not_say_its_scope_cannot_be_built() -> None:
    async def forgotten(request: Request) -> dict[str, Any]:
        return {}

    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(TypeError, match="/v1/forgotten"):
        router.get("/v1/forgotten")(forgotten)
    router.get("/v1/remembered")(scoped("ops:read")(forgotten))


@pytest.mark.parametrize(
    "header",
    [
        b"Basic Z3I6eA==",
        b"Bearer",
        b"Bearer ",
        b"bearer \xff\xfe",
        b"Bearer gr_" + b"a" * 60_000,
        b"Token {key}",
        b"{key}",
        b"Bearer {key}x",
        b"Bearer {key},{key}",
        b"Bearer Bearer {key}",
    ],
)
def test_anything_but_a_key_behind_bearer_is_refused(api: Api, known: Known, header: bytes) -> None:
    presented = header.replace(b"{key}", api.keys["all"].encode())
    answered = api.ask(f"/v1/accounts/{known.account}", key=None, raw_headers=[(b"authorization", presented)])
    assert answered.status == 401
    assert api.keys["all"].encode() not in answered.body


@pytest.mark.parametrize("place", ["key", "api_key", "access_token", "authorization"])
def test_a_key_in_the_url_opens_nothing(api: Api, known: Known, place: str) -> None:
    query = f"{place}={api.keys['all']}".encode()
    assert api.ask(f"/v1/accounts/{known.account}", key=None, query=query).status == 401


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("rings:read", "/v1/accounts/{id}"),
        ("scores:read", "/v1/accounts/{id}/links"),
        ("scores:read", "/v1/rings/{id}"),
        ("ops:read", "/v1/rings/{id}/members"),
        ("signals:read", "/v1/rings/{id}/graph"),
        ("scores:read", "/v1/runs/{id}"),
    ],
)
def test_a_reader_without_the_scope_cannot_tell_a_known_id_from_an_unknown_one(
    api: Api, known: Known, scope: str, path: str
) -> None:
    real = known.ring if "rings" in path else known.run if "runs" in path else known.account
    unknown = real[:-3] + "zzz"
    texts, times = [], {real: list[float](), unknown: list[float]()}
    for number in range(300):
        for each in (real, unknown):
            began = time.perf_counter()
            answered = api.get(path.format(id=each), key=scope, headers={"x-request-id": "same"})
            times[each].append(time.perf_counter() - began)
            if number == 0:
                texts.append((answered.status, answered.body.replace(each.encode(), b"*"), len(answered.body)))
    assert texts[0] == texts[1]
    assert texts[0][0] == 403
    # A look-up costs far more than this; the bound leaves room for a machine that is busy with other things.
    quick, slow = sorted(statistics.median(each) for each in times.values())
    assert slow < 1.5 * quick + 0.0001


def test_a_request_to_an_unknown_path_says_no_more_with_a_key_than_without(api: Api) -> None:
    answers = [api.get("/v1/secrets", key=key, headers={"x-request-id": "same"}) for key in (None, "ops:read", "all")]
    assert len({answered.body for answered in answers}) == 1
    answers[0].problem(404, "no_such_route")


def test_a_revoked_key_is_refused_within_a_second_by_every_worker(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = copy_home(small_home(tmp_path_factory), tmp_path / "home")
    revoked, text = create_key(home, "revoked", ["ops:read"], rate=100_000)
    with serving(home, workers=2) as served:
        assert statuses(served.url, text) == {200}
        revoke_key(home, revoked.prefix)
        time.sleep(1.1)
        assert statuses(served.url, text) == {401}


def statuses(url: str, key: str) -> set[int]:
    """What enough requests over new connections get for each worker to be among those that answer."""
    given = {"Authorization": f"Bearer {key}"}
    return {httpx.get(f"{url}/v1/runs", headers=given, timeout=10).status_code for _ in range(24)}


def test_rotation_leaves_no_moment_without_a_key_and_an_expired_one_is_refused(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = copy_home(small_home(tmp_path_factory), tmp_path / "home")
    old, before = create_key(home, "team", ["ops:read"], rate=100_000)
    ending = datetime.now(UTC) + timedelta(seconds=1.5)
    short = create_key(home, "short", ["ops:read"], expires_at=ending, rate=100_000)[1]
    with api_over(home) as api:
        assert {api.get("/v1/runs", key=each).status for each in (before, short)} == {200}
        _, after = create_key(home, "team", ["ops:read"], rate=100_000)
        time.sleep(1.05)
        assert {api.get("/v1/runs", key=each).status for each in (before, after)} == {200}
        time.sleep(0.5)
        api.get("/v1/runs", key=short).problem(401, "invalid_key")
        revoke_key(home, old.prefix)
        time.sleep(1.05)
        assert (api.get("/v1/runs", key=before).status, api.get("/v1/runs", key=after).status) == (401, 200)
