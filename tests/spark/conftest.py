"""One Spark session for the tests of a module; where there is no Java, or no pyspark, Spark is not tested, and that is said."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from graphrisk.spark.session import Cluster, session_of
from tests.support_spark import INTERPRETED, QUICK_START

REQUIRED = os.environ.get("GRAPHRISK_REQUIRE_SPARK") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [name for name, there in (("java", shutil.which("java")), ("pyspark", find_spec("pyspark"))) if not there]
    if missing and not REQUIRED:
        reason = f"Spark is NOT tested: {' and '.join(missing)} not found (Java 17+ and graphrisk[spark] are needed)"
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A session that all runs of the module use: a start takes five seconds. A module may name its ``MASTER``."""
    cluster = Cluster(getattr(request.module, "MASTER", "local[2]"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", QUICK_START)
        patch.setenv("GRAPHRISK_SPARK_MEMORY", "1g")
        with session_of(cluster, tmp_path_factory.mktemp("spark")) as session:
            for name, value in INTERPRETED.items():
                session.conf.set(name, value)
            yield cluster
