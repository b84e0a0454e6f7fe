# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Components in buckets: some hundreds of groups of whole components, each worked on by one call on an executor.

One call a component would be millions of tiny ones, so components are hashed into buckets; one of many links has a bucket of
its own. All that is known of a bucket goes into its call as one table, whose rows are told apart by ``part``:

    account   account, account_id, created, status, marketplace, label, first, last (of its sightings that are kept)
    use       account, kind, value, week, first, last, returned; and where others hold the value too: attribute, accounts,
              source, closed_first (the first use by any account of the marketplace that is closed)
    link      a, b, strength, onset, proves_a, proves_b, with_ip, with_cohort
    evidence  a, b, kind, attribute, milli_nats
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from graphrisk.spark.work import Work

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LINKS_A_BUCKET = 10_000
"""On average: a call takes a fifth of a second before it does anything."""

LARGE_COMPONENT = 20_000
"""Links past which a component has a bucket of its own."""

SIZES = """
SELECT component, count(*) AS links FROM links JOIN components ON a = account GROUP BY component
"""

BUCKETED = """
SELECT account, CASE WHEN links > $large THEN $buckets + component ELSE pmod(hash(component), $buckets) END AS bucket
FROM components JOIN sizes USING (component)
"""

CLOSED = """
SELECT attribute, min(first) AS closed_first FROM uses JOIN ids USING (account) WHERE closed GROUP BY attribute
"""

PARTS = {
    "account": """
SELECT bucket, account, account_id, created, status, marketplace, label, first, last
FROM bucketed JOIN ids USING (account) LEFT JOIN labels USING (account_id) LEFT JOIN spans USING (account)
""",
    "use": """
SELECT bucket, account, kind, value, week, first, last, returned, attribute, accounts, source, closed_first
FROM (SELECT held.account, held.kind, held.value, held.week, held.first, held.last, CAST(NULL AS BOOLEAN) AS returned,
             attribute, accounts, source
      FROM held LEFT JOIN attributes ON held.kind = attributes.kind AND held.value = attributes.value
                                    AND held.week = attributes.week AND source IS NULL
      UNION ALL
      SELECT account, kind, value, week, first, last, returned, attribute, accounts, source
      FROM uses JOIN attributes USING (attribute) WHERE source IS NOT NULL)
JOIN bucketed USING (account) LEFT JOIN closed USING (attribute)
""",
    "link": """
SELECT bucket, a, b, strength, onset, proves_a, proves_b, with_ip, with_cohort FROM links JOIN bucketed ON a = account
""",
    "evidence": "SELECT bucket, a, b, kind, attribute, milli_nats FROM evidence JOIN bucketed ON a = account",
}

SPANS = "SELECT account, min(first) AS first, max(last) AS last FROM retained GROUP BY account"


def work_on_components(work: Work, find: Callable[[pa.Table], bytes]) -> list[bytes]:
    """What ``find`` gives for the table of each bucket, called on executors, in the order of buckets; of a marketplace without
    links, what it gives for a bucket of nothing."""
    work.view("sizes", SIZES)
    buckets = 2 + work.number("SELECT count(*) FROM links") // LINKS_A_BUCKET
    work.keep("bucketed", BUCKETED.replace("$large", str(LARGE_COMPONENT)).replace("$buckets", str(buckets)))
    work.view("closed", CLOSED)
    work.view("spans", SPANS)
    parts = [_told(work, part) for part in PARTS]
    together = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)

    def found(key: Any, rows: pa.Table) -> pa.Table:
        return pa.table(
            {"bucket": pa.array([key[0].as_py()], pa.int64()), "found": pa.array([find(rows)], pa.binary())}
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # pyspark 4.3 warns of pandas 3, which has no part in this
        answers = together.groupBy("bucket").applyInArrow(found, "bucket BIGINT, found BINARY")
    work.keep("found", answers)
    told = work.fetch("SELECT found FROM found ORDER BY bucket")["found"].to_pylist()
    return told or [find(together.limit(0).toArrow())]


def _told(work: Work, part: str) -> DataFrame:
    from pyspark.sql.functions import lit  # noqa: PLC0415 - an extra, and slow to import

    return work.session.sql(PARTS[part]).withColumn("part", lit(part))
