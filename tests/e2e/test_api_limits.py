"""What fails on our side, is asked too much or takes too long: nothing internal is said, and the next one is answered."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import time
from pathlib import Path
from typing import Any

import pytest

from graphrisk.api.audit import verify_audit
from graphrisk.api.keys import create_key
from tests.support_api import copy_home, small_home
from tests.support_asgi import Answered, Api, api_over
from tests.support_audit import files_of

JSON = {"content-type": "application/json"}
ACCOUNT = "acc_00000003"


@pytest.fixture
def home(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_home(small_home(tmp_path_factory), tmp_path / "home")


def still_answers(api: Api) -> None:
    assert api.get(f"/v1/accounts/{ACCOUNT}").ok()["account_id"] == ACCOUNT


LISTED = b'{"ids":["acc_00000003"]}'


def test_a_failure_of_ours_says_nothing_internal_and_is_audited(home: Path) -> None:
    with api_over(home) as api:
        run = api.get("/readyz").ok()["run_id"]
        ring = api.get("/v1/rings", limit=1).ok()["items"][0]["ring_id"]
        codes = [reason["code"] for reason in api.get(f"/v1/rings/{ring}").ok()["reasons"]]
        overwrite(home / "runs" / run / "rings.arrow", codes)
        answered = api.get(f"/v1/rings/{ring}", headers={"x-request-id": "mine"})
        answered.problem(500, "internal")
        assert run not in answered.body.decode()
        assert api.get(f"/v1/accounts/{ACCOUNT}/links").status == 200
    last = [json.loads(line) for line in files_of(home)[-1].read_text().splitlines()]
    assert [line["status"] for line in last if line.get("request_id") == "mine"] == [500]


def overwrite(path: Path, texts: list[str]) -> None:
    """Put bytes that are no UTF-8 over texts of a file, in place, as they are seen by whoever has it mapped."""
    raw = path.read_bytes()
    with path.open("r+b") as handle:
        for text in texts:
            place = raw.find(text.encode())
            while place >= 0:
                handle.seek(place)
                handle.write(b"\xff" * len(text))
                place = raw.find(text.encode(), place + 1)


def test_a_damaged_pointer_is_no_failure_for_those_who_ask_the_live_run(home: Path) -> None:
    with api_over(home) as api:
        (home / "current.json").write_text('{"publications":[{"seq":1,')
        api.look()
        still_answers(api)
        assert api.get("/readyz").ok()["problem"]
        for path in (f"/v1/accounts/{ACCOUNT}", "/v1/rings", "/v1/rings/ring_x/members"):
            api.get(path, run="run_any").problem(503, "store_unavailable")


@pytest.mark.parametrize(
    "pointer",
    ["[]", "1", '{"publications":[1]}', '{"publications":[{"seq":1}]}', "[" * 100_000, "\x00",
     '{"publications":[{"seq":1,"run_id":5,"published_at":"x","previous":null,"verb":"publish"}]}',
     '{"publications":[{"seq":1,"run_id":[],"published_at":"2026-01-01T00:00:00+00:00","previous":null,"verb":""}]}'],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_the_next_publication_is_noticed_after_any_damage_to_the_pointer(home: Path, pointer: str) -> None:
    whole = (home / "current.json").read_text()
    with api_over(home) as api:
        (home / "current.json").write_text(pointer)
        api.look()
        assert api.get("/readyz").ok()["problem"]
        still_answers(api)
        (home / "current.json").write_text(whole)
        api.look()
        assert api.get("/readyz").ok()["problem"] is None


def test_nothing_published_says_which_command_publishes(tmp_path: Path) -> None:
    with api_over(tmp_path / "home") as api:
        for path in ("/v1/accounts/a", "/v1/accounts/a/links", "/v1/rings", "/v1/rings/x", "/v1/rings/x/graph"):
            answered = api.get(path)
            assert "graphrisk run" in answered.problem(503, "nothing_published")["detail"]
            assert int(answered.headers["retry-after"]) > 0
        assert api.lookup(["a"]).status == 503
        assert api.get("/readyz").status == 503
        assert api.get("/livez").status == 200
        assert api.get("/v1/runs").ok()["runs"] == []
        assert api.get("/v1/signals").body == b""


def test_what_cannot_be_audited_is_not_answered(home: Path) -> None:
    with api_over(home) as api:
        still_answers(api)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        # A write past the limit fails like one to a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (files_of(home)[-1].stat().st_size + 10, before[1]))
        try:
            refused = [api.get(path) for path in (f"/v1/accounts/{ACCOUNT}", f"/v1/accounts/{ACCOUNT}/links")]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        for each in refused:
            each.problem(503, "store_unavailable")
        still_answers(api)
    assert verify_audit(home).problems == []


def test_too_many_at_once_are_told_to_wait_and_liveness_is_not(home: Path) -> None:
    with api_over(home, at_once=3, deadline=30) as api:

        async def crowd() -> tuple[list[Answered], Answered, list[Answered]]:
            bodies = [asyncio.Event() for _ in range(3)]
            slow = [asyncio.create_task(waiting(api, each)) for each in bodies]
            await asyncio.sleep(0.05)
            refused = await asyncio.gather(*(api.asked(f"/v1/accounts/{ACCOUNT}") for _ in range(5)))
            alive = await api.asked("/livez", key=None)
            for each in bodies:
                each.set()
            return refused, alive, await asyncio.gather(*slow)

        refused, alive, slow = api.run(crowd())
        for each in refused:
            each.problem(503, "busy")
            assert int(each.headers["retry-after"]) >= 1
        assert (alive.status, [each.status for each in slow]) == (200, [200] * 3)
        still_answers(api)


async def waiting(api: Api, until: asyncio.Event) -> Answered:
    """A look-up whose body comes when an event is set."""

    async def body() -> Any:
        await until.wait()
        return LISTED

    return await api.asked("/v1/accounts:lookup", method="POST", headers=JSON, body_later=body)


def test_an_answer_that_takes_too_long_is_cut_and_audited(home: Path) -> None:
    with api_over(home, deadline=0.1) as api:
        cut = api.run(waiting(api, asyncio.Event()))
        cut.problem(504, "deadline_exceeded")
        still_answers(api)
    lines = [json.loads(line) for line in files_of(home)[-1].read_text().splitlines()]
    assert [line["status"] for line in lines if "status" in line] == [504, 200]


def test_a_key_that_asks_too_often_is_told_when_to_ask_again(home: Path) -> None:
    _, text = create_key(home, "slow", ["scores:read"], rate=3)
    with api_over(home) as api:
        answers = [api.get(f"/v1/accounts/{ACCOUNT}", key=text) for _ in range(5)]
        assert [each.status for each in answers] == [200, 200, 200, 429, 429]
        assert [each.headers["ratelimit-remaining"] for each in answers] == ["2", "1", "0", "0", "0"]
        assert {each.headers["ratelimit-limit"] for each in answers} == {"3"}
        answers[-1].problem(429, "rate_limited")
        wait = int(answers[-1].headers["retry-after"])
        assert 1 <= wait <= 2
        still_answers(api)
        time.sleep(wait)
        assert api.get(f"/v1/accounts/{ACCOUNT}", key=text).status == 200


def test_a_log_that_nobody_reads_any_more_holds_up_no_answer(home: Path) -> None:
    """Whoever read the standard output of the server was gone, and each request failed after its answer."""
    reading, writing = os.pipe()
    with api_over(home, access_log=writing) as api:
        still_answers(api)
        assert json.loads(os.read(reading, 10_000))["route"] == "/v1/accounts/{account_id}"
        os.close(reading)
        still_answers(api)
    os.close(writing)
