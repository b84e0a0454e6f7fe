"""A run on Spark is the run of one machine: every table of it, value for value, and every figure of its manifest."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from graphrisk import pipeline
from graphrisk.policy import Policy
from graphrisk.runs.store import verify_run
from graphrisk.settings import Settings
from graphrisk.spark import buckets
from graphrisk.spark.session import Cluster
from tests.properties.test_increments import SPARSE, small_policy
from tests.support_detection import MONDAY, load, settings, sighting, write_facts
from tests.support_spark import active_session, differing_on, town_home, world_home


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return world_home(tmp_path_factory.mktemp("world"), 1_500, 7)


@contextmanager
def configured(**values: str) -> Generator[None]:
    """The session with other settings."""
    session = active_session()
    names = {f"spark.sql.{name.replace('_', '.')}": value for name, value in values.items()}
    before = {name: session.conf.get(name) for name in names}
    for name, value in names.items():
        session.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            session.conf.set(name, str(value))


@pytest.mark.spark
def test_a_world_of_several_loads(spark: Cluster, world: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several buckets, and some components in buckets of their own."""
    monkeypatch.setattr(buckets, "LINKS_A_BUCKET", 500)
    monkeypatch.setattr(buckets, "LARGE_COMPONENT", 100)
    assert differing_on(spark, world, Policy()) == []


def test_a_run_of_its_own_name_that_everything_else_uses(spark: Cluster, tmp_path: Path) -> None:
    """The run has the id that one machine gives it, can be published, and is replayed as it is."""
    at, policy = town_home(tmp_path, 5, SPARSE, loads=2), small_policy()
    made = pipeline.detect(at, policy, cluster=spark)
    verify_run(at.runs, made["run_id"])
    assert pipeline.detect(at, policy, anew=True)["run_id"] == made["run_id"]
    pipeline.publish(at, policy, made["run_id"], "a test")
    assert pipeline.replay(at, made["run_id"]).output_digest == made["output_digest"]


@pytest.mark.spark
@pytest.mark.parametrize(
    ("partitions", "adaptive"), [("1", "true"), ("1", "false"), ("2", "true"), ("7", "true"), ("7", "false")]
)
def test_other_partitions(spark: Cluster, world: Settings, partitions: str, adaptive: str) -> None:
    """All other tests have two, and no adaptive execution, and nothing of them is compiled."""
    compiled = {"codegen_wholeStage": "true", "codegen_factoryMode": "FALLBACK"} if adaptive == "true" else {}
    with configured(shuffle_partitions=partitions, adaptive_enabled=adaptive, **compiled):
        assert differing_on(spark, world, Policy()) == []


@pytest.mark.spark
def test_a_copy_of_the_ledger_elsewhere(spark: Cluster, tmp_path: Path) -> None:
    """Executors read what the URL says, whatever the name of the folder, and what they made is gone afterwards."""
    at, policy = town_home(tmp_path, 6, SPARSE, loads=1), small_policy()
    made = pipeline.detect(at, policy)
    copy, work = tmp_path / "a [b] {c} *é %41", tmp_path / "work"
    shutil.copytree(at.ledger, copy)
    for file in (*at.ledger.glob("accounts/*.parquet"), *at.ledger.glob("sightings/*/*.parquet")):
        pq.write_table(pq.ParquetFile(file).read().slice(0, 0), file)
    again = pipeline.detect(at, policy, anew=True, cluster=Cluster(spark.master, f"file://{copy}", f"file://{work}"))
    assert (again["run_id"], again["output_digest"]) == (made["run_id"], made["output_digest"])
    assert list(work.iterdir()) == []


@pytest.mark.spark
def test_no_links_at_all(spark: Cluster, tmp_path: Path) -> None:
    at = settings(tmp_path / "home")
    facts = {"sightings": [sighting("one", "device", "a device of one account", MONDAY)]}
    load(at, write_facts(tmp_path / "facts", facts))
    assert differing_on(spark, at, Policy()) == []


@pytest.mark.spark
def test_ids_in_the_order_of_their_bytes(spark: Cluster, tmp_path: Path) -> None:
    """Where code units of 16 bits would have another order than bytes, and letters another than either."""
    at, ids = (
        settings(tmp_path / "home"),
        ("Z", "a", "é", "e\u0301", "ﬁ", "\ufffd", "\U0001f600", "\U00010000", "ａ", "ß"),
    )
    rows = [sighting(each, "device", f"device number {n % 2} of all", MONDAY) for n, each in enumerate(ids * 2)]
    rows += [sighting(each, "card", "tok_card_of_all", MONDAY) for each in ids]
    load(at, write_facts(tmp_path / "facts", {"sightings": rows}))
    assert differing_on(spark, at, Policy()) == []
