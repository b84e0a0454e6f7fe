"""Cohorts: accounts that signed up together at one place, in numbers that chance does not explain.

A place is an address, its network, a hub, or a crowd: two things that many strangers show, such as the pattern of their
e-mail address and their browser. Adds rows of kind ``cohort`` to ``attributes`` and ``uses``: the group is the shared
attribute, its size the degree. ``source`` says what kind of place it is from.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
from scipy.special import pdtrc

from graphrisk.linkage.attributes import filled
from graphrisk.model import DAY_US, FIRST_MONDAY_US, WEEK_US, Bools, Floats, Ints
from graphrisk.policy import Policy
from graphrisk.schema import ADDRESS, CROWD, HUB, NETWORK

SMALLEST_RATE = 0.05
CLOCK_SKEW_DAYS = 1
"""An account's first sighting may be stamped a little before its creation."""

BASELINE_WEEKS = 12
"""A place's usual arrivals are taken over so many weeks at least: a place that is new has no habits yet."""

SHARE_OF_NETWORK = 0.5
"""Newcomers of a whole network are a cohort only where they are so large a share of those present."""

TIMES_EXPECTED = 16.0
"""Newcomers of a crowd are a cohort only where they are so many times those expected, who are strangers among them."""

_new = f"first BETWEEN created - {CLOCK_SKEW_DAYS * DAY_US} AND created + $new_days * {DAY_US}"

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
    UNION ALL SELECT account, {CROWD}, md5(one.value::VARCHAR || other.value::VARCHAR)::UUID,
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

CANDIDATES = """
WITH weekly AS (
    SELECT source, place, week, count(*) AS arrived, any_value(kinds) AS kinds, any_value(one) AS one, any_value(other) AS other
    FROM newcomers GROUP BY source, place, week
), habits AS (
    SELECT source, place, sum(arrived) AS ever, greatest($baseline_weeks, max(week) - min(week) + 1) AS weeks
    FROM weekly GROUP BY source, place
), showing AS (
    SELECT place, week, sum(arrived) OVER (PARTITION BY one, kinds, week) - arrived AS one_alone,
           sum(arrived) OVER (PARTITION BY other, kinds, week) - arrived AS other_alone,
           sum(arrived) OVER (PARTITION BY kinds, week) - arrived AS rest
    FROM weekly WHERE kinds IS NOT NULL
)
SELECT source, place, one, other, week, arrived,
       greatest((ever - arrived) / (weeks - 1), coalesce(one_alone * other_alone / greatest(1, rest), 0)) AS usual
FROM weekly JOIN habits USING (source, place) LEFT JOIN showing USING (place, week) WHERE arrived >= $min_accounts
"""
"""``usual`` is how many arrive at the place in any other week; in a crowd, if that is more, how many would show both things
if among the week's other newcomers the one had nothing to do with the other. A browser that is new, or a bank that
pays for sign-ups, makes many show one thing."""

PRESENT = f"""
SELECT likely.source, likely.place, likely.week, arrived, usual, count(DISTINCT present.account) AS present
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
GROUP BY likely.source, likely.place, likely.week, arrived, usual
HAVING likely.source <> {NETWORK} OR arrived >= {SHARE_OF_NETWORK} * count(DISTINCT present.account)
"""
"""The networks of carriers and exits see the newcomers of many rings, and of none, among all who pass."""

ACCEPTED = """
INSERT INTO attributes
SELECT (SELECT coalesce(max(attribute), 0) FROM attributes) + row_number() OVER (), $cohort, place, week, NULL, arrived, source
FROM accepted
"""

COHORT_USES = """
INSERT INTO uses
SELECT attribute, account, first, last
FROM attributes JOIN newcomers
  ON attributes.source = newcomers.source AND attributes.value = newcomers.place AND attributes.week = newcomers.week
WHERE attributes.kind = $cohort
"""


def expected(present: Ints, usual: Floats, expected_share: float) -> Floats:
    """How many arrivals chance explains: ``present · expected_share`` or ``usual`` (arrivals at the place in any other
    week), whichever is more, at least .05. Shapes (n,), (n,) → (n,)."""
    return np.maximum(np.maximum(SMALLEST_RATE, present * expected_share), usual)


def surprising(arrived: Ints, rate: Floats, significance: float) -> Bools:
    """Whether so many arrivals are beyond chance: P(Poisson(rate) ≥ arrived) < significance. Shapes (n,), (n,) → (n,)."""
    return pdtrc(arrived - 1, rate) < significance


def add_cohorts(columns: duckdb.DuckDBPyConnection, policy: Policy, expected_share: float) -> int:
    """Add the cohorts that pass the surprise test; returns how many. ``expected_share`` is the reference's."""
    codes = policy.codes()
    hubs = [(codes[name], kind.cap) for name, kind in policy.kinds.items() if kind.cohorts and kind.normaliser != "ip"]
    past_cap = " OR ".join(f"(kind = {code} AND accounts > {cap})" for code, cap in hubs) or "false"
    columns.execute("ALTER TABLE attributes ADD COLUMN source INTEGER")
    columns.execute(f"CREATE TABLE hubs AS SELECT attribute, value FROM attributes WHERE {past_cap}")
    bound = {
        "$new_days": policy.cohorts.new_days,
        "$min_accounts": policy.cohorts.min_accounts,
        "$baseline_weeks": BASELINE_WEEKS,
        "$cohort": codes["cohort"],
    }
    columns.execute(filled(NEW, bound))
    candidates = columns.sql(filled(CANDIDATES, bound)).to_arrow_table()
    # Only those that are beyond chance by their habits alone are worth counting who else is there.
    columns.register("likely", _beyond_chance(candidates, policy, expected_share))
    accepted = _beyond_chance(columns.sql(filled(PRESENT, bound)).to_arrow_table(), policy, expected_share)
    columns.unregister("likely")
    columns.register("accepted", accepted)
    columns.execute(filled(ACCEPTED, bound))
    columns.unregister("accepted")
    columns.execute(filled(COHORT_USES, bound))
    for table in ("newcomers", "hubs"):
        columns.execute(f"DROP TABLE {table}")
    return accepted.num_rows


def _beyond_chance(found: pa.Table, policy: Policy, expected_share: float) -> pa.Table:
    arrived, usual, source = (found[name].to_numpy() for name in ("arrived", "usual", "source"))
    present = found["present"].to_numpy() if "present" in found.column_names else np.zeros(len(found), np.int64)
    rate = expected(present, usual, expected_share)
    pure = (source != CROWD) | (arrived >= TIMES_EXPECTED * rate)
    return found.filter(pa.array(pure & surprising(arrived, rate, policy.cohorts.significance)))
