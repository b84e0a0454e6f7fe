"""Shared attributes: which values two or more accounts hold, by how many, and when each used them. Hubs end here.

Takes the views ``coded_accounts`` and ``coded_sightings``; reads them once and makes the tables

    ids         account (position by account id bytes), account_id, created (microseconds, null), closed, status, marketplace
    seen        account, kind (code), value, network, hint, week, first, last     one row a sighting that anything still needs
    uses        attribute, account, first, last                 one row an account on a shared attribute
    attributes  attribute, kind (code), value, week, hint, accounts   ``accounts`` is the degree; past the kind's cap it is a hub

A value is its token as a number of 128 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import duckdb
import pyarrow as pa

from graphrisk.model import DAY_US, FIRST_MONDAY_US, WEEK_US, microseconds
from graphrisk.policy import Policy

IDS = """
CREATE TABLE ids AS
SELECT (row_number() OVER (ORDER BY account_id) - 1)::INTEGER AS account, key, account_id, created,
       status = 'closed' AS closed, status, marketplace
FROM coded_accounts
"""

SEEN = """
CREATE TABLE seen AS
SELECT account, code AS kind, value, network, hint, week, first, last
FROM coded_sightings JOIN kinds ON coded_sightings.kind = kinds.name AND last >= kinds.needed_from JOIN ids USING (key)
"""

KEPT = "NOT (kind = $ip AND last < $ip_kept_from) AND kind NOT IN ($unpriced)"

RETAINED = f"CREATE VIEW retained AS SELECT * FROM seen WHERE {KEPT}"
"""What may be evidence. Kinds whose cap is 1 are none: all of their values are shared by strangers."""

VISITED = """
CREATE VIEW visited AS
SELECT account, value AS address, network, first, last FROM seen WHERE kind IN ($visited) AND last >= $visits_kept_from
"""
"""Addresses for cohorts, which are remembered longer than an address is evidence by itself."""

SHOWN = """
CREATE VIEW shown AS
SELECT account, kind, network AS value, first, last FROM seen WHERE kind IN ($emails) AND network IS NOT NULL AND last >= $visits_kept_from
UNION ALL SELECT account, kind, value, first, last FROM seen WHERE kind IN ($crowds) AND last >= $visits_kept_from
"""
"""What many strangers show: patterns of e-mail addresses, and kinds that are never evidence."""

WEEKLY = f"""
SELECT account, kind, value, hint, week, first, last FROM $retained WHERE NOT (kind = $ip AND last >= {WEEK_US} * (week + 1) + {FIRST_MONDAY_US})
UNION ALL
SELECT account, kind, value, hint, spent AS week, greatest(first, {WEEK_US} * spent + {FIRST_MONDAY_US}) AS first,
       least(last, {WEEK_US} * (spent + 1) + {FIRST_MONDAY_US} - 1) AS last
