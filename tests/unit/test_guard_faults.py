"""Faults of sources are stopped before they go live, with their cause; weeks in which a marketplace only lives are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphrisk import pipeline
from graphrisk.policy import Policy
from graphrisk.runs.store import current_run, read_manifest
from tests.faults import FAULTS, UNSEEN
from tests.support import call_cli
from tests.support_detection import load, settings, write_facts
from tests.support_weeks import Weeks, lived_weeks, said_of, said_of_fault

QUICK = (
    "null_device",
    "constant_fingerprint_of_an_sdk",
    "devices_tokenised_anew",
    "accounts_one_row_off",
    "the_same_load_again",
    "stale_file",
    "no_devices",
    "clock_40_days_fast",
    "marketplaces_named_anew",
)
"""One of each way to be stopped; the others run with the long tests."""


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Weeks:
    return lived_weeks(tmp_path_factory.mktemp("weeks"), accounts=1_500, seed=11, weeks=6)


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Weeks:
    return lived_weeks(tmp_path_factory.mktemp("larger"), accounts=4_000, seed=11, weeks=8)


@pytest.mark.parametrize("name", QUICK)
def test_a_fault_is_stopped_and_its_cause_is_named(weeks: Weeks, name: str, tmp_path: Path) -> None:
    said = said_of_fault(weeks, FAULTS[name], tmp_path / "try")
    assert said is not None
    assert all(word in said for word in FAULTS[name].words), said


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_stopped_and_its_cause_is_named(larger: Weeks, name: str, tmp_path: Path) -> None:
    said = said_of_fault(larger, FAULTS[name], tmp_path / "try")
    assert said is not None
    assert all(word in said for word in FAULTS[name].words), said


@pytest.mark.slow
@pytest.mark.parametrize("name", UNSEEN)
def test_faults_that_look_like_a_quiet_week_go_live(larger: Weeks, name: str, tmp_path: Path) -> None:
    assert said_of_fault(larger, UNSEEN[name], tmp_path / "try") is None


def test_there_are_faults_of_thirty_kinds_and_more() -> None:
    assert len(FAULTS) >= 30


def test_a_clean_week_goes_live(weeks: Weeks, tmp_path: Path) -> None:
    assert said_of(weeks, weeks.last, tmp_path / "try") is None


def test_a_refusal_in_json_has_all_figures_and_what_is_usual(weeks: Weeks, tmp_path: Path) -> None:
    facts = FAULTS["constant_fingerprint_of_an_sdk"].change(weeks.last, weeks.past)
    facts = FAULTS["no_emails"].change(facts, weeks.past)
    at = weeks.copy(tmp_path / "home")
    load(at, write_facts(tmp_path / "facts", facts))
    run = pipeline.detect(at, Policy())["run_id"]
    refused = call_cli("publish", "--json", home=at.home)
    told = json.loads(refused.stdout)
    assert (refused.returncode, told["published"], told["run_id"]) == (7, False, run)
    assert len(told["objections"]) > 1
    assert all(f"- {each}" in refused.stderr.splitlines() for each in told["objections"])
    won = told["figures"]["spread.device"]
    holders = {row["account_id"] for row in facts["sightings"] if row["kind"] == "device" and "sdk-" in row["value"]}
    having = {row["account_id"] for row in facts["sightings"] if row["kind"] == "device"}
    # Some rows of the week name no device ("unknown"); an account with no other has none.
    assert won["value"] == len(holders)
    assert len(holders) < won["of"] <= len(having)
    assert won["runs"] == 5
    assert won["most"] * won["of"] < won["value"]
    forced = call_cli("publish", "--json", "--force", "--reason", "a new SDK", home=at.home)
    moved = json.loads(forced.stdout)
    assert (moved["published"], moved["objections"]) == (True, told["objections"])
    assert current_run(at.home) == run


def test_news_counts_what_came_since_the_live_run(weeks: Weeks, tmp_path: Path) -> None:
    at = weeks.copy(tmp_path / "home")
    load(at, write_facts(tmp_path / "facts", weeks.last))
    manifest = pipeline.detect(at, Policy())
    figures = manifest["news"]["figures"]
    known = {row["account_id"] for facts in weeks.past for rows in facts.values() for row in rows}
    named = {row["account_id"] for rows in weeks.last.values() for row in rows}
    assert figures["new"] == [len(named - known), len(named)]
    assert figures["undated"] == [0, len(named - known)]
    emails = {row["account_id"] for row in weeks.last["sightings"] if row["kind"] == "email" and "@" in row["value"]}
    assert figures["having.email"][0] == len(emails)
    assert (manifest["news"]["since"], manifest["news"]["until"]) == (7, 7)
    assert len(json.dumps([manifest["news"], manifest["drift"]])) < 8_000


def test_runs_from_before_these_figures_are_judged_without_them(weeks: Weeks, tmp_path: Path) -> None:
    at = weeks.copy(tmp_path / "home")
    for path in at.runs.glob("run_*/manifest.json"):
        manifest = json.loads(path.read_text())
        path.write_text(json.dumps({name: value for name, value in manifest.items() if name not in ("news", "drift")}))
    load(at, write_facts(tmp_path / "facts", FAULTS["time_zone_eight_hours_west"].change(weeks.last, weeks.past)))
    run = pipeline.detect(at, Policy())["run_id"]
    assert all(each.usual is None for each in pipeline.judgement(at, Policy()).figures.values())
    pipeline.publish(at, Policy(), run)
    early, new = read_manifest(at.runs, run)["news"]["figures"]["early"]
    assert early == new > 0


def test_the_first_run_has_no_news(tmp_path: Path) -> None:
    at = settings(tmp_path / "home")
    load(at, write_facts(tmp_path / "facts", {"sightings": [{"account_id": "a", "kind": "email", "value": "a@b.example", "first_seen": "2026-01-05T10:00:00Z"}]}))  # fmt: skip
    manifest = pipeline.detect(at, Policy())
    assert (manifest["news"], manifest["drift"]) == (None, None)
