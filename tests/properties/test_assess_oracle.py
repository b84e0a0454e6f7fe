"""What if, against loading the facts and detecting again: the same links, ring, role, score and reasons."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from graphrisk import pipeline
from graphrisk.model import DAY_US, HOUR_US
from graphrisk.pipeline.assessing import what_if
from graphrisk.pipeline.assessment.asked import asked_of
from graphrisk.policy import Policy
from graphrisk.runs.snapshot import Snapshot
from graphrisk.runs.store import current_run
from graphrisk.settings import Settings
from tests.support_detection import MONDAY, account, detect, moment_of, settings, sighting, write_facts

KINDS = ("device", "card", "address", "email", "ip", "ip", "bin", "user_agent")
LAST = MONDAY + 120 * DAY_US


def value(kind: str, number: int) -> str:
    return {
        "device": f"device number 4711-{number}",
        "card": f"tok_card_{number:06d}",
        "address": f"{number} Long Street, 1234 Town",
        "email": f"someone{number}@mail.example",
        "bin": f"51234{number % 3}",
        "user_agent": f"Browser {'abc'[number % 3]}",
        "ip": f"81.2.{number // 4}.{number * 7 % 250 + 1}",
    }[kind]


def tight() -> Policy:
    """A policy at whose caps and cohorts few accounts are enough."""
    given: dict[str, Any] = Policy().model_dump()
    given["kinds"]["device"]["cap"], given["kinds"]["card"]["cap"], given["kinds"]["ip"]["cap"] = 4, 3, 6
    given["cohorts"] |= {"min_accounts": 3, "significance": 0.05}
    given["detection"]["oversize"] = 12
    return Policy.model_validate(given)


def world(dice: random.Random, accounts: int) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {"accounts": [], "sightings": [], "labels": []}
    for number in range(accounts):
        born = MONDAY + dice.choice((0, 30, 60, 61, 90, 100)) * DAY_US + dice.randrange(0, 48) * HOUR_US
        name = f"acc{dice.randrange(16**6):06x}{number:03d}"
        rows["accounts"].append(account(name, born, dice.choice(("active", "active", "closed"))))
        rows["sightings"] += sightings_of(dice, name, born, dice.randrange(2, 7))
        if dice.random() < 0.15:
            at = moment_of(born + DAY_US).isoformat()
            rows["labels"].append({"account_id": name, "label": dice.choice(("bad", "bad", "good")), "labelled_at": at})
    rows["sightings"].append(sighting(rows["accounts"][0]["account_id"], "device", "the last of all devices", LAST))
    return rows


def sightings_of(dice: random.Random, name: str, born: int, count: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for _ in range(count):
        kind = dice.choice(KINDS)
        first = min(born + dice.choice((0, 1, 5, 40, 400)) * HOUR_US, LAST)
        last = min(first + dice.choice((0, 0, 3, 200, 700)) * HOUR_US, LAST)
        found.append(sighting(name, kind, value(kind, dice.randrange(0, 9)), first, last))
    return found


def newcomer(dice: random.Random, known: list[dict[str, str]], facts: dict[str, Any]) -> dict[str, Any]:
    """Mostly somebody new; now and then somebody who is known, with things known or new."""
    if dice.random() < 0.25:
        name = dice.choice(known)["account_id"]
        mine = [row for row in facts["sightings"] if row["account_id"] == name]
        born = MONDAY + dice.randrange(60, 110) * DAY_US
        again = dice.sample(mine, min(len(mine), 2)) if dice.random() < 0.6 else sightings_of(dice, name, born, 2)
        return {"account_id": name, "sightings": again}
    born = MONDAY + dice.choice((30, 60, 61, 100, 110)) * DAY_US + dice.randrange(0, 48) * HOUR_US
    name = f"acc{dice.randrange(16**6):06x}new"
    return {**account(name, born), "sightings": sightings_of(dice, name, born, dice.randrange(0, 6))}


def said_of(at: Settings, run: str, account_id: str) -> dict[str, Any]:
    found = pipeline.account(at, account_id, run)
    ring = pipeline.ring(at, found["ring_id"], run) if found["ring_id"] else None
    snapshot, live = Snapshot(at.runs, run), Snapshot(at.runs, current_run(at.home) or "")
    links, others = snapshot.links_of(snapshot.account_row(account_id) or 0)
    return {
        "score": found["score"],
        "logit": found["logit"],
        "reasons": {reason["code"]: reason["contribution"] for reason in found["reasons"]},
        "links": {
            snapshot.account_id(other): strength
            for other, strength in zip(others.tolist(), snapshot.strength[links].tolist(), strict=True)
        },
        "ring": ring
        and {
            "ring_id": found["ring_id"] if live.lineage_of(found["ring_id"]) else None,
            "size": ring["size"],
            "core_size": ring["core_size"],
            "score": ring["score"],
            "recommended": ring["recommended"],
            "rival": ring["rival"]["code"],
            "lead": ring["rival"]["lead"],
            "role": found["role"],
            "members": sorted({each["account_id"] for each in ring["members"]} - {account_id}),
        },
    }


def asked_for(one: dict[str, Any]) -> dict[str, Any]:
    kept = ("kind", "value", "first_seen", "last_seen")
    return {**one, "sightings": [{key: each[key] for key in kept} for each in one["sightings"]]}


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """The same of what ``assess`` says."""
    kept = ("ring_id", "size", "core_size", "score", "recommended", "rival", "lead", "role")
    ring = answer["ring"]
    return {
        "score": answer["score"],
        "logit": answer["logit"],
        "reasons": {reason["code"]: reason["contribution"] for reason in answer["reasons"]},
        "links": {link["account_id"]: link["strength"] for link in answer["links"]},
        "ring": ring and {**{key: ring[key] for key in kept}, "members": sorted(ring["members"])},
    }


def published(folder: Path, facts: dict[str, Any], policy: Policy) -> Settings:
    """A home in the folder with the facts loaded and their run live."""
    at = settings(folder / "home")
    pipeline.load(at, policy, [str(write_facts(folder / "facts", facts))])
    pipeline.publish(at, policy, detect(at, policy=policy)["run_id"], "a test says so")
    return at


def loaded_instead(base: Settings, folder: Path, facts: dict[str, Any], policy: Policy) -> tuple[Settings, str]:
    shutil.copytree(base.home, folder / "home")
    at = settings(folder / "home")
    sightings = [{**each, "account_id": facts["account_id"]} for each in facts["sightings"]]
    accounts = [{key: facts[key] for key in ("account_id", "created_at", "status")}] if "created_at" in facts else []
    if not accounts and not sightings:
        return at, current_run(at.home) or ""
    pipeline.load(at, policy, [str(write_facts(folder / "facts", {"accounts": accounts, "sightings": sightings}))])
    return at, detect(at, policy=policy)["run_id"]


def compare(tmp_path: Path, seed: int, policy: Policy, newcomers: int) -> None:
    dice = random.Random(seed)
    facts = world(dice, dice.randrange(6, 60))
    base = published(tmp_path / f"base{seed}", facts, policy)
    before = files_of(base.home)
    asked, everyone, answers = what_if(base), list[Any](), list[Any]()
    for number in range(newcomers):
        one = newcomer(dice, facts["accounts"], facts)
        (answer,) = asked.assess(asked_of(asked_for(one)))
        everyone += asked_of(asked_for(one))
        answers.append(answer)
        folder = tmp_path / f"{seed}-{number}"
        at, run = loaded_instead(base, folder, one, policy)
        assert told(answer) == said_of(at, run, one["account_id"]), (seed, number)
        shutil.rmtree(folder)
    assert asked.assess(everyone) == answers, "together each is as if it alone were new"
    assert files_of(base.home) == before, "assessing writes nothing"


def files_of(home: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("seed", range(4))
def test_what_if_is_what_a_run_says_once_it_is_loaded(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed, tight() if seed % 2 else Policy(), 6)


def crowd(number: int) -> dict[str, Any]:
    """An account that signs up with a browser and a bank that nobody else of the marketplace has but its like."""
    born = MONDAY + 60 * DAY_US + number * HOUR_US
    name = f"crowd{number:03d}"
    kinds = (("user_agent", "Strange/7.1 (Nobody; Elsewhere)"), ("bin", "512345"), ("device", f"own device {name}"))
    return {**account(name, born), "sightings": [sighting(name, kind, held, born, born) for kind, held in kinds]}


@pytest.mark.parametrize(("members", "linked"), [(2, False), (3, True), (8, True)])
def test_who_shows_what_a_crowd_shows_joins_it_or_makes_it_one_as_in_a_run(
    tmp_path: Path, members: int, linked: bool
) -> None:
    """Four newcomers in a week with one browser and one bank are a cohort, whether the fourth is asked about or loaded."""
    facts, policy = world(random.Random(5), 30), Policy()
    for number in range(members):
        one = crowd(number)
        facts["accounts"].append({key: one[key] for key in ("account_id", "created_at", "status")})
        facts["sightings"] += one["sightings"]
    base = published(tmp_path, facts, policy)
    late = crowd(members)
    (answer,) = what_if(base).assess(asked_of(asked_for(late)))
    at, run = loaded_instead(base, tmp_path / "then", late, policy)
    expected = [f"crowd{number:03d}" for number in range(members)] if linked else []
    assert sorted(link["account_id"] for link in answer["links"]) == expected
    assert told(answer) == said_of(at, run, late["account_id"])


def test_who_brings_a_retired_ring_back_is_told_its_id(tmp_path: Path) -> None:
    """Four share a device; more come than a device has owners, and the ring is retired; then one has a device of each of the four."""
    policy, names = tight(), [f"acc{number}" for number in range(4)]
    facts: dict[str, list[dict[str, str]]] = {
        "accounts": [account(name, MONDAY - 8 * number * DAY_US) for number, name in enumerate(names)],
        "sightings": [sighting(name, "device", "one of all four", MONDAY) for name in names]
        + [sighting(name, "device", f"own device of {name}", MONDAY) for name in names],
        "labels": [],
    }
    base = published(tmp_path, facts, policy)
    ring_id = pipeline.account(base, names[0])["ring_id"]
    hub = [sighting(f"other{number}", "device", "one of all four", MONDAY) for number in range(5)]
    pipeline.load(base, policy, [str(write_facts(tmp_path / "hub", {"accounts": [], "sightings": hub, "labels": []}))])
    pipeline.publish(base, policy, detect(base, policy=policy)["run_id"], "a test says so")
    assert pipeline.account(base, names[0])["ring_id"] is None
    thief = {
        **account("thief", MONDAY + DAY_US),
        "sightings": [sighting("thief", "device", f"own device of {name}", MONDAY + DAY_US) for name in names],
    }
    (answer,) = what_if(base).assess(asked_of(asked_for(thief)))
    at, run = loaded_instead(base, tmp_path / "then", thief, policy)
    assert (answer["ring"]["ring_id"], answer["ring"]["touches"]) == (ring_id, [])
    assert told(answer) == said_of(at, run, "thief")


def test_who_comes_back_to_where_it_arrived_longer_ago_than_addresses_are_kept_is_no_one_off(tmp_path: Path) -> None:
    """Six arrive at one address and share a device; 120 days later, when their visits are no longer kept, one is back."""
    policy, arrived, name = Policy(), MONDAY + DAY_US, "acc3"
    facts: dict[str, list[dict[str, str]]] = {"accounts": [], "sightings": [], "labels": []}
    for number in range(6):
        who, born = f"acc{number}", arrived + number * HOUR_US
        facts["accounts"].append(account(who, born))
        facts["sightings"] += [sighting(who, "ip", "81.2.69.7", born), sighting(who, "device", "one of all six", born)]
    facts["sightings"].append(sighting("acc0", "device", "the last of all devices", LAST))
    base = published(tmp_path, facts, policy)
    back = {"account_id": name, "sightings": [sighting(name, "ip", "81.2.69.7", LAST - DAY_US)]}
    (answer,) = what_if(base).assess(asked_of(asked_for(back)))
    at, run = loaded_instead(base, tmp_path / "then", back, policy)
    assert told(answer) == said_of(at, run, name)
    before = {reason["code"]: reason["contribution"] for reason in pipeline.account(base, name)["reasons"]}
    assert told(answer)["reasons"]["one_off"] > before["one_off"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_what_if_is_what_a_run_says_once_it_is_loaded_again_and_again(tmp_path: Path, seed: int) -> None:
    compare(tmp_path, seed, tight() if seed % 2 else Policy(), 25)
