"""A world as a facts folder with the truth beside the facts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tests.bench.otherworld.market import DAYS, Floats, Ints, Market
from tests.bench.otherworld.spelling import account_ids, ip_addresses, text
from tests.bench.otherworld.world import World
from tests.bench.world_truth import about

BEGIN = datetime(2025, 11, 3, tzinfo=UTC)  # a Monday
DAY = 86_400
KINDS = ("ip", "email", "device", "card", "bank_account", "address")
MARKETPLACES = ("north", "south")


def write(world: World, folder: Path) -> dict[str, int]:
    """Write accounts, sightings, labels and the truth into the folder; how many there are of each."""
    market = world.market
    ip_texts = ip_addresses(market, world.homes)
    ids = np.array(account_ids(market))
    sightings = _sightings(world, ids, ip_texts)
    order = np.argsort(ids)
    tables = {
        "accounts": _accounts(market, ids, order),
        "sightings": sightings,
        "labels": _labels(world, ids),
    }
    for name, table in tables.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / name / "part-00000.parquet")
    columns = {"structure": market.structure, "ring": market.ring, "role": market.role}
    truth = {"account_id": ids[order], **{name: column[order] for name, column in columns.items()}}
    pq.write_table(pa.table({name: _texts(column) for name, column in truth.items()}), folder / "truth.parquet")
    told = about(world.preset, market.accounts, world.seed, market.preset, float(market.preset.clock_skew))
    (folder / "truth.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return {**{name: table.num_rows for name, table in tables.items()}, "rings": len(world.rings)}


def _accounts(market: Market, ids: npt.NDArray[np.str_], order: Ints) -> pa.Table:
    marketplace = np.array(MARKETPLACES)[market.rng.integers(0, len(MARKETPLACES), market.accounts)]
    return pa.table(
        {
            "account_id": _texts(ids[order]),
            "created_at": _moments(market.created[order]),
            "status": _texts(market.status[order]),
            "marketplace": _texts(marketplace),
        }
    )


def _labels(world: World, ids: npt.NDArray[np.str_]) -> pa.Table:
    account = np.array([label.account for label in world.labels], np.int64)
    return pa.table(
        {
            "account_id": _texts(ids[account]),
            "label": pa.array(["bad"] * len(account), pa.string()),
            "labelled_at": _moments(np.array([label.day for label in world.labels], np.float64)),
            "source": pa.array([label.source for label in world.labels], pa.string()),
        }
    )


def _sightings(world: World, ids: npt.NDArray[np.str_], ip_texts: list[str]) -> pa.Table:
    """Uses of a value by an account as one row, of an address on the net one a week; in the order of the first use."""
    parts: list[tuple[str, Ints, list[str], Floats, Floats, Ints]] = []
    for kind in KINDS:
        account, value, first, last, count = _folded(world.market, kind)
        distinct, place = np.unique(value, return_inverse=True)
        spelled = list(_spelled(kind, distinct.tolist(), world, ip_texts))
        parts.append((kind, account, np.array(spelled)[place].tolist(), first, last, count))
    account, first, last, count = (np.concatenate([part[column] for part in parts]) for column in (1, 3, 4, 5))
    order = np.lexsort((ids[account], first))
    kinds = [kind for kind, of_account, *_ in parts for _ in of_account]
    values = pa.array([spelled for part in parts for spelled in part[2]], pa.string())
    return pa.table(
        {
            "account_id": _texts(ids[account[order]]),
            "kind": pa.array(kinds, pa.string()).take(pa.array(order)),
            "value": values.take(pa.array(order)),
            "first_seen": _moments(first[order]),
            "last_seen": _moments(last[order]),
            "count": pa.array(count[order]),
        }
    )


def _spelled(kind: str, values: list[int], world: World, ip_texts: list[str]) -> Iterator[str]:
    for value in values:
        if kind == "ip":
            yield ip_texts[value]
        elif kind == "email":
            yield world.mailboxes[value]
        else:
            yield text(kind, value, f"{world.seed}-{world.preset}")


def _folded(market: Market, kind: str) -> tuple[Ints, Ints, Floats, Floats, Ints]:
    """Accounts, values, first and last days and counts of the uses, by a clock that is off."""
    account, value, day = (np.concatenate(column) for column in zip(*market.uses[kind], strict=True))
    day = np.clip(day + market.rng.normal(0, market.preset.clock_skew / DAY, len(day)), 0, DAYS - 1e-4)
    week = day // 7 if kind == "ip" else np.zeros(len(day))
    order = np.lexsort((day, week, value, account))
    account, value, week, day = account[order], value[order], week[order], day[order]
    changes = (np.diff(account) != 0) | (np.diff(value) != 0) | (np.diff(week) != 0)
    begin = np.flatnonzero(np.concatenate([[True], changes]))
    end = np.append(begin[1:], len(day))
    return account[begin], value[begin], day[begin], day[end - 1], end - begin


def _texts(column: npt.NDArray[np.str_]) -> pa.Array:
    return pa.array(column.tolist(), pa.string())


def _moments(days: Floats) -> pa.Array:
    seconds = int(BEGIN.timestamp()) + np.round(days * DAY).astype(np.int64)
    return pa.array(seconds * 1_000_000, pa.int64()).cast(pa.timestamp("us", "UTC"))
