"""A hub, one value that very many accounts share, costs no more than its rows: its pairs are never built."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.support_e2e import Done, Launcher

SIZES = [200_000, pytest.param(1_000_000, marks=pytest.mark.slow)]
LOOSE = 3


def write_facts(folder: Path, accounts: int, shared: bool, signed_up_on_it: bool) -> Path:
    """Accounts with a device and an IP address each, seen over half a year: all the same one, or each its own."""
    folder.mkdir(parents=True)
    device, ip = (
        ("'hub'", "'81.2.69.142'")
        if shared
        else ("'own-' || i", "'2a02:' || to_hex(i // 60000) || ':' || to_hex(1 + i % 60000) || '::1'")
    )
    seen = "make_timestamp(1767225600000000 + (i % 180) * 86400000000)"
    created = seen if signed_up_on_it else "make_timestamp(1700000000000000)"
    with duckdb.connect() as db:
        db.execute(f"CREATE TABLE each AS SELECT 'acc_' || i AS account_id, i FROM range({accounts}) AS r(i)")
        db.execute(f"COPY (SELECT account_id, {created} AS created_at FROM each) TO '{folder / 'accounts.parquet'}'")
        rows = " UNION ALL ".join(
            f"SELECT account_id, '{kind}' AS kind, {value} AS value, {seen} AS first_seen FROM each"
            for kind, value in (("device", device), ("ip", ip))
        )
        db.execute(f"COPY ({rows}) TO '{folder / 'sightings.parquet'}'")
    return folder


def detected(launch: Launcher, folder: Path, accounts: int, shared: bool, signed_up_on_it: bool) -> Done:
    facts = write_facts(folder, accounts, shared, signed_up_on_it)
    loaded = launch("--home", folder / "home", "load", facts, "--json").json()
    assert loaded["accepted"]["sightings"] == 2 * accounts
    done = launch("--home", folder / "home", "detect", "--json")
    assert done.json()["counts"]["accounts"] == accounts
    return done


@pytest.fixture(scope="module", params=SIZES)
def own(request: pytest.FixtureRequest, launch: Launcher, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Done]:
    """So many accounts, each with values of its own: as many rows as the hub has."""
    folder = tmp_path_factory.mktemp("own") / "world"
    return request.param, detected(launch, folder, request.param, shared=False, signed_up_on_it=False)


@pytest.mark.parametrize("signed_up_on_it", [False, True], ids=["known_accounts", "accounts_that_signed_up_on_it"])
def test_a_hub_costs_detect_no_more_than_its_rows(
    launch: Launcher, own: tuple[int, Done], tmp_path: Path, signed_up_on_it: bool
) -> None:
    many, each_its_own = own
    hub = detected(launch, tmp_path / "hub", many, shared=True, signed_up_on_it=signed_up_on_it)
    smaller = detected(launch, tmp_path / "smaller", many // 4, shared=True, signed_up_on_it=signed_up_on_it)
    assert hub.json()["counts"]["links"] < many
    assert hub.cpu < LOOSE * each_its_own.cpu
    assert hub.peak_mib < LOOSE * each_its_own.peak_mib
    # Pairs would grow 16-fold where rows grow 4-fold.
    assert hub.cpu < LOOSE / 2 * 4 * smaller.cpu
