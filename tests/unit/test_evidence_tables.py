"""Evidence tables: kept in the reference, used by detection, kept by the run and used by everything that explains it."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from graphrisk import pipeline
from graphrisk.calibration.writing import reference_text
from graphrisk.errors import SettingsError
from graphrisk.evidence_tables import EvidenceTable
from graphrisk.linkage.prices import gaps_priced, prices
from graphrisk.model import DAY_US
from graphrisk.pipeline.explaining import explainer
from graphrisk.policy import Policy, read_policy
from graphrisk.runs.snapshot import Snapshot
from graphrisk.runs.store import read_manifest
from graphrisk.scoring.reference import Reference, read_reference, shipped_reference
from graphrisk.settings import Settings
from tests.support_detection import MONDAY, account, farm, load, sighting, write_facts

DEVICE = EvidenceTable(
    accounts=(2, 4, 8), gap_hours=(0, 24, 240), prices=((2000, 900, 100), (1200, 800, 90), (710, 20, 1))
)


def with_evidence(**tables: EvidenceTable) -> Reference:
    return shipped_reference().model_copy(update={"evidence": tables})


def formula(name: str) -> EvidenceTable:
    """The policy's own prices of a kind, every number of accounts and every gap a knot."""
    kind = Policy().priced()[name]
    table = np.maximum(prices(kind, np.arange(2, kind.cap + 1)), np.eye(1, gaps_priced(kind), dtype=np.int64))
    return EvidenceTable(
        accounts=tuple(range(2, kind.cap + 1)),
        gap_hours=tuple(range(0, gaps_priced(kind) * kind.gap_hours, kind.gap_hours)),
        prices=tuple(map(tuple, table.tolist())),
    )


def adopt(at: Settings, reference: Reference) -> None:
    at.reference_file.write_text(reference_text(reference, []), encoding="utf-8")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, Any]]:
    """Two farms that share a card days apart, and its run under the shipped reference."""
    rows = [*farm("one", 6, 3), *farm("two", 9, 5)]
    rows += [
        sighting(f"{name}003", "card", "tok_in_both_4711", MONDAY + day * DAY_US)
        for name, day in (("one", 4), ("two", 40))
    ]
    ids = sorted({row["account_id"] for row in rows})
    folder = tmp_path_factory.mktemp("evidence")
    at = Settings(home=folder / "home", threads=1, processes=1)
    load(at, write_facts(folder / "facts", {"accounts": [account(each, MONDAY) for each in ids], "sightings": rows}))
    return at, pipeline.detect(at, Policy())


@pytest.fixture
def adopted(town: tuple[Settings, dict[str, Any]]) -> Any:
    """Adopts a reference, for one test."""
    at, _ = town
    yield lambda reference: adopt(at, reference)
    at.reference_file.unlink(missing_ok=True)


def test_without_a_table_a_reference_has_the_hash_that_it_had_before_there_were_any() -> None:
    shipped = shipped_reference()
    numbers = shipped.model_dump(mode="json")
    assert numbers.pop("evidence") == {}
    assert shipped.hash == hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()
    assert with_evidence(device=DEVICE).hash != shipped.hash


def test_a_reference_with_tables_reads_back_as_it_was_written(tmp_path: Path) -> None:
    reference, file = with_evidence(device=DEVICE, ip=formula("ip")), tmp_path / "reference.toml"
    file.write_text(reference_text(reference, []))
    assert read_reference(file) == reference
    file.write_text(reference_text(shipped_reference(), []))
    assert "evidence" not in file.read_text()
    assert read_reference(file) == shipped_reference()


def test_the_table_that_the_documentation_shows_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text(encoding="utf-8")
    shown = tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])
    EvidenceTable.model_validate(shown["evidence"]["device"])


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"prices": [[10, 5], [11, 5]]}, "must not rise"),
        ({"prices": [[10, 11], [9, 5]]}, "must not rise"),
        ({"prices": [[10, 5]]}, "a row for each"),
        ({"prices": [[10], [5]]}, "a row for each"),
        ({"prices": [[10, 5], [0, 0]]}, "1 or more in the first column"),
        ({"prices": [[6909, 5], [5, 5]]}, "must be 0 to 6908"),
        ({"accounts": [3, 4]}, "accounts must rise from 2"),
        ({"gap_hours": [0, 0]}, "gap_hours must rise from 0"),
    ],
)
def test_a_table_that_cannot_be_is_refused(fields: dict[str, Any], wrong: str) -> None:
    whole = {"accounts": [2, 3], "gap_hours": [0, 24], "prices": [[10, 5], [9, 5]]}
    EvidenceTable.model_validate(whole)
    with pytest.raises(ValidationError, match=wrong):
        EvidenceTable.model_validate(whole | fields)


