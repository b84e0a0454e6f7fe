"""kill -9 or Ctrl-C at any moment of any command that writes: accepted loads and the live run stay whole."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from graphrisk import pipeline
from graphrisk.runs.store import current_run
from tests.bench.marketplace import write_marketplace
from tests.support import call_cli
from tests.support_e2e import (
    FARM_ACCOUNTS,
    FARMS,
    WORLD_ACCOUNTS,
    Done,
    Launcher,
    Town,
    accepted_contents,
    leftovers,
    verified_live_run,
    write_farm,
)

KILLS = [12, pytest.param(300, marks=pytest.mark.slow)]
LOAD_KILLS = [9, pytest.param(150, marks=pytest.mark.slow)]
"""Half of the kills of load meet a home that holds facts, half meet a new one."""
KILLS_A_HOME = 3
"""Several kills meet the same home before the next load has to clean up after all of them."""


def moments(seed: int, count: int) -> list[float]:
    """Shares of a command's duration."""
    dice = random.Random(seed)
    return [dice.uniform(0, 1) for _ in range(count)]


def undisturbed(launch: Launcher, town: Town, folder: Path, *words: str | Path) -> float:
    """Seconds of a command that nothing kills."""
    took: list[float] = []
    for number in range(3):
        ended = launch("--home", town.copy(folder / f"measured{number}"), *words)
        assert ended.code == 0, ended.err
        took.append(ended.seconds)
    return sorted(took)[1]


def assert_next_load_cleans_up(launch: Launcher, town: Town, home: Path) -> None:
    assert launch("--home", home, "load", town.farm, "--json").json()["new"] is False
    assert leftovers(home) == []


def killings(
    launch: Launcher, town: Town, folder: Path, words: list[str], seed: int, count: int
) -> Iterator[tuple[Path, Done, bool]]:
    """Kill a command in copies of the town; gives the home, how the command ended, whether it is this home's last."""
    longest = undisturbed(launch, town, folder, *words)
    killed = 0
    for number, share in enumerate(moments(seed, count)):
        home = folder / f"home{number // KILLS_A_HOME}"
        if not home.exists():
            town.copy(home)
        ended = launch("--home", home, *words, after=share * longest)
        killed += ended.code == -9
        if ended.code == 0:
            longest = ended.seconds  # the machine is less busy than it was, and the kills have to keep up with that
        last = number % KILLS_A_HOME == KILLS_A_HOME - 1
        yield home, ended, last
        if last:
            assert_next_load_cleans_up(launch, town, home)
            shutil.rmtree(home)
    assert killed > count / 2


@pytest.mark.parametrize("kills", LOAD_KILLS)
def test_a_killed_load_is_whole_or_absent_and_can_be_repeated(
    launch: Launcher, town: Town, tmp_path: Path, kills: int
) -> None:
    home, contents, killed = town.copy(tmp_path / "home"), town.contents, 0
    longest = undisturbed(launch, town, tmp_path, "load", write_farm(tmp_path / "other", "other"))
    for number, share in enumerate(moments(1, kills)):
        farm = write_farm(tmp_path / f"farm{number}", f"farm{number}")
        ended = launch("--home", home, "load", farm, after=share * longest)
        killed += ended.code == -9
        found = accepted_contents(home)
        assert found[: len(contents)] == contents
        assert len(found) <= len(contents) + 1
        if ended.code == 0 or "is accepted" in ended.out:
            assert len(found) == len(contents) + 1
        again = launch("--home", home, "load", farm, "--json")
        assert again.json()["new"] == (len(found) == len(contents))
        # The ledger grows, and loads of it become slower; the kills have to keep up with that.
        longest, contents = again.seconds, accepted_contents(home)
        assert leftovers(home) == []
        assert verified_live_run(home) == town.live
    assert killed > kills / 2
    state = launch("--home", home, "status", "--json").json()
    assert (state["loads"], state["accounts"]) == (1 + FARMS + kills, WORLD_ACCOUNTS + (FARMS + kills) * FARM_ACCOUNTS)
    assert state["kinds"]["device"]["max_accounts"] < FARM_ACCOUNTS


@pytest.mark.parametrize("kills", LOAD_KILLS)
def test_the_first_load_of_a_home_can_be_killed(launch: Launcher, town: Town, tmp_path: Path, kills: int) -> None:
    killed = 0
    longest = launch("--home", tmp_path / "measured", "load", town.farm).seconds
    for number, share in enumerate(moments(2, kills)):
        home = tmp_path / f"home{number}"
        ended = launch("--home", home, "load", town.farm, after=share * longest)
        killed += ended.code == -9
        if ended.code == 0:
            longest = ended.seconds
        state = launch("--home", home, "status", "--json").json()
        assert (state["loads"], state["accounts"]) in ((0, 0), (1, FARM_ACCOUNTS))
        assert launch("--home", home, "load", town.farm, "--json").json()["new"] == (state["loads"] == 0)
        assert len(accepted_contents(home)) == 1
        assert leftovers(home) == []
    assert killed > kills / 2


