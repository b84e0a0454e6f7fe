"""What is disclosable holds nothing of anyone else: every id, token, hint, marketplace and ring of a home is looked for."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrisk import pipeline
from graphrisk.evidence.disclosable import disclosable
from graphrisk.pipeline.explaining import Explainer, explainer
from graphrisk.worlds import write_world
from tests.support_api import publish_facts, settings_at

CANARY = "kanarie"


def write_canaries(folder: Path, accounts: int, seed: int = 1) -> Path:
    """A world in which every account and marketplace is called after a canary."""
    write_world(folder, "demo", accounts, seed=seed, format="csv")
    for path in folder.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as read:
            rows = list(csv.DictReader(read))
        for row in rows:
            for name in ("account_id", "marketplace"):
                if row.get(name):
                    row[name] = f"{CANARY}-{row[name]}"
        with path.open("w", newline="", encoding="utf-8") as write:
            writer = csv.DictWriter(write, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


def canary_home(folder: Path, accounts: int, seed: int = 1) -> Path:
    publish_facts(folder / "home", write_canaries(folder / "facts", accounts, seed))
    return folder / "home"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return canary_home(tmp_path_factory.mktemp("canaries"), 900)


@pytest.fixture(scope="module")
def run(home: Path) -> Explainer:
    return explainer(settings_at(home))


def told(run: Explainer, account_ids: Iterator[str]) -> dict[str, str]:
    """Every different disclosable answer without the account's own id, and an account that got it."""
    answers: dict[str, str] = {}
    for account_id in account_ids:
        answer = disclosable(run.account(account_id))
        assert answer.pop("account_id") == account_id
        answers.setdefault(json.dumps(answer, ensure_ascii=False), account_id)
    return answers


def secrets_of(run: Explainer) -> set[str]:
    """What names or describes anybody in a run: ids, rings, marketplaces, tokens, hints."""
    snapshot, facts = run.snapshot, run.facts
    columns = (snapshot.accounts["account_id"], snapshot.accounts["marketplace"], snapshot.lineage["ring_id"])
    found = {each for column in columns for each in column.to_pylist() if each}
    rows = range(len(facts.kind))
    found |= {facts.token(row).partition(":")[2] for row in rows}
    return found | {hint for row in rows if (hint := facts.hint(row))}


def check(run: Explainer, answers: dict[str, str]) -> None:
    secrets = secrets_of(run)
    assert len(secrets) > len({run.facts.value(row) for row in range(len(run.facts.kind))})
    for text, account_id in answers.items():
        assert CANARY not in text, account_id
        assert re.search(r"\d\d", text) is None, account_id
        assert re.search(r"ring_|run_|milli|[0-9a-f]{6}|20\d|…", text) is None, account_id
        assert [secret for secret in secrets if secret in text] == [], account_id


def everyone(run: Explainer) -> Iterator[str]:
    return map(run.snapshot.account_id, range(run.snapshot.accounts.num_rows))


def test_no_answer_holds_anything_of_anyone_else(run: Explainer) -> None:
    answers = told(run, everyone(run))
    assert len(answers) > 30
    verdicts = {json.loads(text)["verdict"] for text in answers}
    assert verdicts == {"part_of_group", "tied_to_group", "shares_too_little", "nothing_found"}
    check(run, answers)


def test_no_pack_holds_anything_of_anyone_else(run: Explainer, home: Path, tmp_path: Path) -> None:
    settings = settings_at(home)
    texts: dict[str, str] = {}
    for account_id in list(everyone(run))[::4]:
        pack, page = pipeline.pack_account(settings, account_id, tmp_path, audience="disclosable")
        bare = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for text in (pack.read_text(encoding="utf-8"), unescape(bare)):
            texts.setdefault(text.replace(account_id, "").replace(run.snapshot.run_id, ""), account_id)
    assert len(texts) > 60
    check(run, texts)
    timelines = {line for text in texts if text.startswith("{") for line in json.loads(text)["timeline"]}
    assert {line.split(", your account")[0] for line in timelines} >= {
        "Within days of being opened",
        "Within months of being opened",
    }


@pytest.mark.slow
def test_none_of_ten_thousand_answers_holds_anything_of_anyone_else(tmp_path: Path) -> None:
    asked = 0
    for seed in range(2, 6):
        folder = tmp_path / str(seed)
        run = explainer(settings_at(canary_home(folder, 2_500, seed)))
        asked += run.snapshot.accounts.num_rows
        check(run, told(run, everyone(run)))
        shutil.rmtree(folder)
    assert asked >= 10_000


