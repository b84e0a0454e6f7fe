"""Features of everyday life: what people who live, work or trade together have, and rings lack.

All sums and medians are of whole numbers, so that the order in which threads finish cannot change a digit.
"""

from __future__ import annotations

import duckdb
import numpy as np

from graphrisk.model import DAY_US, Floats, Rings
from graphrisk.policy import Policy
from graphrisk.schema import COHORT

PAYMENT_NORMALISERS = ("card", "bank_account")

OWNED = """
WITH held AS (
    SELECT ring, value, count(*) AS holders, min(account) AS account FROM ring_values WHERE kind IN ({kinds}) GROUP BY ring, value
), own AS (SELECT ring, count(DISTINCT account) AS owners FROM held WHERE holders = 1 GROUP BY ring
), any_of AS (SELECT ring, count(DISTINCT account) AS holders FROM ring_values WHERE kind IN ({kinds}) GROUP BY ring)
SELECT ring, coalesce(owners, 0) / holders AS value FROM any_of LEFT JOIN own USING (ring)
"""
"""Of the core accounts that have such a value, the share with one that no other account of the ring has."""

COMMONEST = """
WITH held AS (SELECT ring, value, count(*) AS holders FROM ring_values WHERE kind IN ({kinds}) GROUP BY ring, value)
SELECT ring, max(holders) AS value FROM held GROUP BY ring
"""

TOP_VALUE = """
WITH held AS (
    SELECT ring, attribute, count(*) AS holders FROM ring_core JOIN uses USING (account) JOIN attributes USING (attribute)
    JOIN kind_rules USING (kind)
    WHERE backbone AND kind <> {cohort} AND attributes.accounts <= cap GROUP BY ring, attribute
)
SELECT ring, max(holders) AS value FROM held GROUP BY ring
"""

KINDS_LINKED = """
WITH tied AS (
    SELECT ring, a, b, count(DISTINCT kind) AS kinds FROM evidence JOIN ring_links USING (a, b) JOIN kind_rules USING (kind)
    WHERE backbone GROUP BY ring, a, b
)
SELECT ring, sum(kinds)::BIGINT / count(*) AS value FROM tied GROUP BY ring
"""

HANDOVER = f"""
WITH apart AS (
    SELECT ring, a, b, min(greatest(0, greatest(one.first, other.first) - least(one.last, other.last))) // {DAY_US} AS days
    FROM evidence JOIN ring_links USING (a, b) JOIN kind_rules USING (kind)
    JOIN uses AS one ON one.attribute = evidence.attribute AND one.account = a
    JOIN uses AS other ON other.attribute = evidence.attribute AND other.account = b
    WHERE backbone GROUP BY ring, a, b
)
SELECT ring, quantile_disc(days, 0.5) AS value FROM apart GROUP BY ring
"""

ACTIVE_DAYS = f"""
WITH active AS (
    SELECT ring, account, (max(last) - min(first)) // {DAY_US} AS days FROM retained JOIN ring_core USING (account)
    GROUP BY ring, account
)
SELECT ring, quantile_disc(days, 0.5) AS value FROM active GROUP BY ring
"""

USE_DAYS = f"""
SELECT ring, quantile_disc((last - first) // {DAY_US}, 0.5) AS value FROM ring_linking JOIN uses USING (attribute, account)
GROUP BY ring
"""

CROWD = """
SELECT ring, sum((1000 * ln(coalesce(attributes.accounts, 1)))::BIGINT)::BIGINT / count(*) / 1000 AS value
FROM ring_values LEFT JOIN (SELECT kind, value, week, accounts FROM attributes WHERE kind IN ({kinds})) AS attributes
  USING (kind, value, week)
WHERE ring_values.kind IN ({kinds}) GROUP BY ring
"""
"""Mean of ln(accounts in the marketplace) over the core accounts' weekly addresses."""

ONE_OFF = """
SELECT ring, count(*) AS value FROM (
    SELECT ring, account FROM ring_core JOIN uses USING (account) JOIN attributes USING (attribute)
    WHERE kind = {cohort} AND source IN (0, 1) GROUP BY ring, account HAVING NOT bool_or(returned)
) GROUP BY ring
"""
"""Core accounts that signed up together on an address or in a network and were not seen there after that week."""

GOOD = """
SELECT ring, count(*) AS value FROM ring_core JOIN ids USING (account) JOIN labels USING (account_id)
WHERE label = 'good' GROUP BY ring
"""


def everyday_features(columns: duckdb.DuckDBPyConnection, policy: Policy, rings: Rings) -> dict[str, Floats]:
    """Feature name → values, shape (rings,), ``nan`` where no value of the kind is known.

    Needs linkage's tables, the view ``labels``, and ``ring_core``, ``ring_links``, ``ring_values`` and ``ring_linking``.
    """
    count, core = len(rings.size), rings.core_size

    def asked(sql: str, *normalisers: str, default: float = np.nan) -> Floats:
        kinds = _codes(policy, normalisers)
        query = sql.replace("{kinds}", kinds).replace("{cohort}", str(policy.codes()[COHORT.name]))
        found = columns.sql(query).to_arrow_table()
        values = np.full(count, default)
        values[found["ring"].to_numpy()] = found["value"].to_numpy().astype(np.float64)
        return values

    return {
        "own_device": asked(OWNED, "device"),
        "own_payment": asked(OWNED, *PAYMENT_NORMALISERS),
        "top_value": asked(TOP_VALUE, default=0.0) / core,
        "kinds_linked": asked(KINDS_LINKED),
        "active_days": np.log1p(asked(ACTIVE_DAYS)),
        "use_days": np.log1p(asked(USE_DAYS)),
        "handover": np.log1p(asked(HANDOVER)),
        "same_address": asked(COMMONEST, "address") / core,
        "ip_crowd": asked(CROWD, "ip"),
        "good_share": asked(GOOD, default=0.0) / core,
        "one_off": asked(ONE_OFF, default=0.0) / core,
    }


def _codes(policy: Policy, normalisers: tuple[str, ...]) -> str:
    codes = policy.codes()
    listed = [str(codes[name]) for name, kind in policy.kinds.items() if kind.normaliser in normalisers]
    return ", ".join(listed) or "-1"
