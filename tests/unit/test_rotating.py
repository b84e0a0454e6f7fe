"""A rotated key: other tokens, the same rings, and every later fact links as if the key had always been that one."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from pathlib import Path

import pytest

from graphrisk import pipeline
from graphrisk.errors import SettingsError
from graphrisk.ledger.store import Ledger
from graphrisk.policy import Policy
from graphrisk.sources.tokens import token_key
from graphrisk.worlds import write_world
from tests.support import ask, call_cli, load, places_of, settings_at, sighting, tokens, write_facts
from tests.support_detection import farm

FIRST, SECOND = "0f" * 32, "a1" * 32


@pytest.fixture(autouse=True)
def no_key_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAPHRISK_TOKEN_KEY", raising=False)


def digest(home: Path) -> str:
    return pipeline.detect(settings_at(home), Policy())["output_digest"]


def step(master: str, kind: str, text: str) -> str:
    key = hmac.digest(bytes.fromhex(master), f"graphrisk token key of {kind}".encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()[:32]


def test_no_ring_digest_changes_and_no_old_token_stays_in_the_ledger(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_world(tmp_path / "facts", "demo", 500, format="csv")
    load(home, tmp_path / "facts")
    before, old = (
        digest(home),
        [row[0] for row in ask(home, "SELECT DISTINCT token FROM fact_sightings ORDER BY token LIMIT 40")],
    )
    told = pipeline.rotate_tokens(settings_at(home))
    assert (told["from"], told["to"]) == (old[0].split(":")[0], token_key(home).key_id)
    assert told["sightings"] == Ledger(home / "ledger").loads()[0].sightings
    again = pipeline.detect(settings_at(home), Policy())
    assert (again["output_digest"], again["token_key"]) == (before, told["to"]), "a run of its own, not the one before"
    shutil.rmtree(home / "runs")
    assert places_of([each.split(":")[1] for each in old], home) == []
    assert load(home, tmp_path / "facts").new is False


def test_tokens_are_those_of_a_home_that_always_had_the_longer_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [sighting("a", "ip", "8.8.4.4"), sighting("b", "card", "tok_1"), sighting("c", "email", "Ann.Lee@gmail.com")]
    facts, more = (
        write_facts(tmp_path / "facts", sightings=rows),
        write_facts(tmp_path / "more", sightings=farm("x", 5, 2)),
    )
    home, fresh = tmp_path / "home", tmp_path / "fresh"
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", FIRST)
    load(home, facts)
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", f"{FIRST},{SECOND}")
    with pytest.raises(SettingsError, match="rotate-tokens"):
        load(home, more)
    assert pipeline.rotate_tokens(settings_at(home))["sightings"] == 3
    load(fresh, facts)
    key_id = hashlib.sha256(b"graphrisk key id" + bytes.fromhex(FIRST + SECOND)).hexdigest()[:8]
    card = step(SECOND, "card", step(FIRST, "card", "tok_1"))
    assert tokens(home) == tokens(fresh)
    assert tokens(home)["b"] == f"{key_id}:{card}"
    for each in (home, fresh):
        load(each, more)
    everything = "SELECT * FROM fact_sightings ORDER BY ALL"
    assert ask(home, everything) == ask(fresh, everything)
    assert [load.content for load in Ledger(home / "ledger").loads()] == [
        load.content for load in Ledger(fresh / "ledger").loads()
    ]


def test_a_key_from_the_environment_is_changed_by_whoever_sets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", FIRST)
    load(home, write_facts(tmp_path / "facts", sightings=farm("x", 5, 2)))
    told = call_cli("keys", "rotate-tokens", home=home)
    assert told.returncode == 2
    assert "a comma and 64 new hex digits" in told.stderr
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", f"{SECOND},{FIRST}")
    assert call_cli("keys", "rotate-tokens", home=home).returncode == 2
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", f"{FIRST} {SECOND}")
    assert call_cli("keys", "rotate-tokens", home=home).returncode == 0


def test_erased_accounts_stay_erased_after_rotations(tmp_path: Path) -> None:
    home, facts = tmp_path / "home", write_facts(tmp_path / "facts", sightings=farm("x", 5, 2))
    load(home, facts)
    pipeline.erase(settings_at(home), Policy(), ["x000"])
    for _ in range(2):
        assert call_cli("keys", "rotate-tokens", home=home).returncode == 0
    assert len((home / "token.key").read_text().split()) == 3
    assert load(home, facts).new is False
    rows = [sighting("x000", "device", "other-device"), sighting("y", "device", "other-device")]
    again = load(home, write_facts(tmp_path / "more", sightings=rows))
    assert again.report["rejected"]["sightings"] == {"erased_account": 1}
    assert [row[0] for row in ask(home, "SELECT account_id FROM accounts ORDER BY ALL")] == [
        "x001",
        "x002",
        "x003",
        "x004",
        "y",
    ]


def test_a_rotation_that_was_cut_short_is_ended_with_its_key(tmp_path: Path) -> None:
    home = tmp_path / "home"
    load(home, write_facts(tmp_path / "facts", sightings=farm("x", 5, 2)))
    began = (home / "token.key").read_text() + SECOND + "\n"
    (home / "token.key").write_text(began)  # as after a kill between the key and the ledger
    assert call_cli("load", tmp_path / "facts", home=home).returncode == 2
    assert pipeline.rotate_tokens(settings_at(home))["sightings"] == 10
    assert (home / "token.key").read_text() == began


def test_what_if_has_the_new_tokens_once_a_run_has_them(tmp_path: Path) -> None:
    home, asked = tmp_path / "home", tmp_path / "asked.ndjson"
    load(home, write_facts(tmp_path / "facts", sightings=[sighting(f"x{n}", "device", "device-1") for n in range(4)]))
    night = [["detect"], ["publish", "--force", "--reason", "a test"]]
    asked.write_text('{"sightings": [{"kind": "device", "value": "device-1", "seen_at": "2026-01-05T10:00:00Z"}]}\n')
    for words in night:
        assert call_cli(*words, home=home).returncode == 0
    before = call_cli("assess", asked, "--json", home=home)
    assert before.returncode == 0, before.stderr
    pipeline.rotate_tokens(settings_at(home))
    assert "another key" in call_cli("assess", asked, home=home).stderr
    for words in night:
        assert call_cli(*words, home=home).returncode == 0
    after = call_cli("assess", asked, "--json", home=home)
    assert after.returncode == 0, after.stderr
    linked = [json.loads(told.stdout)[0]["links"] for told in (before, after)]
    assert [link["strength"] for link in linked[0]] == [link["strength"] for link in linked[1]] != []
