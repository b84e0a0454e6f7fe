"""Synthetic worlds: reproducible, complete, usable by the whole product, and silent about their truth."""

from __future__ import annotations

import hashlib
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from graphrisk import pipeline
from graphrisk.errors import InputError, SettingsError
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from graphrisk.worlds import write_world
from graphrisk.worlds.knobs import ARCHETYPES, GROUPS
from tests.support import call_cli

ACCOUNTS = 12_000


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds") / "medium"
    write_world(folder, "medium", ACCOUNTS, 101)
    return folder


def asked(world: Path, query: str) -> list[tuple]:  # pyright: ignore[reportMissingTypeArgument, reportUnknownParameterType]
    with duckdb.connect() as columns:
        for table in ("accounts", "sightings", "labels"):
            columns.execute(f"CREATE VIEW {table} AS FROM '{world}/{table}/*.parquet'")
        columns.execute(f"CREATE VIEW truth AS FROM '{world}/truth.parquet'")
        return columns.sql(query).fetchall()


def test_the_same_seed_gives_the_same_bytes_from_any_number_of_processes(tmp_path: Path) -> None:
    for name, processes in (("one", 1), ("two", 2)):
        write_world(tmp_path / name, "hard", 85_000, 5, processes=processes)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_another_seed_gives_another_world(world: Path, tmp_path: Path) -> None:
    write_world(tmp_path / "other", "medium", ACCOUNTS, 100)
    same = content(world).items() & content(tmp_path / "other").items()
    assert same == set()


def test_every_structure_is_there_and_the_truth_is_about_the_accounts(world: Path) -> None:
    assert {name for (name,) in asked(world, "SELECT DISTINCT structure FROM truth")} == set(GROUPS)
    assert asked(world, "SELECT count(*) FROM accounts ANTI JOIN truth USING (account_id)") == [(0,)]
    assert asked(world, "SELECT count(*), count(DISTINCT account_id) FROM truth") == [(ACCOUNTS, ACCOUNTS)]
    wrong = asked(world, "SELECT * FROM truth WHERE (ring <> '') <> (role = 'core')")
    assert wrong == []
    about = json.loads((world / "truth.json").read_text())
    assert about["structures"] == GROUPS
    assert (about["preset"], about["accounts"], about["seed"]) == ("medium", ACCOUNTS, 101)


def test_neither_an_id_nor_the_order_of_rows_tells_a_ring(world: Path) -> None:
    truth = pq.read_table(world / "truth.parquet").sort_by("account_id")
    members = [place for place, ring in enumerate(truth["ring"].to_pylist()) if ring]
    share = len(members) / ACCOUNTS
    assert 0.02 < share < 0.045
    # Of a ring's neighbours by id, as many are members as among all accounts; 5 standard deviations are allowed.
    pairs = sum(one + 1 == other for one, other in itertools.pairwise(members))
    expected = share * len(members)
    assert abs(pairs - expected) < 5 * expected**0.5


def test_times_are_in_order_and_within_the_period(world: Path) -> None:
    assert asked(world, "SELECT count(*) FROM sightings WHERE last_seen < first_seen OR count < 1") == [(0,)]
    ((first, last),) = asked(
        world, "SELECT min(epoch(first_seen))::BIGINT, max(epoch(last_seen))::BIGINT FROM sightings"
    )
    # Clocks that are off by half a minute on average may reach over the edges of the period, but not by a day.
    assert first >= datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert last <= datetime(2026, 7, 1, tzinfo=UTC).timestamp() + 86_400


