"""The client against a real server: every answer whole, any id there and back, lists of one run while others are published."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import httpx
import pytest

import graphrisk
from graphrisk.client import (
    Account,
    Client,
    Forbidden,
    NotFound,
    RateLimited,
    Ring,
    Rival,
    RunGone,
    Signal,
    Unauthorized,
    UnknownAccount,
    to_frame,
)
from tests.support import wait_for
from tests.support_api import Served, copy_home, publish_facts, serving, small_home
from tests.support_client import same
from tests.support_e2e import write_farm

MANY_RINGS = 520
ODD = [
    "a/b", "/", "//", "..", ".", "../..", "...", "%2F", "%2f..", "%00", "%", "ü x", "e\u0301", "é", "😀", "a?b#c&d=e", "+",
    "a b", "a%20b", ":lookup", "x:lookup", "links", "a/links", "'", '"', "\\", "acc,1", "~", "{id}", "Ω" * 128, "\u2028", "\ue02f",
]  # fmt: skip


def odd_ids() -> list[str]:
    """Ids that a path or a query could mistake, and some of any printable characters."""
    dice = Random(1)
    drawn = (("".join(chr(dice.randrange(33, 0x3000)) for _ in range(dice.randint(1, 20)))) for _ in range(300))
    return [each for each in dict.fromkeys([*ODD, *drawn]) if each.isprintable() and each.strip()]


def write_facts(folder: Path, groups: Iterable[list[str]]) -> Path:
    """A facts folder whose groups share a device and a card each."""
    folder.mkdir()
    accounts, sightings = ["account_id,created_at"], ["account_id,kind,value,first_seen"]
    for number, ids in enumerate(groups):
        shown = ['"' + each.replace('"', '""') + '"' for each in ids]
        accounts += [f"{each},2026-03-01" for each in shown]
        sightings += [
            f"{each},{kind},{kind}-{number}-token,2026-03-02" for each in shown for kind in ("device", "card")
        ]
    (folder / "accounts.csv").write_text("\n".join(accounts) + "\n", encoding="utf-8")
    (folder / "sightings.csv").write_text("\n".join(sightings) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with more rings than a page has, and accounts with odd ids, five in a ring."""
    folder, odd = tmp_path_factory.mktemp("many"), odd_ids()
    groups = [[f"r{ring}-{place}" for place in range(3)] for ring in range(MANY_RINGS)]
    groups += [odd[start : start + 5] for start in range(0, len(odd), 5)]
    publish_facts(folder / "home", write_facts(folder / "facts", groups))
    return folder / "home"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    home = copy_home(small_home(tmp_path_factory), tmp_path_factory.mktemp("served") / "home")
    with serving(home) as server:
        yield server


@pytest.fixture(scope="module")
def client(served: Served) -> Generator[Client]:
    with Client(served.url, served.key()) as client:
        yield client


def test_every_answer_is_whole(served: Served, client: Client) -> None:
    def raw(path: str) -> Any:
        answer = httpx.get(served.url + path, headers={"Authorization": f"Bearer {served.key()}"})
        return answer.raise_for_status().json()

    def whole(rows: Iterable[Any], path: str) -> None:
        given, page = tuple(rows), raw(f"{path}?limit=500")
        assert page["items"]
        assert same(given[:500], page["items"])
        assert len(given) == page["total"]

    ring_id = next(client.rings()).ring_id
    member = next(client.members(ring_id)).account_id
    first, last = (each.run_id for each in client.runs())
    assert same(client.account(member), raw(f"/v1/accounts/{member}"))
    assert same(client.ring(ring_id), raw(f"/v1/rings/{ring_id}"))
    assert same(client.graph(ring_id), raw(f"/v1/rings/{ring_id}/graph"))
    assert same(tuple(client.runs()), raw("/v1/runs")["runs"])
    assert same(client.run(first), raw(f"/v1/runs/{first}"))
    explained = f"/v1/accounts/{member}/explanation"
    assert same(client.explanation(member), raw(explained))
    assert same(client.disclosable(member), raw(f"{explained}?audience=disclosable"))
    assert same(client.ring_explanation(ring_id), raw(f"/v1/rings/{ring_id}/explanation"))
    other = client.explanation(member).paths[0].to
    everyone = client.lookup(f"acc_{number:08}" for number in range(600))
    alone = next(each for each in everyone if isinstance(each, Account) and each.ring is None)
    assert same(client.explanation(alone.account_id), raw(f"/v1/accounts/{alone.account_id}/explanation"))
    for each in (other, alone.account_id, "acc_00000001"):
        assert same(client.why(member, each), raw(f"/v1/links/why?a={member}&b={each}"))
    whole(client.links(member), f"/v1/accounts/{member}/links")
    whole(client.rings(), "/v1/rings")
    whole(client.members(ring_id), f"/v1/rings/{ring_id}/members")
    whole(client.ring_links(ring_id), f"/v1/rings/{ring_id}/links")
    whole(client.lineage(ring_id), f"/v1/rings/{ring_id}/lineage")
    comparison, items = client.comparison(first, last), raw(f"/v1/runs/{first}/diff/{last}?limit=500")
    assert same(comparison, {name: items[name] for name in items if name not in ("items", "next")})
    assert comparison.total == sum(comparison.counts.values()) == len(items["items"])
    for change, item in zip(client.diff(first, last), items["items"], strict=True):
        told = {"type": change.type, "ring_id": change.ring_id, "account_id": change.account_id, **change.details}
        assert {name: value for name, value in told.items() if name in item} == item


