"""``graphrisk why`` and ``graphrisk.why``: what they say, as the API does, and the one sentence of a wrong question."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import graphrisk
from graphrisk import pipeline
from graphrisk.errors import NotFoundError, SettingsError
from graphrisk.policy import Policy, RingPolicy
from graphrisk.runs.store import current_run
from tests.support import call_cli, run_cli, sighting, write_facts
from tests.support_api import copy_home, publish_facts, settings_at
from tests.support_asgi import api_over, in_path
from tests.support_crew import CREW, write_crew


def test_taking_the_evidence_away_frees_the_account(crew: Path, tmp_path: Path) -> None:
    before = graphrisk.why("hanger/on", home=crew)
    assert before["ring"]["size"] == 7
    assert [(each["kind"], each["hint"], each["held"]) for each in before["frees"]["pieces"]] == [
        ("card", "…1111", True)
    ]
    publish_facts(tmp_path / "home", write_crew(tmp_path / "facts", without_card_of="hanger/on"))
    after = graphrisk.why("hanger/on", home=tmp_path / "home")
    assert (after["ring"], after["shares"]) == (None, False)
    assert graphrisk.why(CREW[0], home=tmp_path / "home")["ring"]["size"] == 6


def test_taking_a_value_away_leaves_of_a_ring_what_was_told(crew: Path, tmp_path: Path) -> None:
    """A reader saw where a ring splits most easily, and not that one device holds it all."""
    told = graphrisk.why(found_ring(crew), home=crew)["rests_on"]
    device, card = told["values"]
    assert (device["kind"], device["links"], device["accounts"]) == ("device", 15, 6)
    assert (card["kind"], card["links"], card["accounts"]) == ("card", 3, 3)
    members = [*CREW, "hanger/on"]
    for value, keep in ((device, "card"), (card, "device")):
        home = tmp_path / keep
        alone = [sighting(each, value["kind"], "nobody else's " + each, "2026-03-01") for each in members]
        facts = write_crew(tmp_path / f"facts_{keep}", only=keep, also=alone)
        publish_facts(home, facts)
        ring_of = graphrisk.read_run(home=home).accounts().set_index("account_id")["ring_id"]
        assert value["rings"] == [ring_of[members].notna().sum()]
        assert value["free"] == ring_of[members].isna().sum()
    assert (device["outcome"], device["rings"], card["outcome"], card["rings"]) == ("shrank", [3], "shrank", [6])
    assert "neither dissolve nor split" in told["text"]


def test_a_ring_on_one_device_is_told_to_rest_on_it(tmp_path: Path) -> None:
    rows = [sighting(each, "device", "their one device", "2026-03-01") for each in CREW]
    home = tmp_path / "home"
    publish_facts(home, write_facts(tmp_path / "facts", sightings=rows))
    shown = " ".join(call_cli("why", found_ring(home), home=home).stdout.split())
    (value,) = graphrisk.why(found_ring(home), home=home)["rests_on"]["values"]
    assert (
        f"if it is taken away: the device {value['token'][-6:]}. Without it nothing of the ring would be left" in shown
    )
    assert f"15 device {value['token'][-6:]} 6 nothing would be left" in shown
    pipeline.pack_ring(settings_at(home), found_ring(home), tmp_path / "pack")
    assert "nothing would be left" in (tmp_path / "pack" / "pack.html").read_text(encoding="utf-8")
    assert "Without it nothing of the ring would be left" in call_cli("why", CREW[0], home=home).stdout
    its_own = call_cli("why", CREW[0], "--audience", "disclosable", home=home).stdout
    assert "what holds the whole group together: without it there would be no such group" in its_own
    assert value["token"][-6:] not in its_own


def test_the_shell_python_and_the_api_say_the_same(crew: Path, tmp_path: Path) -> None:
    home = copy_home(crew, tmp_path / "home")
    ring = graphrisk.why("hanger/on", home=home)["ring"]["ring_id"]
    head = {"run_id", "as_of", "policy", "took_ms", "about"}
    with api_over(home) as api:
        for words, over_http in (
            (["hanger/on"], api.get(f"/v1/accounts/{in_path('hanger/on')}/explanation").ok()),
            (["hanger/on", CREW[0]], api.get("/v1/links/why", a="hanger/on", b=CREW[0]).ok()),
            ([ring], api.get(f"/v1/rings/{ring}/explanation").ok()),
        ):
            printed = json.loads(call_cli("why", *words, "--json", home=home).stdout)
            for told in (printed, graphrisk.why(*words, home=home)):
                assert {name: value for name, value in told.items() if name not in head} == {
                    name: value for name, value in over_http.items() if name not in head
                }
            assert call_cli("why", *words, home=home).stdout.splitlines()[0] == over_http["text"]


def test_the_shell_prints_sums_and_what_else_each_could_be_worth(crew: Path) -> None:
    shown = call_cli("why", "hanger/on", CREW[0], home=crew)
    assert (shown.returncode, shown.stderr) == (0, "")
    found = graphrisk.why("hanger/on", CREW[0], home=crew)
    assert found["strength"] == 2526
    assert "2,526 2,526 payment card …1111 " in " ".join(shown.stdout.split())
    prices = {(each["accounts"], each["gap_days"]): each["milli_nats"] for each in found["shared"][0]["prices"]}
    for count in (2, 20):
        assert f"{prices[count, 0]:,} " in shown.stdout.split("could be worth")[1]
    assert f"{prices[5, 365]:,} after 365 days" in shown.stdout
    freed = call_cli("why", "hanger/on", home=crew).stdout
    assert "If the payment card …1111 was not shared, hanger/on would not be in the ring" in freed
    assert "How it formed" in call_cli("why", found_ring(crew), home=crew).stdout
    alone = call_cli("why", "stranger", home=crew)
    assert alone.stdout == "stranger is in no ring. It shares nothing with any other account.\n"


def found_ring(home: Path) -> str:
    return graphrisk.why(CREW[0], home=home)["ring"]["ring_id"]


def test_an_account_that_is_called_like_a_ring_is_an_account(tmp_path: Path) -> None:
    rows = [sighting("ring_of_fire", "device", "lone-device-7", "2026-03-01")]
    publish_facts(tmp_path / "home", write_facts(tmp_path / "facts", [{"account_id": "ring_of_fire"}], rows))
    assert graphrisk.why("ring_of_fire", home=tmp_path / "home")["about"] == "account"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nobody"], 6, "no account 'nobody'"),
        (["crew_0", "nobody"], 6, "no account 'nobody'"),
        (["ring_nobody"], 6, "no live ring ring_nobody"),
        (["crew_0", "crew_0"], 2, "Both ids are 'crew_0'"),
        (["crew_0", "crew_1", "--audience", "disclosable"], 2, "names another party"),
        (["crew_0", "--audience", "police"], 2, "'police' is not known; choose one of investigator, disclosable"),
        (["crew_0", "--run", "run_nobody"], 6, "no run run_nobody"),
    ],
)
def test_a_wrong_question_gets_one_sentence(crew: Path, words: list[str], code: int, said: str) -> None:
    done = call_cli("why", *words, home=crew)
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_nothing_published_and_no_facts_kept_are_said(crew: Path, tmp_path: Path) -> None:
    assert "Nothing is published yet" in run_cli("why", "crew_0", home=tmp_path / "empty").stderr
    home = copy_home(crew, tmp_path / "home")
    forget_facts(home)
    done = call_cli("why", "crew_0", home=home)
    assert (done.returncode, done.stderr.count("\n")) == (6, 1)
    assert "from before runs kept what explanations need" in done.stderr
    with api_over(home) as api:
        api.get("/v1/accounts/crew_0/explanation").problem(409, "no_facts_kept")
        api.get("/v1/links/why", a="crew_0", b="crew_1").problem(409, "no_facts_kept")
        assert api.get("/v1/accounts/crew_0").status == 200


def forget_facts(home: Path) -> None:
    """Make the live run one from before runs kept their facts."""
    folder = home / "runs" / str(current_run(home))
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in ("attributes.arrow", "uses.arrow", "held.arrow"):
        del manifest["files"][name]
        (folder / name).unlink()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_python_raises_what_the_shell_says(crew: Path) -> None:
    with pytest.raises(NotFoundError, match="'nobody'"):
        graphrisk.why("nobody", home=crew)
    with pytest.raises(SettingsError, match="names another party"):
        graphrisk.why(CREW[0], CREW[1], home=crew, audience="disclosable")
    assert graphrisk.why(CREW[0], home=crew, audience="disclosable")["verdict"] == "part_of_group"


def test_a_retired_ring_is_not_explained_but_says_where_to_look(crew: Path, tmp_path: Path) -> None:
    home, ring = copy_home(crew, tmp_path / "home"), found_ring(crew)
    settings = settings_at(home)
    strict = strict_policy()
    pipeline.publish(settings, strict, pipeline.detect(settings, strict)["run_id"], "a test says so")
    done = call_cli("why", ring, home=home)
    assert done.returncode == 6
    assert f"Ring {ring} is retired; `graphrisk show ring {ring}` says what took over." in done.stderr
    with api_over(home) as api:
        api.get(f"/v1/rings/{ring}/explanation").problem(410, "ring_retired")


def strict_policy() -> Policy:
    """A policy under which the crew is no ring."""
    return Policy(rings=RingPolicy(min_core=20))


def test_an_account_that_is_linked_and_in_no_ring_is_shown_with_its_links(tmp_path: Path) -> None:
    pair = [sighting(name, "device", "only theirs") for name in ("one", "two")]
    publish_facts(tmp_path / "home", write_facts(tmp_path / "facts", sightings=pair))
    shown = call_cli("why", "one", home=tmp_path / "home").stdout
    (link,) = pipeline.account(settings_at(tmp_path / "home"), "one")["strongest_links"]
    assert shown.startswith("one is in no ring. It is linked to one other account only")
    assert f"{link['strength']:,} two " in " ".join(shown.split("adds up)")[1].split())
