"""What the tests of linkage, detection, rings and scoring share: facts as DuckDB views, links as columns, small homes."""

from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from graphrisk import pipeline
from graphrisk.ledger.reading import code_facts
from graphrisk.linkage.prices import gaps_priced
from graphrisk.model import DAY_US, FIRST_MONDAY_US, HOUR_US, WEEK_US, Links
from graphrisk.policy import KindPolicy, Policy
from graphrisk.runs.store import read_table
from graphrisk.settings import Settings

MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000
"""A Monday at midnight, in microseconds; the tests' times count from it."""

TABLE_NAMES = ("accounts", "sightings", "labels")

Rows = list[dict[str, str]]
Facts = dict[str, Rows]


class Seen(NamedTuple):
    """A row of the view ``fact_sightings``; times in microseconds."""

    account: str
    kind: str
    token: str
    network: str | None
    first: int
    last: int


@cache
def exact(rho: float, kappa: float, alpha: float, half_life: float, accounts: int, gap_hours: int) -> Decimal:
    """The price before rounding, to 40 digits."""
    with localcontext() as context:
        context.prec = 40
        popularity = min(Decimal(1), (Decimal(repr(kappa)) / (accounts - 1)) ** Decimal(repr(alpha)))
        decay = Decimal(2) ** -(Decimal(gap_hours) / 24 / Decimal(repr(half_life)))
        return -1000 * (1 - min(Decimal(repr(rho)) * popularity * decay, Decimal("0.999"))).ln()


def price(kind: KindPolicy, accounts: int, gap: int) -> int:
    """The price of a gap in microseconds, which counts in whole units."""
    units = gap // (kind.gap_hours * HOUR_US)
    if kind.learned is not None:
        return looked_up(kind, accounts, units)
    value = exact(kind.rho, kind.kappa, kind.alpha, kind.half_life_days, accounts, units * kind.gap_hours)
    return round(value) if accounts <= kind.cap else 0


def looked_up(kind: KindPolicy, accounts: int, units: int) -> int:
    """The learned price: that of the last knots that are reached, within what the policy prices at all."""
    table = kind.learned
    assert table is not None
    if accounts > kind.cap or units >= gaps_priced(kind):
        return 0
    row = max(place for place, knot in enumerate(table.accounts) if knot <= accounts)
    column = max(place for place, knot in enumerate(table.gap_hours) if knot <= units * kind.gap_hours)
    return table.prices[row][column]


def week_of(moment: int) -> int:
    return (moment - FIRST_MONDAY_US) // WEEK_US


def moment_of(microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)


def token_like(name: str) -> str:
    """A token as the ledger writes them, for a value that a test calls by a short name."""
    return f"test1:{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"


