"""Cohorts: accounts that signed up together at one place, in numbers that chance does not explain.

A place is an address, its network, a hub, or a crowd: two things that many strangers show, such as the pattern of their
e-mail address and their browser. Adds rows of kind ``cohort`` to ``attributes`` and ``uses``: the group is the shared
attribute, its size the degree. ``source`` says what kind of place it is from.
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
from graphrisk.schema import ADDRESS, CROWD, HUB, NETWORK

SMALLEST_RATE = 0.05
CLOCK_SKEW_DAYS = 1
"""An account's first sighting may be stamped a little before its creation."""

BASELINE_WEEKS = 12
"""A place's usual arrivals are taken over so many weeks at least: a place that is new has no habits yet."""

SHARE_OF_NETWORK = 0.5
"""Newcomers of a whole network are a cohort only where they are so large a share of those present."""

MORE_PAIRS = 8
"""So many pairs of things may one more newcomer show, besides those of a crowd that it may make."""

TIMES_EXPECTED = 16.0
"""Newcomers of a crowd are a cohort only where they are so many times those expected, who are strangers among them."""

_new = f"first BETWEEN created - {CLOCK_SKEW_DAYS * DAY_US} AND created + $new_days * {DAY_US}"

HUBS = "CREATE TABLE hubs AS SELECT attribute, value FROM attributes WHERE $past_cap"

NEW = f"""
CREATE TABLE newcomers AS
WITH early AS (SELECT account, address, network, first, last FROM visited JOIN ids USING (account) WHERE {_new}
), showing AS (
    SELECT account, kind, value, first, last FROM shown JOIN ids USING (account) WHERE {_new}
), places AS (
    SELECT account, {ADDRESS} AS source, address AS place, NULL AS kinds, NULL AS one, NULL AS other, first, last FROM early
    UNION ALL SELECT account, {NETWORK}, network, NULL, NULL, NULL, first, last FROM early WHERE network IS NOT NULL
    UNION ALL SELECT account, {HUB}, value, NULL, NULL, NULL, first, last
              FROM hubs JOIN uses USING (attribute) JOIN ids USING (account) WHERE {_new}
    UNION ALL SELECT account, {CROWD}, $crowd,
                     one.kind::INTEGER * 256 + other.kind, one.value, other.value,
                     greatest(one.first, other.first), greatest(one.last, other.last)
              FROM showing AS one JOIN showing AS other USING (account) WHERE one.kind < other.kind
), arrived AS (
    SELECT source, place, account, min(first) AS first, min_by(last, (first, last)) AS last,
           any_value(kinds) AS kinds, any_value(one) AS one, any_value(other) AS other
    FROM places GROUP BY source, place, account
)
SELECT *, ((first - {FIRST_MONDAY_US}) // {WEEK_US})::INTEGER AS week FROM arrived
"""

CROWD_PLACE = "md5(one.value::VARCHAR || other.value::VARCHAR)::UUID"
"""The place of the crowd that shows two things, from how UUIDs are written."""

CANDIDATES = """
WITH weekly AS (
    SELECT source, place, week, count(*) AS arrived, any_value(kinds) AS kinds, any_value(one) AS one, any_value(other) AS other
    FROM newcomers GROUP BY source, place, week
), habits AS (
    SELECT source, place, sum(arrived)::BIGINT AS ever, min(week) AS first_week, max(week) AS last_week
    FROM weekly GROUP BY source, place
), showing AS (
    SELECT place, week, (sum(arrived) OVER (PARTITION BY one, kinds, week) - arrived)::BIGINT AS one_alone,
           (sum(arrived) OVER (PARTITION BY other, kinds, week) - arrived)::BIGINT AS other_alone,
           (sum(arrived) OVER (PARTITION BY kinds, week) - arrived)::BIGINT AS rest
    FROM weekly WHERE kinds IS NOT NULL
)
SELECT source, place, one, other, week, arrived, ever, first_week, last_week,
       coalesce(one_alone, 0) AS one_alone, coalesce(other_alone, 0) AS other_alone, coalesce(rest, 0) AS rest
FROM weekly JOIN habits USING (source, place) LEFT JOIN showing USING (place, week) WHERE arrived >= $min_accounts - 1
"""
"""Of a crowd: how many of the week's other newcomers show the one thing, the other, and any two of these kinds. One arrival
short of a cohort counts as well, for those who ask what one more account would do."""

PRESENT = f"""
CREATE TABLE arrivals AS
SELECT likely.source, likely.place::UUID AS place, likely.week, arrived, ever, first_week, last_week,
       one_alone, other_alone, rest,
       count(DISTINCT present.account) AS present
FROM likely JOIN (
    SELECT {ADDRESS} AS source, address AS place, account, first, last FROM visited
    UNION ALL SELECT {NETWORK}, network, account, first, last FROM visited WHERE network IS NOT NULL
    UNION ALL SELECT {HUB}, value, account, first, last FROM hubs JOIN uses USING (attribute)
    UNION ALL SELECT {CROWD}, place, account, greatest(one.first, other.first), greatest(one.last, other.last)
              FROM (SELECT DISTINCT place, one, other FROM likely WHERE source = {CROWD}) AS crowds
              JOIN shown AS one ON one.value = crowds.one JOIN shown AS other USING (account) WHERE other.value = crowds.other
) AS present
ON present.source = likely.source AND present.place = likely.place
   AND present.first < {WEEK_US} * (likely.week + 1) + {FIRST_MONDAY_US} AND present.last >= {WEEK_US} * likely.week + {FIRST_MONDAY_US}
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
    WHERE near.place = CASE near.source WHEN {ADDRESS} THEN address WHEN {NETWORK} THEN network END
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
    arrived at the place, the first and last week in which any did; and of a crowd, how many of the week's other newcomers
    show the one thing, the other, and any two of the kinds."""

    source: Ints
    arrived: Ints
    present: Ints
    ever: Ints
    first_week: Ints
    last_week: Ints
    one_alone: Ints
    other_alone: Ints
    rest: Ints

    @property
    def explained(self) -> Floats:
        """How many would show both things of a crowd if among the week's other newcomers the one had nothing to do with
        the other: a browser that is new, or a bank that pays for sign-ups, makes many show one thing."""
        return self.one_alone * self.other_alone / np.maximum(1, self.rest)


