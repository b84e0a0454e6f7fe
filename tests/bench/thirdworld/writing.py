"""A world as a facts folder with the truth beside the facts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tests.bench.thirdworld.market import RANK, STRUCTURES, Market
from tests.bench.thirdworld.uses import Ints
from tests.bench.thirdworld.values import KINDS
from tests.bench.thirdworld.world import World
from tests.bench.world_truth import about

DAY = 86_400e6
FIRST_ID, IDS = 100_000_000, 900_000_000
SUSPENDED = 0.7


def write(world: World, folder: Path) -> dict[str, int]:
    """Write accounts, sightings, labels and the truth into the folder; how many there are of each."""
    market = world.market
    numbers = _numbers(market)
    ids = pa.array([f"u{number}" for number in numbers.tolist()], pa.string())
    order = np.argsort(numbers)
    tables = {
        "accounts": _accounts(world, ids, order),
        "sightings": _sightings(market, ids),
        "labels": _labels(world, ids),
    }
    for name, table in tables.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        compression = "zstd" if name == "sightings" else "snappy"
        pq.write_table(table, folder / name / "part.parquet", compression=compression)
    pq.write_table(_truth(market, ids, order), folder / "truth.parquet")
    told = about(world.preset, market.accounts, world.seed, market.preset)
    (folder / "truth.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return {**{name: table.num_rows for name, table in tables.items()}, "rings": len(world.rings)}


def _numbers(market: Market) -> Ints:
    """Numbers of the accounts that say nothing of what they are."""
    # A few more are drawn than are used: without them a seed would give another world than it has given.
    drawn = market.rng.choice(IDS, market.accounts + market.accounts // 50, replace=False)
    return drawn[: market.accounts] + FIRST_ID


def _accounts(world: World, ids: pa.Array, order: Ints) -> pa.Table:
    market = world.market
    status = np.where(market.closed < market.days, "closed", "active").astype("U9")
    for label in world.labels:
        if market.rng.random() < SUSPENDED:
            status[label.account] = "suspended"
    return pa.table(
        {
            "account_id": ids.take(pa.array(order)),
            "created_at": _moments(market, market.created[order]),
            "status": pa.array(status[order].tolist(), pa.string()),
            "marketplace": pa.array(market.country[order].tolist(), pa.string()),
        }
    )


def _sightings(market: Market, ids: pa.Array) -> pa.Table:
    """All uses of a value by an account as one row, in an order that says nothing."""
    parts: list[pa.Table] = []
    for kind in KINDS:
        account, value, first, last, count = market.uses.folded(kind)
        part = {
            "account_id": ids.take(pa.array(account)),
            "kind": pa.array([kind] * len(account), pa.string()),
            "value": pa.array(market.values.texts[kind], pa.string()).take(pa.array(value)),
            "first_seen": _moments(market, first),
            "last_seen": _moments(market, last),
            "count": pa.array(count, pa.int64()),
        }
        parts.append(pa.table(part))
    table = pa.concat_tables(parts).combine_chunks()
    return table.take(pa.array(market.rng.permutation(table.num_rows)))


def _labels(world: World, ids: pa.Array) -> pa.Table:
    labels = sorted(world.labels, key=lambda label: label.day)
    return pa.table(
        {
            "account_id": ids.take(pa.array([label.account for label in labels], pa.int64())),
            "label": pa.array(["bad"] * len(labels), pa.string()),
            "labelled_at": _moments(world.market, np.array([label.day for label in labels])),
            "source": pa.array([label.source for label in labels], pa.string()),
        }
    )


def _truth(market: Market, ids: pa.Array, order: Ints) -> pa.Table:
    """Of each account its ring, its archetype or what else it is, and whether it is in a ring or looks like it."""
    structures: list[str] = []
    roles: list[str] = []
    for archetype, structure in zip(market.archetype, market.structure.tolist(), strict=True):
        structures.append(archetype or STRUCTURES[structure])
        beside = "associate" if structure >= RANK["ring_family"] else ""
        roles.append("core" if archetype else beside)
    columns = {"ring": market.ring, "structure": structures, "role": roles}
    of_accounts = {name: pa.array(column, pa.string()) for name, column in columns.items()}
    return pa.table({"account_id": ids, **of_accounts}).take(pa.array(order))


def _moments(market: Market, days: npt.NDArray[np.float64]) -> pa.Array:
    moments = int(market.begin.timestamp() * 1e6) + (days * DAY).astype(np.int64)
    return pa.array(moments, pa.timestamp("us", "UTC"))
