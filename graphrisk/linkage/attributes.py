"""Shared attributes: which values two or more accounts hold, by how many, and when each used them. Hubs end here.

Takes the views ``accounts`` and ``fact_sightings``; makes the tables

    ids         account (position by account id bytes), account_id, created (microseconds, null), closed
    uses        attribute, account, first, last                 one row an account on a shared attribute
    attributes  attribute, kind (code), token, week, hint, accounts   ``accounts`` is the degree; past the kind's cap it is a hub
"""

from __future__ import annotations

from datetime import datetime

import duckdb
import pyarrow as pa

from graphrisk.model import DAY_US
from graphrisk.policy import Policy

WEEK_US = 7 * DAY_US
FIRST_MONDAY_US = 4 * DAY_US

IDS = """
CREATE TABLE ids AS
SELECT (row_number() OVER (ORDER BY account_id) - 1)::INTEGER AS account, account_id,
       epoch_us(created_at) AS created, status = 'closed' AS closed, status, marketplace
FROM accounts
"""

RETAINED = """
CREATE VIEW retained AS
SELECT account_id, kinds.code AS kind, token, network, hint, week, epoch_us(first_seen) AS first, epoch_us(last_seen) AS last
FROM fact_sightings JOIN kinds ON fact_sightings.kind = kinds.name AND epoch_us(last_seen) >= kinds.kept_from
"""

VISITED = """
CREATE VIEW visited AS
SELECT account_id, token AS address, network, epoch_us(first_seen) AS first, epoch_us(last_seen) AS last
FROM fact_sightings WHERE kind = '$ip_name' AND epoch_us(last_seen) >= $kept_from
"""
"""Addresses for cohorts, which are remembered longer than an address is evidence by itself."""

WEEKLY = f"""
CREATE VIEW weekly AS
SELECT account_id, kind, token, hint, week, first, last FROM retained WHERE NOT (kind = $ip AND last >= {WEEK_US} * (week + 1) + {FIRST_MONDAY_US})
UNION ALL
SELECT account_id, kind, token, hint, spent AS week, greatest(first, {WEEK_US} * spent + {FIRST_MONDAY_US}) AS first,
       least(last, {WEEK_US} * (spent + 1) + {FIRST_MONDAY_US} - 1) AS last
FROM (SELECT *, unnest(range(greatest(week, $ip_kept_week), (last - {FIRST_MONDAY_US}) // {WEEK_US} + 1))::INTEGER AS spent
      FROM retained WHERE kind = $ip AND last >= {WEEK_US} * (week + 1) + {FIRST_MONDAY_US})
"""
"""An address used over several weeks is one attribute a week; everything else is one attribute for all time."""

SHARED = """
CREATE TABLE shared AS
WITH often AS (SELECT hash(kind, token, week) AS place FROM weekly GROUP BY place HAVING count(*) > 1)
SELECT ids.account, kind, token, hint, week, first, last
FROM weekly JOIN ids USING (account_id) WHERE hash(kind, token, week) IN (FROM often)
"""
"""The hash only narrows: a collision lets a row through that the next statement drops."""

ATTRIBUTES = """
CREATE TABLE attributes AS
SELECT row_number() OVER ()::INTEGER AS attribute, kind, token, week, hint, 0::INTEGER AS accounts
FROM (SELECT kind, token, week, min(hint) AS hint FROM shared GROUP BY kind, token, week HAVING min(account) <> max(account))
"""

USES = """
CREATE TABLE uses AS
SELECT attribute, account, min(first) AS first, max(last) AS last
FROM shared JOIN attributes USING (kind, token, week) GROUP BY attribute, account
"""

DEGREES = """
UPDATE attributes SET accounts = held.accounts
FROM (SELECT attribute, count(*)::INTEGER AS accounts FROM uses GROUP BY attribute) AS held
WHERE attributes.attribute = held.attribute
"""


def data_clock(columns: duckdb.DuckDBPyConnection, as_of: datetime) -> int:
    """The start (microseconds) of the day after the last sighting, or of ``as_of`` if that is earlier.

    Retention counts back from here, so that a ledger of past years is not empty the day it is loaded.
    """
    latest = columns.execute("SELECT coalesce(max(epoch_us(last_seen)), 0) FROM fact_sightings").fetchall()[0][0]
    moment = min(latest, int(as_of.timestamp() * 1_000_000))
    return (moment // DAY_US + 1) * DAY_US


def share_attributes(columns: duckdb.DuckDBPyConnection, policy: Policy, as_of: datetime) -> None:
    """Make the tables ``ids``, ``attributes`` and ``uses`` from the facts in view."""
    clock = data_clock(columns, as_of)
    codes = policy.codes()
    rows = [(name, codes[name], clock - kind.retention_days * DAY_US) for name, kind in policy.kinds.items()]
    kinds = pa.table(list(zip(*rows, strict=True)), names=["name", "code", "kept_from"]) if rows else None
    columns.register("kinds_arrow", kinds)
    columns.execute("CREATE TABLE kinds AS SELECT name, code::UTINYINT AS code, kept_from FROM kinds_arrow")
    columns.unregister("kinds_arrow")
    columns.execute(IDS)
    columns.execute(RETAINED)
    weekly = next((name for name, kind in policy.kinds.items() if kind.normaliser == "ip"), None)
    kept = (clock - policy.kinds[weekly].retention_days * DAY_US - FIRST_MONDAY_US) // WEEK_US if weekly else 0
    visited = VISITED.replace("$ip_name", weekly or "").replace(
        "$kept_from", str(clock - policy.cohort.retention_days * DAY_US)
    )
    columns.execute(visited)
    columns.execute(WEEKLY.replace("$ip_kept_week", str(kept)).replace("$ip", str(codes[weekly] if weekly else -1)))
    for statement in (SHARED, ATTRIBUTES, USES, DEGREES):
        columns.execute(statement)
    columns.execute("DROP TABLE shared")
