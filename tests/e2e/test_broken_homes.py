"""Broken disks, files and settings: one sentence that names the thing, the right exit code, and nothing lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from graphrisk.ledger.tables import SCHEMAS
from graphrisk.worlds import write_world
from tests.support_disk import SmallDisk
from tests.support_e2e import (
    Done,
    Launcher,
    Town,
    accepted_contents,
    leftovers,
    verified_live_run,
    write_farm,
)

WRITING = (["load"], ["detect"], ["publish"], ["rollback"], ["ledger", "compact"])
LOOKING = (["status"], ["rings"], ["runs"], ["show", "account", "acc_00000001"])

Damage = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source that takes more room than a nearly full disk has."""
    folder = tmp_path_factory.mktemp("large") / "facts"
    write_world(folder, "demo", 1_500, 2, format="csv")
    return folder


def words_of(words: list[str], source: Path) -> list[str | Path]:
    return [*words, source] if words == ["load"] else [*words]


def assert_nothing_lost(launch: Launcher, town: Town, home: Path) -> None:
    assert_kept(town, home)
    assert launch("--home", home, "load", town.farm, "--json").json()["new"] is False
    assert launch("--home", home, "publish", town.candidate, "--json").json()["run_id"] == town.candidate
    assert leftovers(home) == []


def assert_kept(town: Town, home: Path) -> None:
    assert accepted_contents(home) == town.contents
    assert verified_live_run(home) == town.live


def assert_full(ended: Done, home: Path) -> None:
    # A disk that fills under delta-rs makes it print a panic of its own before our sentence.
    told = ended.err.splitlines()[-1]
    assert ended.code == 4
    assert told.startswith("graphrisk: ")
    assert "No space left" in told or "disk is full" in told
    assert str(home) in told


@pytest.mark.parametrize("kib", [0, 40, 300])
def test_a_disk_that_fills_during_a_load(launch: Launcher, town: Town, large: Path, tmp_path: Path, kib: int) -> None:
    with SmallDisk(tmp_path / "disk") as disk:
        home = town.copy(disk.folder / "home")
        disk.leave_free(kib)
        ended = launch("--home", home, "load", large)
        disk.leave_free(100_000)
        assert_nothing_lost(launch, town, home)
        assert launch("--home", home, "load", large, "--json").json()["new"] is True
        assert_full(ended, home)


@pytest.mark.parametrize("kib", [0, 100])
def test_a_disk_that_fills_during_detect(launch: Launcher, town: Town, tmp_path: Path, kib: int) -> None:
    with SmallDisk(tmp_path / "disk") as disk:
        home = town.copy(disk.folder / "home")
        disk.leave_free(kib)
        ended = launch("--home", home, "detect")
        disk.leave_free(100_000)
        assert_nothing_lost(launch, town, home)
        assert_full(ended, home)


def test_a_disk_too_full_for_what_detect_cannot_hold_in_memory(
    launch: Launcher, town: Town, large: Path, tmp_path: Path
) -> None:
    with SmallDisk(tmp_path / "disk") as disk:
        home = town.copy(disk.folder / "home")
        launch("--home", home, "load", large, "--json").json()
        contents = accepted_contents(home)
        disk.leave_free(200)
        ended = launch("--home", home, "detect", environment={"GRAPHRISK_MEMORY_MIB": "16"})
        told = ended.sentence(ended.code)
        assert ended.code in (4, 5)
        assert "room" in told or "space" in told or "disk" in told
        disk.leave_free(100_000)
        assert accepted_contents(home) == contents
        assert verified_live_run(home) == town.live
        assert launch("--home", home, "detect").code == 0


