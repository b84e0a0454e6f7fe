"""Bodies that are no list of ids, that are too large, or that come in a strange way: each is named and costs little."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.support_api import copy_home, small_home
from tests.support_asgi import Answered, Api, api_over

JSON = {"content-type": "application/json"}
ACCOUNT = "acc_00000003"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home = copy_home(small_home(tmp_path_factory), tmp_path_factory.mktemp("errors") / "home")
    with api_over(home) as opened:
        yield opened


def lookup(api: Api, *body: bytes, headers: dict[str, str] | None = None) -> Answered:
    return api.ask("/v1/accounts:lookup", method="POST", headers=JSON if headers is None else headers, body=body)


def still_answers(api: Api) -> None:
    assert api.get(f"/v1/accounts/{ACCOUNT}").ok()["account_id"] == ACCOUNT


LISTED = b'{"ids":["acc_00000003"]}'


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", "/body"),
        (b"{", "/body"),
        (b"null", "/body"),
        (b'"ids"', "/body"),
        (b"[]", "/body"),
        (b"{}", "/body/ids"),
        (b'{"ids":null}', "/body/ids"),
        (b'{"ids":"a"}', "/body/ids"),
        (b'{"ids":{}}', "/body/ids"),
        (b'{"ids":[]}', "/body/ids"),
        (b'{"ids":[1]}', "/body/ids/0"),
        (b'{"ids":["a",null]}', "/body/ids/1"),
        (b'{"ids":["a",["b"]]}', "/body/ids/1"),
        (b'{"ids":["a"],"limit":1}', "/body/limit"),
        (b'{"ids":["a"],"a/b~":1}', "/body/a~1b~0"),
        (b'{"ids":["a"],"ids":["b"]}', "/body/ids"),
        (b'{"ids":["a"],"\\u0069ds":["b"]}', "/body/ids"),
        (b'{"ids":["\\ud800"]}', "/body"),
        (b'{"ids":["\xff"]}', "/body"),
        (b'{"ids":["a\nb"]}', "/body"),
        (b'{"ids":["a"]}{}', "/body"),
        (b'{"ids":[NaN]}', "/body"),
        (LISTED.decode().encode("utf-16"), "/body"),
        (LISTED.decode().encode("utf-32-le"), "/body"),
        (b"\xef\xbb\xbf" + LISTED, "/body"),
        (b"[" * 500_000, "/body"),
        (b'{"ids":' * 100_000, "/body"),
        (b'{"ids":[' + b"[" * 1000 + b"]" * 1000 + b"]}", "/body"),
        (b'{"ids":[' + b"9" * 900_000 + b"]}", "/body"),
        (json.dumps({"ids": ["a"] * 1001}).encode(), "/body/ids"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else None,
)
def test_a_body_that_is_not_a_list_of_ids_is_named(api: Api, body: bytes, pointer: str) -> None:
    found = lookup(api, body).problem(422, "invalid_request")
    assert found["errors"][0]["pointer"].startswith(pointer)
    assert len(found["errors"]) <= 100
    assert len(json.dumps(found)) < 100_000
    still_answers(api)


def test_a_million_wrong_ids_get_a_short_answer_quickly(api: Api) -> None:
    began = time.perf_counter()
    answered = lookup(api, b'{"ids":[' + b"1," * 500_000 + b"1]}")
    answered.problem(422, "invalid_request")
    assert len(answered.body) < 100_000
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart"]
)
def test_a_body_of_another_kind_is_refused(api: Api, kind: str) -> None:
    lookup(api, LISTED, headers={"content-type": kind}).problem(415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/json;q=1"])
def test_json_by_any_spelling_of_its_name_is_taken(api: Api, kind: str) -> None:
    assert lookup(api, LISTED, headers={"content-type": kind}).status == 200


@pytest.mark.parametrize("length", ["1048577", "10485760", "9" * 10, "9" * 5000])
def test_a_body_that_says_it_is_too_large_is_refused_unread(api: Api, length: str) -> None:
    lookup(api, LISTED, headers=JSON | {"content-length": length}).problem(413, "body_too_large")


def test_a_body_that_does_not_say_how_large_it_is_is_cut_off(api: Api) -> None:
    read: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            read.append(1)
            yield b" " * 65_536

    lookup(api, *[b" " * 65_536] * 17).problem(413, "body_too_large")
    api.ask("/v1/accounts:lookup", method="POST", headers=JSON, body=endless()).problem(413, "body_too_large")
    assert len(read) < 20


def test_a_body_in_pieces_of_one_byte_does_not_hold_up_the_others(api: Api) -> None:
    began = time.perf_counter()
    assert lookup(api, *[b" "] * 400_000, LISTED).status == 200
    assert time.perf_counter() - began < 4


def test_the_largest_look_up_is_answered_in_order_with_every_repeat(api: Api) -> None:
    ids = [ACCOUNT, "nobody", "", "acc_00000001", "a" * 900, "\x00", "😀", 'q"\\'] * 125
    answered = api.lookup(ids).ok()["accounts"]
    assert [each["account_id"] for each in answered] == ids
    assert {each["account_id"] for each in answered if each["status"] == "found"} == {ACCOUNT, "acc_00000001"}
