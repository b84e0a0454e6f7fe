# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""What the loads since the base changed: accounts with new places, attributes to be looked at again, cohorts anew.

Works on the merged ledger, in which an account is a number; ``positions`` says where its id stands among all ids of the run.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.linkage.attributes import (
    KEPT,
    WEEKLY,
    data_clock,
    filled,
    retention,
    retention_sql,
    view_retained,
    week_of,
)
from graphrisk.linkage.cohorts import add_cohorts
from graphrisk.model import FIRST_MONDAY_US, WEEK_US, Ints
from graphrisk.pipeline.increment.base import Base
from graphrisk.policy import Policy
from graphrisk.runs.fact_tables import arrivals_table, attributes_and_uses, lossless, routes_table
from graphrisk.runs.splicing import located, splice, words

NUMBERED = """
CREATE VIEW ids AS
SELECT key AS account, key, account_id, created, status = 'closed' AS closed, status, marketplace FROM coded_accounts
"""

KIND_CODES = """
CREATE TEMP TABLE kind_codes AS
SELECT known.code, kinds.code AS kind, kinds.needed_from, kept_before.needed_from AS needed_before
FROM merged.kinds AS known JOIN kinds ON known.name = kinds.name JOIN kept_before ON known.name = kept_before.name
"""
"""The merged ledger numbers kinds by their arrival, a policy by their names."""

NEEDED = """
SELECT number AS account, kind, value, network, hint, week, first, last
FROM {sightings} JOIN kind_codes USING (code) WHERE last >= needed_from
"""

SEEN = f"CREATE VIEW seen AS {NEEDED.format(sightings='merged.sightings')}"

STIRRED = f"""
CREATE TEMP TABLE stirred AS
SELECT number AS account, kind, value, week, ((last - {FIRST_MONDAY_US}) // {WEEK_US})::INTEGER AS last_week
FROM merged.sightings JOIN kind_codes USING (code)
WHERE seq > $after
   OR (last >= needed_before AND last < needed_from)
   OR (kind = $ip AND last >= $visits_before AND last < $visits_kept_from)
   OR (kind = $ip AND last >= $ip_kept_before AND (last < $ip_kept_from OR week < $ip_kept_week))
"""
"""Sightings that a load told of since the base, and those that retention let go of since, wholly or in part."""

DIRTY = """
CREATE TEMP TABLE dirty AS
SELECT kind, value, unnest(range(week, last_week + 1))::INTEGER AS week FROM stirred WHERE kind = $ip AND last_week > week
UNION SELECT kind, value, week FROM stirred
"""

RENEWED = (
    """
CREATE TEMP TABLE touched AS
SELECT * FROM merged.sightings SEMI JOIN (SELECT DISTINCT value FROM stirred) USING (value)
""",
    f"CREATE TEMP VIEW touched_retained AS SELECT * FROM ({NEEDED.format(sightings='touched')}) WHERE {KEPT}",
    f"""
CREATE TEMP TABLE renewed AS
SELECT weekly.* REPLACE (position AS account) FROM ({WEEKLY}) AS weekly SEMI JOIN dirty USING (kind, value, week)
JOIN positions ON account = number
""",
)

ACTIVE = """
WITH active AS (SELECT DISTINCT account FROM stirred
), spans AS (
    SELECT account, min(first) AS first, max(last) AS last FROM retained SEMI JOIN active USING (account) GROUP BY account
)
SELECT account, coalesce(first, -1) AS first, coalesce(last, -1) AS last FROM active LEFT JOIN spans USING (account)
"""

VISITED_ONCE = (
    "CREATE TEMP TABLE visits AS FROM visited",
    "CREATE OR REPLACE VIEW visited AS FROM visits",
)
"""Cohorts look at them again and again."""

STIRRED_ADDRESSES = """
CREATE TEMP TABLE stirred_addresses AS SELECT DISTINCT value FROM stirred WHERE kind = $ip
"""

HUB_USES = """
INSERT INTO uses
SELECT attribute, account, min(first), max(last) FROM retained JOIN attributes USING (kind, value, week) GROUP BY attribute, account
"""

PLACED = """
CREATE OR REPLACE TABLE {table} AS
SELECT {table}.* REPLACE (position AS account) FROM {table} JOIN positions ON account = number
"""


