"""The memory-mapped reader: what it finds among sorted texts, what it says of a run, and which runs it refuses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrisk.errors import NotFoundError, StoreError
from graphrisk.runs.snapshot import Snapshot
from graphrisk.runs.sorted_text import SortedText
from graphrisk.runs.store import current_run, publications, write_run
from graphrisk.runs.tables import SCHEMAS
from tests.support_api import copy_home, settings_at, small_home

BEGINNINGS = st.sampled_from(["", "", "account-", "account-of-a-shop-"])
TEXTS = st.builds(str.__add__, BEGINNINGS, st.text(max_size=6))
RAW = st.text(st.characters(codec=None), max_size=4)


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=40, unique=True), st.lists(st.one_of(TEXTS, RAW), max_size=20), st.integers(0, 3))
def test_a_text_is_found_where_it_is_and_nowhere_else(held: list[str], asked: list[str], offset: int) -> None:
    ordered = sorted(held, key=str.encode)
    column = pa.array(["!" * 3] * offset + ordered, pa.string())[offset:]
    sorted_text = SortedText(column)
    wanted = asked + held
    expected = [ordered.index(text) if text in held else -1 for text in wanted]
    assert sorted_text.find_all(wanted).tolist() == expected
    assert [sorted_text.find(text) for text in wanted] == [None if row < 0 else row for row in expected]
    assert [sorted_text[row].decode() for row in range(len(sorted_text))] == ordered


def test_half_of_a_pair_of_surrogates_is_an_account_that_is_not_there() -> None:
    assert SortedText(pa.array(["a", "b"], pa.string())).find_all(["\ud800", "b"]).tolist() == [-1, 1]


@pytest.fixture
def runs(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_home(small_home(tmp_path_factory), tmp_path / "home") / "runs"


def live(runs: Path) -> str:
    found = current_run(runs.parent)
    assert found
    return found


def test_every_column_of_a_snapshot_is_that_of_its_rows(runs: Path) -> None:
    snapshot = Snapshot(runs, live(runs))
    accounts, rings = snapshot.accounts.to_pylist(), snapshot.rings.to_pylist()
    ring_rows = {ring["ring_id"]: row for row, ring in enumerate(rings)}
    scores = [row["score"] for row in accounts]
    assert snapshot.ring_of.tolist() == [ring_rows.get(row["ring_id"], -1) for row in accounts]
    assert np.asarray(snapshot.is_core).tolist() == [row["role"] == "core" for row in accounts]
    for score in {0, 1000, *scores}:
        below = sum(each < score for each in scores)
        assert snapshot.percentile[score] == round(100 * below / len(scores), 2)
    for row, account in enumerate(accounts):
        assert snapshot.account_row(account["account_id"]) == row
        assert snapshot.account_id(row) == account["account_id"]
        links, others = snapshot.links_of(row)
        shown = snapshot.links_at(links)
        for link, other in zip(shown, others.tolist(), strict=True):
            pair = {account["account_id"], snapshot.account_id(other)}
            assert {link["account_a"], link["account_b"]} == pair
    ends = [end for row in snapshot.links.to_pylist() for end in (row["account_a"], row["account_b"])]
    assert sum(len(snapshot.links_of(row)[0]) for row in range(len(accounts))) == len(ends)


def test_the_links_inside_a_ring_are_all_between_its_members(runs: Path) -> None:
    snapshot = Snapshot(runs, live(runs))
    links = snapshot.links.to_pylist()
    for row, ring in enumerate(snapshot.rings.to_pylist()):
        members = {each["account_id"] for each in ring["members"]}
        inside = [place for place, link in enumerate(links) if {link["account_a"], link["account_b"]} <= members]
        inside.sort(key=lambda place: (-links[place]["strength"], place))
        assert snapshot.links_inside(row).tolist() == inside


def test_a_run_with_nothing_in_it_answers_that_it_knows_nothing(runs: Path, tmp_path: Path) -> None:
    manifest = json.loads((runs / live(runs) / "manifest.json").read_text()) | {"run_id": "run_empty"}
    (tmp_path / "scratch").mkdir()
    tables = {name: schema.empty_table() for name, schema in SCHEMAS.items()}
    write_run(tmp_path / "scratch", runs, tables, manifest)
    snapshot = Snapshot(runs, "run_empty")
    snapshot.warm()
    assert snapshot.account_row("") is None
    assert snapshot.account_rows(["a", ""]).tolist() == [-1, -1]
    assert snapshot.account_rows([]).tolist() == []
    assert (snapshot.ring_row("ring_x"), snapshot.lineage_of("ring_x"), snapshot.retired) == (None, None, [])
    assert snapshot.marketplaces == []
    assert snapshot.percentile.max() == 0


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("table", sorted(SCHEMAS))
def test_a_byte_that_differs_anywhere_is_refused(runs: Path, table: str, place: float) -> None:
    path = runs / live(runs) / f"{table}.arrow"
    with path.open("r+b") as handle:
        handle.seek(int(place * (path.stat().st_size - 1)))
        byte = handle.read(1)[0]
        handle.seek(-1, 1)
        handle.write(bytes([byte ^ 0x40]))
    with pytest.raises(StoreError, match=f"{table}.arrow"):
        Snapshot(runs, live(runs))


OTHERWISE: dict[str, Callable[[Path], object]] = {
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "shorter": lambda path: os.truncate(path, path.stat().st_size - 8),
    "empty": lambda path: os.truncate(path, 0),
    "gone": Path.unlink,
    "a folder": lambda path: [path.unlink(), path.mkdir()],
    "a link to nowhere": lambda path: [path.unlink(), path.symlink_to("nowhere")],
}


@pytest.mark.parametrize("how", OTHERWISE)
def test_a_file_that_is_not_the_one_that_was_written_is_refused(runs: Path, how: str) -> None:
    OTHERWISE[how](runs / live(runs) / "accounts.arrow")
    with pytest.raises(StoreError, match=r"accounts\.arrow"):
        Snapshot(runs, live(runs))


def test_a_manifest_that_leaves_out_a_file_is_refused(runs: Path) -> None:
    path = runs / live(runs) / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"]["links.arrow"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match=r"links\.arrow"):
        Snapshot(runs, live(runs))


def test_a_run_that_is_not_kept_is_not_found(runs: Path) -> None:
    with pytest.raises(NotFoundError, match="run_nothing"):
        Snapshot(runs, "run_nothing")


def test_a_run_goes_on_answering_after_its_folder_was_deleted(runs: Path) -> None:
    snapshot = Snapshot(runs, live(runs))
    rows: list[dict[str, Any]] = snapshot.accounts.slice(0, 5).to_pylist()
    for path in (runs / live(runs)).iterdir():
        path.unlink()
    assert snapshot.accounts.slice(0, 5).to_pylist() == rows
    assert snapshot.account_row(rows[3]["account_id"]) == 3


def test_what_is_opened_is_mapped_and_not_read_into_memory(runs: Path) -> None:
    before = pa.total_allocated_bytes()
    snapshot = Snapshot(runs, live(runs))
    assert pa.total_allocated_bytes() - before < 64 * 1024
    assert snapshot.accounts.nbytes > 64 * 1024
    assert publications(settings_at(runs.parent).home)[-1].run_id == snapshot.run_id
