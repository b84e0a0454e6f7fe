"""Bytes on the wire that no proper client sends, or sends so slowly: they cost nobody else anything."""

from __future__ import annotations

import select
import time
from collections.abc import Generator
from contextlib import suppress

import httpx
import pytest

from graphrisk.api.guard import BODIES_OF_A_KEY
from tests.support_api import Served, copy_home, serving
from tests.support_towns import towns
from tests.support_wire import begin_lookup, connect, finish, received, workers


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """One server for all of them, since none may do it harm."""
    home = copy_home(towns(tmp_path_factory.getbasetemp() / "towns"), tmp_path_factory.mktemp("served") / "home")
    with serving(home, workers=1) as server:
        yield server


def test_slow_clients_are_cut_and_others_are_answered_meanwhile(served: Served) -> None:
    bodies = [begin_lookup(served) for _ in range(20)]
    heads = [connect(served) for _ in range(50)]
    for each in heads:
        each.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-")
    began, times = time.monotonic(), list[float]()
    headers = {"Authorization": f"Bearer {served.key()}"}
    with httpx.Client(base_url=served.url, headers=headers) as client:
        while time.monotonic() - began < 9:
            asked = time.perf_counter()
            assert client.get("/v1/accounts/first_0").status_code == 200
            times.append(time.perf_counter() - asked)
            for each in heads:
                each.sendall(b"a")
            time.sleep(0.5)
    assert max(times) < 2
    for each in bodies:
        assert b" 408 " in received(each).partition(b"\r\n")[0]
        each.close()
    for each in heads:
        assert b"200" not in received(each).partition(b"\r\n")[0]
        each.close()
    assert time.monotonic() - began < 20


def test_a_hundred_stalled_bodies_of_one_key_leave_room_for_others(served: Served) -> None:
    headers = {"Authorization": f"Bearer {served.key('scores:read')}"}
    stalled = [begin_lookup(served) for _ in range(100)]
    began = time.monotonic()
    heard, _, _ = select.select(stalled, [], [], 5)
    while len(heard) < 100 - BODIES_OF_A_KEY and time.monotonic() - began < 5:
        time.sleep(0.05)
        heard, _, _ = select.select(stalled, [], [], 0)
    assert len(heard) == 100 - BODIES_OF_A_KEY
    for each in heard:
        answered = received(each)
        assert b" 429 " in answered.partition(b"\r\n")[0]
        assert b"rate_limited" in answered
    with httpx.Client(base_url=served.url, headers=headers) as other:
        for _ in range(30):
            assert other.post("/v1/accounts:lookup", json={"ids": ["first_0"]}).status_code == 200
            assert other.get("/v1/accounts/first_0").status_code == 200
    assert time.monotonic() - began < 9  # none of this waited for the bodies to be given up
    for each in set(stalled) - set(heard):
        assert b" 200 " in finish(each).partition(b"\r\n")[0]
    assert b" 200 " in finish(begin_lookup(served)).partition(b"\r\n")[0]
    for each in heard:
        each.close()


REQUESTS: dict[str, tuple[bytes, set[bytes]]] = {
    "raw bytes in a path": (b"GET /v1/accounts/\xff\xfe HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", {b"400", b"404"}),
    "UTF-8 in a path": ("GET /v1/accounts/é HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n".encode(), {b"400", b"404"}),
    "invalid percents": (b"GET /v1/accounts/%zz%ff%0 HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", {b"400", b"404"}),
    "an encoded slash": (b"GET /v1/accounts/a%%2Fb HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", {b"404"}),
    "two dots": (b"GET /v1/accounts/../rings HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", {b"404"}),
    "raw bytes in a query": (b"GET /nothing?\xff\xfe HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", {b"400", b"404"}),
    "a whole URL": (b"GET http://evil/v1/rings HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", {b"200", b"400", b"404"}),
    "no host": (b"GET /livez HTTP/1.1\r\nAuthorization: %s\r\n\r\n", {b"200", b"400"}),
    "HTTP 0.9": (b"GET /livez\r\n\r\n", {b"400"}),
    "a star": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", {b"400", b"404", b"405"}),
    "CONNECT": (b"CONNECT evil:443 HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", {b"400", b"404", b"405"}),
    "noise": (bytes(range(256)) * 10 + b"\r\n\r\n", {b"400"}),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200, {b"400", b""}),
    "two lengths": (b"POST /v1/accounts:lookup HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", {b"400"}),
    "a length and chunks": (
    b"POST /v1/accounts:lookup HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    {b"400", b"401"},
    ),
    "a length that is no number": (b"POST /v1/rings HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", {b"400"}),
    "a megabyte of headers": (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X-A: %s\r\n" % (b"v" * 1000) * 1000 + b"\r\n", {b"400", b"431", b""}),
    "a thousand headers": (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X-A: v\r\n" * 1000 + b"\r\n", {b"400", b"431", b""}),
    "a path of 100 kB": (b"GET /v1/accounts/" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {b"400", b"414", b"401", b""}),
    "a split header": (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\n b\r\n\r\n", {b"400", b"200"}),
}  # fmt: skip


def test_bytes_that_are_no_proper_request_harm_nobody(served: Served) -> None:
    presented = f"Bearer {served.key()}".encode()
    before = [each.pid for each in workers(served)]
    for name, (raw, statuses) in REQUESTS.items():
        text = raw.replace(b"Authorization: %s", b"Authorization: " + presented).replace(b"%%", b"%")
        text = text.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n", 1)
        with connect(served) as opened:
            with suppress(OSError):  # it may refuse before it has read all
                opened.sendall(text)
            answered = received(opened)
        assert answered[9:12] in statuses, (name, answered[:300])
        assert b"Traceback" not in answered
    assert [each.pid for each in workers(served)] == before
    assert httpx.get(f"{served.url}/readyz").status_code == 200


def test_ten_megabytes_are_refused_with_or_without_their_length(served: Served) -> None:
    (worker,) = workers(served)
    before = worker.memory_info().rss
    headers = {"Authorization": f"Bearer {served.key()}", "Content-Type": "application/json"}

    def pieces() -> Generator[bytes]:
        for _ in range(160):
            yield b" " * 65_536

    for body in (b" " * 10_485_760, pieces()):
        try:
            answered = httpx.post(f"{served.url}/v1/accounts:lookup", content=body, headers=headers, timeout=20)
            assert (answered.status_code, answered.json()["code"]) == (413, "body_too_large")
        except httpx.WriteError:
            pass  # the connection was closed while the client still sent
    assert worker.memory_info().rss - before < 64 * 2**20
    assert httpx.get(f"{served.url}/v1/accounts/first_0", headers=headers).status_code == 200
