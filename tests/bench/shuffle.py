"""``python -m tests.bench.shuffle``: what the Spark engine sends between executors, foretold from how many accounts hold each value.

A small marketplace is detected on Spark, whose event log says what each table cost: bytes shuffled for each row of what it is
made from. The degrees of a larger one (read here, without Spark) give those rows, and so its shuffle; it is detected as well,
to check that. From the same degrees follow markets that nobody has here: values up to the cap grow in number with the
market, hubs grow in size. No join is broadcast but of tables that the engine broadcasts by itself, as in a large market.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from graphrisk.ledger.reading import code_facts, view_facts
from graphrisk.ledger.store import Ledger
from graphrisk.linkage.attributes import share_attributes
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from tests.bench.processes import run

SPARK = """
spark.eventLog.enabled true
spark.eventLog.compress false
spark.eventLog.rolling.enabled false
spark.eventLog.dir {folder}
spark.sql.autoBroadcastJoinThreshold -1
spark.driver.memory 6g
"""

FROM = {
    "sorted_accounts": "accounts",
    "ids": "accounts",
    "newcomers": "accounts",
    "arrivals": "accounts",
    "arrived": "accounts",
    "seen": "sightings",
    "all_shared": "uses",
    "pairs": "pairs",
    "shared_others": "pairs",
    "links": "pairs",
    "evidence": "pairs",
}
"""What most of a table's shuffle is in step with; all other tables are in step with accounts on values (``held``)."""

DEGREES = "SELECT kind, accounts, count(*) AS number FROM attributes GROUP BY ALL ORDER BY ALL"
TARGETS = (100_000_000, 1_000_000_000)
"""Sightings."""


class Degrees(NamedTuple):
    """Accounts, sightings in view, accounts on values by week, and how many values of each kind have so many accounts."""

    accounts: int
    sightings: int
    held: int
    values: list[tuple[int, int, int]]


class Shuffled(NamedTuple):
    """Of one table: bytes and rows sent, and the most bytes that one task read."""

    sent: int
    rows: int
    largest: int


