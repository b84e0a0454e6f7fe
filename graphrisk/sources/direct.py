"""A few sightings given by hand, judged as a load would judge them: normalised, tokenised, or rejected with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from graphrisk.model import microseconds
from graphrisk.policy import Policy
from graphrisk.schema import TABLES
from graphrisk.sources.judging import (
    is_out_of_range,
    mail_providers,
    parameters_of,
    sightings_sql,
    token_parameters,
    translations,
    values_sql,
)
from graphrisk.sources.letters import Letters
from graphrisk.sources.mapping import plain
from graphrisk.sources.normalise import PYTHON_NORMALISERS
from graphrisk.sources.plain_text import judged
from graphrisk.sources.projection import numbered, projection
from graphrisk.sources.source import GivenTable, with_row_numbers
from graphrisk.sources.tokens import TokenKey

COLUMNS = TABLES["sightings"]
Sighting = Mapping[str, str | None]


class DirectJudge:
    """Judges sightings on a connection that cannot spill: raw values stay in memory, for one call."""

    def __init__(self, columns: duckdb.DuckDBPyConnection, policy: Policy, key: TokenKey) -> None:
        self._columns, self._policy, self._key = columns, policy, key
        source = GivenTable(
            "request", "sightings", plain("sightings", "request", COLUMNS, keyed=False), lambda: iter(())
        )
        self._columns_read = source.columns()
        self._projected = projection(source, source.mapping, {})
        self._sql = sightings_sql(self._projected, policy, len(key.chain))
        self._bound = {**token_parameters(policy, key), "phone_region": policy.load.phone_region}
        self._letters = Letters(columns)
        columns.register("mail_providers", mail_providers())

    def judge(self, sightings: Sequence[Sighting], now_us: int) -> list[dict[str, Any]]:
        """For each sighting (the columns of the table of sightings, times in ISO 8601 with a zone): ``reason`` (why it is
        rejected, or None), ``kind``, ``token``, ``network``, ``hint``, ``first_seen`` and ``last_seen`` (microseconds)."""
        found = [self._plainly(each, now_us) for each in sightings]
        left = [place for place, each in enumerate(found) if each is None]
        if left:
            told = self.judge_by_sql([sightings[place] for place in left], now_us)
            for place, row in zip(left, told, strict=True):
                found[place] = row
        return [each for each in found if each is not None]

    def _plainly(self, sighting: Sighting, now_us: int) -> dict[str, Any] | None:
        """The judgement of a sighting that is plain text, but for the letters of an address; None for any other."""
        account, value = sighting.get("account_id") or "", sighting.get("value")
        kind = (sighting.get("kind") or "").strip(" ").lower()
        plain_account = (
            account.isascii() and account.isprintable() and 0 < len(account.strip(" ")) <= len(account) <= 128
        )
        if not plain_account or kind not in self._policy.kinds or value is None:
            return None
        normaliser = self._policy.kinds[kind].normaliser
        about = judged(normaliser, value, self._policy.load.phone_region)
        if about is None and normaliser == "address":
            about = self._letters.judged(value)
        if about is None:
            return None
        first, last = _times(sighting)
        reason = about.reason
        if reason is None and (is_out_of_range(first, now_us) or is_out_of_range(last, now_us)):
            reason = "time_out_of_range"
        if reason is None and last < first:
            reason = "last_before_first"
        accepted = reason is None
        return {
            "reason": reason,
            "kind": kind,
            "token": self._key.token(kind, about.canonical) if accepted else None,
            "network": self._key.token(kind, about.network) if accepted and about.network else None,
            "hint": about.hint if accepted else None,
            "first_seen": first,
            "last_seen": last,
        }

    def judge_by_sql(self, sightings: Sequence[Sighting], now_us: int) -> list[dict[str, Any]]:
        """The same, whatever the text, by the statement of loading."""
        given = {name: pa.array([each.get(name) for each in sightings], pa.string()) for name in self._columns_read}
        rows = numbered(with_row_numbers(pa.table(given), 0), self._columns_read)
        self._columns.register("batch", rows)
        values = self._columns.sql(values_sql(self._projected, self._policy, PYTHON_NORMALISERS)).to_arrow_table()
        self._columns.register("translated", translations(values, self._policy.load.phone_region, {}))
        bound = parameters_of(self._sql, {"now_us": now_us, **self._bound})
        return self._columns.sql(self._sql, params=bound).to_arrow_table().sort_by("row").to_pylist()


def _times(sighting: Sighting) -> tuple[int, int]:
    """First and last use (microseconds); ``seen_at`` stands for a first one that is not given, and the first for the last."""
    given = [text for name in ("first_seen", "seen_at") if (text := sighting.get(name))]
    first = microseconds(datetime.fromisoformat(given[0]))
    last = sighting.get("last_seen")
    return first, microseconds(datetime.fromisoformat(last)) if last else first
