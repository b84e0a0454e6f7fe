"""Random facts of several loads give the same run on Spark as on one machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphrisk.spark.session import Cluster
from tests.properties.test_increments import DENSE, SPARSE, small_policy
from tests.support_spark import differing_on, town_home


@pytest.mark.spark
@pytest.mark.parametrize("seed", range(10, 14))
def test_random_facts(spark: Cluster, tmp_path: Path, seed: int) -> None:
    at = town_home(tmp_path, seed, SPARSE if seed % 2 else DENSE, loads=3 + seed % 3)
    assert differing_on(spark, at, small_policy()) == []
