"""Worlds by other hands: a load takes them, the truth is about their accounts, and the seed decides them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphrisk.evaluation.truth import read_truth
from graphrisk.worlds.knobs import ARCHETYPES
from tests.bench.otherworld import __main__ as otherworld
from tests.bench.otherworld.plan import planned
from tests.bench.thirdworld import __main__ as thirdworld
from tests.bench.thirdworld.plan import PREVALENCE
from tests.bench.thirdworld.world import made
from tests.support import load

Main = Callable[[Sequence[str]], int]
HANDS: dict[str, Main] = {"otherworld": otherworld.main, "thirdworld": thirdworld.main}
ACCOUNTS = 3_000
ENOUGH_FOR_SHARES = 12_000
"""Among fewer, a ring of each archetype is more than the third hand's part of the accounts."""
TABLES = ("accounts", "sightings", "labels")


def written(main: Main, folder: Path, seed: int = 1) -> Path:
    assert main([str(folder), "--accounts", str(ACCOUNTS), "--seed", str(seed)]) == 0
    return folder


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", params=list(HANDS))
def hand(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def main(hand: str) -> Main:
    return HANDS[hand]


@pytest.fixture(scope="module")
def folder(main: Main, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(main, tmp_path_factory.mktemp("hand") / "world")


@pytest.fixture(scope="module")
def tables(folder: Path) -> dict[str, pa.Table]:
    tables = {name: pq.read_table(folder / name) for name in TABLES}
    return tables | {"truth": pq.read_table(folder / "truth.parquet")}


def test_a_load_rejects_nothing(folder: Path, tables: dict[str, pa.Table], tmp_path: Path) -> None:
    report = load(tmp_path / "home", folder).report
    assert report["accepted"] == {name: tables[name].num_rows for name in TABLES}
    assert not any(report["rejected"].values())
    assert not report["ignored_columns"]


def test_the_truth_names_every_account_once(folder: Path, tables: dict[str, pa.Table]) -> None:
    accounts = tables["accounts"]["account_id"].to_pylist()
    assert len(set(accounts)) == ACCOUNTS
    assert tables["truth"]["account_id"].to_pylist() == accounts
    truth = read_truth(folder)
    assert truth.rings
    assert set(tables["truth"]["structure"].to_pylist()) <= set(truth.about["structures"])
    in_ring = [bool(ring) for ring in tables["truth"]["ring"].to_pylist()]
    assert in_ring == [role == "core" for role in tables["truth"]["role"].to_pylist()]


def test_rings_are_named_as_the_product_names_them(hand: str, tables: dict[str, pa.Table]) -> None:
    truth = tables["truth"].to_pylist()
    named = {account["structure"] for account in truth if account["ring"]}
    assert named == set(ARCHETYPES) if hand == "thirdworld" else named <= set(ARCHETYPES)


def test_every_archetype_is_planned_by_the_other_hand() -> None:
    plan = planned(np.random.default_rng(1), 31_000)
    assert {ring.archetype for ring in plan} == set(ARCHETYPES)


def test_rings_of_the_third_hand_have_their_part_of_the_accounts() -> None:
    rings = made("hard", ENOUGH_FOR_SHARES, 1).rings
    assert {ring.archetype for ring in rings} == set(ARCHETYPES)
    in_rings = sum(len(ring.members) for ring in rings)
    assert in_rings / ENOUGH_FOR_SHARES == pytest.approx(PREVALENCE, rel=0.02)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(main: Main, folder: Path, tmp_path: Path) -> None:
    first, again = contents(folder), contents(written(main, tmp_path / "again"))
    other = contents(written(main, tmp_path / "other", seed=2))
    assert again == first
    assert other.keys() == first.keys()
    assert not any(other[path] == content for path, content in first.items())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--accounts", "10"], "A world of 10 accounts is not possible; ask for 1,000 to 200,000.\n"),
        (["--seed", "-1"], "The seed is -1; give 0 or a greater whole number.\n"),
        ([], " is there already and is not an empty folder; name a new one, or remove it.\n"),
    ],
)
def test_what_is_not_possible_is_said(
    main: Main, given: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main([str(tmp_path), *given]) == 2
    assert capsys.readouterr().err.endswith(said)