FROM (SELECT *, unnest(range(greatest(week, $ip_kept_week), (last - {FIRST_MONDAY_US}) // {WEEK_US} + 1))::INTEGER AS spent
      FROM $retained WHERE kind = $ip AND last >= {WEEK_US} * (week + 1) + {FIRST_MONDAY_US})
"""
"""An address used over several weeks is one attribute a week; everything else is one attribute for all time."""

SHARED = """
CREATE TABLE shared AS
WITH often AS (SELECT hash(value, week) AS place FROM weekly GROUP BY place HAVING count(*) > 1)
SELECT * FROM weekly WHERE hash(value, week) IN (FROM often)
"""
"""The hash only narrows: a collision lets a row through that the next statement drops."""

ATTRIBUTES = """
CREATE TABLE attributes AS
SELECT row_number() OVER ()::INTEGER AS attribute, kind, value, week, hint, 0::INTEGER AS accounts
FROM (SELECT kind, value, week, min(hint) AS hint FROM shared GROUP BY kind, value, week HAVING min(account) <> max(account))
"""

USES = """
CREATE TABLE uses AS
SELECT attribute, account, min(first) AS first, max(last) AS last
FROM shared JOIN attributes USING (kind, value, week) GROUP BY attribute, account
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
    latest = columns.execute("SELECT coalesce(max(last), 0) FROM coded_sightings").fetchall()[0][0]
    moment = min(latest, microseconds(as_of))
    return (moment // DAY_US + 1) * DAY_US


def share_attributes(columns: duckdb.DuckDBPyConnection, policy: Policy, as_of: datetime) -> int:
    """Make the tables ``ids``, ``seen``, ``attributes`` and ``uses`` from the facts in view; returns the ``data_clock``."""
    clock = data_clock(columns, as_of)
    columns.execute(IDS)
    view_retained(columns, policy, clock, SEEN)
    for statement in (SHARED, ATTRIBUTES, USES, DEGREES):
        columns.execute(statement)
    columns.execute("DROP TABLE shared")
    return clock


class Retention(NamedTuple):
    """The moments (microseconds) before which sightings are not needed, by kind, and those of addresses."""

    needed_from: list[int]
    ip: int
    ip_kept_from: int
    visits_kept_from: int


def retention(policy: Policy, clock: int) -> Retention:
    """What is kept by a clock (``data_clock``); kinds are in the order of the policy."""
    codes = policy.codes()
    ip = next((name for name, kind in policy.kinds.items() if kind.normaliser == "ip"), None)
    kept_from = {name: clock - kind.retention_days * DAY_US for name, kind in policy.kinds.items()}
    visits = clock - policy.cohort.retention_days * DAY_US
    needed = [min(moment, visits) if name == ip else moment for name, moment in kept_from.items()]
    return Retention(needed, codes[ip] if ip else -1, kept_from[ip] if ip else 0, visits)


def view_retained(columns: duckdb.DuckDBPyConnection, policy: Policy, clock: int, *seen: str) -> None:
    """Make the table ``kinds`` and, on ``seen`` (by the given statements), the views of what is kept by a clock:
    ``retained``, ``visited``, ``shown`` and ``weekly``."""
    kept, codes = retention(policy, clock), policy.codes()
    kinds = pa.table(
        [list(policy.kinds), [codes[name] for name in policy.kinds], kept.needed_from], ["name", "code", "needed_from"]
    )
    columns.register("kinds_arrow", kinds)
    columns.execute("CREATE TABLE kinds AS SELECT name, code::UTINYINT AS code, needed_from FROM kinds_arrow")
    columns.unregister("kinds_arrow")
    bound = retention_sql(policy, clock)
    for statement in (*seen, RETAINED, VISITED, SHOWN, f"CREATE VIEW weekly AS {WEEKLY}"):
        columns.execute(filled(statement, {**bound, "$retained": "retained"}))


def retention_sql(policy: Policy, clock: int) -> dict[str, object]:
    """What the statements on ``retained``, ``visited``, ``shown`` and ``WEEKLY`` leave open, by a clock."""
    kept, codes = retention(policy, clock), policy.codes()
    visited = any(kind.normaliser == "ip" and kind.cohorts for kind in policy.kinds.values())
    return {
        "$ip_kept_from": kept.ip_kept_from,
        "$ip_kept_week": week_of(kept.ip_kept_from),
        "$visits_kept_from": kept.visits_kept_from,
        "$ip": kept.ip,
        "$visited": _listed([kept.ip] if visited else []),
        "$unpriced": _listed(codes[name] for name, kind in policy.kinds.items() if kind.cap == 1),
        "$crowds": _listed(codes[name] for name, kind in policy.kinds.items() if kind.cap == 1 and kind.cohorts),
        "$emails": _listed(
            codes[name] for name, kind in policy.kinds.items() if kind.normaliser == "email" and kind.cohorts
        ),
    }


def week_of(at: int) -> int:
    """The ISO week of a moment (microseconds), counted from the first Monday of 1970."""
    return (at - FIRST_MONDAY_US) // WEEK_US


def filled(sql: str, bound: Mapping[str, object]) -> str:
    """The statement with each name in ``bound`` replaced by its value, in the order given."""
    for name, value in bound.items():
        sql = sql.replace(name, str(value))
    return sql


def _listed(codes: Iterable[int]) -> str:
    return ", ".join(map(str, codes)) or "-1"
