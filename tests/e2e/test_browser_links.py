"""Links into the Neo4j Browser, in the API and in ``show``: there when a Browser is named, and nobody has to be up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from graphrisk import pipeline
from tests.support import call_cli
from tests.support_api import publish_facts, settings_at
from tests.support_asgi import Api, api_over, in_path

NAME = "GRAPHRISK_NEO4J_BROWSER_URL"
BROWSER = "http://127.0.0.1:9/browser/"
"""Nothing listens there."""
ODD = "a&account=b/ü #%"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, of which the first is live again: the ring of the second is retired."""
    folder = tmp_path_factory.mktemp("links")
    for name in (ODD, "late"):
        publish_facts(folder / "home", farm(folder / name.replace("/", ""), name))
    pipeline.rollback(settings_at(folder / "home"))
    return folder / "home"


def farm(folder: Path, name: str) -> Path:
    """Accounts of one device and one card; the first has just that name."""
    folder.mkdir()
    ids = [f"{name}{nth or ''}" for nth in range(6)]
    (folder / "accounts.csv").write_text("account_id,created_at\n" + "".join(f"{each},2026-03-01\n" for each in ids))
    rows = [f"{each},{kind},{kind}-of-{name[0]},2026-03-02\n" for each in ids for kind in ("device", "card")]
    (folder / "sightings.csv").write_text("account_id,kind,value,first_seen\n" + "".join(rows))
    return folder


@pytest.fixture
def linked(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv(NAME, BROWSER)
    with api_over(home) as api:
        yield api


def asked(link: str) -> dict[str, list[str]]:
    """What ``open.html`` is given, as the Browser takes the query apart."""
    assert link.startswith(f"{BROWSER}guides/open.html?")
    return parse_qs(urlsplit(link).query, strict_parsing=True)


def retired(api: Api) -> str:
    older = next(run for run in api.get("/v1/runs").ok()["runs"] if run["status"] == "published")
    kept = {ring["ring_id"] for ring in api.get("/v1/rings").ok()["items"]}
    (gone,) = {ring["ring_id"] for ring in api.get("/v1/rings", run=older["run_id"]).ok()["items"]} - kept
    return gone


def test_an_account_has_a_link_that_names_it_alone_or_among_others(linked: Api) -> None:
    one = linked.get(f"/v1/accounts/{in_path(ODD)}").ok()
    assert asked(one["browser_url"]) == {"account": [ODD]}
    found, unknown = linked.lookup([ODD, "nobody"]).ok()["accounts"]
    assert found["browser_url"] == one["browser_url"]
    assert "browser_url" not in unknown


def test_a_ring_has_a_link_to_its_members_and_a_retired_one_to_its_history(linked: Api) -> None:
    (listed,) = linked.get("/v1/rings").ok()["items"]
    assert asked(listed["browser_url"]) == {"ring": [listed["ring_id"]]}
    assert linked.get(f"/v1/rings/{listed['ring_id']}").ok()["browser_url"] == listed["browser_url"]
    gone = linked.get(f"/v1/rings/{retired(linked)}").ok()
    assert gone["status"] == "retired"
    assert asked(gone["browser_url"]) == {"question": ["ring_history"], "ringId": [gone["ring_id"]]}


def test_without_a_browser_the_links_are_null(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "")
    with api_over(home) as api:
        (ring,) = api.get("/v1/rings").ok()["items"]
        paths = [f"/v1/accounts/{in_path(ODD)}", *(f"/v1/rings/{each}" for each in (ring["ring_id"], retired(api)))]
        answers = [*(api.get(path).ok() for path in paths), ring, api.lookup([ODD]).ok()["accounts"][0]]
    assert [answer["browser_url"] for answer in answers] == [None] * 5


def test_show_has_the_links_of_the_api(linked: Api) -> None:
    ring_id = linked.get("/v1/rings").ok()["items"][0]["ring_id"]
    for what, path, name in (
        ("account", f"/v1/accounts/{in_path(ODD)}", ODD),
        ("ring", f"/v1/rings/{ring_id}", ring_id),
        ("ring", f"/v1/rings/{(gone := retired(linked))}", gone),
    ):
        link = linked.get(path).ok()["browser_url"]
        shown = call_cli("show", what, name, "--json", home=linked.home)
        assert json.loads(shown.stdout)["browser_url"] == link
        assert call_cli("show", what, name, home=linked.home).stdout.endswith(f"In the graph: {link}\n")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://127.0.0.1:7474", "http://127.0.0.1:7474/browser/"),
        ("http://127.0.0.1:7474/", "http://127.0.0.1:7474/browser/"),
        ("https://graph.example/neo4j/browser", "https://graph.example/neo4j/browser/"),
        ("http://[::1]:7474/browser/", "http://[::1]:7474/browser/"),
    ],
)
def test_the_address_of_the_browser_may_be_short(
    written: str, meant: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, written)
    found: dict[str, Any] = pipeline.account(settings_at(home), ODD)
    assert found["browser_url"].startswith(f"{meant}guides/open.html?account=")


@pytest.mark.parametrize(
    "address",
    [
        "graph.example:7474",
        "bolt://graph.example:7687",
        "http://",
        "http://h:port/",
        "http://h/?a=b",
        "http://h/#top",
        "x",
    ],
)
def test_an_address_that_is_none_is_refused_in_one_sentence(
    address: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, address)
    done = call_cli("show", "account", ODD, home=home)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"graphrisk: {NAME} is {address!r}; write it like http://127.0.0.1:7474/browser/.\n"


def test_a_password_in_the_address_is_refused_and_not_repeated(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "http://neo4j:s3cret@127.0.0.1:7474/browser/")
    done = call_cli("show", "account", ODD, home=home)
    assert done.returncode == 2
    assert NAME in done.stderr
    assert "s3cret" not in done.stderr
