"""Cohorts: accounts that signed up together on one address, network or hub, in numbers that chance does not explain.

Adds rows of kind ``cohort`` to ``attributes`` and ``uses``: the group is the shared attribute, its size the degree.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from scipy.special import pdtrc

from graphrisk.linkage.attributes import filled
from graphrisk.model import DAY_US, FIRST_MONDAY_US, WEEK_US, Bools, Floats, Ints
from graphrisk.policy import CohortPolicy, Policy

SMALLEST_RATE = 0.05
CLOCK_SKEW_DAYS = 1
"""An account's first sighting may be stamped a little before its creation."""

BASELINE_WEEKS = 12
"""A place's usual arrivals are taken over so many weeks at least: a place that is new has no habits yet."""

SHARE_OF_NETWORK = 0.5
"""Newcomers of a whole network are a cohort only where they are so large a share of those present."""

HUB_KINDS = ("device", "card")
ADDRESS, NETWORK, HUB = 0, 1, 2
"""Where a cohort came from."""

NEW = f"""
CREATE TABLE newcomers AS
WITH early AS (
    SELECT account, address, network, first, last FROM visited JOIN ids USING (account)
    WHERE first BETWEEN created - {CLOCK_SKEW_DAYS * DAY_US} AND created + $new_days * {DAY_US}
), places AS (
    SELECT account, 0 AS source, address AS place, first, last FROM early
    UNION ALL SELECT account, 1, network, first, last FROM early WHERE network IS NOT NULL
    UNION ALL SELECT account, 2, value, first, last FROM hubs JOIN uses USING (attribute) JOIN ids USING (account)
              WHERE first BETWEEN created - {CLOCK_SKEW_DAYS * DAY_US} AND created + $new_days * {DAY_US}
), arrived AS (
    SELECT source, place, account, min(first) AS first, min_by(last, (first, last)) AS last FROM places GROUP BY source, place, account
)
SELECT *, ((first - {FIRST_MONDAY_US}) // {WEEK_US})::INTEGER AS week FROM arrived
"""

CANDIDATES = """
CREATE TABLE candidates AS
WITH weekly AS (SELECT source, place, week, count(*) AS arrived FROM newcomers GROUP BY source, place, week
), usual AS (
    SELECT source, place, sum(arrived)::BIGINT AS ever, min(week) AS first_week, max(week) AS last_week
    FROM weekly GROUP BY source, place
)
SELECT source, place, week, arrived, ever, first_week, last_week
FROM weekly JOIN usual USING (source, place) WHERE arrived >= $min_accounts - 1
"""
"""One arrival short of a cohort counts as well, for those who ask what one more account would do."""

PRESENT = f"""
CREATE TABLE arrivals AS
SELECT candidates.source, candidates.place, candidates.week, arrived, ever, first_week, last_week,
       count(DISTINCT present.account) AS present
FROM candidates JOIN (
    SELECT 0 AS source, address AS place, account, first, last FROM visited
    UNION ALL SELECT 1, network, account, first, last FROM visited WHERE network IS NOT NULL
    UNION ALL SELECT 2, value, account, first, last FROM hubs JOIN uses USING (attribute)
) AS present
ON present.source = candidates.source AND present.place = candidates.place
   AND present.first < {WEEK_US} * (candidates.week + 1) + {FIRST_MONDAY_US} AND present.last >= {WEEK_US} * candidates.week + {FIRST_MONDAY_US}
GROUP BY ALL
"""

ACCEPTED = """
INSERT INTO attributes
SELECT (SELECT coalesce(max(attribute), 0) FROM attributes) + row_number() OVER (), $cohort, place, week, NULL, arrived, source
FROM accepted
"""

