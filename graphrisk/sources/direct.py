"""A few sightings given by hand, judged as a load would judge them: normalised, tokenised, or rejected with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from graphrisk.policy import Policy
from graphrisk.schema import TABLES
from graphrisk.sources.judging import (
    mail_providers,
    parameters_of,
    sightings_sql,
    token_parameters,
    translations,
    values_sql,
)
from graphrisk.sources.mapping import plain
from graphrisk.sources.normalise import PYTHON_NORMALISERS
from graphrisk.sources.projection import numbered, projection
from graphrisk.sources.source import GivenTable, with_row_numbers
from graphrisk.sources.tokens import TokenKey

COLUMNS = TABLES["sightings"]


class DirectJudge:
    """Judges sightings on a connection that cannot spill: raw values stay in memory, for one call."""

    def __init__(self, columns: duckdb.DuckDBPyConnection, policy: Policy, key: TokenKey) -> None:
        self._columns, self._policy = columns, policy
        source = GivenTable(
            "request", "sightings", plain("sightings", "request", COLUMNS, keyed=False), lambda: iter(())
        )
        self._columns_read = source.columns()
        self._projected = projection(source, source.mapping, {})
        self._sql = sightings_sql(self._projected, policy)
        self._bound = {**token_parameters(policy, key), "phone_region": policy.load.phone_region}
        columns.register("mail_providers", mail_providers())

    def judge(self, sightings: Sequence[Mapping[str, str | None]], now_us: int) -> list[dict[str, Any]]:
        """For each sighting (the columns of the table of sightings): ``reason`` (why it is rejected, or None), ``kind``,
        ``token``, ``network``, ``hint``, ``first_seen`` and ``last_seen`` (microseconds)."""
        given = {name: pa.array([each.get(name) for each in sightings], pa.string()) for name in self._columns_read}
        rows = numbered(with_row_numbers(pa.table(given), 0), self._columns_read)
        self._columns.register("batch", rows)
        values = self._columns.sql(values_sql(self._projected, self._policy, PYTHON_NORMALISERS)).to_arrow_table()
        self._columns.register("translated", translations(values, self._policy.load.phone_region, {}))
        bound = parameters_of(self._sql, {"now_us": now_us, **self._bound})
        return self._columns.sql(self._sql, params=bound).to_arrow_table().sort_by("row").to_pylist()
