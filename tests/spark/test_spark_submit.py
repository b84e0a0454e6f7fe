"""A real cluster: a master, two workers and their executors, each a process of its own, and what is submitted to them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark
import pytest

import graphrisk
from graphrisk import pipeline
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from tests.properties.test_increments import DENSE
from tests.support_spark import INTERPRETED, QUICK_START, town_home

SECONDS_TO_START = 60.0
HERE = {
    "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": QUICK_START,
    "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable,
}  # fmt: skip
A_FOLDER_OF_EACH = Path("/proc/self/cwd/work")
"""One path that is another folder for every process that works in a folder of its own, as each executor does."""

pytestmark = pytest.mark.spark

Daemon = Callable[..., str]
"""Starts a master or a worker, and gives what its log says where a pattern matches."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with ExitStack() as running:

        def start(name: str, until: str, *words: str) -> str:
            return running.enter_context(_started(tmp_path / f"{name}.log", until, *words))

        yield start


@contextmanager
def _started(log: Path, until: str, *words: str) -> Generator[str]:
    with log.open("wb") as said:
        process = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT, env=os.environ | HERE)
    try:
        ends = time.monotonic() + SECONDS_TO_START
        while not (found := re.search(until, log.read_text())):
            assert time.monotonic() < ends, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        yield found[0]
    finally:
        process.terminate()
        process.wait()


def cluster_of(daemon: Daemon, folder: Path) -> str:
    """The address of a new master with two workers."""
    spark_class = Path(pyspark.__path__[0]) / "bin" / "spark-class"
    place = "org.apache.spark.deploy"
    master = daemon(
        "master", r"spark://127\.0\.0\.1:\d+", str(spark_class), f"{place}.master.Master",
        "--host", "127.0.0.1", "--port", "0", "--webui-port", "0",
    )  # fmt: skip
    for number in range(2):
        daemon(
            f"worker{number}", "Successfully registered with master", str(spark_class), f"{place}.worker.Worker",
            "--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"worker{number}"), "--webui-port", "0",
            "--host", "127.0.0.1", master,
        )  # fmt: skip
    return master


def submit(master: str, home: Path, work: Path) -> subprocess.CompletedProcess[str]:
    java = {f"spark.{each}.extraJavaOptions": QUICK_START for each in ("driver", "executor")}
    settings = INTERPRETED | java
    return subprocess.run(
        [
            Path(sys.executable).parent / "spark-submit", "--master", master,
            "--driver-memory", "1g", "--executor-memory", "1g", *(word for pair in settings.items() for word in ("--conf", "=".join(pair))),
            Path(graphrisk.__path__[0]) / "cli" / "submit.py",
            "--home", home, "detect", "--engine", "spark", "--work", f"file://{work}", "--json",
        ],
        env=os.environ | HERE, capture_output=True, text=True, check=False, cwd=home,
    )  # fmt: skip


def test_a_run_submitted_to_a_cluster(tmp_path: Path, daemon: Daemon) -> None:
    at = town_home(tmp_path / "one", 9, DENSE, loads=2)
    other = shutil.copytree(at.home, tmp_path / "other home")
    made = pipeline.detect(at, Policy())
    done = submit(cluster_of(daemon, tmp_path), other, tmp_path / "work")
    assert done.returncode == 0, (done.stderr + done.stdout)[-3000:]
    told = json.loads(done.stdout[done.stdout.index("\n{") :])  # spark-submit prints what goes to standard error there
    assert (told["run_id"], told["output_digest"]) == (made["run_id"], made["output_digest"])
    assert Settings(home=other).runs.joinpath(told["run_id"]).exists()


def test_executors_that_do_not_share_the_folder_to_work_in(tmp_path: Path, daemon: Daemon) -> None:
    """Spark takes what the others wrote for nothing, so that facts would be missing."""
    at = town_home(tmp_path / "one", 9, DENSE, loads=1)
    done = submit(cluster_of(daemon, tmp_path), at.home, A_FOLDER_OF_EACH)
    assert done.returncode == 2, (done.stderr + done.stdout)[-3000:]
    assert f"the executors do not share the folder file://{A_FOLDER_OF_EACH}" in done.stdout
    assert not at.runs.exists()