def are_cohorts(arrivals: Arrivals, policy: CohortPolicy, expected_share: float) -> Bools:
    """Which arrivals are a cohort: enough, and more than chance explains; in a network at least half of those present, in
    a crowd many times those expected.

    The networks of carriers and exits see the newcomers of many rings, and of none, among all who pass.
    """
    weeks = np.maximum(BASELINE_WEEKS, arrivals.last_week - arrivals.first_week + 1)
    usual = np.maximum((arrivals.ever - arrivals.arrived) / (weeks - 1), arrivals.explained)
    rate = expected(arrivals.present, usual, expected_share)
    pure = (arrivals.source != CROWD) | (arrivals.arrived >= TIMES_EXPECTED * rate)
    pure &= (arrivals.source != NETWORK) | (arrivals.arrived >= SHARE_OF_NETWORK * arrivals.present)
    return (arrivals.arrived >= policy.min_accounts) & pure & surprising(arrivals.arrived, rate, policy.significance)


def expected(present: Ints, usual: Floats, expected_share: float) -> Floats:
    """How many arrivals chance explains: ``present · expected_share`` or ``usual`` (arrivals at the place in any other
    week, or what else explains them), whichever is more, at least .05. Shapes (n,), (n,) → (n,)."""
    return np.maximum(np.maximum(SMALLEST_RATE, present * expected_share), usual)


def surprising(arrived: Ints, rate: Floats, significance: float) -> Bools:
    """Whether so many arrivals are beyond chance: P(Poisson(rate) ≥ arrived) < significance. Shapes (n,), (n,) → (n,)."""
    return pdtrc(arrived - 1, rate) < significance


def add_cohorts(columns: duckdb.DuckDBPyConnection, policy: Policy, expected_share: float) -> int:
    """Add the cohorts that pass the surprise test; returns how many. ``expected_share`` is the reference's."""
    columns.execute("ALTER TABLE attributes ADD COLUMN source INTEGER")
    bound = {"$crowd": CROWD_PLACE, **cohorts_sql(policy)}
    columns.execute(filled(HUBS, bound))
    columns.execute(filled(NEW, bound))
    candidates = columns.sql(filled(CANDIDATES, bound)).to_arrow_table()
    columns.register("likely", candidates.filter(pa.array(may_be(candidates, policy, expected_share))))
    columns.execute(PRESENT)
    columns.unregister("likely")
    columns.execute(NEAR)
    found = columns.sql("FROM arrivals").to_arrow_table()
    accepted = found.filter(pa.array(are_cohorts(arrivals_of(found), policy.cohorts, expected_share)))
    columns.register("accepted", accepted)
    columns.execute("ALTER TABLE uses ADD COLUMN returned BOOLEAN")
    columns.execute(filled(ACCEPTED, bound))
    columns.unregister("accepted")
    columns.execute(filled(COHORT_USES, bound))
    for table in ("newcomers", "hubs"):
        columns.execute(f"DROP TABLE {table}")
    return accepted.num_rows


def cohorts_sql(policy: Policy) -> dict[str, object]:
    """What the statements on cohorts leave open, but for ``$crowd``."""
    codes = policy.codes()
    hubs = [(codes[name], kind.cap) for name, kind in policy.kinds.items() if kind.cohorts and kind.normaliser != "ip"]
    return {
        "$past_cap": " OR ".join(f"(kind = {code} AND accounts > {cap})" for code, cap in hubs) or "false",
        "$new_days": policy.cohorts.new_days,
        "$min_accounts": policy.cohorts.min_accounts,
        "$cohort": codes["cohort"],
    }


def arrivals_of(found: pa.Table) -> Arrivals:
    """The columns of ``Arrivals`` of a table that has them."""
    return Arrivals(*(found[name].to_numpy().astype(np.int64) for name in Arrivals._fields))


def may_be(candidates: pa.Table, policy: Policy, expected_share: float) -> Bools:
    """Which candidates are worth counting who else is there: those that one more arrival might make a cohort, even if it
    came in the last week that is remembered, or with so many more things that others show."""
    nobody = candidates.append_column("present", pa.array(np.zeros(len(candidates), np.int64)))
    given = arrivals_of(nobody)
    one_more = given._replace(
        arrived=given.arrived + 1,
        ever=given.ever + 1,
        last_week=np.maximum(given.last_week, given.first_week + policy.cohort.retention_days // 7 + 1),
        rest=given.rest + MORE_PAIRS,
    )
    return are_cohorts(one_more, policy.cohorts, expected_share)