def test_a_read_only_home_can_be_read_and_says_that_it_cannot_be_written(
    launch: Launcher, town: Town, home: Path, tmp_path: Path
) -> None:
    source = write_farm(tmp_path / "farm", "more")
    paths = [home, *home.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o400 if path.name == "token.key" else 0o555 if path.is_dir() else 0o444)
    for words in WRITING:
        if words != ["rollback"]:
            told = launch("--home", home, *words_of(words, source), obeying_modes=True).sentence(4)
            assert "Permission denied" in told or "permit it" in told
            assert str(home) in told
    for words in (["rings"], ["runs"], ["show", "account", "acc_00000001"], ["export", str(tmp_path / "out")]):
        assert launch("--home", home, *words, obeying_modes=True).code == 0
    for path in paths:
        path.chmod(modes[path])
    assert_nothing_lost(launch, town, home)


def test_a_token_key_that_cannot_be_read(launch: Launcher, town: Town, home: Path, tmp_path: Path) -> None:
    source = write_farm(tmp_path / "farm", "more")
    key = home / "token.key"
    kept = key.read_text()
    key.chmod(0)
    assert str(key) in launch("--home", home, "load", source, obeying_modes=True).sentence(4)
    key.chmod(0o644)
    assert f"chmod 600 {key}" in launch("--home", home, "load", source).sentence(2)
    key.chmod(0o600)
    key.write_text("not a key")
    assert str(key) in launch("--home", home, "load", source).sentence(2)
    key.unlink()
    assert "token.key" in launch("--home", home, "load", source).sentence(2)
    key.write_text(kept)
    key.chmod(0o600)
    assert_nothing_lost(launch, town, home)


@pytest.mark.parametrize("keep", [0, 0.5, 0.99], ids=["empty", "half", "but_the_footer"])
def test_a_parquet_source_that_is_cut_short(
    launch: Launcher, town: Town, home: Path, tmp_path: Path, keep: float
) -> None:
    source = tmp_path / "sightings.parquet"
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(town.facts / "sightings" / "part-00000.csv"), source)
    whole = source.read_bytes()
    source.write_bytes(whole[: keep if isinstance(keep, int) else int(keep * len(whole))])
    assert str(source) in launch("--home", home, "load", source).sentence(3)
    assert_kept(town, home)


def test_a_parquet_source_with_damaged_pages(launch: Launcher, town: Town, home: Path, tmp_path: Path) -> None:
    source = tmp_path / "sightings.parquet"
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(town.facts / "sightings" / "part-00000.csv"), source)
    whole = source.read_bytes()
    middle = len(whole) // 3
    source.write_bytes(whole[:middle] + bytes(400) + whole[middle + 400 :])
    assert str(source) in launch("--home", home, "load", source).sentence(3)
    assert_nothing_lost(launch, town, home)


@pytest.mark.parametrize("words", [["show", "account", "acc_00000001"], ["rings"], ["show", "ring", "x"], ["export"]])
def test_a_run_file_that_was_cut_is_named(
    launch: Launcher, town: Town, home: Path, tmp_path: Path, words: list[str]
) -> None:
    name = {"account": "accounts", "rings": "rings", "ring": "lineage", "export": "accounts"}[words[:2][-1]]
    file = home / "runs" / town.live / f"{name}.arrow"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    given = [*words, tmp_path / "out"] if words == ["export"] else [*words]
    assert str(file) in launch("--home", home, *given).sentence(4)
    file.write_bytes(whole)
    assert_kept(town, home)


