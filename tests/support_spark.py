"""Homes of several loads, and what of a run on Spark is not as one machine computes it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

from graphrisk import pipeline
from graphrisk.ledger.store import Ledger
from graphrisk.pipeline.describing import described, known_by
from graphrisk.pipeline.detecting import computed
from graphrisk.policy import Policy
from graphrisk.runs.store import current_run, publications
from graphrisk.runs.tables import FACT_SCHEMAS, SCHEMAS
from graphrisk.scoring.reference import read_reference
from graphrisk.settings import Settings
from graphrisk.spark.session import Cluster
from graphrisk.worlds import write_world
from tests.properties.test_increments import Town, small_policy
from tests.support_detection import settings, write_facts

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For sessions that live for minutes: Java's best compiler, and a collector for large heaps, cost more than they bring."""

INTERPRETED = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""Of a small run a third is compiling what Spark writes for it; a test of partitions runs it compiled."""


def active_session() -> SparkSession:
    """The session of the fixture ``spark``."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - where it is not installed, tests are skipped

    session = SparkSession.getActiveSession()
    assert session
    return session


def world_home(folder: Path, accounts: int, seed: int) -> Settings:
    """A home with a world's history, published, and the facts of two days more, late ones among them."""
    write_world(folder / "facts", "demo", accounts, seed, days=2)
    at = settings(folder / "home")
    days = sorted(path for path in (folder / "facts").iterdir() if path.name.startswith("day-"))
    pipeline.load(at, Policy(), [str(folder / "facts" / "history")])
    pipeline.publish(at, Policy(), pipeline.detect(at, Policy())["run_id"], "a test")
    for day in days:
        pipeline.load(at, Policy(), [str(day)])
    return at


def town_home(folder: Path, seed: int, values: int, loads: int = 4) -> Settings:
    """A home of random facts about a few hundred accounts, with a live run of all but the last loads."""
    town, at, policy = Town(random.Random(seed), values), settings(folder / "home"), small_policy()
    for number in range(loads):
        town.pass_days()
        facts = write_facts(folder / f"load{number}", town.facts(250))
        pipeline.load(at, policy, [str(facts)])
        if number == loads - 2:
            pipeline.publish(at, policy, pipeline.detect(at, policy)["run_id"], "a test")
    return at


def differing_on(cluster: Cluster, at: Settings, policy: Policy) -> list[str]:
    """The tables and figures of a run that are not the same on Spark and on one machine."""
    reference = read_reference(at.reference_file)
    loads, moment = known_by(Ledger(at.ledger), None)
    begun = described(policy, reference, moment, "igraph", loads, current_run(at.home), False)
    published = [move.run_id for move in reversed(publications(at.home))]
    with at.scratch("one") as scratch:
        one, told = computed(at, scratch, policy, reference, begun, loads, published, anew=True)
    with at.scratch("other") as scratch:
        other, again = computed(at, scratch, policy, reference, begun, loads, published, cluster=cluster)
    figures = ("counts", "profile", "clock", "lineage_of", "output_digest", "news", "drift")
    tables = [name for name in (*SCHEMAS, *FACT_SCHEMAS) if not one[name].equals(other[name])]
    return tables + [name for name in figures if json.dumps(told[name]) != json.dumps(again[name])]
