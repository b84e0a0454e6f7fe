"""The same run from executors that are processes of their own, also when one of them is killed at work."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest

from graphrisk.spark.session import Cluster
from graphrisk.spark.work import Work
from tests.properties.test_increments import DENSE, small_policy
from tests.support_spark import active_session, differing_on, town_home

MASTER = "local-cluster[2,1,1024]"
SECONDS_AT_WORK = 1.0
SECONDS_TO_START = 120.0


def executors() -> dict[int, psutil.Process]:
    """The executors of this process's session, by process id."""
    found: dict[int, psutil.Process] = {}
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # or a zombie, which an earlier session leaves
            if "CoarseGrainedExecutorBackend" in " ".join(each.cmdline()):
                found[each.pid] = each
    return found


@pytest.mark.spark
def test_two_executors_in_processes_of_their_own(spark: Cluster, tmp_path: Path) -> None:
    session = active_session()
    context: Any = session.sparkContext
    registered = context._jsc.sc()
    ends = time.monotonic() + SECONDS_TO_START
    while len(registered.statusTracker().getExecutorInfos()) < 3:  # and the driver
        assert time.monotonic() < ends, "two executors should have come by now"
        time.sleep(0.2)

    def whose(_: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The executor above a Python worker and its daemon; here, since executors do not know this module."""
        yield pa.RecordBatch.from_pydict({"pid": [psutil.Process(os.getppid()).ppid()]})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        told = session.range(0, 64, 1, 8).mapInArrow(whose, "pid BIGINT").toArrow()["pid"].to_pylist()
    assert set(told) == set(executors())
    assert len(set(told)) == 2
    assert differing_on(spark, town_home(tmp_path, 8, DENSE), small_policy()) == []


@pytest.mark.spark
@pytest.mark.parametrize("table", ["all_shared", "found"])
def test_an_executor_killed_at_work(
    spark: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """Killed while links are priced, and while components are worked on."""
    killed: list[int] = []

    def kill() -> None:
        pid, process = next(iter(executors().items()))
        process.kill()
        killed.append(pid)

    keep = Work.keep

    def keep_and_kill(work: Work, name: str, rows: Any) -> None:
        timer = threading.Timer(SECONDS_AT_WORK, kill)
        if name == table:
            timer.start()
        keep(work, name, rows)
        timer.join() if name == table else None

    monkeypatch.setattr(Work, "keep", keep_and_kill)
    assert differing_on(spark, town_home(tmp_path, 4, DENSE), small_policy()) == []
    assert len(killed) == 1
    assert killed[0] not in executors()
