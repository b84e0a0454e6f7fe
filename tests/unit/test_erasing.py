# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Erased is erased: no byte of the home has the account, no file brings it back, and nobody else's result differs."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path

import pytest

from graphrisk import pipeline
from graphrisk.errors import InputError, NotFoundError
from graphrisk.ledger.store import Ledger
from graphrisk.policy import Policy
from graphrisk.runs.feed import read_signals
from graphrisk.runs.store import current_run, publications, read_table, run_ids
from graphrisk.runs.tables import SCHEMAS
from graphrisk.worlds import write_world
from tests.support import ask, call_cli, load, places_of, rejects, settings_at, sighting, write_facts
from tests.support_detection import farm
from tests.support_erasing import (
    FACTS,
    KEY,
    core_of_the_riskiest,
    erase,
    furnished,
    links_of,
    lonely_tokens,
    night,
    rings_without_ids,
    without,
)


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Homes whose facts are compared have the same tokens."""
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", KEY)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "facts"
    write_world(folder, "demo", 500, format="parquet")
    return folder


def test_no_byte_of_the_home_has_the_accounts_or_what_only_they_had(world: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    erased = furnished(home, world, tmp_path)
    tokens = lonely_tokens(home, erased)
    assert len(tokens) >= 3
    assert len(places_of(erased, home)) > 20
    assert places_of(tokens, home)
    done = erase(home, *erased, reason="letter 4711")
    assert done.left == []
    assert [note for note in done.notes if "notes.txt" in note] == done.notes != []
    (home / "notes.txt").unlink()
    assert places_of([*erased, *tokens], home) == []
    assert done.certificate["finished_at"]
    assert done.certificate["accounts"] == 3
    assert done.certificate["removed"]["accounts"] == 3 + 2  # two of them came with both loads
    assert done.certificate["removed"]["exports"] == 8
    assert done.certificate["removed"]["audit_lines"] == 1
    kept = home / "erasures" / f"{done.certificate['erasure']}.json"
    assert json.loads(kept.read_text()) == done.certificate


def test_what_is_left_is_what_a_ledger_without_the_accounts_has(world: Path, tmp_path: Path) -> None:
    home, never = tmp_path / "home", tmp_path / "never"
    night(home, world)
    erased = core_of_the_riskiest(home, 3)
    more = write_facts(tmp_path / "more", sightings=farm("late", 8, 3))
    load(home, more)
    erase(home, *erased)
    load(never, without(world, tmp_path / "clean", erased))
    load(never, more)
    for query in FACTS:
        assert sorted(ask(home, query), key=repr) == sorted(ask(never, query), key=repr)
    ours, theirs = (Ledger(each / "ledger").loads() for each in (home, never))
    assert [(each.content, each.rows) for each in ours] == [(each.content, each.rows) for each in theirs]
    made = pipeline.detect(settings_at(never), Policy())
    pipeline.publish(settings_at(never), Policy(), made["run_id"], "a test")
    night(home)  # on the newest load, which the run that erasing published does not have
    assert rings_without_ids(home) == rings_without_ids(never)
    assert links_of(home) == links_of(never)


def test_before_anything_is_published_the_digest_is_that_of_a_ledger_without_the_accounts(
    world: Path, tmp_path: Path
) -> None:
    home, never = tmp_path / "home", tmp_path / "never"
    load(home, world)
    first = pipeline.detect(settings_at(home), Policy())
    members = read_table(home / "runs", first["run_id"], "rings")["members"].to_pylist()
    erased = [members[0][0]["account_id"], members[1][0]["account_id"]]
    erase(home, *erased)
    assert run_ids(home / "runs") == []
    load(never, without(world, tmp_path / "clean", erased))
    digests = [pipeline.detect(settings_at(each), Policy())["output_digest"] for each in (home, never)]
    assert digests[0] == digests[1] != first["output_digest"]


def test_a_replayed_file_is_known_and_another_one_brings_back_nobody(world: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    night(home, world)
    (erased,) = core_of_the_riskiest(home, 1)
    erase(home, erased)
    assert load(home, world).new is False
    rows = [sighting(erased, "device", "new-device-1"), sighting("acc_new", "device", "new-device-1")]
    facts = write_facts(
        tmp_path / "other",
        [{"account_id": erased, "status": "active"}, {"account_id": "acc_new"}],
        rows,
        [{"account_id": erased, "label": "bad", "labelled_at": "2026-01-01"}],
    )
    loaded = load(home, facts)  # half of its rows are of an erased account, which is no fault
    assert loaded.new
    assert loaded.report["rejected"] == {
        "accounts": {"erased_account": 1}, "sightings": {"erased_account": 1}, "labels": {"erased_account": 1},
    }  # fmt: skip
    listed = [row for row in rejects(home) if row[2] == "erased_account"]
    assert sorted(listed) == [
        (1, "accounts", "erased_account"),
        (1, "labels", "erased_account"),
        (1, "sightings", "erased_account"),
    ]
    assert ask(home, f"SELECT count(*) FROM accounts WHERE account_id = '{erased}'") == [(0,)]
    assert ask(home, "SELECT count(*) FROM accounts WHERE account_id = 'acc_new'") == [(1,)]
    assert places_of([erased], home) == []


def test_ring_ids_resolve_and_cursors_stay_good(world: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    night(home, world)
    night(home, write_facts(tmp_path / "more", sightings=farm("crook", 9, 3)))
    before, _ = read_signals(home, None, 100_000)
    issued = {row["ring_id"] for row in read_table(home / "runs", str(current_run(home)), "lineage").to_pylist()}
    whole_ring = core_of_the_riskiest(home, 1000)
    erased = [*whole_ring, "crook000"]
    done = erase(home, *erased)
    assert done.left == []
    live = str(current_run(home))
    lineage = {row["ring_id"]: row for row in read_table(home / "runs", live, "lineage").to_pylist()}
    assert issued <= set(lineage)
    assert not any(set(erased) & set(row["core"]) for row in lineage.values())
    after, _ = read_signals(home, None, 100_000)
    assert [(line[:40], len(line)) for line in after[: len(before)]] == [(line[:40], len(line)) for line in before]
    told = [json.loads(line) for line in after]
    assert {each["type"] for each in told[: len(before)]} >= {"account.erased", "run.published", "ring.born"}
    assert not any(each.get("account_id") in erased for each in told)
    untouched = [line for line in before if not any(f'"{each}"'.encode() in line for each in erased)]
    assert [line for line in after[: len(before)] if b"account.erased" not in line] == untouched
    assert publications(home)[-1].run_id == live
    pipeline.publish(settings_at(home), Policy(), pipeline.detect(settings_at(home), Policy())["run_id"], "a test")


def test_an_account_that_nobody_knows_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    load(home, write_facts(tmp_path / "facts", sightings=farm("crook", 4, 3)))
    before = ask(home, "FROM fact_sightings ORDER BY ALL")
    with pytest.raises(NotFoundError, match="'nobody'"):
        erase(home, "crook000", "nobody")
    with pytest.raises(InputError, match="reason"):
        erase(home, "crook000", reason="crook000 asked for it")
    assert ask(home, "FROM fact_sightings ORDER BY ALL") == before
    assert erase(home, "crook000").certificate["removed"]["accounts"] == 1
    assert erase(home, "crook000").certificate["removed"]["accounts"] == 0


def test_the_last_account_can_go(tmp_path: Path) -> None:
    home = tmp_path / "home"
    night(home, write_facts(tmp_path / "facts", sightings=[sighting("lonely", "device", "a-device")]))
    erase(home, "lonely")
    assert places_of(["lonely"], home / "ledger", home / "runs") == []
    assert ask(home, "SELECT count(*) FROM accounts") == [(0,)]
    assert read_table(home / "runs", str(current_run(home)), "accounts").num_rows == 0


def test_the_command_reads_a_file_and_prints_a_certificate(tmp_path: Path) -> None:
    home = tmp_path / "home"
    night(home, write_facts(tmp_path / "facts", sightings=farm("crook", 6, 3)))
    (tmp_path / "ids").write_text("crook000\ncrook001\n")
    told = call_cli("erase", "--file", tmp_path / "ids", home=home)
    assert told.returncode == 0, told.stderr
    assert "2 accounts" in told.stdout
    assert "crook000" not in told.stdout
    assert call_cli("erase", home=home).returncode == 2
    assert call_cli("erase", "nobody", home=home).returncode == 6
    assert call_cli("erase", "--file", tmp_path / "gone", home=home).returncode == 3


def odd_id(dice: random.Random) -> str:
    alphabet = string.ascii_letters + "'\"\\é%_; ü𝔘/"
    return "i" + "".join(dice.choice(alphabet) for _ in range(dice.randint(3, 20))) + "x"


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 30))])
def test_any_accounts_of_any_loads_leave_what_would_be_there_without_them(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    ids = sorted({odd_id(dice) for _ in range(30)})
    erased = dice.sample(ids, dice.randint(1, 12))
    homes: dict[str, list[Path]] = {"with": [], "without": []}
    for number in range(3):
        rows = [
            sighting(
                dice.choice(ids),
                dice.choice(["device", "card", "ip"]),
                f"8.8.{dice.randint(0, 3)}.{dice.randint(1, 9)}",
            )
            for _ in range(60)
        ]
        accounts = [{"account_id": each, "marketplace": dice.choice("AB")} for each in dice.sample(ids, 10)]
        for name, kept in (("with", ids), ("without", [each for each in ids if each not in erased])):
            folder = tmp_path / name / f"facts{number}"
            write_facts(folder, *([row for row in table if row["account_id"] in kept] for table in (accounts, rows)))
            homes[name].append(folder)
    home, never = tmp_path / "home", tmp_path / "never"
    for facts in homes["with"]:
        night(home, facts)
    known = {row[0] for row in ask(home, "SELECT account_id FROM accounts")}
    assert erase(home, *(each for each in erased if each in known)).left == []
    for facts in homes["without"]:
        load(never, facts)
    ours, theirs = (Ledger(each / "ledger").loads() for each in (home, never))
    assert [each.content for each in ours] == [each.content for each in theirs]
    told = [{k: v for k, v in json.loads(each.report).items() if k in ("completeness", "most_shared")} for each in ours]
    assert told == [
        {k: v for k, v in json.loads(each.report).items() if k in ("completeness", "most_shared")} for each in theirs
    ]
    never_run = pipeline.detect(settings_at(never), Policy())["run_id"]
    for name in SCHEMAS:
        if name in ("links", "neighbours"):
            ours_table = read_table(home / "runs", str(current_run(home)), name)
            assert ours_table.to_pylist() == read_table(never / "runs", never_run, name).to_pylist()
    assert places_of(erased, home) == []