@pytest.mark.parametrize("table", ["accounts", "sightings", "labels", "loads"])
def test_a_home_whose_tables_were_being_made_answers_as_an_empty_one(
    launch: Launcher, town: Town, tmp_path: Path, table: str
) -> None:
    """The moment between the folder of a table and its first log entry, which random kills seldom meet."""
    home = tmp_path / "home"
    assert launch("--home", home, "status").code == 0
    (home / "ledger" / table / "_delta_log").mkdir(parents=True)
    assert launch("--home", home, "status", "--json").json()["loads"] == 0
    assert launch("--home", home, "load", town.farm, "--json").json()["new"] is True
    assert len(accepted_contents(home)) == 1


@pytest.mark.parametrize("kills", KILLS)
def test_a_killed_detect_leaves_whole_runs_and_the_live_one(
    launch: Launcher, town: Town, tmp_path: Path, kills: int
) -> None:
    for home, _, last in killings(launch, town, tmp_path, ["detect"], 3, kills):
        assert verified_live_run(home) == town.live
        if last:
            assert accepted_contents(home) == town.contents
            repeated = launch("--home", home, "detect", "--json").json()["run_id"]
            assert launch("--home", home, "publish", repeated, "--json").json()["run_id"] == repeated
            assert verified_live_run(home) == repeated


@pytest.mark.parametrize("kills", KILLS)
def test_a_killed_publish_leaves_the_old_or_the_new_run_live(
    launch: Launcher, town: Town, tmp_path: Path, kills: int
) -> None:
    for home, ended, _ in killings(launch, town, tmp_path, ["publish", town.candidate], 4, kills):
        told = ended.code == 0 or "is live" in ended.out
        assert verified_live_run(home) in ({town.candidate} if told else {town.live, town.candidate})
        assert launch("--home", home, "publish", town.candidate, "--json").json()["run_id"] == town.candidate
        assert current_run(home) == town.candidate
        assert launch("--home", home, "rollback", "--json").json()["run_id"] == town.live
        assert verified_live_run(home) == town.live


@pytest.mark.parametrize("kills", KILLS)
def test_a_killed_compaction_changes_no_answer(launch: Launcher, town: Town, tmp_path: Path, kills: int) -> None:
    answer = launch("--home", town.home, "status", "--json").json() | {"home": ""}
    for home, _, last in killings(launch, town, tmp_path, ["ledger", "compact"], 5, kills):
        assert accepted_contents(home) == town.contents
        if last:
            assert launch("--home", home, "status", "--json").json() | {"home": ""} == answer
            assert launch("--home", home, "ledger", "compact").code == 0
            assert accepted_contents(home) == town.contents


def test_a_run_over_a_compacted_ledger_finds_the_same(launch: Launcher, town: Town, tmp_path: Path) -> None:
    digests: list[str] = []
    for number, words in enumerate((["status"], ["ledger", "compact"])):
        home = town.copy(tmp_path / f"home{number}")
        assert launch("--home", home, *words).code == 0
        as_of = "2027-01-01T00:00:00Z"
        digests.append(launch("--home", home, "detect", "--as-of", as_of, "--json").json()["output_digest"])
    assert digests[0] == digests[1]


@pytest.fixture(scope="module")
def market(launch: Launcher, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, float]]:
    """A marketplace of 30,000 accounts, a home that has it, and the seconds of its load and detect."""
    folder = tmp_path_factory.mktemp("market")
    write_marketplace(folder / "facts", 30_000, 1)
    took: dict[str, float] = {}
    for words in (["load", folder / "facts"], ["detect"]):
        done = launch("--home", folder / "home", *words)
        assert done.code == 0, done.err
        took[str(words[0])] = done.seconds
    return folder / "facts", folder / "home", took


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
@pytest.mark.parametrize("command", ["load", "detect"])
def test_ctrl_c_stops_with_one_sentence_and_nothing_half_done(
    launch: Launcher,
    town: Town,
    market: tuple[Path, Path, dict[str, float]],
    tmp_path: Path,
    command: str,
    share: float,
) -> None:
    facts, loaded, took = market
    source, words = (town.home, [command, facts]) if command == "load" else (loaded, [command])
    before, live = accepted_contents(source), verified_live_run(source)
    after, home = share * took[command], tmp_path / "home"
    ended = None
    # A machine that is less busy than it was may be quicker than the Ctrl-C that was planned.
    while ended is None or ended.code == 0:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(source, home)
        ended = launch("--home", home, *words, after=after, send=signal.SIGINT)
        after *= 0.7
        assert after > 0.001, "Ctrl-C comes too late even when it comes at once"
    assert verified_live_run(home) == live
    assert accepted_contents(home)[: len(before)] == before
    assert "Stopped" in ended.sentence(130)
    assert leftovers(home) == []


def test_ctrl_c_while_duckdb_reads_what_python_makes_is_no_unexpected_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = pa.schema([("number", pa.int64())])

    def rows() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array([1])], schema=schema)
        raise KeyboardInterrupt

    def read(*_: object) -> None:
        with duckdb.connect() as columns:
            columns.register("made", pa.RecordBatchReader.from_batches(schema, rows()))
            columns.sql("FROM made").to_arrow_table()

    monkeypatch.setattr(pipeline, "status", read)
    ended = call_cli("status", home=tmp_path)
    assert (ended.returncode, ended.stderr) == (130, "graphrisk: Stopped; nothing was left half done.\n")
