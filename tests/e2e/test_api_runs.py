"""Which run answers: the live one, an older one by name or moment, never a candidate or a damaged one."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from graphrisk import pipeline
from graphrisk.model import microseconds
from graphrisk.policy import Policy
from graphrisk.runs import store
from graphrisk.runs.store import current_run, publications, read_table
from tests.support_api import copy_home, settings_at
from tests.support_asgi import Api, api_over
from tests.support_audit import files_of
from tests.support_towns import Truth, published, towns


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return towns(tmp_path_factory.getbasetemp() / "towns")


@pytest.fixture
def api(town: Path, tmp_path: Path) -> Iterator[Api]:
    with api_over(copy_home(town, tmp_path / "home")) as opened:
        yield opened


def candidate(home: Path) -> str:
    (only,) = {path.name for path in (home / "runs").iterdir()} - set(published(home))
    return only


def move(api: Api, run_id: str) -> None:
    pipeline.publish(settings_at(api.home), Policy(), run_id, "a test says so")
    api.look()


def test_a_publication_is_noticed_within_five_seconds(api: Api) -> None:
    pipeline.rollback(settings_at(api.home))
    live = publications(api.home)[-1].run_id

    async def wait() -> bool:
        for _ in range(50):
            if json.loads((await api.asked("/readyz")).body)["run_id"] == live:
                return True
            await asyncio.sleep(0.1)
        return False

    assert api.run(wait())


def test_who_looks_for_a_publication_while_it_is_being_opened_is_answered_from_it(api: Api) -> None:
    first, *_ = published(api.home)
    pipeline.publish(settings_at(api.home), Policy(), first, "a test says so")

    async def asked() -> str:
        opening = asyncio.create_task(api.published.look())
        await asyncio.sleep(0)
        await api.published.look()
        answered = json.loads((await api.asked("/readyz")).body)["run_id"]
        await opening
        return answered

    assert api.run(asked()) == first


def test_a_cursor_ends_with_its_run_also_where_the_run_is_still_open(api: Api) -> None:
    first, second, third = published(api.home)
    cursor = api.get("/v1/rings", limit=1).ok()["next"]
    move(api, second)
    assert api.get("/v1/rings", limit=1, cursor=cursor).ok()["run_id"] == third
    shutil.rmtree(api.home / "runs" / third)
    api.get("/v1/rings", limit=1, cursor=cursor).problem(410, "run_gone")
    api.get("/v1/accounts/first_0", run=third).problem(410, "run_gone")
    api.get("/v1/runs/" + third).problem(410, "run_gone")
    assert api.get("/v1/accounts/first_0", run=first).ok()["run_id"] == first


def test_an_older_run_answers_by_name_and_by_moment(api: Api) -> None:
    moves = publications(api.home)
    for each in moves:
        truth = Truth(api.home, each.run_id)
        queries: list[dict[str, Any]] = [
            {"run": each.run_id},
            {"as_of": each.published_at},
            {"run": each.run_id, "as_of": "2100-01-01T00:00:00Z"},
        ]
        for query in queries:
            found = api.get("/v1/accounts/first_1", **query).ok()
            assert found["run_id"] == each.run_id
            truth.agrees_about_account(found)
            assert api.lookup(["first_1"], **query).ok()["run_id"] == each.run_id
            assert api.get("/v1/rings", **query).ok()["total"] == len(truth.rings)
            for ring_id in truth.rings:
                assert api.get(f"/v1/rings/{ring_id}/members", **query).ok()["run_id"] == each.run_id
    before = "2020-01-01T00:00:00Z"
    api.get("/v1/accounts/first_1", as_of=before).problem(404, "no_run_then")
    api.get("/v1/accounts/first_1", run=moves[2].run_id, as_of=moves[0].published_at).problem(404, "unknown_run")


@pytest.mark.parametrize(
    "path", ["/v1/accounts/first_0", "/v1/accounts/first_0/links", "/v1/rings", "/v1/rings/ring_x"]
)
def test_a_run_that_was_never_published_is_never_read(api: Api, path: str) -> None:
    never = candidate(api.home)
    for run in (never, never.upper(), f"../runs/{never}", f"{never}/", "", "run_", "../../etc"):
        api.get(path, run=run).problem(404, "unknown_run")
    api.get("/v1/accounts/fourth_0").problem(404, "unknown_account")


def test_a_ring_of_a_later_run_is_unknown_to_an_older_one(api: Api) -> None:
    """It was said to be rolled back, with the older run named as the source."""
    first, *_ = published(api.home)
    known = Truth(api.home, first).rings
    (later, *_) = [ring["ring_id"] for ring in api.get("/v1/rings").ok()["items"] if ring["ring_id"] not in known]
    for path in (f"/v1/rings/{later}", f"/v1/rings/{later}/lineage", f"/v1/rings/{later}/members"):
        api.get(path, run=first).problem(404, "unknown_ring")
    move(api, first)
    found = api.get(f"/v1/rings/{later}").ok()
    assert (found["status"], found["event"], found["superseded_by"]) == ("retired", "rolled back", [])


def flip(path: Path) -> None:
    with path.open("r+b") as handle:
        handle.seek(path.stat().st_size // 2)
        byte = handle.read(1)[0]
        handle.seek(-1, 1)
        handle.write(bytes([byte ^ 1]))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit in accounts": lambda run: flip(run / "accounts.arrow"),
    "a flipped bit in links": lambda run: flip(run / "links.arrow"),
    "a flipped bit in neighbours": lambda run: flip(run / "neighbours.arrow"),
    "rings cut short": lambda run: os.truncate(run / "rings.arrow", (run / "rings.arrow").stat().st_size - 1),
    "an empty file": lambda run: os.truncate(run / "lineage.arrow", 0),
    "a missing file": lambda run: (run / "links.arrow").unlink(),
    "a folder for a file": lambda run: ((run / "links.arrow").unlink(), (run / "links.arrow").mkdir()),
    "no manifest": lambda run: (run / "manifest.json").unlink(),
    "a manifest of zeros": lambda run: (run / "manifest.json").write_bytes(b"\0" * 100),
    "a manifest without files": lambda run: without_files(run / "manifest.json"),
    "a manifest of nothing but brackets": lambda run: (run / "manifest.json").write_text("[" * 50_000),
    "no folder": shutil.rmtree,
}


def without_files(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {}}))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_refused_the_one_before_stays_and_a_mended_one_is_served(api: Api, damage: str) -> None:
    first, second, third = published(api.home)
    whole = shutil.copytree(api.home / "runs" / second, api.home.parent / "whole")
    move_pointer_only(api.home, second)
    DAMAGES[damage](api.home / "runs" / second)
    api.look()
    ready = api.get("/readyz").ok()
    assert (ready["run_id"], ready["status"]) == (third, "ok")
    assert ready["problem"]
    assert str(api.home) not in ready["problem"]
    assert "graphrisk_run_refused 1.0" in api.get("/metrics").body.decode()
    assert api.get("/v1/accounts/third_0").ok()["run_id"] == third
    assert api.get("/v1/accounts/first_0", run=first).ok()["run_id"] == first
    shutil.rmtree(api.home / "runs" / second, ignore_errors=True)
    shutil.copytree(whole, api.home / "runs" / second)
    move_pointer_only(api.home, second)
    api.look()
    ready = api.get("/readyz").ok()
    assert (ready["run_id"], ready["problem"]) == (second, None)
    assert "graphrisk_run_refused 0.0" in api.get("/metrics").body.decode()
    api.get("/v1/accounts/third_0").problem(404, "unknown_account")


def move_pointer_only(home: Path, run_id: str) -> None:
    store.move_pointer(home, run_id, store.current_run(home), "publish", "a test says so")


def test_a_server_that_finds_its_only_run_damaged_says_so_and_serves_it_once_mended(town: Path, tmp_path: Path) -> None:
    home = copy_home(town, tmp_path / "home")
    live = published(home)[-1]
    flip(home / "runs" / live / "accounts.arrow")
    with api_over(home) as api:
        assert api.get("/readyz").status == 503
        assert api.get("/livez").status == 200
        api.get("/v1/accounts/first_0").problem(503, "run_refused")
        flip(home / "runs" / live / "accounts.arrow")
        os.utime(home / "current.json")
        api.look()
        assert api.get("/v1/accounts/first_0").ok()["run_id"] == live


def test_what_is_unchanged_is_not_sent_again_but_is_audited(api: Api) -> None:
    ring = api.get("/v1/rings", limit=1).ok()["items"][0]["ring_id"]
    tag = ""
    paths = [f"/v1/accounts/first_0{more}" for more in ("", "/links", "/explanation")]
    parts = ("", "/members", "/links", "/lineage", "/graph", "/explanation")
    paths += ["/v1/rings", *(f"/v1/rings/{ring}{more}" for more in parts)]
    for path in paths:
        tag = api.get(path).headers["etag"]
        again = api.get(path, headers={"if-none-match": f'"other", {tag}', "x-request-id": "again"})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert api.get(path, headers={"if-none-match": '"other"'}).status == 200
    lines = [json.loads(line) for line in files_of(api.home)[-1].read_text().splitlines()]
    assert [line["status"] for line in lines if line.get("request_id") == "again"] == [304] * len(paths)
    for path in ("/v1/accounts/nobody", "/v1/accounts/nobody/links", "/v1/rings/ring_x", "/v1/rings/ring_x/graph"):
        assert api.get(path, headers={"if-none-match": tag}).status == 404
    pipeline.rollback(settings_at(api.home))
    api.look()
    assert api.get("/v1/accounts/first_0", headers={"if-none-match": tag}).status == 200


def test_runs_that_were_swapped_out_are_let_go(api: Api) -> None:
    """Each run ever served stayed open with its rendered answers, until the server was started anew."""
    first, second, _ = published(api.home)
    before = mapped(api.home)
    for number in range(16):
        move(api, first if number % 2 else second)
        for path in ("/v1/accounts/first_0", "/v1/rings"):
            assert api.get(path).ok()["run_id"] == publications(api.home)[-1].run_id
    gc.collect()
    assert mapped(api.home) <= before + 12


def mapped(home: Path) -> int:
    """How often this process has a run's accounts mapped."""
    return Path("/proc/self/maps").read_text().count(f"{home}/runs/") // 5


def test_rings_of_two_runs_in_one_second_say_which_came_last(api: Api) -> None:
    """Whole seconds were shown, and the order was by microseconds: lists looked out of order."""

    def rings(**query: Any) -> list[Any]:
        return api.get("/v1/rings", limit=500, **query).ok()["items"]

    lineage = read_table(api.home / "runs", current_run(api.home) or "", "lineage").to_pylist()
    last = {row["ring_id"]: row["event_at"] for row in lineage}
    assert rings()
    for ring in rings():
        shown = datetime.fromisoformat(ring["updated_at"])
        assert microseconds(shown) == last[ring["ring_id"]]
        assert ring in rings(updated_since=ring["updated_at"])
        assert ring not in rings(updated_since=(shown + timedelta(microseconds=1)).isoformat())
