"""A run by spark-submit is the run of one machine, too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import graphrisk
from graphrisk import pipeline
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from tests.properties.test_increments import DENSE
from tests.support_spark import QUICK_START, town_home


@pytest.mark.spark
def test_a_run_by_spark_submit(tmp_path: Path) -> None:
    at = town_home(tmp_path / "one", 9, DENSE, loads=2)
    other = shutil.copytree(at.home, tmp_path / "other home")
    made = pipeline.detect(at, Policy())
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    done = subprocess.run(
        [
            Path(sys.executable).parent / "spark-submit", "--master", "local[2]", "--driver-memory", "1g",
            "--conf", "spark.sql.shuffle.partitions=2", "--conf", f"spark.driver.extraJavaOptions={QUICK_START}",
            Path(graphrisk.__path__[0]) / "cli" / "submit.py",
            "--home", other, "detect", "--engine", "spark", "--work", f"file://{tmp_path}/work", "--json",
        ],
        env=os.environ | python, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout[done.stdout.index("\n{") :])  # spark-submit prints what goes to standard error there
    assert (told["run_id"], told["output_digest"]) == (made["run_id"], made["output_digest"])
    assert Settings(home=other).runs.joinpath(told["run_id"]).exists()