def test_the_product_undoes_the_spelling_and_rejects_what_stands_for_nothing(world: Path, tmp_path: Path) -> None:
    loaded = pipeline.load(Settings(home=tmp_path / "home"), Policy(), [str(world)])
    raw = dict(asked(world, "SELECT kind, count(DISTINCT value) FROM sightings GROUP BY kind"))
    with duckdb.connect() as columns:
        pattern = tmp_path / "home" / "ledger" / "sightings" / "**" / "*.parquet"
        kept = dict(columns.sql(f"SELECT kind, count(DISTINCT token) FROM '{pattern}' GROUP BY kind").fetchall())
    for kind in ("email", "phone", "bank_account", "device"):
        assert kept[kind] < raw[kind]
    rejected = loaded.report["rejected"]["sightings"]
    assert set(rejected) == {"placeholder", "private_address"}
    assert sum(rejected.values()) < 0.02 * loaded.report["rows"]["sightings"]


def test_what_rings_show_many_innocents_show_too(world: Path) -> None:
    """Browsers, card issuers and ways to name a mailbox: none is a ring's alone, and most rings share theirs with crowds."""
    for kind, shown in (
        ("user_agent", "regexp_replace(value, '[0-9]+[._0-9]*', '', 'g')"),
        ("bin", "replace(value, ' ', '')"),
        ("email", "regexp_replace(regexp_replace(lower(value), '[0-9]', '9', 'g'), '[a-z]+', 'a', 'g')"),
    ):
        held = f"""SELECT {shown} AS shown, count(DISTINCT account_id) FILTER (ring = '') AS innocents,
                   count(DISTINCT account_id) FILTER (ring <> '') AS members
                   FROM sightings JOIN truth USING (account_id) WHERE kind = '{kind}' GROUP BY shown"""
        assert asked(world, f"SELECT * FROM ({held}) WHERE members > 3 AND innocents = 0") == []
        ((members, in_crowds),) = asked(
            world, f"SELECT sum(members), sum(members) FILTER (innocents > members) FROM ({held})"
        )
        assert in_crowds > 0.8 * members


def test_an_archetype_is_left_out_and_a_prevalence_kept(tmp_path: Path) -> None:
    write_world(tmp_path / "w", "easy", ACCOUNTS, 102, prevalence=0.06, mix={"take_over": 0, "framing": 0})
    found = dict(asked(tmp_path / "w", "SELECT structure, count(*) FROM truth WHERE ring <> '' GROUP BY ALL"))
    assert set(found) == set(ARCHETYPES) - {"take_over", "framing"}
    assert 0.05 < sum(found.values()) / ACCOUNTS < 0.08


def test_history_and_the_days_after_it_are_the_whole(tmp_path: Path) -> None:
    write_world(tmp_path / "w", "medium", 3_000, 103, days=4)
    folders = sorted(path.name for path in (tmp_path / "w").iterdir())
    assert folders == [f"day-2026-06-{day}" for day in (27, 28, 29, 30)] + ["history", "whole"]
    digests: list[str] = []
    for name, parts in (("whole", ["whole"]), ("daily", ["history", *folders[:4]])):
        settings = Settings(home=tmp_path / name)
        for part in parts:
            pipeline.load(settings, Policy(), [str(tmp_path / "w" / part)])
        digests.append(pipeline.detect(settings, Policy())["output_digest"])
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--preset", "harder"], "no preset 'harder'"),
        (["--accounts", "10"], "A world of 10 accounts"),
        (["--knob", "prevalence=2"], "prevalence is 2.0"),
        (["--knob", "prevalence"], "not NAME=NUMBER"),
        (["--mix", "pirates=1"], "'pirates'"),
        (["--days", "1000"], "days is 1000"),
        (["--format", "xlsx"], "'xlsx'"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_a_world_that_is_not_possible_is_refused_in_one_sentence(tmp_path: Path, words: list[str], told: str) -> None:
    done = call_cli("world", tmp_path / "w", *words, home=tmp_path / "home")
    assert done.returncode in (InputError.exit_code, SettingsError.exit_code)
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        write_world(tmp_path, "easy", 2_000, 1)
    assert content(tmp_path) == {"mine.txt": hashlib.sha256(b"mine").hexdigest()}
