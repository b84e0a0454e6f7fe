# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Shared attributes on a cluster: the tables of ``graphrisk.linkage.attributes``, the same rows in every one.

    ids         account, account_id, created, closed, status, marketplace
    seen        account, kind (code), value, network, hint, week, first, last
    held        kind, value, week, account, first, last, hint     one row an account on a value, shared or not
    attributes  attribute, kind, value, week, hint, accounts
    uses        attribute, account, first, last

A value is the 16 bytes of its token; the number of an attribute means something within one run of the cluster only.
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from graphrisk.linkage.attributes import RETAINED, SHOWN, VISITED, retention, retention_sql
from graphrisk.model import DAY_US, FIRST_MONDAY_US, WEEK_US, microseconds
from graphrisk.policy import Policy
from graphrisk.spark.work import Work, in_spark

SORTED = "SELECT * FROM coded_accounts ORDER BY account_id"

IDS = """
SELECT CAST(before + row_number() OVER (PARTITION BY part ORDER BY account_id) - 1 AS INT) AS account, account_id, created,
       status = 'closed' AS closed, status, marketplace
FROM sorted_accounts JOIN parts USING (part)
"""
"""Numbered within the parts of a sorted table, each from the number of accounts in the parts before it."""

SEEN = """
SELECT account, code AS kind, unhex(substr(token, $digits)) AS value, unhex(substr(network, $digits)) AS network, hint, week,
       first, last
FROM merged_sightings JOIN kinds ON merged_sightings.kind = kinds.name AND last >= kinds.needed_from
JOIN ids USING (account_id)
"""

WEEKLY = f"""
SELECT account, kind, value, hint, week, first, last FROM retained WHERE NOT (kind = $ip AND last >= {WEEK_US} * (week + 1) + {FIRST_MONDAY_US})
UNION ALL
SELECT account, kind, value, hint, spent AS week, greatest(first, {WEEK_US} * spent + {FIRST_MONDAY_US}) AS first,
       least(last, {WEEK_US} * (spent + 1) + {FIRST_MONDAY_US} - 1) AS last
FROM (SELECT *, explode(sequence(greatest(week, $ip_kept_week), CAST((last - {FIRST_MONDAY_US}) DIV {WEEK_US} AS INT))) AS spent
      FROM retained WHERE kind = $ip AND last >= {WEEK_US} * (week + 1) + {FIRST_MONDAY_US})
"""

HELD = """
SELECT kind, value, week, account, min(first) AS first, max(last) AS last, min(hint) AS hint
FROM weekly GROUP BY kind, value, week, account
"""

ATTRIBUTES = """
SELECT monotonically_increasing_id() AS attribute, kind, value, week, hint, accounts
FROM (SELECT kind, value, week, min(hint) AS hint, CAST(count(*) AS INT) AS accounts
      FROM held GROUP BY kind, value, week HAVING count(*) > 1)
"""

USES = "SELECT attribute, account, first, last FROM held JOIN attributes USING (kind, value, week)"


def share_attributes(work: Work, policy: Policy, as_of: datetime, key_id: str) -> int:
    """Make the tables from the views of ``spark.reading``; returns the ``data_clock``. ``key_id`` begins each token."""
    clock = _data_clock(work, as_of)
    _number_accounts(work)
    kept, codes = retention(policy, clock), policy.codes()
    kinds = [list(policy.kinds), pa.array([codes[name] for name in policy.kinds], pa.int32()), kept.needed_from]
    work.give("kinds", pa.table(kinds, ["name", "code", "needed_from"]))
    work.keep("seen", SEEN.replace("$digits", str(len(key_id) + 2)))
    bound = retention_sql(policy, clock)
    for name, statement in (("retained", RETAINED), ("visited", VISITED), ("shown", SHOWN), ("weekly", WEEKLY)):
        work.view(name, in_spark(statement, bound))
    work.keep("held", HELD)
    work.keep("attributes", ATTRIBUTES)
    work.keep("uses", USES)
    return clock


def _data_clock(work: Work, as_of: datetime) -> int:
    """As ``linkage.attributes.data_clock``."""
    latest = work.number("SELECT coalesce(max(last), 0) FROM told_sightings")
    return (min(latest, microseconds(as_of)) // DAY_US + 1) * DAY_US


def _number_accounts(work: Work) -> None:
    from pyspark.sql.functions import spark_partition_id  # noqa: PLC0415 - an extra, and slow to import

    work.keep("sorted_accounts", work.session.sql(SORTED).withColumn("part", spark_partition_id()))
    sizes = work.fetch("SELECT part, count(*) AS accounts FROM sorted_accounts GROUP BY part ORDER BY part")
    accounts = sizes["accounts"].to_numpy()
    before = pa.array(accounts.cumsum() - accounts, pa.int64())
    work.give("parts", pa.table({"part": sizes["part"], "before": before}))
    work.keep("ids", IDS)
