# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Facts as files: whole, or as a history and one folder for each of the last days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from graphrisk.worlds.district import WEEK_STARTS, Integers
from graphrisk.worlds.facts import Facts, moments
from graphrisk.worlds.period import DAY, END

WHOLE, HISTORY, PARTS = "whole", "history", "_parts"


@dataclass(frozen=True)
class Layout:
    """How a world is written: ``parquet`` or ``csv``, and how many of the last days come one folder a day (0: none)."""

    format: str
    days: int


def write_district(folder: Path, layout: Layout, number: int, facts: Facts) -> None:
    """Write one district's part of every table. Its truth waits in a file of its own until all are there."""
    whole = folder / WHOLE if layout.days else folder
    accounts = facts.accounts.drop_columns("status_at")
    _write_tables(whole, layout, number, {"accounts": accounts, "sightings": facts.sightings, "labels": facts.labels})
    (folder / PARTS).mkdir(parents=True, exist_ok=True)
    pq.write_table(facts.truth, folder / PARTS / f"{number:05d}.parquet")
    if layout.days:
        _write_days(folder, layout, number, facts)


def gather_truth(folder: Path, layout: Layout, order: list[int]) -> Path:
    """Put the districts' truths into one file, in their order, and give the folder that it is in."""
    whole = folder / WHOLE if layout.days else folder
    parts = [folder / PARTS / f"{number:05d}.parquet" for number in order]
    schema = pq.read_schema(parts[0])
    path = whole / f"truth.{layout.format}"
    opened: Any = pq.ParquetWriter(path, schema) if layout.format == "parquet" else pacsv.CSVWriter(path, schema)
    with opened as writer:
        for part in parts:
            writer.write_table(pq.read_table(part))
            part.unlink()
    (folder / PARTS).rmdir()
    return whole


def _write_tables(folder: Path, layout: Layout, number: int, tables: dict[str, pa.Table]) -> None:
    for name, table in tables.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        path = folder / name / f"part-{number:05d}.{layout.format}"
        if layout.format == "csv":
            pacsv.write_csv(_in_iso_8601(table), path)
        else:
            pq.write_table(table, path, compression="zstd", compression_level=1)


def _in_iso_8601(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            seconds = table.column(place).cast(pa.timestamp("s", "UTC"))
            table = table.set_column(place, field.name, pc.strftime(seconds, "%Y-%m-%dT%H:%M:%SZ"))
    return table


def _write_days(folder: Path, layout: Layout, number: int, facts: Facts) -> None:
    """What became known before the last days, and then day by day; folded together it is the whole."""
    accounts, opened = facts.accounts, _day(facts.accounts["created_at"], layout.days)
    status_at = accounts["status_at"].to_numpy()
    changed = np.clip((status_at - (END - layout.days * DAY)) // DAY, -1, layout.days)
    sightings = _by_day(facts.sightings, layout.days)
    seen = _day(sightings["first_seen"], layout.days)
    labelled = _day(facts.labels["labelled_at"], layout.days)
    accounts = accounts.drop_columns("status_at")
    active = pa.array(["active"] * len(accounts), pa.string())
    for day in range(-1, layout.days):
        known = accounts.set_column(2, "status", pc.if_else(pa.array(changed > day), active, accounts["status"]))
        mine = (opened == day) | ((changed == day) & (opened <= day))
        tables = {
            "accounts": known.filter(pa.array(mine)),
            "sightings": sightings.filter(pa.array(seen == day)),
            "labels": facts.labels.filter(pa.array(labelled == day)),
        }
        _write_tables(folder / _name(day, layout.days), layout, number, tables)


def _name(day: int, days: int) -> str:
    if day < 0:
        return HISTORY
    return f"day-{datetime.fromtimestamp(END - (days - day) * DAY, UTC):%Y-%m-%d}"


def _day(moment: Any, days: int) -> Integers:
    seconds = moment.to_numpy().astype("datetime64[s]").astype(np.int64)
    return np.maximum((seconds - (END - days * DAY)) // DAY, -1)


def _week(moment: Integers) -> Integers:
    return np.searchsorted(WEEK_STARTS, moment, side="right")


def _by_day(table: pa.Table, days: int) -> pa.Table:
    """Rows that reach into the last days, in parts: one for the time before, one for a day, as far as events suffice."""
    begin = END - days * DAY
    first, last = (
        table[name].to_numpy().astype("datetime64[s]").astype(np.int64) for name in ("first_seen", "last_seen")
    )
    from_day, to_day = _day(table["first_seen"], days), _day(table["last_seen"], days)
    count = table["count"].to_numpy()
    # A clock that is off may carry an address into the next week. Two weeks' parts are two facts: such a row stays whole.
    whole = np.equal(table["kind"].to_numpy(), "ip") & (_week(first) != _week(last))
    parts = np.where(whole, 1, np.minimum(count, to_day - from_day + 1))
    row = np.repeat(np.arange(len(table)), parts)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(parts) - parts, parts)
    is_last = nth == parts[row] - 1
    day = np.where(is_last, to_day[row], from_day[row] + nth)
    opens = np.where(nth == 0, first[row], begin + day * DAY)
    closes = np.where(is_last, last[row], np.minimum(last[row], begin + (day + 1) * DAY - 1))
    # The first part has the events that are left when each other part has one.
    events = np.where(nth == 0, count[row] - parts[row] + 1, 1)
    alone = (events == 1) & ~is_last
    closes = np.where(alone, opens, closes)
    opens = np.where((events == 1) & is_last & (nth > 0), closes, opens)
    cut = table.take(pa.array(row))
    columns: dict[str, Callable[[], Any]] = {
        "first_seen": lambda: moments(opens),
        "last_seen": lambda: moments(closes),
        "count": lambda: pa.array(events),
    }
    for name, column in columns.items():
        cut = cut.set_column(cut.schema.get_field_index(name), name, column())
    return cut
