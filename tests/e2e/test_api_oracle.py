"""Every answer about an account or a ring, against what slow, obvious code says over the run's Parquet export."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrisk import pipeline
from graphrisk.policy import Policy
from tests.support import sighting, write_facts
from tests.support_api import copy_home, publish_facts, settings_at, small_home
from tests.support_asgi import Answered, Api, api_over, in_path

EXAMPLES = settings(max_examples=60, deadline=None)
MOMENTS = ("first_link_at", "last_link_at", "window_start", "window_end")


class Export:
    """The run that is live, as rows of its export."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.settings = settings_at(home)
        pipeline.export(self.settings, folder)
        rows = {path.stem: pq.read_table(path).to_pylist() for path in folder.glob("*.parquet")}
        self.accounts: dict[str, Any] = {row["account_id"]: row for row in rows["accounts"]}
        self.rings: dict[str, Any] = {row["ring_id"]: row for row in rows["rings"]}
        self.scores = [row["score"] for row in rows["accounts"]]

    def account(self, account_id: str) -> Any:
        return pipeline.account(self.settings, account_id)

    def ring(self, ring_id: str) -> Any:
        return pipeline.ring(self.settings, ring_id)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Export]]:
    folder = tmp_path_factory.mktemp("oracle")
    home = copy_home(small_home(tmp_path_factory), folder / "home")
    with api_over(home) as api:
        yield api, Export(home, folder / "export")


def everything(api: Api, path: str, limit: int, **query: Any) -> list[Any]:
    """All items of a list, page by page."""
    items: list[Any] = []
    cursor: dict[str, Any] = {}
    while True:
        page = api.get(path, limit=limit, **query, **cursor).ok()
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next"] is None:
            assert page["total"] == len(items)
            return items
        assert len(page["items"]) == limit
        cursor = {"cursor": page["next"]}


def test_it_is_known_which_files_an_export_has(served: tuple[Api, Export]) -> None:
    _, export = served
    assert len(export.accounts) == len(export.scores) == 612
    assert len(export.rings) > 20


@EXAMPLES
@given(data=st.data())
def test_an_account_is_what_the_export_says(served: tuple[Api, Export], data: st.DataObject) -> None:
    api, export = served
    account_id = data.draw(st.sampled_from(sorted(export.accounts)))
    answer, row, whole = (
        api.get(f"/v1/accounts/{account_id}").ok(),
        export.accounts[account_id],
        export.account(account_id),
    )
    assert {answer[key] for key in ("account_id",)} == {account_id}
    assert (answer["score"], answer["band"]) == (row["score"], row["band"])
    assert (answer["account_status"], answer["marketplace"]) == (whole["status"], whole["marketplace"])
    assert answer["reasons"] == whole["reasons"]
    logit = sum(reason["contribution"] for reason in answer["reasons"])
    assert answer["probability"] == pytest.approx(1 / (1 + math.exp(-logit / 1000)), abs=1e-6)
    assert answer["score"] == pytest.approx(1000 * answer["probability"], abs=1)
    below = sum(score < row["score"] for score in export.scores)
    assert answer["percentile"] == round(100 * below / len(export.scores), 2)
    if whole["ring"] is None:
        assert answer["ring"] is None
    else:
        ring = export.rings[row["ring_id"]]
        expected = {key: ring[key] for key in ("ring_id", "size", "core_size", "score", "band", "recommended", "rival")}
        assert answer["ring"] == expected | {"role": row["role"]}
    act = row["band"] == "high" and row["role"] == "core" and export.rings[row["ring_id"]]["recommended"]
    assert answer["decision"] == ("act" if act else {"high": "review", "medium": "watch", "low": "none"}[row["band"]])


@EXAMPLES
@given(data=st.data(), limit=st.integers(1, 9))
def test_the_links_of_an_account_are_those_of_the_export(
    served: tuple[Api, Export], data: st.DataObject, limit: int
) -> None:
    api, export = served
    account_id = data.draw(st.sampled_from(sorted(export.accounts)))
    links = everything(api, f"/v1/accounts/{account_id}/links", limit)
    whole = export.account(account_id)
    assert len(links) == whole["links"]
    assert links[: len(whole["strongest_links"])] == whole["strongest_links"]
    assert [link["strength"] for link in links] == sorted((link["strength"] for link in links), reverse=True)
    for link in links:
        assert sum(each["milli_nats"] for each in link["evidence"]) == link["strength"]
        back = everything(api, f"/v1/accounts/{link['account_id']}/links", 500)
        assert {**link, "account_id": account_id} in back


