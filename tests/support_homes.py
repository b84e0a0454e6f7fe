"""What two homes must agree on that were given the same facts, and what no home may be left with."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from graphrisk import pipeline
from graphrisk.files import is_abandoned
from graphrisk.ledger.store import Ledger
from graphrisk.ledger.tables import FACTS, open_table
from graphrisk.policy import Policy
from graphrisk.runs.store import current_run, read_table, run_ids, verify_run
from graphrisk.settings import Settings
from tests.support_e2e import leftovers

LOADED = ("seq", "content", *FACTS)


def undisturbed(home: Path, key: Path, folders: Sequence[Path]) -> str:
    """A home with the token key of another one, to which folders were loaded one after the other; one run of it."""
    home.mkdir()
    shutil.copy(key, home / "token.key")
    at = Settings(home=home)
    for folder in folders:
        pipeline.load(at, Policy(), [str(folder)])
    return pipeline.detect(at, Policy())["run_id"]


def differences(home: Path, other: Path, run: str) -> list[str]:
    """What the live run of a home and the loads of its ledger have otherwise than a run of another home and its ledger.

    Both have the same token key. Names of loads and ring ids may differ: loads are compared by their places, rings by
    their keys.
    """
    live = current_run(home)
    assert live
    found: list[str] = []
    loads, wanted = loads_of(home), loads_of(other)
    if loads != wanted:
        found.append(f"loads: {[each for each in loads if each not in wanted]} or their order, of {len(wanted)}")
    found += [f"rows of {table}" for table in FACTS if rows_of(home, table) != rows_of(other, table)]
    mine, theirs = answers(home, live), answers(other, run)
    return found + [f"{name} of the run" for name in mine if not mine[name].equals(theirs[name])]


def loads_of(home: Path) -> list[tuple[object, ...]]:
    """Place, content and rows of each accepted load."""
    return [tuple(getattr(load, name) for name in LOADED) for load in Ledger(home / "ledger").loads()]


def rows_of(home: Path, table: str) -> list[tuple[int | None, int, int]]:
    """For each load, by its place (none: it was never accepted): its rows of a table, and a sum over their hashes."""
    ledger = Ledger(home / "ledger")
    with Settings(home=home).columns(None) as columns:
        files = open_table(ledger.folder, table).file_uris()
        columns.read_parquet(files, hive_partitioning=True).create_view("stored")
        columns.register("loads", open_table(ledger.folder, "loads").to_pyarrow_table().select(["load", "seq"]))
        return columns.execute(
            "SELECT seq, count(*), sum(hash(struct_pack(*COLUMNS(stored.* EXCLUDE (load))))) "
            "FROM stored LEFT JOIN loads USING (load) GROUP BY seq ORDER BY seq"
        ).fetchall()


def answers(home: Path, run_id: str) -> dict[str, pa.Table]:
    """Accounts, rings, links and neighbours of a run, each ring named by its key instead of its id."""
    tables = {name: read_table(home / "runs", run_id, name) for name in ("accounts", "rings", "links", "neighbours")}
    rings, accounts = tables["rings"], tables["accounts"]
    place = pc.index_in(accounts["ring_id"], value_set=rings["ring_id"].combine_chunks())
    keyed = accounts.set_column(accounts.schema.get_field_index("ring_id"), "ring_key", rings["ring_key"].take(place))
    return tables | {"accounts": keyed, "rings": rings.drop_columns("ring_id").sort_by("ring_key")}


def left_behind(home: Path) -> list[str]:
    """What a home is left with by killed commands: work in progress, runs and files that are half named, locks that are
    held, loads without their report.

    Every run that is there is checked against its manifest.
    """
    runs = run_ids(home / "runs")
    for run_id in runs:
        verify_run(home / "runs", run_id)
    left = [home / path for path in leftovers(home)]
    left += [path for path in home.glob("runs/*") if path.name not in runs]
    left += [*home.rglob(".*"), *home.glob("merged/*.wal")]
    left += [path for path in home.glob("loads/load_*") if not (path / "report.json").exists()]
    left += [path for path in home.rglob("*.lock") if not is_abandoned(path)]
    return sorted(str(path.relative_to(home)) for path in left)
