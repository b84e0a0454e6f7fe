# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Tables in the making on a cluster: views of statements, tables that are kept, and what comes to the driver."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from graphrisk.errors import SettingsError
from graphrisk.spark.session import reason_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


PROBES = 16
"""Files that are written to see whether all executors write to one place; there may be few executors at first."""


@contextmanager
def work_in(session: SparkSession, url: str) -> Generator[Work]:
    """The tables of one run in a folder of their own under ``url``, which goes with them."""
    folder = f"{url.rstrip('/')}/graphrisk-{uuid.uuid4().hex[:12]}"
    work = Work(session, folder)
    try:
        yield work
    except BaseException:
        with suppress(Exception):  # what went wrong may have taken Spark with it
            work.forget()
        raise
    work.forget()


class Work:
    """The tables of one run by name, as Spark's temporary views. What is kept stands as Parquet under ``url``, so that an
    executor that dies takes nothing with it and no row is ever computed twice with another result."""

    def __init__(self, session: SparkSession, url: str) -> None:
        self.session, self._url = session, url
        self.advance: Callable[[int], None] = _nothing
        """Told of every table that was kept."""
        self._names: set[str] = set()

    def view(self, name: str, sql: str) -> None:
        """Make a view of a statement of Spark SQL."""
        self.named(name, self.session.sql(sql))

    def keep(self, name: str, rows: str | DataFrame) -> None:
        """Compute rows (or a statement) and keep them as a table."""
        frame = self.session.sql(rows) if isinstance(rows, str) else rows
        path = f"{self._url}/{name}"
        self.session.sparkContext.setJobDescription(name)  # what Spark's own pages call the work
        frame.write.mode("overwrite").parquet(path)
        self.session.sparkContext.setJobDescription(None)  # pyright: ignore[reportArgumentType]
        self.named(name, self.session.read.schema(frame.schema).parquet(path))
        self.advance(1)

    def give(self, name: str, table: pa.Table) -> None:
        """Make a small table of the driver's known to all executors."""
        from pyspark.sql.functions import broadcast  # noqa: PLC0415 - an extra, and slow to import

        self.named(name, broadcast(self.frame(table)))

    def check_shared(self) -> None:
        """Raises ``SettingsError`` unless this machine and the executors read here what any executor wrote.

        Where they do not share the folder, Spark takes an empty table for what executors wrote on disks of their own.
        """
        from py4j.protocol import Py4JError  # noqa: PLC0415 - an extra, and slow to import
        from pyspark.errors import PySparkException  # noqa: PLC0415

        parts = max(PROBES, 4 * self.session.sparkContext.defaultParallelism)
        reason = "not all that they write can be read here"
        try:
            self.keep("probe", self.session.range(0, parts, 1, parts).toDF("part"))
            found = self.number("SELECT count(*) FROM probe")
        except (PySparkException, Py4JError) as error:
            found, reason = 0, reason_of(error)
        if found < parts:
            raise SettingsError(
                f"This machine and the executors do not share the folder {self._url} ({reason}); "
                "name one with --work that all of them read and write, as hdfs:///tmp."
            )

    def frame(self, table: pa.Table) -> DataFrame:
        """A table of the driver's as Spark's."""
        return self.session.createDataFrame(_signed(table))

    def named(self, name: str, frame: DataFrame) -> None:
        """Make rows known by a name."""
        frame.createOrReplaceTempView(name)
        self._names.add(name)

    def fetch(self, sql: str) -> pa.Table:
        """The rows of a statement on the driver."""
        return self.session.sql(sql).toArrow()

    def number(self, sql: str) -> int:
        """The one number that a statement gives."""
        found: Any = self.session.sql(sql).collect()[0][0]
        return int(found)

    def forget(self) -> None:
        """Drop the views and remove the files."""
        for name in self._names:
            self.session.catalog.dropTempView(name)
        self._names.clear()
        path = self.session._jvm.org.apache.hadoop.fs.Path(self._url)  # pyright: ignore
        path.getFileSystem(self.session._jsc.hadoopConfiguration()).delete(path, True)  # pyright: ignore


def _nothing(_: int) -> None:
    pass


def _signed(table: pa.Table) -> pa.Table:
    """Spark has no unsigned numbers, and of a table in pieces pyspark 4.3 takes only some."""
    fields = [
        pa.field(field.name, pa.int32() if field.type in (pa.uint8(), pa.uint16()) else field.type)
        for field in table.schema
    ]
    return table.cast(pa.schema(fields)).combine_chunks()


def on_disk(folder: Path) -> str:
    """A folder as Hadoop writes a URL: its characters as they are."""
    return f"file://{folder.absolute()}"


_CREATE = re.compile(r"^\s*(?:CREATE (?:TABLE|VIEW) \w+ AS|INSERT INTO \w+)\s")


def in_spark(sql: str, bound: Mapping[str, object] | None = None) -> str:
    """What a statement of ``graphrisk.linkage`` selects, as Spark SQL, with each name in ``bound`` replaced by its value.

    Statements for both engines are written in what both understand but for these: whole division, and UUIDs, which are
    16 bytes in Spark.
    """
    selected = _CREATE.sub("", sql).replace("//", "DIV").replace("::UUID", "")
    for name, value in (bound or {}).items():
        selected = selected.replace(name, str(value))
    return selected