def test_filters_and_runs_are_passed_on(client: Client) -> None:
    rings, high = list(client.rings()), list(client.rings(band="high", ordering="-size"))
    assert [each for each in rings if each.recommended] == list(client.rings(recommended=True)) != []
    assert 0 < len(high) < len(rings)
    assert {each.ring_id for each in high} == {each.ring_id for each in rings if each.band == "high"}
    assert [each.size for each in high] == sorted((each.size for each in high), reverse=True)
    assert list(client.rings(status="retired")) == []
    assert list(client.rings(updated_since=datetime(2200, 1, 1, tzinfo=UTC))) == []
    first, last = client.runs()
    then = client.run(first.run_id).publications[0].published_at
    for earlier in (list(client.rings(run=first.run_id)), list(client.rings(as_of=then))):
        assert len(earlier) == first.counts["rings"] < last.counts["rings"] == len(rings)
    assert client.account("late_0").run_id == last.run_id
    for ask in (lambda: client.account("late_0", run=first.run_id), lambda: client.account("late_0", as_of=then)):
        with pytest.raises(NotFound, match=first.run_id):
            ask()


def test_unusual_ids_go_there_and_back(many: Path) -> None:
    ids = odd_ids()
    with serving(many) as server, Client(server.url, server.key()) as client:
        found = list(client.lookup(ids))
        assert [each.account_id for each in found] == ids
        assert [each.account_id for each in found if each.status == "unknown"] == []
        for each in found:
            assert client.account(each.account_id) == each
        for account_id in ODD:
            if account_id in ids:
                linked = [each.account_id for each in client.links(account_id)]
                assert linked
                assert set(linked) < set(ids)
        for unknown in (f"{ids[0]}/", "a/b/..", quote("a/b", safe=""), "A/B"):
            with pytest.raises(NotFound, match="unknown_account"):
                client.account(unknown)


def test_lists_stay_with_their_run_while_others_are_published(many: Path, tmp_path: Path) -> None:
    home = copy_home(many, tmp_path / "home")
    ids = [f"r{ring}-{place}" for place in range(3) for ring in range(MANY_RINGS)] + ["late_0", "none", "late_0"]
    with serving(home, workers=2) as server, Client(server.url, server.key()) as client:
        before = [each.ring_id for each in client.rings()]
        run_id = client.runs()[-1].run_id
        rings, accounts = client.rings(), client.lookup(ids)
        started = [next(rings).ring_id], [next(accounts)]
        signals = list(client.signals())
        with ThreadPoolExecutor() as threads:
            following = threads.submit(
                lambda: list(islice(client.signals(signals[-1].cursor, follow=True, every=0.1), 20))
            )
            last = publish_facts(home, write_farm(tmp_path / "late", "late", 40))
            news = following.result(60)
        wait_for(lambda: all(client.account("r1-1").run_id == last for _ in range(20)))
        assert [*started[0], *(each.ring_id for each in rings)] == before
        assert len(before) > 500
        rest = [*started[1], *accounts]
        assert [each.account_id for each in rest] == ids
        assert {each.run_id for each in rest} == {run_id}
        assert [each.account_id for each in rest if isinstance(each, UnknownAccount)] == ids[-3:]
        assert news[0].type == "run.published"
        assert (news[0].run_id, news[0].previous_run_id) == (last, run_id)
        assert [*signals, *news] == list(client.signals())[: len(signals) + 20]
        assert client.account("late_0").run_id == last