def test_the_search_finds_what_an_investigator_is_told(run: Explainer) -> None:
    """The same search over the investigator's answers, which are full of other parties: or it could find nothing at all."""
    member = next(each for each in everyone(run) if run.account(each)["ring"])
    answer = run.account(member)
    with pytest.raises(AssertionError):
        check(run, {json.dumps(answer, ensure_ascii=False): member})
    for secret in (answer["ring"]["ring_id"], answer["paths"][0]["to"]):
        assert secret in secrets_of(run)


def test_the_verdict_follows_role_and_ring(run: Explainer) -> None:
    roles = {None: {"shares_too_little", "nothing_found"}, "core": {"part_of_group"}, "associate": {"tied_to_group"}}
    sure = {"high": "strong", "medium": "moderate", "low": "weak"}
    for account_id in list(everyone(run))[::5]:
        answer = run.account(account_id)
        said = disclosable(answer)
        assert said["verdict"] in roles[answer["role"]]
        assert said["confidence"] == (sure[answer["ring"]["band"]] if answer["ring"] else None)
        assert (said["verdict"] == "nothing_found") == (not answer["shares"])
        if answer["frees"]:
            own = {each["kind"] for each in answer["frees"]["pieces"] if each["held"]}
            if own:
                assert {each["code"] for each in said["would_change"]} == {f"ordinary_{kind}" for kind in own}
            whole = own and all(each["held"] for each in answer["frees"]["pieces"])
            assert ("the verdict changes" in said["enough"]) == bool(whole)


PIECES = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["device", "card", "cohort", "ip", "tax_id", "imei2024", "x99"]),
            "token": st.just(f"{CANARY}:77"),
            "hint": st.just(f"{CANARY} 88"),
            "accounts": st.just(4711),
            "milli_nats": st.just(4712),
            "links": st.just(4713),
            "held": st.booleans(),
        }
    ),
    max_size=4,
)
RINGS = st.fixed_dictionaries(
    {
        "ring_id": st.just(f"ring_{CANARY}"),
        "size": st.just(4714),
        "core_size": st.just(4715),
        "score": st.just(987),
        "band": st.sampled_from(["high", "medium", "low"]),
        "window_start": st.just("2026-01-01T00:00:00Z"),
        "window_end": st.just("2026-02-01T00:00:00Z"),
        "recommended": st.sampled_from([True, False, None]),
        "rival": st.sampled_from(["workplace", None]),
    }
)


@given(
    pieces=PIECES,
    evidence=PIECES,
    ring=RINGS,
    role=st.sampled_from(["core", "associate"]),
    paths=st.integers(0, 3),
    outcome=st.sampled_from(["dissolved", "split", "shrank", "continued"]),
)
def test_whatever_the_investigator_is_told_none_of_it_gets_through(
    pieces: list[Any], evidence: list[Any], ring: Any, role: str, paths: int, outcome: str
) -> None:
    link = {
        "account_a": f"{CANARY}1",
        "account_b": f"{CANARY}2",
        "strength": 4716,
        "onset": "2026",
        "evidence": evidence,
    }
    answer = {
        "account_id": "me",
        "text": f"{CANARY} 99",
        "ring": ring,
        "role": role,
        "paths": [{"to": f"{CANARY}3", "weakest": 4717, "links": [link]}] * paths,
        "bottleneck": link,
        "frees": {
            "pieces": pieces,
            "milli_nats": 4718,
            "cheapest": True,
            "left": {"outcome": outcome, "rings": [4719, 4720], "free": 4721},
            "text": f"{CANARY} 66",
        }
        if pieces
        else None,
        "shares": True,
        "nearest": None,
    }
    text = json.dumps(disclosable(answer))
    assert CANARY not in text
    assert re.search(r"\d\d", text) is None
    named = {each["kind"] for each in (evidence if paths else []) + [each for each in pieces if each["held"]]}
    codes = {each["code"] for each in json.loads(text)["reasons"]}
    assert codes == {f"shared_{kind if kind.isalpha() or kind == 'tax_id' else 'other'}" for kind in named}
    its_own = bool(pieces) and all(each["held"] for each in pieces)
    assert (json.loads(text)["holds_group"] is not None) == (its_own and outcome in ("dissolved", "split"))
