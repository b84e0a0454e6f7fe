"""Same facts, same policy, same bytes: whatever the order, the files, the batches, the processes, the loads, the key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from graphrisk import pipeline
from graphrisk.model import DAY_US, HOUR_US
from graphrisk.policy import Policy
from graphrisk.runs.store import read_manifest, read_table
from graphrisk.sources import files
from graphrisk.worlds import write_world
from tests import support_detection as support
from tests.bench.marketplace import write_marketplace
from tests.support_detection import MONDAY, Facts

AS_OF = datetime(2100, 1, 1, tzinfo=UTC)
KEY, OTHER_KEY = "11" * 32, "2f" * 32
MINUTE_US = 60_000_000


class Result(NamedTuple):
    digest: str
    rings: list[str]
    exports: tuple[bytes, ...]


@pytest.fixture(autouse=True)
def _one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", KEY)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    folder = tmp_path_factory.mktemp("world") / "facts"
    write_world(folder, "demo", 700, 5, format="csv")
    return support.read_facts(folder)


def result(at: support.Settings, run_id: str) -> Result:
    target = at.home / "export"
    pipeline.export(at, target, run_id)
    kept = ("accounts.parquet", "rings.parquet", "links.parquet")
    rings = read_table(at.runs, run_id, "rings")["ring_id"].to_pylist()
    exports = tuple((target / name).read_bytes() for name in kept)
    return Result(read_manifest(at.runs, run_id)["output_digest"], rings, exports)


def found(home: Path, *sources: Path, threads: int = 1, processes: int = 1) -> Result:
    """What a new home finds after a load of each source."""
    at = support.settings(home, threads, processes)
    for source in sources:
        support.load(at, source)
    return result(at, support.detect(at, AS_OF)["run_id"])


@pytest.fixture(scope="module")
def plain(world: Facts, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("plain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAPHRISK_TOKEN_KEY", KEY)
        expected = found(folder / "home", support.write_facts(folder / "facts", world))
    assert len(expected.rings) >= 4
    return expected


def halves(facts: Facts, folder: Path) -> list[Path]:
    """The facts in two folders, every other row in each."""
    parts = [{name: rows[half::2] for name, rows in facts.items()} for half in (0, 1)]
    return [support.write_facts(folder / str(number), part) for number, part in enumerate(parts)]


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_in_another_order(world: Facts, plain: Result, tmp_path: Path, seed: int) -> None:
    assert found(tmp_path / "home", support.write_facts(tmp_path / "facts", support.shuffled(world, seed))) == plain


def test_rows_in_several_files(world: Facts, plain: Result, tmp_path: Path) -> None:
    halves(world, tmp_path / "facts")
    assert found(tmp_path / "home", tmp_path / "facts") == plain


def test_rows_in_other_batches(world: Facts, plain: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 30_000)
    assert found(tmp_path / "csv", support.write_facts(tmp_path / "facts", world)) == plain
    monkeypatch.setattr(files, "ROWS_AT_ONCE", 2_000)
    (tmp_path / "parquet").mkdir()
    for name in support.TABLE_NAMES:
        csv = (tmp_path / "facts" / f"{name}.csv").as_posix()
        target = (tmp_path / "parquet" / f"{name}.parquet").as_posix()
        with duckdb.connect() as database:
            database.execute(f"COPY (FROM read_csv('{csv}', all_varchar=true)) TO '{target}' (FORMAT parquet)")
    assert found(tmp_path / "home", tmp_path / "parquet") == plain


def test_several_loads_of_the_same_facts(world: Facts, plain: Result, tmp_path: Path) -> None:
    assert found(tmp_path / "home", *halves(support.shuffled(world, 4), tmp_path)) == plain


def test_the_same_facts_loaded_again(world: Facts, plain: Result, tmp_path: Path) -> None:
    source = support.write_facts(tmp_path / "facts", world)
    assert found(tmp_path / "home", source, *halves(world, tmp_path), source) == plain


@pytest.mark.parametrize(("threads", "processes", "seed"), [(2, 2, 0), (1, 2, 1)])
def test_other_threads_processes_and_hash_seed(
    world: Facts, plain: Result, tmp_path: Path, threads: int, processes: int, seed: int
) -> None:
    source = support.write_facts(tmp_path / "facts", world)
    chosen = {"GRAPHRISK_THREADS": threads, "GRAPHRISK_PROCESSES": processes, "PYTHONHASHSEED": seed}
    environment = os.environ | {name: str(value) for name, value in chosen.items()}
    code = (
        "import sys, json, graphrisk; from datetime import datetime; import graphrisk.detection.communities as found\n"
        "found.LINKS_WORTH_A_PROCESS = 1\n"
        "graphrisk.load([sys.argv[1]], home=sys.argv[2])\n"
        "print(json.dumps(graphrisk.detect(home=sys.argv[2], as_of=datetime.fromisoformat(sys.argv[3]))['run_id']))"
    )
    arguments = [sys.executable, "-c", code, str(source), str(tmp_path / "home"), AS_OF.isoformat()]
    told = subprocess.run(arguments, env=environment, check=True, capture_output=True, text=True).stdout
    assert result(support.settings(tmp_path / "home"), json.loads(told)) == plain


def test_another_token_key_changes_tokens_and_nothing_else(
    world: Facts, plain: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", OTHER_KEY)
    other = found(tmp_path / "home", support.write_facts(tmp_path / "facts", world))
    assert other[:2] == plain[:2]
    assert other.exports[:2] == plain.exports[:2]
    assert other.exports[2] != plain.exports[2]


Rows = list[dict[str, str]]


def newcomers(places: Callable[[int], Rows]) -> Facts:
    """Six accounts made on the same morning, each seen as told."""
    accounts = [support.account(f"new{number}", MONDAY) for number in range(6)]
    return {"accounts": accounts, "sightings": [row for number in range(6) for row in places(number)]}


def test_which_of_two_equal_cohorts_is_kept_does_not_depend_on_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_proxies(number: int) -> Rows:
        at = MONDAY + HOUR_US + number * MINUTE_US
        proxies = (("8.8.4.4", at), ("9.9.9.9", at + 9 * MINUTE_US), ("1.1.1.1", at + 20 * MINUTE_US))
        return [support.sighting(f"new{number}", "ip", value, first) for value, first in proxies]

    source = support.write_facts(tmp_path / "facts", newcomers(on_proxies))
    digests: set[str] = set()
    for number in range(8):
        monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", f"{number:02x}" * 32)
        digests.add(found(tmp_path / f"home{number}", source).digest)
    assert len(digests) == 1


def test_a_cohort_s_stay_that_two_loads_tell_of_is_the_stay_that_one_load_tells_of(tmp_path: Path) -> None:
    def stay(number: int) -> Rows:
        at = MONDAY + HOUR_US + number * 6 * HOUR_US
        early = support.sighting(f"new{number}", "ip", "8.8.4.4", at)
        return [early, support.sighting(f"new{number}", "ip", "8.8.4.4", at + HOUR_US, MONDAY + 3 * DAY_US)]

    facts = newcomers(stay)
    once = found(tmp_path / "one", support.write_facts(tmp_path / "facts", facts))
    assert found(tmp_path / "two", *halves(facts, tmp_path)) == once


def test_first_use_long_ago_counts_however_many_loads_tell_of_it(tmp_path: Path) -> None:
    value, long_ago, lately = "tok_card_of_two", MONDAY, MONDAY + 1150 * DAY_US
    facts: Facts = {"accounts": [], "sightings": []}
    for name, first in (("a", long_ago), ("b", long_ago + 50 * DAY_US), ("c", lately)):
        facts["sightings"].append(support.sighting(name, "card", value, first))
        facts["sightings"].append(support.sighting(name, "card", value, lately, lately))
    shifted = {"accounts": [], "sightings": [before(row, 1170) for row in facts["sightings"]]}
    once = found(tmp_path / "one", support.write_facts(tmp_path / "facts", shifted))
    assert found(tmp_path / "two", *halves(shifted, tmp_path)) == once


def before(row: dict[str, str], days: int) -> dict[str, str]:
    shift = {name: datetime.fromisoformat(row[name]).timestamp() * 1e6 for name in ("first_seen", "last_seen")}
    return row | {name: support.moment_of(int(at) - days * DAY_US).isoformat() for name, at in shift.items()}


@st.composite
def events(draw: st.DrawFn) -> list[Facts]:
    """Sightings of few accounts on few values, dealt out to up to three loads."""
    loads: list[Facts] = [
        {"accounts": [support.account(f"acc{n}", MONDAY) for n in range(6)] if not number else [], "sightings": []}
        for number in range(3)
    ]
    values = {"device": "device-of-many-4711", "card": "tok_of_many_cards", "ip": "8.8.4.4"}
    for _ in range(draw(st.integers(6, 30))):
        kind, number = draw(st.sampled_from(sorted(values))), draw(st.integers(0, 5))
        first = MONDAY + draw(st.one_of(st.integers(0, 72), st.integers(0, 24 * 120))) * HOUR_US
        last = first + draw(st.sampled_from((0, 2, 30, 24 * 9))) * HOUR_US
        row = support.sighting(f"acc{number}", kind, values[kind] + str(draw(st.integers(0, 1))), first, last)
        loads[draw(st.integers(0, 2))]["sightings"].append(row)
    return [part for part in loads if part["sightings"] or part["accounts"]]


@given(events())
@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
def test_any_division_of_any_facts_into_loads(tmp_path_factory: pytest.TempPathFactory, parts: list[Facts]) -> None:
    folder = tmp_path_factory.mktemp("parts")
    whole: Facts = {name: [row for part in parts for row in part[name]] for name in ("accounts", "sightings")}
    once = found(folder / "one", support.write_facts(folder / "facts", support.shuffled(whole, 1)))
    sources = [support.write_facts(folder / str(number), part) for number, part in enumerate(parts)]
    assert found(folder / "several", *sources) == once


def test_a_home_whose_path_has_a_space_and_other_signs(world: Facts, plain: Result, tmp_path: Path) -> None:
    assert found(tmp_path / "a home, 100 % é", support.write_facts(tmp_path / "facts", world)) == plain


@pytest.mark.slow
def test_a_hundred_thousand_accounts_in_another_order(tmp_path: Path) -> None:
    write_marketplace(tmp_path / "facts", 100_000, 3)
    (tmp_path / "mixed").mkdir()
    for name in ("accounts", "sightings"):
        source, target = ((tmp_path / folder / f"{name}.parquet").as_posix() for folder in ("facts", "mixed"))
        with duckdb.connect() as database:
            database.execute(f"COPY (FROM '{source}' ORDER BY hash(account_id, 7), random()) TO '{target}'")
    found_there: Any = [
        found(tmp_path / f"home_{name}", tmp_path / name, threads=2, processes=2) for name in ("facts", "mixed")
    ]
    assert found_there[0] == found_there[1]
    assert len(found_there[0].rings) > 100
    assert Policy().hash