def test_a_list_of_a_run_that_is_deleted_meanwhile(many: Path, tmp_path: Path) -> None:
    home = copy_home(many, tmp_path / "home")
    with serving(home) as server:
        key, port = server.key(), int(server.url.rpartition(":")[2])
        client = Client(server.url, key)
        rings, run_id = client.rings(), client.runs()[0].run_id
        next(rings)
    publish_facts(home, write_farm(tmp_path / "late", "late", 40))
    shutil.rmtree(home / "runs" / run_id)
    with serving(home, port=port), client:
        with pytest.raises(RunGone, match=f"{run_id} is no longer kept.* 500 rows of it were given already"):
            list(rings)
        with pytest.raises(RunGone):
            client.account("r1-1", run=run_id)


def test_who_may_not_is_told_so(served: Served) -> None:
    with Client(served.url, "gr_00000000_none") as nobody, pytest.raises(Unauthorized):
        nobody.account("acc_00000003")
    with Client(served.url, served.key("scores:read")) as scores:
        assert scores.account("acc_00000003").account_id == "acc_00000003"
        with pytest.raises(Forbidden, match="rings:read"):
            next(scores.rings())


def test_a_key_with_a_low_rate_is_waited_for(served: Served) -> None:
    key = served.key("scores:read", rate=2)
    with Client(served.url, key) as patient:
        assert [patient.account("acc_00000003").score for _ in range(4)] == [0] * 4
    with Client(served.url, key, retries=0) as hasty, pytest.raises(RateLimited):
        list(map(hasty.account, ["acc_00000003"] * 4))


def test_threads_may_share_a_client(client: Client) -> None:
    ids = [f"acc_{number:08d}" for number in range(1, 201)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(client.account, ids)) == list(client.lookup(ids))


def test_frames_have_a_row_for_each_answer(served: Served, client: Client) -> None:
    expected = graphrisk.read_run(home=served.home).accounts().set_index("account_id")
    ids = [*expected.index, "none", expected.index[0]]
    frame = client.lookup(ids).to_frame()
    assert frame["account_id"].tolist() == ids
    known = frame[frame["status"] == "found"].set_index("account_id")
    once = known[~known.index.duplicated()]
    for name in ("score", "band", "ring_id"):
        ours, theirs = (each[name].astype("str").fillna("-") for each in (once, expected))
        assert (ours == theirs).all(), name
    assert frame["score"].dtype == "Int64"
    assert frame["score"].isna().sum() == 1
    assert frame.loc[frame["ring_id"].notna(), "ring_size"].min() >= 3


def test_frames_of_nothing_have_all_columns(client: Client) -> None:
    nothing, something = client.rings(min_size=10_000).to_frame(), client.rings().to_frame()
    assert (len(nothing), len(something)) == (0, len(list(client.rings())))
    assert nothing.dtypes.to_dict() == something.dtypes.to_dict()
    spread = {f"rival_{field.name}" for field in fields(Rival)}
    assert {field.name for field in fields(Ring)} - {"rival"} | spread == set(nothing.columns)
    assert {"ring_id", "ring_role", "reasons"} <= set(client.lookup([]).to_frame().columns)
    assert list(to_frame([]).columns) == []
    assert str(something["updated_at"].dtype) == "datetime64[us, UTC]"


def test_frames_tell_parts_as_text(client: Client) -> None:
    ring = client.ring(next(client.rings()).ring_id)
    assert ring.status == "live"
    row = to_frame([ring]).iloc[0]
    assert row["kinds"].split(", ") == list(ring.kinds)
    assert row["reasons"] == " ".join(each.text for each in ring.reasons)
    assert row["lineage_event"] == ring.lineage.event
    assert ring.rival
    assert (row["rival_code"], row["rival_lead"]) == (ring.rival.code, ring.rival.lead)
    assert row["hypotheses"].split(", ") == [f"{each.code} {each.permille}" for each in ring.hypotheses]
    link = next(client.ring_links(ring.ring_id))
    assert to_frame([link]).iloc[0]["evidence"].split(", ") == [f"{e.kind} {e.milli_nats}" for e in link.evidence]
    assert to_frame(client.runs())["counts_rings"].tolist() == [each.counts["rings"] for each in client.runs()]
    signals: list[Signal] = list(client.signals())
    assert to_frame(signals)["score"].dropna().tolist() == [
        each.details["score"] for each in signals if each.details.get("score") is not None
    ]


def test_the_client_is_light() -> None:
    code = (
        "import sys, graphrisk.client as c; assert c.Client; print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"pandas", "pyarrow", "duckdb", "numpy", "pydantic", "fastapi", "deltalake"} & set(done.stdout.split())
    assert "httpx" in done.stdout.split()
