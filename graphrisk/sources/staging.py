# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Staging: batches of source rows become tokenised facts in DuckDB tables, and rejected rows with a reason.

Raw values exist only inside one batch, on a connection that cannot spill; what is staged has tokens and hints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Bound
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from graphrisk.ahead import ahead
from graphrisk.logs import step
from graphrisk.policy import Policy
from graphrisk.schema import STATUSES, TABLES
from graphrisk.sources.judging import (
    Remembered,
    accounts_sql,
    labels_sql,
    mail_providers,
    parameters_of,
    sightings_sql,
    token_parameters,
    translations,
    values_sql,
    without_erased,
)
from graphrisk.sources.mapping import TableMapping, fit, plain
from graphrisk.sources.normalise import PYTHON_NORMALISERS
from graphrisk.sources.projection import numbered, projection
from graphrisk.sources.source import Batch, Source
from graphrisk.sources.tokens import TokenKey, hmac_parameters
from graphrisk.sources.tombstones import ERASED_ACCOUNT

ROWS_A_THREAD = 16_384

STAGED = {
    "accounts": "account_id VARCHAR, created_at BIGINT, status_rank INTEGER, marketplace VARCHAR",
    "sightings": "account_id VARCHAR, kind VARCHAR, token VARCHAR, network VARCHAR, hint VARCHAR, week INTEGER,"
    " first_seen BIGINT, last_seen BIGINT, count BIGINT",
    "labels": "account_id VARCHAR, label VARCHAR, labelled_at BIGINT, source VARCHAR",
}
"""The staged tables; times are microseconds since 1970 in UTC, ``week`` counts ISO weeks and is 0 but for ip."""

FOLDED = (
    f"""
CREATE TABLE accounts AS
SELECT account_id, make_timestamptz(min(created_at)) AS created_at, {list(STATUSES)}[max(status_rank)] AS status,
       min(marketplace) AS marketplace
FROM staged_accounts GROUP BY account_id
UNION ALL
SELECT account_id, NULL, NULL, NULL
FROM (SELECT account_id FROM staged_sightings ANTI JOIN staged_accounts USING (account_id)
      UNION SELECT account_id FROM staged_labels ANTI JOIN staged_accounts USING (account_id))
""",
    """
CREATE TABLE labels AS
SELECT DISTINCT account_id, label, make_timestamptz(labelled_at) AS labelled_at, source FROM staged_labels
""",
    """
CREATE TABLE repeated AS SELECT place FROM staged_sightings GROUP BY place HAVING count(*) > 1
""",
    """
CREATE TABLE folded_sightings AS
SELECT account_id, kind, token, min(network) AS network, min(hint) AS hint, week, min(first_seen) AS first_seen,
       max(last_seen) AS last_seen, sum(count)::BIGINT AS count
FROM staged_sightings SEMI JOIN repeated USING (place) GROUP BY account_id, kind, token, week
""",
    """
CREATE VIEW sightings AS
SELECT * REPLACE (make_timestamptz(first_seen) AS first_seen, make_timestamptz(last_seen) AS last_seen)
FROM (SELECT * EXCLUDE (place) FROM staged_sightings ANTI JOIN repeated USING (place) UNION ALL BY NAME FROM folded_sightings)
""",
)
"""How the rows of one load fold into facts: earliest first, latest last, worst status, whatever their order. An account that
only sightings or labels name is created without attributes. Sightings
that stand alone, nearly all of a table of sightings, are not sorted or grouped at all; ``place`` is a hash that finds them."""

_REJECTS = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("table", pa.string()),
        ("reason", pa.string()),
        ("value", pa.string()),
    ]
)

_Prepared = tuple[Source, list[str], str]


@dataclass
class Tally:
    """What happened to the rows of one load, by table."""

    rows: Counter[str] = field(default_factory=Counter)
    rejected: dict[str, Counter[str]] = field(default_factory=lambda: {table: Counter() for table in TABLES})
    ignored_columns: dict[str, list[str]] = field(default_factory=dict)

    def reject_share(self, table: str) -> float:
        """Rejected rows of a table over all its rows (0–1), but for those of erased accounts, which are no fault."""
        faulty = sum(self.rejected[table].values()) - self.rejected[table]["erased_account"]
        return faulty / self.rows[table] if self.rows[table] else 0.0


