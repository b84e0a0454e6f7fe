"""Spark GraphX: connected components of accounts and the values that they share."""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.bench.peers.shared import POPULAR, answered

SETTINGS = {
    "spark.driver.memory": "6g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.log.level": "ERROR",
}

EDGES = f"""
WITH few AS (SELECT kind, token FROM sightings GROUP BY kind, token HAVING count(*) BETWEEN 2 AND {POPULAR}),
valued AS (SELECT kind, token, -row_number() OVER (ORDER BY kind, token) AS value FROM few)
SELECT concat_ws(' ', account, value) AS edge FROM sightings JOIN accounts USING (account_id) JOIN valued USING (kind, token)
"""
"""GraphX reads text, a line an edge, and calls vertices by numbers."""

ACCOUNTS = "SELECT account_id, row_number() OVER (ORDER BY account_id) AS account FROM (SELECT DISTINCT account_id FROM sightings)"

FOUND = """
SELECT account_id, CAST(rtrim(')', component) AS BIGINT) AS `group`
FROM found JOIN accounts ON account = CAST(substring(vertex, 2) AS BIGINT)
"""


def find(sightings: Path, groups: Path) -> None:
    """``ConnectedComponents`` of Spark's own jars, reached through the JVM, as there is no Python for it."""
    session: Any = importlib.import_module("pyspark.sql").SparkSession
    builder = session.builder.master("local[2]")
    for name, text in SETTINGS.items():
        builder = builder.config(name, text)
    spark = builder.getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        spark.read.parquet(str(sightings)).createOrReplaceTempView("sightings")
        spark.sql(ACCOUNTS).cache().createOrReplaceTempView("accounts")
        spark.sql(EDGES).write.text(f"{folder}/edges")
        jvm, context = spark._jvm, spark._jsc.sc()
        level = jvm.org.apache.spark.storage.StorageLevel.MEMORY_AND_DISK()
        graph = jvm.org.apache.spark.graphx.GraphLoader.edgeListFile(context, f"{folder}/edges", False, 4, level, level)
        whole = jvm.scala.reflect.ClassTag.Int()
        found = jvm.org.apache.spark.graphx.lib.ConnectedComponents.run(graph, whole, whole)
        found.vertices().saveAsTextFile(f"{folder}/found")
        spark.read.csv(f"{folder}/found", schema="vertex STRING, component STRING").createOrReplaceTempView("found")
        pq.write_table(spark.sql(FOUND).toArrow(), groups)


if __name__ == "__main__":
    answered(find)
