"""Where there is no Spark to be had, one sentence says why, before anything is begun."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from graphrisk.errors import SettingsError
from graphrisk.spark.session import Cluster, session_of
from tests.support import call_cli, run_cli, sighting, write_facts


def refusal(cluster: Cluster, folder: Path) -> str:
    with pytest.raises(SettingsError) as refused, session_of(cluster, folder):
        pass
    return str(refused.value)


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        (Cluster("somewhere"), "The Spark master 'somewhere' is not known"),
        (Cluster("local[two]"), "The Spark master 'local[two]' is not known"),
        (Cluster("spark://127.0.0.1:1", work="file:///tmp"), "spark://127.0.0.1:1 cannot be reached"),
        (Cluster("spark://127.0.0.1:port", work="file:///tmp"), "spark://127.0.0.1:port cannot be reached"),
        (Cluster("yarn"), "With the master yarn executors are on other machines"),
    ],
)
def test_a_master_that_is_none(tmp_path: Path, cluster: Cluster, told: str) -> None:
    assert told in refusal(cluster, tmp_path)


def test_no_pyspark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("py4j.protocol", "pyspark.errors", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "pip install 'graphrisk[spark]'" in refusal(Cluster("local[1]"), tmp_path)


def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(Cluster("local[1]"), tmp_path).startswith("Spark needs Java 17 or newer, and none is there")


@pytest.mark.parametrize("said", ['openjdk version "11.0.2" 2019-01-15', 'java version "1.8.0_392"'])
def test_an_old_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "install a newer one or set JAVA_HOME" in refusal(Cluster("local[1]"), tmp_path)


def test_options_of_spark_without_spark(tmp_path: Path) -> None:
    done = call_cli("detect", "--master", "local[1]", home=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "graphrisk: --master goes with --engine spark, and the engine is igraph.\n"


def test_the_command_says_one_sentence(tmp_path: Path) -> None:
    facts = write_facts(tmp_path / "facts", (), [sighting("one", "device", "a device of one account")])
    assert call_cli("load", facts, home=tmp_path / "home").returncode == 0
    done = run_cli(
        "detect",
        "--engine",
        "spark",
        "--master",
        "spark://127.0.0.1:1",
        "--work",
        "file:///tmp",
        home=tmp_path / "home",
    )
    told = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert (done.returncode, told) == (
        2, ["graphrisk: The Spark master spark://127.0.0.1:1 cannot be reached; check --master and that it runs."],
    )  # fmt: skip