def main() -> None:
    """Measure the small marketplace, foretell and check the larger one, and foretell those of ``TARGETS``."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.shuffle", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--accounts", type=int, default=20_000, help="size of the marketplace that is measured")
    parser.add_argument("--check", type=int, default=200_000, help="size of the one that is foretold and checked")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graphrisk-bench-") as name:
        small, measured = _detected(Path(name) / "small", given.accounts, given.seed)
        larger, checked = _detected(Path(name) / "larger", given.check, given.seed)
    _print_check(small, measured, larger, checked)
    for sightings in TARGETS:
        _print_target(small, measured, larger, sightings)


def _detected(folder: Path, accounts: int, seed: int) -> tuple[Degrees, dict[str, Shuffled]]:
    home, log = folder / "home", folder / "log"
    log.mkdir(parents=True)
    (folder / "spark-defaults.conf").write_text(SPARK.format(folder=log.as_uri()), encoding="ascii")
    run("-m", "tests.bench.marketplace", folder / "facts", str(accounts), str(seed))
    run("-m", "graphrisk", "--home", home, "load", folder / "facts")
    os.environ["SPARK_CONF_DIR"] = str(folder)
    run("-m", "graphrisk", "--home", home, "detect", "--engine", "spark")
    (events,) = log.iterdir()
    return _degrees(Settings(home=home)), _shuffled(events)


def _degrees(settings: Settings) -> Degrees:
    ledger = Ledger(settings.ledger)
    loads = ledger.loads()
    with settings.scratch("bench") as scratch, settings.columns(scratch) as columns:
        view_facts(columns, ledger, loads[-1].accepted_at, loads)
        code_facts(columns)
        share_attributes(columns, Policy(), loads[-1].accepted_at)
        accounts, sightings, held = (
            columns.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in ("ids", "seen", "weekly")
        )
        return Degrees(accounts, sightings, held, columns.execute(DEGREES).fetchall())


def _rows(degrees: Degrees, times: float = 1) -> dict[str, float]:
    """How many rows there are of what tables are made from, in a market so many times as large."""
    kinds = list(Policy().priced().values())
    uses = sum(accounts * number for _, accounts, number in degrees.values)
    pairs = sum(
        number * accounts * (accounts - 1) // 2
        for kind, accounts, number in degrees.values
        if accounts <= kinds[kind].cap and kinds[kind].backbone
    )
    found = {"accounts": degrees.accounts, "sightings": degrees.sightings, "held": degrees.held}
    return {name: times * rows for name, rows in {**found, "uses": uses, "pairs": pairs}.items()}


def _shuffled(events: Path) -> dict[str, Shuffled]:
    """What each table cost, by the descriptions that the engine gives its jobs."""
    tables: dict[int, str] = {}
    sent, rows, largest = defaultdict[str, int](int), defaultdict[str, int](int), defaultdict[str, int](int)
    for event in _read(events):
        if event["Event"] == "SparkListenerJobStart":
            name = event["Properties"].get("spark.job.description", "")
            tables |= {stage: name for stage in event["Stage IDs"] if stage not in tables}
        elif event["Event"] == "SparkListenerTaskEnd" and (metrics := event.get("Task Metrics")):
            name, written, read = (
                tables[event["Stage ID"]],
                metrics["Shuffle Write Metrics"],
                metrics["Shuffle Read Metrics"],
            )
            sent[name] += written["Shuffle Bytes Written"]
            rows[name] += written["Shuffle Records Written"]
            largest[name] = max(largest[name], read["Local Bytes Read"] + read["Remote Bytes Read"])
    return {name: Shuffled(sent[name], rows[name], largest[name]) for name in sent if sent[name]}


def _read(events: Path) -> Iterator[dict[str, Any]]:
    with events.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _foretold(small: Degrees, measured: dict[str, Shuffled], rows: dict[str, float]) -> dict[str, float]:
    """Bytes that each table shuffles where there are these rows."""
    before = _rows(small)
    return {
        name: cost.sent * rows[of] / before[of] for name, cost in measured.items() for of in (FROM.get(name, "held"),)
    }


def _print_check(small: Degrees, measured: dict[str, Shuffled], larger: Degrees, checked: dict[str, Shuffled]) -> None:
    foretold = _foretold(small, measured, _rows(larger))
    print(f"{small.accounts:,} accounts measured, {larger.accounts:,} foretold and checked; MiB shuffled\n")
    print(
        f"{'table':<18}{'in step with':<14}{'measured':>10}{'foretold':>10}{'checked':>10}{'ratio':>7}{'largest task':>14}"
    )
    for name in sorted(checked, key=lambda each: -checked[each].sent):
        told, found = foretold.get(name, 0.0), checked[name]
        was = measured[name].sent if name in measured else 0
        print(
            f"{name or '(others)':<18}{FROM.get(name, 'held'):<14}{was / 2**20:>10.1f}{told / 2**20:>10.1f}"
            f"{found.sent / 2**20:>10.1f}{told / found.sent:>7.2f}{found.largest / 2**20:>14.1f}"
        )
    told, found = sum(foretold.values()), sum(each.sent for each in checked.values())
    print(
        f"{'all':<32}{sum(each.sent for each in measured.values()) / 2**20:>10.1f}{told / 2**20:>10.1f}{found / 2**20:>10.1f}{told / found:>7.2f}"
    )


def _print_target(small: Degrees, measured: dict[str, Shuffled], larger: Degrees, sightings: int) -> None:
    times = sightings / larger.sightings
    rows = _rows(larger, times)
    foretold = _foretold(small, measured, rows)
    caps = [kind.cap for kind in Policy().priced().values()]
    hubs = [accounts for kind, accounts, _ in larger.values if accounts > caps[kind]]
    largest = max(hubs, default=0) * times
    print(
        f"\n{sightings:,} sightings ({rows['accounts']:,.0f} accounts): {sum(foretold.values()) / 2**30:,.0f} GiB shuffled, "
        f"{rows['pairs']:,.0f} pairs; the largest hub has {largest:,.0f} accounts"
    )
    for name in sorted(foretold, key=lambda each: -foretold[each])[:5]:
        print(f"  {name or '(others)':<18}{foretold[name] / 2**30:>10,.1f} GiB")


if __name__ == "__main__":
    main()