@contextmanager
def facts_in_view(created: dict[str, int | None], rows: Sequence[Seen]) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection with the tables that linkage reads, as ``ledger.reading.view_facts`` would show them."""
    time = pa.timestamp("us", "UTC")
    sightings = {
        "account_id": pa.array([row.account for row in rows], pa.string()),
        "kind": pa.array([row.kind for row in rows], pa.string()),
        "token": pa.array([row.token for row in rows], pa.string()),
        "network": pa.array([row.network for row in rows], pa.string()),
        "hint": pa.array([None] * len(rows), pa.string()),
        "week": pa.array([week_of(row.first) if row.kind == "ip" else 0 for row in rows], pa.int32()),
        "first_seen": pa.array([row.first for row in rows], time),
        "last_seen": pa.array([row.last for row in rows], time),
    }
    accounts = {
        "account_id": pa.array(list(created), pa.string()),
        "created_at": pa.array(list(created.values()), time),
        "status": pa.array(["active"] * len(created), pa.string()),
        "marketplace": pa.array([None] * len(created), pa.string()),
    }
    with duckdb.connect(config={"threads": 1}) as columns:
        columns.execute("SET TimeZone = 'UTC'")
        for name, table in (("fact_sightings", sightings), ("accounts", accounts)):
            columns.register("given", pa.table(table))
            columns.execute(f"CREATE TABLE {name} AS FROM given")
            columns.unregister("given")
        code_facts(columns)
        columns.execute("CREATE TABLE labels (account_id VARCHAR, label VARCHAR)")
        yield columns


def links_of(rows: Iterable[tuple[int, int, int, int]], proves: Callable[[int, int], bool] | None = None) -> Links:
    """Links from (a, b, strength, onset), sorted; ``proves(link, end)`` says what each proves (by default, all)."""
    ordered = sorted(rows)
    a, b, strength, onset = (np.array([row[part] for row in ordered], np.int64) for part in range(4))
    ends = [np.array([proves is None or proves(n, end) for n in range(len(ordered))], bool) for end in (0, 1)]
    nothing = np.zeros(len(ordered), bool)
    return Links(a, b, strength, onset, ends[0], ends[1], nothing, nothing)


def strength_of(weight: float) -> int:
    """The strength in milli-nats whose weight is nearest."""
    return round(-1000 * float(np.log1p(-weight)))


def read_facts(folder: Path) -> Facts:
    """The rows of a world of one district, as raw texts."""
    facts: Facts = {}
    for name in TABLE_NAMES:
        with (folder / name / "part-00000.csv").open(newline="", encoding="utf-8") as handle:
            facts[name] = list(csv.DictReader(handle))
    return facts


def write_facts(folder: Path, facts: Facts) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in facts.items():
        if rows:
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as handle:
                writer = csv.DictWriter(handle, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
    return folder


def shuffled(facts: Facts, seed: int) -> Facts:
    dice = random.Random(seed)
    return {name: dice.sample(rows, len(rows)) for name, rows in facts.items()}


def sighting(account: str, kind: str, value: str, first: int, last: int | None = None) -> dict[str, str]:
    """A raw row of ``sightings.csv``; times in microseconds."""
    times = {"first_seen": first, "last_seen": first if last is None else last}
    return {
        "account_id": account,
        "kind": kind,
        "value": value,
        **{name: moment_of(moment).isoformat() for name, moment in times.items()},
    }


def account(account_id: str, created: int, status: str = "active") -> dict[str, str]:
    """A raw row of ``accounts.csv``."""
    return {"account_id": account_id, "created_at": moment_of(created).isoformat(), "status": status}


def settings(home: Path, threads: int = 1, processes: int = 1) -> Settings:
    return Settings(home=home, threads=threads, processes=processes)


def load(at: Settings, *sources: Path) -> pipeline.Loaded:
    return pipeline.load(at, Policy(), [str(source) for source in sources])


def detect(at: Settings, as_of: datetime | None = None, policy: Policy | None = None) -> dict[str, Any]:
    return pipeline.detect(at, policy or Policy(), as_of or datetime.now(UTC))


def night(at: Settings, *sources: Path, policy: Policy | None = None, force: str | None = None) -> str:
    """Load, detect and publish; the id of the run that is live now."""
    if sources:
        load(at, *sources)
    run = detect(at, policy=policy)["run_id"]
    return pipeline.publish(at, policy or Policy(), run, force).run_id


def farm(name: str, size: int, day: int) -> Rows:
    """Sightings of a group of accounts that took turns on one device and one card from a day on: a ring."""
    rows: Rows = []
    for number in range(size):
        at = MONDAY + day * DAY_US + number * HOUR_US
        rows.append(sighting(f"{name}{number:03d}", "device", f"device of {name} farm 4711", at, at + DAY_US))
        rows.append(sighting(f"{name}{number:03d}", "card", f"tok_{name}_farm_card", at, at + DAY_US))
    return rows


def read_scores(at: Settings, run_id: str) -> list[int]:
    return read_table(at.runs, run_id, "accounts")["score"].to_pylist()