@EXAMPLES
@given(data=st.data())
def test_a_look_up_equals_the_answers_one_by_one(served: tuple[Api, Export], data: st.DataObject) -> None:
    api, export = served
    known, unknown = (
        st.sampled_from(sorted(export.accounts)),
        st.text(max_size=20).filter(lambda text: text not in export.accounts),
    )
    ids = data.draw(st.lists(st.one_of(known, known, unknown.filter(encodable)), min_size=1, max_size=30))
    answers = api.lookup(ids).ok()["accounts"]
    assert len(answers) == len(ids)
    for account_id, answer in zip(ids, answers, strict=True):
        if account_id in export.accounts:
            assert {"run_id", "as_of", "policy", "took_ms", *answer} - {"status"} == set(single := one(api, account_id))
            assert {**single, **answer} == {**single, "status": "found"}
        else:
            assert answer == {"status": "unknown", "account_id": account_id}
            assert not account_id or ask(api, account_id).status == 404


def encodable(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)


def ask(api: Api, account_id: str) -> Answered:
    return api.get(f"/v1/accounts/{in_path(account_id)}")


def one(api: Api, account_id: str) -> Any:
    return ask(api, account_id).ok()


def test_a_ring_its_members_and_its_links_are_those_of_the_export(served: tuple[Api, Export]) -> None:
    api, export = served
    for ring_id, row in export.rings.items():
        answer, whole = api.get(f"/v1/rings/{ring_id}").ok(), export.ring(ring_id)
        for key in ("size", "core_size", "score", "band", "kinds", "flags", "bridge", "reasons", *MOMENTS):
            assert answer[key] == whole[key], key
        assert sum(reason["contribution"] for reason in answer["reasons"]) == whole["logit"]
        check_rival(answer, whole, row)
        members = everything(api, f"/v1/rings/{ring_id}/members", 7)
        mine = {account_id: each for account_id, each in export.accounts.items() if each["ring_id"] == ring_id}
        assert [each["account_id"] for each in members] == sorted(mine, key=str.encode)
        assert len(members) == answer["size"] == row["size"]
        for each in members:
            found = mine[each["account_id"]]
            assert each == {key: found[key] for key in ("account_id", "role", "score", "band")}
        assert sum(each["role"] == "core" for each in members) == answer["core_size"]
        links = everything(api, f"/v1/rings/{ring_id}/links", 50)
        assert links == whole["links"]
        marketplaces = {export.account(account_id)["marketplace"] for account_id in mine} - {None}
        assert answer["marketplaces"] == sorted(marketplaces)


def check_rival(answer: Any, whole: Any, row: Any) -> None:
    """What a ring may be, against its row in the export and the policy's defaults."""
    policy, rival = Policy(), answer["rival"]
    assert answer["recommended"] is row["recommended"]
    assert row["recommended"] == (row["score"] >= policy.bands.high and row["lead"] >= policy.recommendation.margin)
    assert answer["hypotheses"] == row["hypotheses"]
    assert (rival["code"], rival["lead"], rival["needed"]) == (row["rival"], row["lead"], policy.recommendation.margin)
    assert [answer[key] for key in ("rival", "lead_reasons")] == [whole[key] for key in ("rival", "lead_reasons")]
    parts = {(reason["code"], reason["contribution"]) for reason in answer["lead_reasons"]}
    assert parts == {(part["code"], part["contribution"]) for part in row["lead_reasons"]}
    assert sum(contribution for _, contribution in parts) == row["lead"]
    chances = {each["code"]: each["permille"] for each in row["hypotheses"]}
    assert list(chances.values()) == sorted(chances.values(), reverse=True)
    innocent = {code: chance for code, chance in chances.items() if code != "organized_ring"}
    assert innocent[row["rival"]] == max(innocent.values())
    # Chances are rounded to 1/1000, so their ratio says what the lead is only where both are large.
    if min(chances["organized_ring"], innocent[row["rival"]]) >= 50:
        odds = chances["organized_ring"] / innocent[row["rival"]]
        assert row["lead"] / 1000 == pytest.approx(math.log(odds), abs=0.03)