@dataclass(frozen=True)
class Changes:
    """All that is new. Accounts are positions in the sorted ids of the run (``moved``: of each account of the base).

    ``ids``: account_id, created, status, marketplace, label, one row an account. ``attributes`` and ``uses`` are the rows,
    as in a run's tables, of the attributes that may have changed (``dirty``: kind, value, week of each), and of all
    cohorts. ``active``: accounts whose sightings may have changed, with the first and last of them, −1 for none.
    """

    clock: int
    moved: Ints
    ids: pa.Table
    attributes: pa.Table
    uses: pa.Table
    dirty: pa.Table
    active: tuple[Ints, Ints, Ints]
    routes: pa.Table
    arrivals: pa.Table
    cohorts: int


def changes_since(
    columns: duckdb.DuckDBPyConnection, base: Base, policy: Policy, moment: datetime, expected_share: float
) -> Changes:
    """What changed since the base; ``columns`` has the merged ledger attached (``ledger.merged``) and the view ``labels``."""
    clock = data_clock(columns, moment)
    columns.execute(NUMBERED)
    moved, position, ids = _placed(columns, base)
    positions = {"number": np.arange(len(position), dtype=np.int32), "position": position.astype(np.int32)}
    columns.register("positions_arrow", pa.table(positions))
    columns.execute("CREATE TEMP TABLE positions AS FROM positions_arrow")
    columns.unregister("positions_arrow")
    _remember_kept(columns, base, policy, clock)
    _stir(columns, base, policy, clock)
    for statement in VISITED_ONCE:
        columns.execute(statement)
    active = _active(columns, position)
    _name_hubs(columns, base, policy)
    cohorts = add_cohorts(columns, policy, expected_share)
    routes, arrivals = _routes(columns, base, retention(policy, clock).ip), _renew(columns)
    attributes, uses = attributes_and_uses(columns)
    dirty = lossless(columns, "SELECT kind, value, week FROM dirty ORDER BY value, kind, week")
    return Changes(clock, moved, ids, attributes, uses, dirty, active, routes, arrivals, cohorts)


def _placed(columns: duckdb.DuckDBPyConnection, base: Base) -> tuple[Ints, Ints, pa.Table]:
    """Where each account of the base stands now, where each number does, and all accounts in their order."""
    told = columns.sql(
        "SELECT account, account_id, created, status, marketplace, label FROM ids LEFT JOIN labels USING (account_id)"
    ).to_arrow_table()
    number = told["account"].to_numpy()
    known = base.tables["accounts"]["account_id"].combine_chunks()
    ids = told["account_id"].combine_chunks()
    old = number < len(known)
    before = np.empty(len(number), np.int64)
    before[old] = pc.index_in(ids.filter(pa.array(old)), value_set=known).to_numpy()
    fresh = ids.filter(pa.array(~old)).to_pylist()
    ranks = sorted(range(len(fresh)), key=lambda each: fresh[each].encode())
    places = np.array([_stands(known, fresh[each].encode()) for each in ranks], np.int64)
    moved = np.arange(len(known)) + np.searchsorted(places, np.arange(len(known)), side="right")
    before[old] = moved[before[old]]
    before[np.flatnonzero(~old)[ranks]] = places + np.arange(len(places))
    position, order = np.empty(len(number), np.int64), np.empty(len(number), np.int64)
    position[number], order[before] = before, np.arange(len(number))
    return moved, position, told.drop(["account"]).take(pa.array(order))


def _stands(known: pa.Array, wanted: bytes) -> int:
    """Before which of the sorted ids one would stand."""
    return bisect_left(range(len(known)), wanted, key=lambda place: known[place].as_py().encode())


def _remember_kept(columns: duckdb.DuckDBPyConnection, base: Base, policy: Policy, clock: int) -> None:
    """Make the views of what is kept now, and say of each kind what was kept for the base."""
    needed = retention(policy, base.clock).needed_from
    columns.register("kept_arrow", pa.table({"name": list(policy.kinds), "needed_from": needed}))
    columns.execute("CREATE TEMP TABLE kept_before AS FROM kept_arrow")
    columns.unregister("kept_arrow")
    view_retained(columns, policy, clock, KIND_CODES, SEEN)


