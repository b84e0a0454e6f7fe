"""Paths, queries, cursors, methods and headers that play tricks: one problem document each, and nothing is ignored."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support_api import copy_home, small_home
from tests.support_asgi import Api, api_over, in_path

JSON = {"content-type": "application/json"}
ACCOUNT = "acc_00000003"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home = copy_home(small_home(tmp_path_factory), tmp_path_factory.mktemp("errors") / "home")
    with api_over(home) as opened:
        yield opened


def test_query_parameters_are_never_ignored(api: Api) -> None:
    known = api.get("/v1/rings", limit=1).ok()["items"][0]["ring_id"]
    paths = {
        f"/v1/accounts/{ACCOUNT}": "rum",
        f"/v1/accounts/{ACCOUNT}/links": "band",
        f"/v1/accounts/{ACCOUNT}/explanation": "limit",
        f"/v1/rings/{known}/explanation": "limit",
        "/v1/rings": "marketplaces",
        f"/v1/rings/{known}": "limit",
        f"/v1/rings/{known}/graph": "limit",
        "/v1/runs": "limit",
        "/v1/signals": "cursor",
        "/readyz": "verbose",
        "/livez": "x",
        "/metrics": "name[]",
    }
    for path, name in paths.items():
        found = api.ask(path, query=f"{name}=1".encode()).problem(422, "invalid_request")
        assert found["errors"][0]["pointer"] == f"/query/{name}"
        api.ask(path, query=b"run=a&run=a" if "rum" in name else b"limit=1&limit=1").problem(422, "invalid_request")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=501", "limit=-1", "limit=1e2", "limit=", "limit=ten", "limit=99999999999999999999999",
        "band=HIGH", "band=", "min_score=1001", "min_score=-1", "min_size=0", "min_size=99999999999999999999",
        "status=dead", "ordering=score", "ordering=-id", "updated_since=yesterday", "updated_since=2026-01-01T00:00:00",
        "as_of=2026-13-01T00:00:00Z", "as_of=", "run=" + "r" * 65, "kind=" + "k" * 65, "cursor=" + "c" * 401,
        "status=retired&band=high", "status=retired&recommended=true", "recommended=maybe", "%00=1", "%ff=%ff", "limit=1;limit=2",
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(api: Api, query: str) -> None:
    found = api.ask("/v1/rings", query=query.encode()).problem(422, "invalid_request")
    assert found["errors"][0]["pointer"].startswith("/query/")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z"])
def test_moments_at_the_ends_of_time_are_moments(api: Api, moment: str) -> None:
    every = api.get("/v1/rings").ok()["total"]
    assert every > 0
    assert api.get("/v1/rings", updated_since=moment).ok()["total"] == (0 if moment > "2030" else every)
    answered = api.get(f"/v1/accounts/{ACCOUNT}", as_of=moment)
    assert answered.status == (200 if moment > "2030" else 404)


def cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def test_a_cursor_of_something_else_is_refused(api: Api) -> None:
    first = api.get("/v1/rings", limit=1).ok()
    mine = first["next"]
    run, bound, offset = json.loads(base64.urlsafe_b64decode(mine))
    ring = first["items"][0]["ring_id"]
    wrong = [
        cursor(run, bound, -1), cursor(run, bound, "1"), cursor(run, bound, 1.0), cursor(run, bound, None),
        cursor(run, "", offset), cursor(run, bound), cursor(1, bound, 1), cursor(run, bound, [1]), cursor({}, {}, {}),
        mine[:-4], "", "null", "AAAA", "é", "%00", base64.urlsafe_b64encode(b"[" * 290).decode(),
    ]  # fmt: skip
    for each in wrong:
        found = api.get("/v1/rings", limit=1, cursor=each).problem(422, "invalid_cursor")
        assert found["errors"][0]["pointer"] == "/query/cursor"
    elsewhere: list[tuple[str, dict[str, str]]] = [
        (f"/v1/rings/{ring}/members", {}),
        (f"/v1/accounts/{ACCOUNT}/links", {}),
        ("/v1/rings", {"band": "high"}),
        ("/v1/rings", {"ordering": "-size"}),
        ("/v1/rings", {"run": "run_other"}),
    ]
    for path, query in elsewhere:
        api.get(path, headers=None, cursor=mine, **query).problem(422, "invalid_cursor")
    api.get("/v1/rings", cursor=cursor("run_never", bound, 1)).problem(404, "unknown_run")
    api.get("/v1/rings", cursor=cursor("../" * 9, bound, 1)).problem(404, "unknown_run")
    assert api.get("/v1/rings", cursor=cursor(run, bound, 10**30)).ok()["items"] == []
    assert (
        api.get("/v1/rings", cursor=mine, limit=500).ok()["items"] == api.get("/v1/rings", limit=500).ok()["items"][1:]
    )


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.lists(st.one_of(st.none(), st.text(), st.integers()), max_size=4).map(
    lambda parts: base64.urlsafe_b64encode(json.dumps(parts).encode()))))  # fmt: skip
def test_no_cursor_breaks_anything(api: Api, text: bytes) -> None:
    answered = api.ask("/v1/rings", query=b"cursor=" + in_path(text[:400].decode("latin-1")).encode())
    assert answered.status == 422


PATHS = [
    "..", ".", "%2e%2e", "%2F", "%2f..%2f", "%252F", "%00", "%0A", "%0d%0aX-Evil:1", "%", "%zz", "%ff", "%c0%af",
    "%ed%a0%80", "%EF%BF%BE", "%F0%9F%98%80", "%20", "+", "a;b", "a%3Fb", "a%23b", "%5C..%5C", "x" * 4096,
    "%F0%9F%98%80" * 1000, "%EE%80%AF", "acc_00000003%00", "acc_00000003%20", "%E2%80%AEacc", "acc%5F000003x", "*", "%25",
]  # fmt: skip


@pytest.mark.parametrize("given_id", PATHS, ids=lambda path: path[:20])
def test_an_id_that_plays_tricks_is_an_unknown_account(api: Api, given_id: str) -> None:
    for path in (f"/v1/accounts/{given_id}", f"/v1/accounts/{given_id}/links"):
        found = api.ask(path).problem(404, "unknown_account")
        assert "%0A" not in found["detail"]
        assert "\n" not in found["detail"]
        assert len(found["detail"]) < 2000
        api.ask(path, method="DELETE").problem(405, "method_not_allowed")
    assert api.ask(f"/v1/rings/{given_id}").problem(404, "unknown_ring")["detail"].isprintable()
    assert api.ask(f"/v1/runs/{given_id}").status in (404, 422)


@pytest.mark.parametrize(
    "path", ["/", "", "//", "/v1", "/v1/", "/v1/accounts", "/v1/accounts/", "/v1/accounts/a/b", "/v1//rings", "/v1/rings/",
             "/v1/rings%0A", "/V1/rings", "/v1/accounts/../rings", "/v2/rings", "/docs", "/v1/rings/a/members/", "/metrics%0a"]
)  # fmt: skip
def test_another_path_is_no_route(api: Api, path: str) -> None:
    found = api.ask(path).problem(404, "no_such_route")
    assert api.ask(path, query=b"\xff\xfe").problem(404, "no_such_route")["instance"] == found["instance"]


@pytest.mark.parametrize(
    "method", ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "POST", "PROPFIND", "G" * 5000]
)
def test_another_method_is_refused_and_those_allowed_are_named(api: Api, method: str) -> None:
    for path in ("/v1/rings", f"/v1/accounts/{ACCOUNT}", "/livez"):
        answered = api.ask(path, method=method)
        answered.problem(405, "method_not_allowed")
        assert answered.headers["allow"] == "GET"
    assert api.ask("/v1/accounts:lookup").headers["allow"] == "POST"


def test_methods_that_nobody_serves_do_not_each_get_a_metric(api: Api) -> None:
    for number in range(50):
        api.ask("/livez", method=f"M{number}")
    text = api.get("/metrics").body.decode()
    assert 'method="other"' in text
    assert 'method="M' not in text


@pytest.mark.parametrize(
    ("request_id", "taken"),
    [("abc-1.2_3", True), ("a" * 100, True), ("a" * 101, False), ("", False), ("a b", False), ("a\r\nX-Evil: 1", False),
     ("a\n", False), ("é", False), ("<script>", False), ("{}", False)],
)  # fmt: skip
def test_a_request_id_is_kept_when_it_is_harmless(api: Api, request_id: str, taken: bool) -> None:
    answered = api.get("/v1/nothing", headers={"x-request-id": request_id})
    assert (answered.headers["x-request-id"] == request_id) is taken
    assert answered.json()["request_id"].isascii()
    assert "x-evil" not in answered.headers


@pytest.mark.parametrize(
    "accept", ["text/html", "*/*", "application/xml;q=1", "", "x" * 10_000, "application/json;q=0"]
)
def test_what_the_asker_would_rather_have_changes_nothing(api: Api, accept: str) -> None:
    answered = api.get(f"/v1/accounts/{ACCOUNT}", headers={"accept": accept, "accept-encoding": "br"})
    assert (answered.status, answered.headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize("host", ["", "[::", "a b", "evil/../..", "é", "x" * 10_000, "a:99999999"])
def test_a_strange_host_changes_nothing(api: Api, host: str) -> None:
    assert api.get(f"/v1/accounts/{ACCOUNT}", headers={"host": host}).status == 200
    api.get("/v1/nothing", headers={"host": host}).problem(404, "no_such_route")


def test_thousands_of_headers_change_nothing(api: Api) -> None:
    flood = [(f"x-{number}".encode(), b"v" * 50) for number in range(5000)]
    assert api.ask(f"/v1/accounts/{ACCOUNT}", raw_headers=flood).status == 200
    assert (
        api.ask(f"/v1/accounts/{ACCOUNT}", raw_headers=[(b"if-none-match", b",".join([b'"a"'] * 5000))]).status == 200
    )