class Stager:
    """Stages sources into tables ``accounts``, ``sightings`` and ``labels`` of the connection ``staged``.

    ``judge`` is a second connection, one that cannot spill: it alone sees raw values. Rows of accounts in ``tombstones``
    are rejected.
    """

    def __init__(
        self,
        judge: duckdb.DuckDBPyConnection,
        staged: duckdb.DuckDBPyConnection,
        policy: Policy,
        key: TokenKey,
        now_us: int,
        tombstones: Sequence[str] = (),
    ) -> None:
        self._judge, self._staged, self._policy = judge, staged, policy
        self._reader = judge.cursor()
        self._tokens, self._links = token_parameters(policy, key), len(key.chain)
        self._erased = hmac_parameters(key, [ERASED_ACCOUNT]) if tombstones else {}
        self._now_us = now_us
        self._remembered: Remembered = {}
        self.tally = Tally()
        for table, columns in STAGED.items():
            extra = ", place UBIGINT" if table == "sightings" else ""
            staged.execute(f"CREATE TABLE staged_{table} ({columns}{extra})")
        judge.register("mail_providers", mail_providers())
        judge.register("tombstones", pa.table({"digits": [each.partition(":")[2] for each in tombstones]}))

    def stage(self, sources: Sequence[Source], rejects: Path) -> Tally:
        """Read all sources; rejected rows go to the CSV file ``rejects``, masked.

        Raises ``InputError`` for one that cannot be read and ``MappingError`` for one that does not fit.
        """
        prepared = [(source, *self._prepared(source)) for source in sources]
        sizes = [source.size for source in sources]
        known = [size for size in sizes if size is not None]
        with ExitStack() as held:
            writer = held.enter_context(pacsv.CSVWriter(str(rejects), _REJECTS))
            total = sum(known) if len(known) == len(sizes) else None
            progress = held.enter_context(step("Reading sources (bytes)", total))
            for source, projected, batch, translated in ahead(self._read(prepared)):
                if batch.malformed:
                    self.tally.rows[source.table] += len(batch.malformed)
                    self._reject(writer, source, pa.array(batch.malformed, pa.int64()), None)
                if batch.rows.num_rows:
                    self._reject(writer, source, *self._stage(source, batch.rows, translated, projected))
                progress.advance(batch.bytes_read)
        self._reader.close()
        self._fold()
        return self.tally

    def _prepared(self, source: Source) -> tuple[list[str], str]:
        present, name = source.columns(), source.name
        mapping: TableMapping = (
            fit(source.table, source.mapping, name, present)
            if source.mapping
            else plain(source.table, name, present, keyed=source.format == "ndjson")
        )
        wanted = mapping.source_columns()
        if ignored := [column for column in present if column not in wanted]:
            self.tally.ignored_columns[name] = ignored
        return wanted, projection(source, mapping, source.types())

    def _read(self, prepared: list[_Prepared]) -> Iterator[tuple[Source, str, Batch, pa.Table | None]]:
        """Batches with the canonical forms that Python makes; runs in the thread that reads ahead."""
        for source, columns, projected in prepared:
            for batch in source.batches(columns):
                rows = batch.rows
                if columns and source.format != "ndjson" and rows.num_rows:
                    rows = numbered(rows, columns)
                rows = pa.Table.from_batches(rows.to_batches(max_chunksize=ROWS_A_THREAD), rows.schema)
                translated = None
                if source.table == "sightings" and rows.num_rows:
                    self._reader.register("batch", rows)
                    values = self._reader.sql(values_sql(projected, self._policy, PYTHON_NORMALISERS)).to_arrow_table()
                    translated = translations(values, self._policy.load.phone_region, self._remembered)
                yield source, projected, replace(batch, rows=rows), translated

    def _stage(
        self, source: Source, rows: pa.Table, translated: pa.Table | None, projected: str
    ) -> tuple[pa.Array, pa.Table]:
        self._judge.register("batch", rows)
        judged = self._judged(source.table, translated, projected)
        self.tally.rows[source.table] += judged.num_rows
        self._staged.register("judged", judged)
        columns = ", ".join(part.split()[0] for part in STAGED[source.table].split(", "))
        place = ", hash(account_id, kind, token, week)" if source.table == "sightings" else ""
        self._staged.execute(
            f"INSERT INTO staged_{source.table} SELECT {columns}{place} FROM judged WHERE reason IS NULL"
        )
        self._staged.unregister("judged")
        bad = judged.filter(pc.is_valid(judged["reason"])).sort_by("row")
        return bad["row"].combine_chunks(), bad.select(["reason", "length"])

    def _judged(self, table: str, translated: pa.Table | None, projected: str) -> pa.Table:
        bound: dict[str, Any] = {"now_us": self._now_us}
        if translated is None:
            return self._query(accounts_sql(projected) if table == "accounts" else labels_sql(projected), bound)
        self._judge.register("translated", translated)
        return self._query(
            sightings_sql(projected, self._policy, self._links),
            bound | self._tokens | {"phone_region": self._policy.load.phone_region},
        )

    def _query(self, sql: str, bound: Bound[str, Any]) -> pa.Table:
        if self._erased:
            sql, bound = without_erased(sql, self._links), {**bound, **self._erased}
        return self._judge.sql(sql, params=parameters_of(sql, bound)).to_arrow_table()

    def _reject(self, writer: Any, source: Source, rows: pa.Array, why: pa.Table | None) -> None:
        count = len(rows)
        if not count:
            return
        reasons = pa.array(["malformed_row"] * count) if why is None else why["reason"]
        lengths = pa.nulls(count, pa.string()) if why is None else why["length"].cast(pa.string())
        masked = pc.binary_join_element_wise("*** (", lengths, " characters)", "", null_handling="emit_null")
        columns = [pa.array([source.name] * count), rows, pa.array([source.table] * count), reasons, masked]
        writer.write_table(pa.table(columns, schema=_REJECTS))
        for each in pc.value_counts(reasons).to_pylist():
            self.tally.rejected[source.table][each["values"]] += each["counts"]

    def _fold(self) -> None:
        for statement in FOLDED:
            self._staged.execute(statement)
