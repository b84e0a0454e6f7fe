"""Cohorts and links on a cluster: the statements of ``graphrisk.linkage`` and its decisions, the same rows in every table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from graphrisk.linkage.cohorts import (
    CANDIDATES,
    COHORT_USES,
    HUBS,
    NEAR,
    NEW,
    PRESENT,
    are_cohorts,
    arrivals_of,
    cohorts_sql,
    may_be,
)
from graphrisk.linkage.links import BACKBONE, DEGREES, EVIDENCE, LINKS, OTHERS, PAIRS, links_sql, prices_of, rules_table
from graphrisk.policy import Policy
from graphrisk.schema import NETWORK
from graphrisk.spark.attributes import share_attributes
from graphrisk.spark.work import Work, in_spark

CROWD_PLACE = "unhex(md5(concat({}, {})))"
"""As ``linkage.cohorts.CROWD_PLACE``: from the two values as UUIDs are written."""

UUID = "lower(concat_ws('-', substr(hex({0}), 1, 8), substr(hex({0}), 9, 4), substr(hex({0}), 13, 4), substr(hex({0}), 17, 4), substr(hex({0}), 21)))"

WITH_COHORTS = """
SELECT attribute, kind, value, week, hint, accounts, CAST(NULL AS INT) AS source FROM priced_attributes
UNION ALL SELECT attribute, CAST($cohort AS INT), place, week, NULL, CAST(arrived AS INT), source FROM accepted
"""

WITH_COHORT_USES = (
    "SELECT attribute, account, first, last, CAST(NULL AS BOOLEAN) AS returned FROM priced_uses UNION ALL "
)

ONE_COHORT_A_PAIR = f"""
SELECT a, b, attribute, kind, price, onset, proves_a, proves_b FROM (
    SELECT shared.*, row_number() OVER (PARTITION BY a, b, greatest(source, {NETWORK}), week
               ORDER BY price DESC, attributes.accounts, onset, proves_a, proves_b, source, value) AS place
    FROM all_shared AS shared JOIN attributes USING (attribute) WHERE shared.kind = $cohort)
WHERE place = 1
UNION ALL SELECT a, b, attribute, kind, price, onset, proves_a, proves_b FROM all_shared WHERE kind <> $cohort
"""
"""As ``linkage.links.ONE_COHORT_A_PAIR``."""


@dataclass(frozen=True)
class Counted:
    """How many accounts, shared attributes and cohorts links come from, and the clock (microseconds) that retention counts from."""

    accounts: int
    shared_attributes: int
    cohorts: int
    clock: int


def link(work: Work, policy: Policy, as_of: datetime, expected_share: float, key_id: str) -> Counted:
    """Make the tables of ``spark.attributes`` and ``cohorts``, and of these ``links`` (``model.Links``) and ``evidence``
    (a, b, kind, attribute, value, week, accounts, milli_nats), as ``linkage.links.link`` does."""
    clock = share_attributes(work, policy, as_of, key_id)
    cohorts = _add_cohorts(work, policy, expected_share)
    work.give("kind_rules", rules_table(policy))
    work.give("price_rows", prices_of(work.fetch(DEGREES), policy))
    bound = links_sql(policy)
    work.keep("all_shared", in_spark(BACKBONE, bound))
    work.view("shared_backbone", in_spark(ONE_COHORT_A_PAIR, bound))
    work.keep("pairs", in_spark(PAIRS, bound))
    work.keep("shared_others", in_spark(OTHERS, bound))
    work.keep("links", in_spark(LINKS, bound))
    work.keep("evidence", in_spark(EVIDENCE, bound))
    counts = [work.number(f"SELECT count(*) FROM {table}") for table in ("ids", "attributes")]
    return Counted(counts[0], counts[1], cohorts, clock)


def _add_cohorts(work: Work, policy: Policy, expected_share: float) -> int:
    """As ``linkage.cohorts.add_cohorts``: few places may be cohorts, so that they are judged on the driver."""
    crowd = CROWD_PLACE.format(UUID.format("one.value"), UUID.format("other.value"))
    bound = {"$crowd": crowd, **cohorts_sql(policy)}
    work.view("hubs", in_spark(HUBS, bound))
    work.keep("newcomers", in_spark(NEW, bound))
    candidates = work.fetch(in_spark(CANDIDATES, bound))
    work.give("likely", candidates.filter(pa.array(may_be(candidates, policy, expected_share))))
    work.keep("arrivals", in_spark(PRESENT, bound))
    work.keep("arrived", in_spark(NEAR, bound))
    found = work.fetch("SELECT * FROM arrivals ORDER BY source, place, week")
    accepted = found.filter(pa.array(are_cohorts(arrivals_of(found), policy.cohorts, expected_share)))
    numbers = pa.array(-1 - np.arange(accepted.num_rows), pa.int64())
    work.give("accepted", accepted.append_column("attribute", numbers))
    for table in ("attributes", "uses"):
        work.named(f"priced_{table}", work.session.table(table))
    work.view("attributes", in_spark(WITH_COHORTS, bound))
    work.view("uses", WITH_COHORT_USES + in_spark(COHORT_USES, bound))
    return accepted.num_rows