def test_a_drawing_shows_what_the_ring_has(served: tuple[Api, Export]) -> None:
    api, export = served
    for ring_id in export.rings:
        drawn, whole = api.get(f"/v1/rings/{ring_id}/graph").ok(), export.ring(ring_id)
        members = {each["account_id"] for each in whole["members"]}
        values = {(each["kind"], each["token"]) for link in whole["links"] for each in link["evidence"]}
        assert drawn["counts"] == {"members": len(members), "links": len(whole["links"]), "attributes": len(values)}
        nodes = {node["id"]: node for node in drawn["nodes"]}
        assert len(nodes) == len(drawn["nodes"])
        assert {node["label"] for node in nodes.values() if node["type"] == "account"} <= members
        assert all({edge["source"], edge["target"]} <= set(nodes) for edge in drawn["edges"])
        shared = {f"{each['kind']}:{each['token']}": set[str]() for link in whole["links"] for each in link["evidence"]}
        for link in whole["links"]:
            for each in link["evidence"]:
                shared[f"{each['kind']}:{each['token']}"] |= {link["account_a"], link["account_b"]}
        for edge in drawn["edges"]:
            source = edge["source"].removeprefix("account:")
            if edge["type"] == "uses":
                assert source in shared[edge["target"]]
            else:
                pair = {source, edge["target"].removeprefix("account:")}
                assert any(
                    {link["account_a"], link["account_b"]} == pair and link["strength"] == edge["strength"]
                    for link in whole["links"]
                )
        strong = [edge for edge in drawn["edges"] if edge["type"] == "linked"]
        complete = len(nodes) == len(members) + len(values) and len(strong) == len(whole["links"])
        assert drawn["truncated"] is not complete


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "band": st.sampled_from(["high", "medium", "low"]),
        "min_score": st.integers(0, 1000),
        "min_size": st.integers(1, 30),
        "kind": st.sampled_from(["device", "ip", "card", "cohort", "email", "nothing"]),
        "marketplace": st.sampled_from(["de", "DE", "us", "m1", "market_1", ""]),
        "recommended": st.booleans(),
        "updated_since": st.sampled_from(["2020-01-01T00:00:00Z", "2100-01-01T00:00:00+02:00"]),
        "ordering": st.sampled_from(["-score", "-size", "-updated"]),
    },
)


@EXAMPLES
@given(query=FILTERS, limit=st.integers(1, 60), data=st.data())
def test_filters_and_orderings_are_those_of_obvious_code(
    served: tuple[Api, Export], query: dict[str, Any], limit: int, data: st.DataObject
) -> None:
    api, _ = served
    every = everything(api, "/v1/rings", 500)
    places = sorted({place for ring in every for place in ring["marketplaces"]})
    if "marketplace" in query and places:
        query = {**query, "marketplace": data.draw(st.sampled_from([*places, "nowhere"]))}
    # Values that rings have, since it is at these that a filter can be one off.
    for name, held in (("min_score", "score"), ("min_size", "size"), ("updated_since", "updated_at")):
        if name in query:
            query = {**query, name: data.draw(st.sampled_from([query[name], *(ring[held] for ring in every)]))}
    wanted = [ring for ring in every if matches(ring, query)]
    by = {"-score": "score", "-size": "size", "-updated": "updated_at"}[query.get("ordering", "-score")]
    wanted.sort(key=lambda ring: ring["ring_id"])
    wanted.sort(key=lambda ring: ring[by], reverse=True)
    assert everything(api, "/v1/rings", limit, **query) == wanted


def matches(ring: dict[str, Any], query: dict[str, Any]) -> bool:
    since = query.get("updated_since")
    return (
        ring["band"] == query.get("band", ring["band"])
        and ring["score"] >= query.get("min_score", 0)
        and ring["size"] >= query.get("min_size", 0)
        and ("kind" not in query or query["kind"] in ring["kinds"])
        and ("marketplace" not in query or query["marketplace"] in ring["marketplaces"])
        and ("recommended" not in query or ring["recommended"] is query["recommended"])
        and (since is None or datetime.fromisoformat(ring["updated_at"]) >= datetime.fromisoformat(since))
    )


STRANGE = ["a/b", "a%2Fb", "a%b", "..", ".", "a b", "a+b", "a?b#c", "ключ", "😀", '"', "\\", "<b>", "a;b", "a:b", "-", "0",
           "e\u0301", "\u00e9", "a,b", "x" * 128, "accounts:lookup", "links", "a/links", "%00", "{id}", "NULL", "\u202fx"]  # fmt: skip


def test_an_account_answers_by_any_id_that_could_be_loaded(tmp_path: Path) -> None:
    rows = [sighting(each, "device", f"d{place // 4}") for place, each in enumerate(STRANGE)]
    write_facts(tmp_path / "facts", [{"account_id": each, "created_at": "2026-01-01"} for each in STRANGE], rows)
    publish_facts(tmp_path / "home", tmp_path / "facts")
    with api_over(tmp_path / "home") as api:
        export = Export(tmp_path / "home", tmp_path / "export")
        assert len(export.accounts) >= len(STRANGE) - 1
        for account_id in export.accounts:
            for spelling in {
                in_path(account_id),
                "".join(f"%{byte:02x}" for byte in account_id.encode()),
                quote(account_id, safe="!:;,+"),
            }:
                assert api.get(f"/v1/accounts/{spelling}").ok()["account_id"] == account_id
            linked = api.get(f"/v1/accounts/{in_path(account_id)}/links").ok()["items"]
            assert {each["account_id"] for each in linked} <= set(export.accounts) - {account_id}
        answers = api.lookup(sorted(export.accounts)).ok()["accounts"]
        assert [(each["account_id"], each["status"]) for each in answers] == [
            (each, "found") for each in sorted(export.accounts)
        ]