def _stir(columns: duckdb.DuckDBPyConnection, base: Base, policy: Policy, clock: int) -> None:
    before, now = retention(policy, base.clock), retention(policy, clock)
    advanced = week_of(now.ip_kept_from) > week_of(before.ip_kept_from)
    bound = {
        "$after": base.after,
        "$visits_before": before.visits_kept_from,
        "$visits_kept_from": now.visits_kept_from,
        "$ip_kept_before": before.ip_kept_from,
        "$ip_kept_from": now.ip_kept_from,
        "$ip_kept_week": week_of(now.ip_kept_from) if advanced else -(2**30),
        "$ip": now.ip,
    }
    for statement in (STIRRED, DIRTY):
        columns.execute(filled(statement, bound))
    for statement in RENEWED:
        columns.execute(filled(statement, {**retention_sql(policy, clock), "$retained": "touched_retained"}))


def _active(columns: duckdb.DuckDBPyConnection, position: Ints) -> tuple[Ints, Ints, Ints]:
    found = columns.sql(ACTIVE).to_arrow_table()
    account, first, last = (found[name].to_numpy().astype(np.int64) for name in ("account", "first", "last"))
    return position[account], first, last


HUBS = """
CREATE TABLE attributes AS
WITH every AS (
    SELECT kind::UTINYINT AS kind, value::UUID AS value, week FROM hubs_before
    UNION SELECT kind, value, week FROM dirty JOIN caps USING (kind)
), counted AS (
    SELECT kind, value, week, count(DISTINCT account)::INTEGER AS accounts FROM retained JOIN every USING (kind, value, week)
    GROUP BY ALL
)
SELECT row_number() OVER ()::INTEGER AS attribute, kind, value, week, NULL::VARCHAR AS hint, accounts
FROM counted JOIN caps USING (kind) WHERE accounts > cap
"""


def _name_hubs(columns: duckdb.DuckDBPyConnection, base: Base, policy: Policy) -> None:
    """Make linkage's ``attributes`` and ``uses`` of the hubs alone, which is all that cohorts need of them."""
    codes, facts = policy.codes(), base.facts
    caps = {codes[name]: kind.cap for name, kind in policy.kinds.items() if kind.cohorts and kind.normaliser != "ip"}
    cap_of = np.full(len(codes), np.iinfo(np.int32).max)
    cap_of[list(caps)] = list(caps.values())
    rows = np.flatnonzero(facts.degrees > cap_of[facts.kind])
    values = pa.array([facts.value(row).hex() for row in rows.tolist()], pa.string())
    columns.register("hubs_before", pa.table({"kind": facts.kind[rows], "value": values, "week": facts.week[rows]}))
    limits = {"kind": pa.array(list(caps), pa.uint8()), "cap": pa.array(list(caps.values()), pa.int32())}
    columns.register("caps", pa.table(limits))
    columns.execute(HUBS)
    columns.execute("CREATE TABLE uses (attribute INTEGER, account INTEGER, first BIGINT, last BIGINT)")
    columns.execute(HUB_USES)
    for view in ("hubs_before", "caps"):
        columns.unregister(view)


def _routes(columns: duckdb.DuckDBPyConnection, base: Base, ip: int) -> pa.Table:
    """The routes of the base, with those of the addresses that were stirred in the place of theirs."""
    columns.execute(filled(STIRRED_ADDRESSES, {"$ip": ip}))
    fresh = routes_table(columns, "FROM visited SEMI JOIN stirred_addresses ON address = value")
    again = lossless(columns, "SELECT value FROM stirred_addresses ORDER BY value")
    before = base.tables["routes"]
    known = words(before["address"])
    rows, there = located(known, words(again["value"]))
    dropped = np.zeros(len(before), bool)
    dropped[rows[there]] = True
    order = splice(located(known, words(fresh["address"]))[0], dropped)
    return pa.concat_tables([before, fresh]).combine_chunks().take(pa.array(order.rows))


def _renew(columns: duckdb.DuckDBPyConnection) -> pa.Table:
    """Give accounts their positions, and put what was renewed in the place of all that is weekly."""
    for table in ("arrived", "uses"):
        columns.execute(PLACED.format(table=table))
    columns.execute("DROP VIEW weekly")
    columns.execute("CREATE VIEW weekly AS FROM renewed")
    return arrivals_table(columns)