NEAR = f"""
CREATE TABLE arrived AS
WITH near AS (SELECT source, place, week, account, first, last FROM newcomers SEMI JOIN arrivals USING (source, place, week)
), back AS (
    SELECT DISTINCT near.source, near.place, near.week, near.account FROM near JOIN visited USING (account)
    WHERE near.place = CASE near.source WHEN 0 THEN address WHEN 1 THEN network END
      AND visited.last >= {WEEK_US} * (near.week + 1) + {FIRST_MONDAY_US}
)
SELECT near.*, back.account IS NOT NULL AS returned FROM near LEFT JOIN back USING (source, place, week, account)
"""
"""``returned``: seen again at the address or in the network after that week."""

COHORT_USES = """
INSERT INTO uses
SELECT attribute, account, first, last, returned
FROM attributes JOIN arrived
  ON attributes.source = arrived.source AND attributes.value = arrived.place AND attributes.week = arrived.week
WHERE attributes.kind = $cohort
"""


class Arrivals(NamedTuple):
    """Newcomers by source, place and week, as columns: how many arrived and were present in the week, how many ever
    arrived at the place, and the first and last week in which any did."""

    source: Ints
    arrived: Ints
    present: Ints
    ever: Ints
    first_week: Ints
    last_week: Ints


def are_cohorts(arrivals: Arrivals, policy: CohortPolicy, expected_share: float) -> Bools:
    """Which arrivals are a cohort: enough, more than chance explains, and in a network at least half of those present.

    The networks of carriers and exits see the newcomers of many rings, and of none, among all who pass.
    """
    weeks = np.maximum(BASELINE_WEEKS, arrivals.last_week - arrivals.first_week + 1)
    usual = (arrivals.ever - arrivals.arrived) / (weeks - 1)
    enough = arrivals.arrived >= policy.min_accounts
    crowded = (arrivals.source != NETWORK) | (arrivals.arrived >= SHARE_OF_NETWORK * arrivals.present)
    return enough & crowded & surprising(arrivals.arrived, arrivals.present, usual, expected_share, policy.significance)


def surprising(arrived: Ints, present: Ints, usual: Floats, expected_share: float, significance: float) -> Bools:
    """Whether so many arrivals among the accounts present are beyond chance: P(Poisson(λ) ≥ arrived) < significance.

    λ is the larger of ``present · expected_share`` and ``usual`` (arrivals at the place in any other week), at least
    .05. Shapes (n,), (n,), (n,) → (n,).
    """
    rate = np.maximum(np.maximum(SMALLEST_RATE, present * expected_share), usual)
    return pdtrc(arrived - 1, rate) < significance


def add_cohorts(columns: duckdb.DuckDBPyConnection, policy: Policy, expected_share: float) -> int:
    """Add the cohorts that pass the surprise test; returns how many. ``expected_share`` is the reference's."""
    codes = policy.codes()
    hubs = [(codes[name], policy.kinds[name].cap) for name in HUB_KINDS if name in policy.kinds]
    past_cap = " OR ".join(f"(kind = {code} AND accounts > {cap})" for code, cap in hubs) or "false"
    columns.execute("ALTER TABLE attributes ADD COLUMN source INTEGER")
    columns.execute(f"CREATE TABLE hubs AS SELECT attribute, value FROM attributes WHERE {past_cap}")
    bound = {
        "$new_days": policy.cohorts.new_days,
        "$min_accounts": policy.cohorts.min_accounts,
        "$cohort": codes["cohort"],
    }
    for statement in (NEW, CANDIDATES, PRESENT, NEAR):
        columns.execute(filled(statement, bound))
    found = columns.sql("FROM arrivals").to_arrow_table()
    given = (found[name].to_numpy().astype(np.int64) for name in Arrivals._fields)
    accepted = found.filter(pa.array(are_cohorts(Arrivals(*given), policy.cohorts, expected_share)))
    columns.register("accepted", accepted)
    columns.execute("ALTER TABLE uses ADD COLUMN returned BOOLEAN")
    columns.execute(filled(ACCEPTED, bound))
    columns.unregister("accepted")
    columns.execute(filled(COHORT_USES, bound))
    for table in ("newcomers", "candidates", "hubs"):
        columns.execute(f"DROP TABLE {table}")
    return accepted.num_rows
