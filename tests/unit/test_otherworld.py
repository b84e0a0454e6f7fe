"""Worlds by another hand: a load takes them, the truth is about their accounts, and the seed decides them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphrisk.evaluation.truth import read_truth
from graphrisk.worlds.knobs import ARCHETYPES
from tests.bench.otherworld.__main__ import main
from tests.bench.otherworld.plan import planned
from tests.support import load

ACCOUNTS = 3_000
TABLES = ("accounts", "sightings", "labels")


def written(folder: Path, seed: int = 1) -> dict[str, pa.Table]:
    assert main([str(folder), "--accounts", str(ACCOUNTS), "--seed", str(seed)]) == 0
    tables = {name: pq.read_table(folder / name) for name in TABLES}
    return tables | {"truth": pq.read_table(folder / "truth.parquet")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("otherworld") / "world"


@pytest.fixture(scope="module")
def tables(folder: Path) -> dict[str, pa.Table]:
    return written(folder)


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


def test_every_archetype_is_planned() -> None:
    plan = planned(np.random.default_rng(1), 31_000)
    assert {ring.archetype for ring in plan} == set(ARCHETYPES)


def test_the_same_arguments_give_the_same_tables(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    again, other = written(tmp_path / "again"), written(tmp_path / "other", seed=2)
    for name, table in tables.items():
        assert again[name].equals(table)
        assert not other[name].equals(table)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--accounts", "10"], "A world of 10 accounts is not possible; ask for 1,000 to 200,000.\n"),
        (["--seed", "-1"], "The seed is -1; give 0 or a greater whole number.\n"),
        ([], " is there already and is not an empty folder; name a new one, or remove it.\n"),
    ],
)
def test_what_is_not_possible_is_said(
    given: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main([str(tmp_path), *given]) == 2
    assert capsys.readouterr().err.endswith(said)
