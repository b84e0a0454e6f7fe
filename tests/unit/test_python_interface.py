"""``import graphrisk``: the verbs of the command line for notebooks, with results as pandas frames."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

import graphrisk
from graphrisk.errors import (
    DetectionError,
    GraphriskError,
    InputError,
    LoadRefusedError,
    NotFoundError,
    PublicationRefusedError,
    SettingsError,
    StoreError,
)
from graphrisk.worlds import write_world

ACCOUNTS = 600

COLUMNS = {
    "accounts": ["account_id", "ring_id", "role", "score", "band", "reasons"],
    "rings": [
        "ring_id", "size", "core_size", "score", "band", "first_link_at", "last_link_at", "kinds", "reasons", "event", "related",
        "recommended", "hypotheses", "rival", "lead", "lead_reasons",
    ],
    "links": ["account_a", "account_b", "strength", "onset", "evidence"],
}  # fmt: skip
WHOLE_NUMBERS = {"size", "core_size", "score", "strength", "lead"}
TIMES = {"first_link_at", "last_link_at", "onset"}
NESTED = {"reasons", "kinds", "evidence", "related", "hypotheses", "lead_reasons"}
TRUTHS = {"recommended"}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "facts"
    write_world(folder, "demo", ACCOUNTS)
    return folder


@pytest.fixture(scope="module")
def home(facts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("published") / "home"
    graphrisk.run([facts], home=home)
    return home


@pytest.mark.parametrize("name", list(COLUMNS))
def test_a_frame_has_the_documented_columns_types_and_order(home: Path, name: str) -> None:
    frame: pd.DataFrame = getattr(graphrisk.read_run(home=home), name)()
    keys = COLUMNS[name][: 2 if name == "links" else 1]
    assert list(frame.columns) == COLUMNS[name]
    assert len(frame) > 0
    for column, kind in frame.dtypes.items():
        if column in WHOLE_NUMBERS:
            assert pd.api.types.is_integer_dtype(kind), column
        elif column in TIMES:
            assert isinstance(kind, pd.DatetimeTZDtype), column
            assert str(kind.tz) == "UTC", column
        elif column in TRUTHS:
            assert pd.api.types.is_bool_dtype(kind), column
        elif column not in NESTED:
            assert pd.api.types.is_string_dtype(kind), column
    rows = [tuple(row) for row in frame[keys].itertuples(index=False)]
    assert rows == sorted(set(rows))


def test_frames_agree_with_each_other_and_with_the_manifest(home: Path) -> None:
    run = graphrisk.read_run(home=home)
    accounts, rings, links = run.accounts(), run.rings(), run.links()
    counts = run.manifest["counts"]
    assert (len(accounts), len(rings), len(links)) == (counts["accounts"], counts["rings"], counts["links"])
    assert len(accounts) == ACCOUNTS
    sizes = accounts.groupby("ring_id").size()
    assert sizes.to_dict() == dict(zip(rings["ring_id"], rings["size"], strict=True))
    cores = accounts[accounts["role"] == "core"].groupby("ring_id").size()
    assert cores.to_dict() == dict(zip(rings["ring_id"], rings["core_size"], strict=True))
    assert accounts["score"].between(0, 1000).all()
    assert (links["account_a"] < links["account_b"]).all()
    for strength, evidence in zip(links["strength"], links["evidence"], strict=True):
        assert sum(each["milli_nats"] for each in evidence) == strength
        assert {"kind", "token", "accounts", "milli_nats"} == set(evidence[0])
    assert set(run.lineage()["ring_id"]) >= set(rings["ring_id"])


def test_verbs_one_after_the_other(facts: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    loaded = graphrisk.load([str(facts)], home=str(home))
    assert loaded["new"] is True
    assert loaded["accounts"] == ACCOUNTS
    assert graphrisk.load([facts], home=home)["new"] is False
    first = graphrisk.detect(home=home)["run_id"]
    with pytest.raises(NotFoundError, match="graphrisk publish"):
        graphrisk.read_run(home=home)
    assert graphrisk.read_run(first, home=home).run_id == first
    assert graphrisk.publish(first, home=home) == first
    second = graphrisk.detect(home=home, engine="networkx")["run_id"]
    assert graphrisk.publish(home=home) == second
    assert graphrisk.rollback(home=home, reason="a look back") == first
    assert graphrisk.status(home=home)["current_run"] == first
    assert graphrisk.status(home=home)["runs"] == 2


def test_a_run_that_was_read_stays_the_same_when_another_is_published(facts: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    run = graphrisk.run([facts], home=home)
    before = run.rings()
    later = graphrisk.detect(home=home)["run_id"]
    graphrisk.publish(later, home=home)
    pd.testing.assert_frame_equal(run.rings(), before)
    assert run.run_id != graphrisk.read_run(home=home).run_id


def test_show_explains_scores_that_add_up(home: Path) -> None:
    run = graphrisk.read_run(home=home)
    ring_id = str(run.rings().sort_values("score")["ring_id"].iloc[-1])
    ring = graphrisk.show_ring(ring_id, home=home)
    assert sum(reason["contribution"] for reason in ring["reasons"]) == ring["logit"]
    assert len(ring["members"]) == ring["size"]
    member = ring["members"][0]
    account = graphrisk.show_account(member["account_id"], home=home)
    assert sum(reason["contribution"] for reason in account["reasons"]) == account["logit"]
    assert (account["ring_id"], account["role"]) == (ring_id, member["role"])


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_export_writes_what_the_frames_hold(home: Path, tmp_path: Path, form: str) -> None:
    paths = graphrisk.export(tmp_path / "out", home=home, form="csv" if form == "csv" else "parquet")
    assert [path.name for path in paths] == [f"accounts.{form}", f"rings.{form}", f"links.{form}", "run.json"]
    read = pd.read_csv if form == "csv" else pd.read_parquet
    graphrisk.export(tmp_path / "again", home=home, form="csv" if form == "csv" else "parquet")
    assert all(path.read_bytes() == (tmp_path / "again" / path.name).read_bytes() for path in paths)
    for path in paths[:3]:
        frame: pd.DataFrame = getattr(graphrisk.read_run(home=home), path.stem)()
        exported = read(path)
        assert list(exported.columns) == list(frame.columns)
        assert exported.iloc[:, 0].tolist() == frame.iloc[:, 0].tolist()


def test_home_can_come_from_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHRISK_HOME", str(home))
    assert graphrisk.status()["accounts"] == ACCOUNTS


ERRORS: dict[str, tuple[type[GraphriskError], Callable[[Path, Path], object]]] = {
    "no such source": (InputError, lambda home, at: graphrisk.load([at / "none"], home=home)),
    "an empty folder": (InputError, lambda home, at: graphrisk.load([at], home=home)),
    "no such policy": (SettingsError, lambda home, at: graphrisk.detect(home=home, policy=at / "none.toml")),
    "no such mapping": (InputError, lambda home, at: graphrisk.load([at], home=home, mapping=at / "none.toml")),
    "an unknown engine": (SettingsError, lambda home, at: graphrisk.detect(home=home, engine="x")),  # pyright: ignore[reportArgumentType]
    "no facts": (DetectionError, lambda home, at: graphrisk.detect(home=at / "empty")),
    "before all facts": (DetectionError, lambda home, at: graphrisk.detect(home=home, as_of=datetime(2000, 1, 1, tzinfo=UTC))),
    "an unknown run": (NotFoundError, lambda home, at: graphrisk.read_run("run_x", home=home)),
    "an unknown run to publish": (NotFoundError, lambda home, at: graphrisk.publish("run_x", home=home)),
    "an unknown account": (NotFoundError, lambda home, at: graphrisk.show_account("x", home=home)),
    "an unknown ring": (NotFoundError, lambda home, at: graphrisk.show_ring("x", home=home)),
    "nothing to roll back to": (NotFoundError, lambda home, at: graphrisk.rollback(home=home)),
    "a home that is a file": (StoreError, lambda home, at: graphrisk.status(home=home / "home.json")),
}  # fmt: skip


@pytest.mark.parametrize("name", list(ERRORS))
def test_what_goes_wrong_is_an_error_of_graphrisk(home: Path, tmp_path: Path, name: str) -> None:
    kind, call = ERRORS[name]
    with pytest.raises(kind) as caught:
        call(home, tmp_path)
    assert str(caught.value).endswith((".", "`"))


def test_a_moment_without_a_zone_is_utc(home: Path) -> None:
    later = graphrisk.detect(home=home, as_of=datetime(2030, 1, 1))  # noqa: DTZ001
    assert datetime.fromisoformat(later["as_of"]) == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_refusal_lists_the_reasons_of_the_guard(facts: Path, tmp_path: Path) -> None:
    strict = tmp_path / "strict.toml"
    strict.write_text("[guard]\nmax_ring_accounts = 3\n")
    home = tmp_path / "home"
    graphrisk.load([facts], home=home)
    run_id = graphrisk.detect(home=home)["run_id"]
    with pytest.raises(PublicationRefusedError) as caught:
        graphrisk.publish(home=home, policy=strict)
    assert caught.value.run_id == run_id
    assert len(caught.value.reasons) == 1
    assert "guard.max_ring_accounts (3)" in caught.value.reasons[0]
    assert graphrisk.publish(home=home, policy=strict, force_reason="looked at it") == run_id


def test_a_load_with_too_many_bad_rows_takes_nothing_in(tmp_path: Path) -> None:
    source = tmp_path / "accounts.csv"
    source.write_text(
        "account_id,created_at\n" + "".join(f"a{n},{'soon' if n < 10 else '2026-01-01'}\n" for n in range(50))
    )
    with pytest.raises(LoadRefusedError, match=r"20\.0 %.*bad_time"):
        graphrisk.load([source], home=tmp_path / "home")
    assert graphrisk.status(home=tmp_path / "home")["loads"] == 0