def test_tables_with_the_formulas_prices_give_the_same_links_and_digest(
    town: tuple[Settings, dict[str, Any]], adopted: Any
) -> None:
    at, before = town
    adopted(with_evidence(**{name: formula(name) for name in ("device", "card", "ip")}))
    after = pipeline.detect(at, Policy())
    assert after["output_digest"] == before["output_digest"]
    assert after["policy_hash"] == before["policy_hash"]
    assert (after["reference_hash"], after["run_id"]) != (before["reference_hash"], before["run_id"])
    assert (before["evidence_tables"], set(after["evidence_tables"])) == ({}, {"device", "card", "ip"})


def test_explanations_of_a_run_have_its_prices_whatever_reference_is_there_now(
    town: tuple[Settings, dict[str, Any]], adopted: Any
) -> None:
    at, _ = town
    adopted(with_evidence(device=DEVICE))
    run = pipeline.detect(at, Policy())["run_id"]
    adopted(shipped_reference())
    snapshot, asked = Snapshot(at.runs, run), explainer(at, run)
    for link in snapshot.links_at(np.arange(snapshot.links.num_rows)):
        told = asked.why(link["account_a"], link["account_b"])
        assert told["linked"]
        assert told["strength"] == link["strength"] == sum(each["milli_nats"] for each in told["shared"])
    (device,) = (each for each in asked.why("one000", "one001")["shared"] if each["kind"] == "device")
    assert (device["accounts"], device["gap_days"], device["price"]) == (6, 0, 1200)
    worth = {(each["accounts"], each["gap_days"]): each["milli_nats"] for each in device["prices"]}
    assert [worth[2, 0], worth[3, 1], worth[5, 7], worth[10, 30], worth[200, 0], worth[201, 0]] == [
        2000,
        900,
        800,
        1,
        710,
        0,
    ]


def test_what_if_says_what_the_run_would_with_learned_prices(
    town: tuple[Settings, dict[str, Any]], adopted: Any, tmp_path: Path
) -> None:
    at, _ = town
    adopted(with_evidence(device=DEVICE))
    run = pipeline.detect(at, Policy())["run_id"]
    when = "2026-01-11T03:00:00Z"
    given = {"sightings": [{"kind": "device", "value": "device of two farm 4711", "seen_at": when}]}
    (told,) = pipeline.assess(at, given, run)
    assert {each["milli_nats"] for link in told["links"] for each in link["evidence"]} <= {710, 20, 1}
    assert {link["strength"] for link in told["links"]} == {710}


def test_a_table_of_a_kind_that_the_policy_does_not_declare_stops_detection(
    town: tuple[Settings, dict[str, Any]], adopted: Any
) -> None:
    adopted(with_evidence(passport=DEVICE))
    with pytest.raises(SettingsError, match="The reference prices passport, which the policy does not declare"):
        pipeline.detect(town[0], Policy())


def test_a_policy_file_sets_no_learned_prices(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    for key in ("learned", "_learned"):
        file.write_text(f"[kinds.device]\n{key} = {{ accounts = [2], gap_hours = [0], prices = [[1]] }}\n")
        with pytest.raises(SettingsError, match=r"kinds\.device"):
            read_policy(file)


def test_a_run_from_before_there_were_tables_has_the_formulas_prices(town: tuple[Settings, dict[str, Any]]) -> None:
    at, made = town
    manifest = read_manifest(at.runs, made["run_id"])
    del manifest["evidence_tables"]
    (at.runs / made["run_id"] / "manifest.json").write_text(json.dumps(manifest))
    assert Snapshot(at.runs, made["run_id"]).policy == Policy()
