"""Why, over the API: what is said of pairs, accounts and rings, and what is refused."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import graphrisk
from graphrisk.runs.store import current_run
from tests.support import write_facts
from tests.support_api import copy_home, publish_facts, small_home
from tests.support_asgi import Api, api_over
from tests.support_audit import files_of


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home = copy_home(small_home(tmp_path_factory), tmp_path_factory.mktemp("why") / "home")
    with api_over(home) as opened:
        yield opened


@pytest.fixture(scope="module")
def rows(api: Api) -> dict[str, Any]:
    """The accounts and links of the live run as they are exported."""
    run = graphrisk.read_run(home=api.home)
    return {"accounts": run.accounts().to_dict("records"), "links": run.links().to_dict("records")}


def pair(api: Api, a: str, b: str) -> Any:
    return api.get("/v1/links/why", a=a, b=b).ok()


def test_a_linked_pair_shares_what_its_link_says(api: Api, rows: dict[str, Any]) -> None:
    for link in rows["links"][::40]:
        found = pair(api, link["account_a"], link["account_b"])
        counted = [each for each in found["shared"] if each["milli_nats"]]
        assert found["linked"]
        assert (found["missing"], found["path"]) == (0, None)
        assert found["strength"] == link["strength"] == sum(each["milli_nats"] for each in counted)
        told = sorted((each["kind"], each["accounts"], each["milli_nats"]) for each in counted)
        assert told == sorted((each["kind"], each["accounts"], each["milli_nats"]) for each in link["evidence"])
        back = pair(api, link["account_b"], link["account_a"])
        assert [(each["uses_b"], each["uses_a"]) for each in back["shared"]] == [
            (each["uses_a"], each["uses_b"]) for each in found["shared"]
        ]


def test_an_unlinked_pair_lacks_what_is_missing(api: Api, rows: dict[str, Any]) -> None:
    linked = {frozenset((each["account_a"], each["account_b"])) for each in rows["links"]}
    ids, ways = [each["account_id"] for each in rows["accounts"]], 0
    ring = [each["account_id"] for each in rows["accounts"] if each["ring_id"] == max_ring(rows)]
    pairs = [*zip(ids[::7], ids[3::7], strict=False), *((ring[0], each) for each in ring[1:])]
    for a, b in pairs:
        if frozenset((a, b)) in linked:
            continue
        found = pair(api, a, b)
        assert not found["linked"]
        assert found["strength"] + found["missing"] == found["threshold"] == 693
        if found["path"] is not None:
            ways += 1
            at = a
            for link in found["path"]["links"]:
                assert frozenset((link["account_a"], link["account_b"])) in linked
                at = ({link["account_a"], link["account_b"]} - {at}).pop()
            assert at == found["path"]["to"] == b
    assert ways > 0


def max_ring(rows: dict[str, Any]) -> str:
    held = [each["ring_id"] for each in rows["accounts"] if isinstance(each["ring_id"], str)]
    return max(set(held), key=held.count)


def test_an_explanation_tells_the_same_ring_and_role_as_the_run(api: Api, rows: dict[str, Any]) -> None:
    roles = {each["account_id"]: (each["ring_id"], each["role"]) for each in rows["accounts"]}
    members = 0
    for account_id in list(roles)[::9]:
        found = api.get(f"/v1/accounts/{account_id}/explanation").ok()
        ring, role = roles[account_id]
        if found["ring"] is None:
            assert not isinstance(ring, str)
            assert (found["paths"], found["frees"]) == ([], None)
            continue
        members += 1
        assert (found["ring"]["ring_id"], found["role"]) == (ring, role)
        for path in found["paths"]:
            assert roles[path["to"]] == (ring, "core")
            assert path["weakest"] == min(link["strength"] for link in path["links"])
        tokens = [{each["token"] for link in path["links"] for each in link["evidence"]} for path in found["paths"]]
        assert sum(map(len, tokens)) == len(set[str]().union(*tokens))
        assert found["bottleneck"] in found["paths"][0]["links"]
        assert found["frees"]["milli_nats"] == sum(each["milli_nats"] for each in found["frees"]["pieces"])
    assert members > 10


def test_a_ring_splits_and_forms_as_it_is_told(api: Api, rows: dict[str, Any]) -> None:
    for ring in api.get("/v1/rings", limit=10).ok()["items"]:
        path = f"/v1/rings/{ring['ring_id']}"
        found = api.get(f"{path}/explanation").ok()
        members = {each["account_id"] for each in api.get(f"{path}/members", limit=500).ok()["items"]}
        side = set(found["weakest_cut"]["accounts"])
        assert {each["account_id"] for each in found["formed"]} == members
        assert side < members
        links = [each for each in rows["links"] if {each["account_a"], each["account_b"]} <= members]
        crossing = [each for each in links if (each["account_a"] in side) != (each["account_b"] in side)]
        assert found["weakest_cut"]["strength"] == sum(each["strength"] for each in crossing)
        for one in members:
            of_one = sum(each["strength"] for each in links if one in (each["account_a"], each["account_b"]))
            assert of_one >= found["weakest_cut"]["strength"]
        assert [each["at"] for each in found["formed"]] == sorted(each["at"] for each in found["formed"])
        for value in found["rests_on"]["values"]:
            assert sum(value["rings"]) + value["free"] == len(members)
            same = (value["kind"], value["token"])
            carried = [link for link in links if same in {(each["kind"], each["token"]) for each in link["evidence"]}]
            assert value["links"] >= len(carried), value


def test_what_the_api_refuses_is_said_and_audited(api: Api, rows: dict[str, Any]) -> None:
    one, other = rows["links"][0]["account_a"], rows["links"][0]["account_b"]
    ring = max_ring(rows)
    why = "/v1/links/why"
    api.get(why, a=one, b="nobody").problem(404, "unknown_account")
    api.get(why, a=one).problem(422, "invalid_request")
    assert api.get(why, a=one, b=one).problem(422, "invalid_request")["errors"][0]["pointer"] == "/query/b"
    for answered in (
        api.get(why, a=one, b=other, audience="disclosable"),
        api.get(f"/v1/rings/{ring}/explanation", audience="disclosable"),
    ):
        refused = answered.problem(422, "invalid_request")
        assert "names" in refused["detail"]
        assert refused["errors"][0]["pointer"] == "/query/audience"
    api.get(f"/v1/rings/{ring}/explanation", audience="everyone").problem(422, "invalid_request")
    api.get("/v1/rings/ring_x/explanation").problem(404, "unknown_ring")
    api.get("/v1/accounts/nobody/explanation").problem(404, "unknown_account")
    pair(api, one, other)
    last = json.loads(files_of(api.home)[-1].read_text().splitlines()[-1])
    assert (last["route"], last["ids"], last["status"]) == (why, [one, other], 200)


def test_many_at_once_are_told_what_each_alone_is(api: Api, rows: dict[str, Any]) -> None:
    members = [each["account_id"] for each in rows["accounts"] if isinstance(each["ring_id"], str)][::12]
    paths = [f"/v1/accounts/{each}/explanation" for each in members]

    async def at_once() -> list[Any]:
        return await asyncio.gather(*(api.asked(path) for path in paths))

    alone = [{**api.get(path).ok(), "took_ms": 0} for path in paths]
    assert len(alone) > 15
    for _ in range(2):
        assert [{**each.ok(), "took_ms": 0} for each in api.run(at_once())] == alone


def test_an_older_run_answers_while_it_is_kept(api: Api) -> None:
    first, last = (each["run_id"] for each in api.get("/v1/runs").ok()["runs"])
    path = "/v1/accounts/late_0/explanation"
    assert api.get(path, run=last).ok()["run_id"] == last
    api.get(path, run=first).problem(404, "unknown_account")
    assert api.get("/v1/accounts/acc_00000003/explanation", run=first).ok()["run_id"] == first


def test_a_run_that_goes_away_before_it_is_asked_why_is_gone(crew: Path, tmp_path: Path) -> None:
    home = copy_home(crew, tmp_path / "home")
    with api_over(home) as api:
        shutil.rmtree(home / "runs" / str(current_run(home)))
        api.get("/v1/accounts/crew_0/explanation").problem(410, "run_gone")


def test_facts_are_mapped_when_somebody_asks_and_let_go_with_their_run(crew: Path, tmp_path: Path) -> None:
    home = copy_home(crew, tmp_path / "home")
    with api_over(home) as api:
        api.get("/v1/accounts/crew_0").ok()
        assert mapped(home) == set()
        for number in range(5):
            folder = write_facts(tmp_path / f"more{number}", [{"account_id": f"more_{number}"}])
            publish_facts(home, folder)
            api.look()
            assert api.get("/v1/accounts/crew_0/explanation").ok()["ring"]["size"] == 7
        assert 1 <= len(mapped(home)) <= 4


def mapped(home: Path) -> set[str]:
    """The files of facts that this process has mapped."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {line.split()[-1] for line in lines if f"{home}/" in line and line.endswith("uses.arrow")}


def test_an_explanation_is_cut_at_the_deadline(crew: Path, tmp_path: Path) -> None:
    home = copy_home(crew, tmp_path / "home")
    with api_over(home, deadline=1e-5) as api:
        api.get("/v1/accounts/crew_0/explanation").problem(504, "deadline_exceeded")
        assert api.get("/v1/accounts/crew_0").status == 200


def test_facts_that_are_damaged_are_not_explained_from_and_other_answers_stay(crew: Path, tmp_path: Path) -> None:
    home = copy_home(crew, tmp_path / "home")
    path = home / "runs" / str(current_run(home)) / "uses.arrow"
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 1
    path.write_bytes(held)
    with api_over(home) as api:
        refused = api.get("/v1/accounts/crew_0/explanation").problem(503, "run_refused")
        assert str(home) not in json.dumps(refused)
        assert api.get("/v1/accounts/crew_0").status == 200