@pytest.mark.parametrize("name", ["accounts", "rings", "links", "lineage"])
def test_a_run_with_one_changed_byte_is_not_published(launch: Launcher, town: Town, home: Path, name: str) -> None:
    file = home / "runs" / town.candidate / f"{name}.arrow"
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert str(file) in launch("--home", home, "publish", town.candidate).sentence(4)
    file.write_bytes(whole)
    assert_kept(town, home)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"\xff\xfe" + whole,
        lambda whole: b"[]",
        lambda whole: whole.replace(b'"as_of"', b'"as_og"'),
        lambda whole: whole.replace(b'"counts"', b'"cuonts"'),
        lambda whole: whole.replace(b'"sha256"', b'"sha257"'),
    ],
    ids=["empty", "cut", "not_text", "a_list", "no_as_of", "no_counts", "no_sha256"],
)
def test_a_damaged_manifest_is_named(launch: Launcher, town: Town, home: Path, damage: Damage) -> None:
    file = home / "runs" / town.candidate / "manifest.json"
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    for words in (["publish", town.candidate], ["publish"], ["runs"]):
        assert town.candidate in launch("--home", home, *words).sentence(4)
    file.write_bytes(whole)
    assert_kept(town, home)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (text, name)
        for name in ("current.json", "home.json")
        for text in ("", '{"publications": [{"run', "[]", "null", '{"publications": "x", "format": "one"}', '{"a": 1}')
    ]
    + [('{"format": null}', "home.json"), ('{"publications": [{"run_id": "x"}]}', "current.json")],
)
def test_a_damaged_pointer_or_marker_is_named(launch: Launcher, town: Town, home: Path, text: str, name: str) -> None:
    file = home / name
    whole = file.read_bytes()
    file.write_text(text)
    for words in (["publish"], ["detect"], ["status"], ["rings"]):
        assert str(file) in launch("--home", home, *words).sentence(4)
    assert file.read_text() == text
    file.write_bytes(whole)
    assert_kept(town, home)


def test_a_home_written_by_a_newer_version_is_left_alone(launch: Launcher, town: Town, home: Path) -> None:
    marker = home / "home.json"
    whole = marker.read_bytes()
    marker.write_text(json.dumps({"format": 99}))
    before = sorted((str(path), path.stat().st_mtime_ns) for path in home.rglob("*"))
    for words in (*WRITING, *LOOKING):
        told = launch("--home", home, *words_of(words, town.farm)).sentence(4)
        assert str(home) in told
        assert "99" in told
        assert "update graphrisk" in told
    assert sorted((str(path), path.stat().st_mtime_ns) for path in home.rglob("*")) == before
    marker.write_bytes(whole)
    assert_nothing_lost(launch, town, home)


@pytest.mark.parametrize("table", list(SCHEMAS))
def test_a_ledger_table_that_is_missing_is_named_and_not_replaced_by_an_empty_one(
    launch: Launcher, town: Town, home: Path, tmp_path: Path, table: str
) -> None:
    folder, aside = home / "ledger" / table, tmp_path / "aside"
    source = write_farm(tmp_path / "farm", "more")
    folder.rename(aside)
    ended = [launch("--home", home, *words) for words in (["detect"], ["status"], ["load", source])]
    recreated = folder.exists()
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    assert accepted_contents(home) == town.contents
    for each in ended:
        assert str(folder) in each.sentence(4)
    assert not recreated
    assert_nothing_lost(launch, town, home)


@pytest.mark.parametrize("name", ["GRAPHRISK_THREADS", "GRAPHRISK_PROCESSES", "GRAPHRISK_MEMORY_MIB"])
@pytest.mark.parametrize("text", ["abc", "0", "-1", "1.5"])
def test_a_setting_that_is_no_number_is_named(launch: Launcher, home: Path, name: str, text: str) -> None:
    told = launch("--home", home, "status", environment={name: text}).sentence(2)
    assert name in told
    assert repr(text) in told


def test_a_home_that_is_a_file(launch: Launcher, town: Town, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("mine")
    for words in (*WRITING, *LOOKING):
        assert str(home) in launch("--home", home, *words_of(words, town.farm)).sentence(4)
    assert home.read_text() == "mine"


@pytest.mark.parametrize("name", ["shop[eu]", "a^b", "a|b"])
def test_a_home_whose_path_the_ledger_cannot_be_opened_with(
    launch: Launcher, town: Town, tmp_path: Path, name: str
) -> None:
    """delta-rs panicked, after facts had been read."""
    told = launch("--home", tmp_path / name, "load", town.farm).sentence(4)
    assert f"{tmp_path / name} has " in told
    assert "choose another --home" in told
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["a {b} *c?", "50%", "é #1"])
def test_a_home_with_a_strange_name_is_a_home(launch: Launcher, town: Town, tmp_path: Path, name: str) -> None:
    for words in (["run", town.farm], ["ledger", "compact"], ["status"]):
        assert launch("--home", tmp_path / name, *words).code == 0
