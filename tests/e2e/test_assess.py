"""What if, from the shell, over HTTP and in the client: what is said, what is refused, and that nothing is written."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import graphrisk
from graphrisk.client import Client
from tests.support import call_cli, run_cli, sighting, write_facts
from tests.support_api import copy_home, publish_facts, serving
from tests.support_asgi import Answered, Api, api_over
from tests.support_crew import CREW, DEVICE

WHEN = "2026-03-05T10:00:00Z"
JOINING: dict[str, Any] = {
    "account_id": "one_more",
    "created_at": WHEN,
    "sightings": [
        {"kind": "device", "value": DEVICE, "seen_at": WHEN},
        {"kind": "ip", "value": "192.168.0.1", "seen_at": WHEN},
    ],
}
NOTHING_SHARED: dict[str, Any] = {"sightings": [{"kind": "card", "value": "tok_of_nobody_else_1", "seen_at": WHEN}]}


def write_json(path: Path, given: Any) -> str:
    path.write_text(json.dumps(given), encoding="utf-8")
    return str(path)


def test_somebody_who_would_join_is_told_with_ring_links_and_reasons(crew: Path, tmp_path: Path) -> None:
    ring = graphrisk.why(CREW[0], home=crew)["ring"]["ring_id"]
    shown = call_cli("assess", write_json(tmp_path / "one.json", JOINING), home=crew)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"It would be a core member of ring {ring}: 8 accounts, 8 of them core" in " ".join(shown.stdout.split())
    assert "Sighting 1 was left out: the IP address is private" in " ".join(shown.stdout.split())
    (told,) = json.loads(call_cli("assess", str(tmp_path / "one.json"), "--json", home=crew).stdout)
    assert {link["account_id"] for link in told["links"]} == {*CREW}
    assert all(sum(each["milli_nats"] for each in link["evidence"]) == link["strength"] for link in told["links"])
    assert all(each["accounts"] == 7 for link in told["links"] for each in link["evidence"])
    assert sum(reason["contribution"] for reason in told["reasons"]) == told["logit"]
    assert (told["known"], told["ring"]["touches"], told["rejected"][0]["reason"]) == (False, [ring], "private_address")


def test_it_is_what_a_run_says_once_the_facts_are_loaded(crew: Path, tmp_path: Path) -> None:
    (told,) = json.loads(call_cli("assess", write_json(tmp_path / "one.json", JOINING), "--json", home=crew).stdout)
    home = copy_home(crew, tmp_path / "home")
    rows = [sighting("one_more", "device", DEVICE, WHEN)]
    publish_facts(home, write_facts(tmp_path / "facts", [{"account_id": "one_more", "created_at": WHEN}], rows))
    found = json.loads(call_cli("show", "account", "one_more", "--json", home=home).stdout)
    assert (told["score"], told["logit"], told["reasons"]) == (found["score"], found["logit"], found["reasons"])
    assert told["ring"]["ring_id"] == found["ring_id"]
    assert (told["ring"]["role"], told["ring"]["size"]) == (found["role"], found["ring"]["size"])


def test_who_shares_nothing_is_in_no_ring(crew: Path, tmp_path: Path) -> None:
    shown = call_cli("assess", write_json(tmp_path / "one.json", NOTHING_SHARED), home=crew).stdout
    assert shown.startswith(
        "Account assessed account (new) · score 0 (low) · decision: none\nIt would be in no ring.\n"
    )


def test_a_card_of_two_crews_would_join_their_rings(crew: Path, tmp_path: Path) -> None:
    home = copy_home(crew, tmp_path / "home")
    other = [f"other_{number}" for number in range(6)]
    rows = [sighting(each, "device", "other-device-02", f"2026-03-0{place + 1}") for place, each in enumerate(other)]
    publish_facts(
        home, write_facts(tmp_path / "facts", [{"account_id": e, "created_at": "2026-02-21"} for e in other], rows)
    )
    rings = sorted(graphrisk.why(each, home=home)["ring"]["ring_id"] for each in (CREW[0], other[0]))
    both = {
        **JOINING,
        "sightings": [*JOINING["sightings"][:1], {"kind": "device", "value": "other-device-02", "seen_at": WHEN}],
    }
    (told,) = json.loads(call_cli("assess", write_json(tmp_path / "one.json", both), "--json", home=home).stdout)
    assert told["ring"]["touches"] == rings
    assert told["ring"]["size"] == 14


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "accounts: list should have at least 1 item"),
        ('{"sightings": [{"kind": "device", "value": "x"}]}', "a sighting needs first_seen or seen_at"),
        (
            '{"sightings": [{"kind": "device", "value": "x", "seen_at": "2026-01-01"}]}',
            "accounts.0.sightings.0.seen_at",
        ),
        ('{"acount_id": "a"}', "accounts.0.acount_id: extra inputs are not permitted"),
        ('{"created_at": "yesterday"}', "accounts.0.created_at"),
        (json.dumps([{}] * 101), "at most 100 items"),
        ("5", "accounts: input should be a valid list"),
    ],
)
def test_what_cannot_be_assessed_gets_one_sentence(crew: Path, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "asked.json").write_text(text)
    done = call_cli("assess", str(tmp_path / "asked.json"), home=crew)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert said in done.stderr


def test_no_file_no_run_and_another_reference_are_said(crew: Path, tmp_path: Path) -> None:
    assert "cannot be read" in call_cli("assess", str(tmp_path / "none.json"), home=crew).stderr
    asked = write_json(tmp_path / "one.json", JOINING)
    assert "Nothing is published yet" in run_cli("assess", asked, home=tmp_path / "empty").stderr
    home = copy_home(crew, tmp_path / "home")
    (home / "token.key").write_text("0" * 64 + "\n")
    assert "tokens of another key" in call_cli("assess", asked, home=home).stderr


def post(api: Api, body: Any, **query: str) -> Answered:
    return api.run(posted(api, body, **query))


async def posted(api: Api, body: Any, **query: str) -> Answered:
    return await api.asked(
        "/v1/accounts:assess",
        method="POST",
        headers={"content-type": "application/json"},
        body=[json.dumps(body).encode()],
        query="&".join(f"{name}={value}" for name, value in query.items()).encode(),
    )


def test_over_http_it_is_the_same_and_nothing_is_written(crew: Path, tmp_path: Path) -> None:
    home = copy_home(crew, tmp_path / "home")
    printed = json.loads(
        call_cli("assess", write_json(tmp_path / "one.json", [JOINING, NOTHING_SHARED]), "--json", home=home).stdout
    )
    with api_over(home) as api:
        before = files_of(home)
        answer = post(api, {"accounts": [JOINING, NOTHING_SHARED]}).ok()
        assert answer["accounts"] == printed
        post(api, {"accounts": [{**JOINING, "sightings": [{"kind": "device"}]}]}).problem(422, "invalid_request")
        post(api, {"accounts": [JOINING], "more": 1}).problem(422, "invalid_request")
        post(api, {"accounts": [JOINING]}, run="run_nobody").problem(404, "unknown_run")
        assert files_of(home) == before


def test_one_account_does_not_wait_for_the_hundred_of_another_request(crew: Path, tmp_path: Path) -> None:
    hundred = [{**JOINING, "account_id": f"new_{number}"} for number in range(100)]
    ended: list[int] = []

    async def ask(accounts: list[dict[str, Any]]) -> None:
        ended.append(len((await posted(api, {"accounts": accounts})).ok()["accounts"]))

    async def both() -> None:
        await asyncio.gather(ask(hundred), ask([JOINING]))

    with api_over(copy_home(crew, tmp_path / "home")) as api:
        post(api, {"accounts": [JOINING]}).ok()  # the facts are open then
        api.run(both())
    assert ended == [1, 100]


def test_the_client_asks_a_hundred_at_a_time(crew: Path, tmp_path: Path) -> None:
    with serving(copy_home(crew, tmp_path / "home")) as served, Client(served.url, served.key()) as client:
        found = client.assess([{**JOINING, "account_id": f"new_{number}"} for number in range(101)])
    assert [each.account_id for each in found] == [f"new_{number}" for number in range(101)]
    assert {(each.ring and each.ring.size, each.decision) for each in found} == {(8, found[0].decision)}
    assert found[0].links[0].evidence[0].kind == "device"


def files_of(home: Path) -> dict[str, tuple[int, int]]:
    """All files but the server's own: its audit log, its counts of what each key asked, the feed that it derives from runs."""
    own = {"api", "audit", "signals"}
    files = [path for path in home.rglob("*") if path.is_file() and own.isdisjoint(path.relative_to(home).parts)]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def test_a_run_of_another_reference_or_from_before_is_refused_over_http(crew: Path, tmp_path: Path) -> None:
    home = copy_home(crew, tmp_path / "home")
    (home / "token.key").write_text("0" * 64 + "\n")
    with api_over(home) as api:
        refused = post(api, {"accounts": [JOINING]}).problem(409, "cannot_assess")
        assert "tokens of another key" in refused["detail"]
    home = copy_home(crew, tmp_path / "older")
    manifest = next((home / "runs").glob("*/manifest.json"))
    told = json.loads(manifest.read_text())
    del told["clock"]
    manifest.write_text(json.dumps(told))
    with api_over(home) as api:
        post(api, {"accounts": [JOINING]}).problem(409, "no_facts_kept")
