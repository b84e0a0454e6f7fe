"""The client against a server that refuses, hurries away, or is no such API: what it repeats, for how long, what it raises."""

from __future__ import annotations

import json
import pickle
import socket
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from graphrisk.client import (
    ApiError,
    Client,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    RingRetired,
    RunGone,
    Unauthorized,
    Unavailable,
)
from tests.support_api import free_port

KEY = "gr_00000000_secret"
REASON = {"code": "base", "contribution": -8000, "text": "Where it starts."}
ACCOUNT: dict[str, Any] = {
    "run_id": "run_a",
    "as_of": "2026-01-01T00:00:00Z",
    "policy": "0",
    "took_ms": 0.1,
    "account_id": "acc",
    "account_status": "active",
    "marketplace": None,
    "score": 3,
    "probability": 0.003,
    "percentile": 1.0,
    "band": "low",
    "ring": None,
    "decision": "none",
    "reasons": [REASON],
}


@dataclass(frozen=True)
class Reply:
    """What the server does with one request; ``cut`` sends only so many bytes of the body, -1 none of anything."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    cut: int | None = None


def problem(status: int, code: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, {"status": status, "code": code, "detail": "So it is.", "request_id": "r1"}, headers or {})


@dataclass
class Scripted:
    """A server that does as told, request by request, the last thing for ever; it remembers what it was asked."""

    url: str
    script: list[Reply] = field(default_factory=list[Reply])
    asked: list[tuple[str, str, bytes, str | None]] = field(default_factory=list[tuple[str, str, bytes, str | None]])

    def client(self, retries: int = 4, timeout: float = 5.0) -> Client:
        return Client(self.url, KEY, timeout=timeout, retries=retries)


@pytest.fixture
def server() -> Generator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            scripted.asked.append((self.command, self.path, body, self.headers.get("Authorization")))
            reply = scripted.script.pop(0) if len(scripted.script) > 1 else scripted.script[0]
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            if reply.cut == -1:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: reply.cut])
            self.close_connection = True

        do_GET = do_POST = answer  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scripted = Scripted(f"http://127.0.0.1:{listening.server_address[1]}")
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    yield scripted
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.mark.parametrize(
    "first",
    [
        problem(429, "rate_limited"),
        problem(503, "busy"),
        Reply(502, b"<html>proxy</html>"),
        Reply(cut=-1),
        Reply(body=ACCOUNT, cut=20),
    ],
    ids=["429", "503", "502", "dropped", "cut-off"],
)
def test_what_passes_is_asked_again(server: Scripted, first: Reply) -> None:
    server.script = [first, first, Reply(body=ACCOUNT)]
    with server.client() as client:
        assert client.account("acc").score == 3
    assert server.asked == [("GET", "/v1/accounts/acc", b"", f"Bearer {KEY}")] * 3


def test_a_lookup_is_asked_again_with_the_same_ids(server: Scripted) -> None:
    answer = {"run_id": "run_a", "accounts": [{"account_id": "a", "status": "unknown"}]}
    server.script = [problem(503, "busy"), Reply(cut=-1), Reply(body=answer)]
    with server.client() as client:
        assert [each.account_id for each in client.lookup(["a"])] == ["a"]
    assert [(method, json.loads(body)) for method, _, body, _ in server.asked] == [("POST", {"ids": ["a"]})] * 3


@pytest.mark.parametrize(
    "said",
    [lambda: "2", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)],
    ids=["seconds", "date"],
)
def test_retry_after_is_waited_for(server: Scripted, said: Callable[[], str]) -> None:
    server.script = [problem(429, "rate_limited", {"Retry-After": said()}), Reply(body=ACCOUNT)]
    began = time.monotonic()
    with server.client() as client:
        client.account("acc")
    assert 1.9 <= time.monotonic() - began < 5
    assert len(server.asked) == 2


@pytest.mark.parametrize("said", ["soon", "-1", "", "1.5", "٣", "9" * 5000])
def test_a_retry_after_that_says_nothing_is_ignored(server: Scripted, said: str) -> None:
    header = said.encode().decode("latin-1")
    server.script = [problem(503, "busy", {"Retry-After": header}), Reply(body=ACCOUNT)]
    began = time.monotonic()
    with server.client() as client:
        client.account("acc")
    assert time.monotonic() - began < 1.5


def test_retries_end(server: Scripted) -> None:
    server.script = [problem(503, "busy")]
    with (
        server.client(retries=2) as client,
        pytest.raises(Unavailable, match=r"busy: So it is\. \(request r1\)") as caught,
    ):
        client.account("acc")
    assert (caught.value.status, caught.value.code, caught.value.request_id) == (503, "busy", "r1")
    assert len(server.asked) == 3


def test_nobody_waits_for_longer_than_a_minute(server: Scripted) -> None:
    server.script = [problem(429, "rate_limited", {"Retry-After": "61"})]
    began = time.monotonic()
    with server.client() as client, pytest.raises(RateLimited):
        client.account("acc")
    assert time.monotonic() - began < 2
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "invalid_key", Unauthorized),
        (403, "missing_scope", Forbidden),
        (404, "unknown_account", NotFound),
        (410, "run_gone", RunGone),
        (410, "ring_retired", RingRetired),
        (422, "invalid_request", InvalidRequest),
        (413, "body_too_large", ApiError),
        (500, "internal", ApiError),
        (504, "deadline_exceeded", ApiError),
        (503, "nothing_published", Unavailable),
        (503, "run_refused", Unavailable),
    ],
)
def test_what_stays_is_raised_at_once(server: Scripted, status: int, code: str, kind: type[ApiError]) -> None:
    server.script = [problem(status, code, {"Retry-After": "1"})]
    with server.client() as client, pytest.raises(ApiError) as caught:
        client.account("acc")
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.code, error.detail, error.request_id) == (status, code, "So it is.", "r1")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert len(server.asked) == 1


def test_where_nothing_listens_the_url_is_named_and_the_key_is_not() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, KEY, retries=1) as client, pytest.raises(Unavailable, match=url) as caught:
        client.account("acc")
    assert (caught.value.status, caught.value.code) == (None, "no_answer")
    assert KEY not in f"{caught.value}{caught.value!r}{client!r}"


def test_a_server_that_is_silent_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(url, KEY, timeout=0.2, retries=1) as client, pytest.raises(Unavailable, match="time"):
            client.account("acc")
        assert time.monotonic() - began < 3


def test_the_key_does_not_follow_a_redirect(server: Scripted) -> None:
    server.script = [Reply(307, b"", {"Location": f"{server.url}/elsewhere"})]
    with server.client() as client, pytest.raises(ApiError, match="http_307"):
        client.account("acc")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body",
    [b"<html>", [], {"run_id": "run_a"}, {**ACCOUNT, "reasons": None}, {**ACCOUNT, "ring": 3}],
    ids=["html", "list", "little", "null", "number"],
)
def test_what_is_no_answer_is_said_to_be_none(server: Scripted, body: Any) -> None:
    server.script = [Reply(body=body)]
    with server.client() as client, pytest.raises(ApiError, match="not_an_answer: "):
        client.account("acc")


def test_what_a_newer_server_adds_is_left_out(server: Scripted) -> None:
    newer = {**ACCOUNT, "mood": "good", "reasons": [{**REASON, "weight": 1}], "band": "very high"}
    server.script = [Reply(body=ACCOUNT), Reply(body=newer)]
    with server.client() as client:
        old, new = client.account("acc"), client.account("acc")
    assert new.reasons == old.reasons
    assert new.band == "very high"


def test_a_list_whose_run_goes_away_says_how_far_it_came(server: Scripted) -> None:
    member = {"account_id": "a", "role": "core", "score": 1, "band": "low"}
    server.script = [Reply(body={"next": "c", "items": [member] * 3}), problem(410, "run_gone")]
    with server.client() as client:
        rows = client.members("ring_a")
        assert [next(rows).account_id for _ in range(3)] == ["a", "a", "a"]
        with pytest.raises(RunGone, match="3 rows of it were given already; begin again"):
            next(rows)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8600", "ftp://a", "http://", "http://a?b=1", "http://user:word@a"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        Client(url, KEY)


@pytest.mark.parametrize("key", ["", "gr_a b", "gr_a\nHost: b", "gr_ü"])
def test_a_key_that_is_none_is_refused_without_being_told(key: str) -> None:
    with pytest.raises(ValueError, match="key is not one") as caught:
        Client("http://127.0.0.1", key)
    assert not key or key not in str(caught.value)


def test_what_cannot_be_asked_is_refused_before_it_is(server: Scripted) -> None:
    with server.client() as client:
        with pytest.raises(ValueError, match="empty"):
            client.account("")
        with pytest.raises(ValueError, match="zone"):
            client.account("acc", as_of=datetime(2026, 1, 1))  # noqa: DTZ001
    assert server.asked == []
