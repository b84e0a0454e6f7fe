"""A Spark session for one run: its settings, where its chatter goes, and one sentence when it cannot be had."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from graphrisk.errors import DetectionError, SettingsError
from graphrisk.logs import LOG

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OLDEST_JAVA = 17
SECONDS_TO_REACH = 10.0
ON_ONE_MACHINE = ("local", "local-cluster")
"""What ``--master`` begins with where nothing but this machine is used."""

MASTERS = re.compile(r"local(\[(\d+|\*)(, *\d+)?\])?|local-cluster\[[\d ,]+\]|yarn|(spark|k8s)://.+")
EXAMPLES = "local[2], spark://HOST:7077, yarn or k8s://https://HOST:PORT"


@dataclass(frozen=True)
class Cluster:
    """Where Spark runs: its master (None: what spark-submit says, else this machine), where executors find the ledger's
    files (a URL of a copy of the folder; None: at the ledger's own paths) and where tables in the making are kept (a URL
    that all executors reach; None: the run's scratch folder)."""

    master: str | None = None
    ledger: str | None = None
    work: str | None = None


@contextmanager
def session_of(cluster: Cluster, scratch: Path) -> Generator[SparkSession]:
    """A session, ended afterwards unless it was there before. What Spark says goes to ``spark.log`` in ``scratch``.

    Raises ``SettingsError``: pyspark or Java is missing, the master is none or cannot be reached, or executors on other
    machines have no place for tables in the making; and ``DetectionError`` when Spark fails later.
    """
    try:
        from py4j.protocol import Py4JError  # noqa: PLC0415 - an extra, and slow to import
        from pyspark.errors import PySparkException  # noqa: PLC0415
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError(
            "The engine spark is not installed; run `pip install 'graphrisk[spark]'`, or choose another --engine."
        ) from error
    known = SparkSession.getActiveSession()
    session = known or _started(cluster, scratch)
    try:
        with _in_utc(session):
            _check_work(cluster, session.sparkContext.master)
            yield session
    except (PySparkException, Py4JError) as error:
        raise DetectionError(
            f"Spark could not compute the run ({reason_of(error)}); with --verbose it says more itself."
        ) from error
    finally:
        if known is None:
            session.stop()


def _started(cluster: Cluster, scratch: Path) -> SparkSession:
    from pyspark.sql import SparkSession  # noqa: PLC0415

    _check_master(cluster.master)
    _check_work(cluster, cluster.master)
    _check_java()
    logging.getLogger("SQLQueryContextLogger").disabled = True  # prints what it raises as well
    builder = SparkSession.builder.appName("graphrisk")
    for name, value in settings_for(cluster.master, scratch).items():
        builder = builder.config(name, value)
    log = scratch / "spark.log"
    with _chatter_in(log), _own_python(cluster.master):
        try:
            return builder.getOrCreate()
        except Exception as error:
            raise SettingsError(
                f"Spark cannot be started at the master {cluster.master!r} ({reason_of(error, log)}); "
                f"check --master: {EXAMPLES}."
            ) from error


def settings_for(master: str | None, scratch: Path) -> dict[str, str]:
    """Spark's settings of a run. Where spark-submit or spark-defaults.conf name a master, they decide all the rest."""
    always = {
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
    }
    if master is None and _is_submitted():
        return always
    master = master or "local[*]"
    always |= {"spark.master": master}
    if not master.startswith(ON_ONE_MACHINE):
        return always
    return always | {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.local.dir": str(scratch / "spark"),
        "spark.sql.shuffle.partitions": "16",
        "spark.driver.memory": os.environ.get("GRAPHRISK_SPARK_MEMORY", "4g"),
        "spark.driver.maxResultSize": "0",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
    }


@contextmanager
def _own_python(master: str | None) -> Generator[None]:
    """Executors on this machine run this Python, unless another one is named."""
    name = "PYSPARK_PYTHON"
    named = name in os.environ or _is_submitted() or not (master or "local").startswith(ON_ONE_MACHINE)
    if not named:
        os.environ[name] = sys.executable
    try:
        yield
    finally:
        if not named:
            del os.environ[name]


def _is_submitted() -> bool:
    return "PYSPARK_GATEWAY_PORT" in os.environ


@contextmanager
def _in_utc(session: SparkSession) -> Generator[None]:
    """A session that was there before may be in another zone."""
    before = session.conf.get("spark.sql.session.timeZone")
    session.conf.set("spark.sql.session.timeZone", "UTC")
    try:
        yield
    finally:
        if before:
            session.conf.set("spark.sql.session.timeZone", before)


def _check_work(cluster: Cluster, master: str | None) -> None:
    if master and cluster.work is None and not master.startswith(ON_ONE_MACHINE):
        raise SettingsError(
            f"With the master {master} executors are on other machines; name a folder that all of them reach, as --work hdfs:///tmp."
        )


def _check_java() -> None:
    if _is_submitted():
        return
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None:
        raise SettingsError(
            f"Spark needs Java {OLDEST_JAVA} or newer, and none is there; install one or set JAVA_HOME."
        )
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr  # noqa: S603 - what Spark starts
    except (OSError, subprocess.CalledProcessError) as error:
        raise SettingsError(
            f"{java} cannot be run ({type(error).__name__}); install Java {OLDEST_JAVA} or set JAVA_HOME."
        ) from error
    found = re.search(r'version "(\d+)', told)
    if found and int(found[1]) < OLDEST_JAVA:
        raise SettingsError(
            f"Spark needs Java {OLDEST_JAVA} or newer, and {java} is Java {found[1]}; install a newer one or set JAVA_HOME."
        )


def _check_master(master: str | None) -> None:
    """Know a master by its form, and ask each host of a standalone one for a connection: Spark itself would try for minutes."""
    if master is None:
        return
    if not MASTERS.fullmatch(master):
        raise SettingsError(f"The Spark master {master!r} is not known; write it like {EXAMPLES}.")
    if not master.startswith("spark://"):
        return
    hosts = [urlsplit(f"spark://{each}") for each in master.removeprefix("spark://").split(",")]
    try:
        places = [(host.hostname or "", host.port or 7077) for host in hosts]
    except ValueError:
        places = []
    for place in places:
        try:
            socket.create_connection(place, SECONDS_TO_REACH).close()
            return
        except OSError:
            continue
    raise SettingsError(f"The Spark master {master} cannot be reached; check --master and that it runs.")


@contextmanager
def _chatter_in(log: Path) -> Generator[None]:
    """What is started meanwhile writes its standard error to a file: Java, and all that it starts; not with --verbose."""
    if LOG.isEnabledFor(logging.DEBUG):
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with log.open("ab") as target:
        os.dup2(target.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def reason_of(error: Exception, log: Path | None = None) -> str:
    """The first words that tell something: of what Spark raised, or of what Java wrote."""
    text = str(error).strip() or type(error).__name__
    if "JAVA_GATEWAY_EXITED" in text and log and log.exists():
        lines = [line for line in log.read_text(errors="replace").splitlines() if "rror" in line or "xception" in line]
        text = lines[0] if lines else text
    lines = [line.strip() for line in text.splitlines()]
    told = next((line for line in lines if "Exception: " in line or "Error: " in line), lines[0])
    return re.split(r"(?:Exception|Error): ", told)[-1].strip().rstrip(".;:")
