"""A farm and a family through the whole product: what else each may be, and whether action is recommended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphrisk import pipeline
from graphrisk.policy import LinkPolicy, Policy, RecommendationPolicy
from graphrisk.runs.store import current_run, read_table
from tests.support import Row, call_cli, sighting, write_facts
from tests.support_api import copy_home, settings_at
from tests.support_asgi import Api, api_over

RIVAL_COLUMNS = ("recommended", "hypotheses", "rival", "lead", "lead_reasons")
FAMILY = ("anna", "bert", "carl", "dora")
FARM = tuple(f"farm_{number:02}" for number in range(24))


def write_street(folder: Path) -> Path:
    """A family of old accounts with a tablet, a card, a home and an address in common and phones of their own; a farm of
    accounts of one week on four devices and four cards, on the move; and strangers."""
    accounts: list[Row] = []
    rows: list[Row] = []
    for place, each in enumerate(FAMILY):
        accounts.append({"account_id": each, "created_at": f"2024-0{2 * place + 1}-05"})
        months = [f"2026-{month:02}-1{place}" for month in range(1, 7)]
        for seen in months:
            rows += [
                sighting(each, kind, value, seen) for kind, value in (("device", "tablet-77"), ("card", "card-77"))
            ]
            rows.append(sighting(each, "ip", "81.2.69.7", seen))
            rows.append(sighting(each, "address", "7 Long Lane, 10115 Berlin", seen))
            rows.append(sighting(each, "device", f"phone-{each}", seen))
    for place, each in enumerate(FARM):
        accounts.append({"account_id": each, "created_at": f"2026-04-0{1 + place % 5}"})
        for day in (7, 8, 9):
            seen = f"2026-04-{day:02}"
            rows.append(sighting(each, "device", f"rack-{(place + day) % 4}", seen))
            rows.append(sighting(each, "card", f"stolen-{(place + day) % 4}", seen))
            rows.append(sighting(each, "ip", f"92.40.{day}.{place + 1}", seen))
    for number in range(400):
        each = f"stranger_{number:03}"
        accounts.append({"account_id": each, "created_at": f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}"})
        for month in (1, 3, 6):
            rows.append(sighting(each, "device", f"own-{number}", f"2026-{month:02}-{number % 28 + 1:02}"))
            rows.append(sighting(each, "card", f"mine-{number}", f"2026-{month:02}-{number % 28 + 1:02}"))
    return write_facts(folder, accounts, rows)


@dataclass(frozen=True)
class Street:
    """A published home with its API, its export, and the rings of the family and of the farm by their rows there."""

    home: Path
    api: Api
    accounts: dict[str, Any]
    rings: dict[str, Any]

    def ring_of(self, account_id: str) -> Any:
        return self.rings[self.accounts[account_id]["ring_id"]]


@contextmanager
def street(folder: Path, policy: Policy) -> Generator[Street]:
    settings = settings_at(folder / "home")
    pipeline.load(settings, policy, [str(write_street(folder / "facts"))])
    pipeline.publish(settings, policy, pipeline.detect(settings, policy)["run_id"])
    pipeline.export(settings, folder / "out")
    accounts, rings = (pq.read_table(folder / "out" / f"{name}.parquet").to_pylist() for name in ("accounts", "rings"))
    with api_over(folder / "home") as api:
        yield Street(
            folder / "home",
            api,
            {row["account_id"]: row for row in accounts},
            {row["ring_id"]: row for row in rings},
        )


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("usual"), Policy()) as made:
        yield made


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """Under a policy that asks for a lead that no ring of the street has."""
    with street(
        tmp_path_factory.mktemp("demanding"), Policy(recommendation=RecommendationPolicy(margin=100_000))
    ) as made:
        yield made


def test_a_family_is_not_recommended_for_action_and_the_household_is_named(usual: Street) -> None:
    row = usual.ring_of("anna")
    answer = usual.api.get(f"/v1/rings/{row['ring_id']}").ok()
    assert answer["recommended"] is row["recommended"] is False
    assert answer["rival"]["code"] == row["rival"] == answer["hypotheses"][0]["code"] == "household"
    assert answer["rival"]["lead"] < 0
    assert answer["rival"]["text"] == "A household is likelier than an organized ring."
    assert "home" in answer["rival"]["decides"]
    for account_id in FAMILY:
        account = usual.api.get(f"/v1/accounts/{account_id}").ok()
        assert account["decision"] != "act"
        assert (account["ring"]["recommended"], account["ring"]["rival"]) == (False, "household")
    shown = call_cli("show", "ring", row["ring_id"], home=usual.home).stdout
    assert "Recommended for action: no." in shown
    assert f"A household is likelier than an organized ring (lead {row['lead']:,} of 1,000" in shown
    assert f"What would decide: {answer['rival']['decides']}" in shown


def test_a_farm_is_recommended_for_action(usual: Street) -> None:
    row = usual.ring_of(FARM[0])
    answer = usual.api.get(f"/v1/rings/{row['ring_id']}").ok()
    assert answer["recommended"] is row["recommended"] is True
    assert answer["hypotheses"][0]["code"] == "organized_ring"
    assert answer["rival"]["lead"] >= answer["rival"]["needed"]
    assert sum(reason["contribution"] for reason in answer["lead_reasons"]) == answer["rival"]["lead"]
    decisions = {usual.api.get(f"/v1/accounts/{account_id}").ok()["decision"] for account_id in FARM}
    assert decisions == {"act"}
    assert "Recommended for action: yes." in call_cli("show", "ring", row["ring_id"], home=usual.home).stdout


def test_a_high_account_of_a_ring_with_a_rival_too_near_is_for_review_and_the_rival_is_named(demanding: Street) -> None:
    row = demanding.ring_of(FARM[0])
    assert row["score"] >= Policy().bands.high
    answer = demanding.api.get(f"/v1/rings/{row['ring_id']}").ok()
    assert answer["recommended"] is False
    assert answer["rival"]["needed"] == 100_000
    assert answer["rival"]["text"].endswith("is nearly as likely as an organized ring.")
    for account_id in FARM:
        account = demanding.api.get(f"/v1/accounts/{account_id}").ok()
        assert (account["band"], account["decision"]) == ("high", "review")
        assert account["ring"]["rival"] == answer["rival"]["code"]
    shown = call_cli("show", "account", FARM[0], home=demanding.home).stdout
    assert f"not recommended for action (rival: {row['rival']})" in " ".join(shown.split())


def test_a_run_from_before_rivals_were_told_is_still_answered_from(usual: Street, tmp_path: Path) -> None:
    home = copy_home(usual.home, tmp_path / "home")
    forget_rivals(home)
    ring_id = usual.ring_of(FARM[0])["ring_id"]
    with api_over(home) as api:
        answer = api.get(f"/v1/rings/{ring_id}").ok()
        assert (answer["recommended"], answer["rival"], answer["hypotheses"]) == (None, None, [])
        assert answer["lead_reasons"] == []
        account = api.get(f"/v1/accounts/{FARM[0]}").ok()
        assert (account["decision"], account["ring"]["recommended"], account["ring"]["rival"]) == ("review", None, None)
    assert "What it may be" not in call_cli("show", "ring", ring_id, home=home).stdout
    pipeline.export(settings_at(home), tmp_path / "out", form="csv")
    again = pipeline.detect(settings_at(home), Policy(links=LinkPolicy(threshold=700)))
    assert again["live_run"]


def forget_rivals(home: Path) -> None:
    """Make the live run as a version wrote it that knew nothing of rivals."""
    folder = home / "runs" / str(current_run(home))
    manifest = json.loads((folder / "manifest.json").read_text())
    table = read_table(home / "runs", folder.name, "rings")
    known = [name for name in table.column_names if name not in RIVAL_COLUMNS]
    assert len(known) == table.num_columns - len(RIVAL_COLUMNS)
    with (
        pa.OSFile(str(folder / "rings.new"), "wb") as sink,
        pa.ipc.new_file(sink, table.select(known).schema) as writer,
    ):
        writer.write_table(table.select(known))
    (folder / "rings.new").rename(folder / "rings.arrow")
    content = (folder / "rings.arrow").read_bytes()
    manifest["files"]["rings.arrow"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    del manifest["policy"]["recommendation"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
