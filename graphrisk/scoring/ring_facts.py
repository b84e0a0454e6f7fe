"""What the features of rings are computed from, as columns: what a ring's core holds, what links it, who it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from graphrisk.model import DAY_US, NEVER, Bools, Floats, Ints, Members, RingLinks
from graphrisk.policy import Policy
from graphrisk.schema import ADDRESS, COHORT, NETWORK


class Core(NamedTuple):
    """One element a core account, in the order of ``Members``: creation (microseconds, nan), its first sighting (``NEVER``:
    nothing is kept), days from there to its last one (−1: nothing is kept), and the verdict known on it."""

    ring: Ints
    created: Floats
    first_seen: Ints
    active_days: Ints
    bad: Bools
    good: Bools


class Held(NamedTuple):
    """One element a value (a week, for addresses) that a core account holds: kind (code), value (a number that means
    something within a ring only), and how many accounts of the marketplace share it."""

    ring: Ints
    account: Ints
    kind: Ints
    value: Ints
    crowd: Ints


class Linking(NamedTuple):
    """One element an account that a value ties to others of its ring: first and last use (microseconds), the account's first
    and last sighting of all, and the value's first use by an account that is closed now (``NEVER``: by none)."""

    ring: Ints
    attribute: Ints
    first: Ints
    last: Ints
    seen_first: Ints
    seen_last: Ints
    closed_first: Ints


class Tied(NamedTuple):
    """One element a value under a link of a ring: the ends of the link, the value's kind (code), and the days that the two
    accounts' uses of it lie apart."""

    ring: Ints
    a: Ints
    b: Ints
    kind: Ints
    days: Ints


class Shared(NamedTuple):
    """One element a use by a core account of a value that may link."""

    ring: Ints
    attribute: Ints


class Together(NamedTuple):
    """One element a core account in a cohort of an address or a network: whether it came back there in a later week."""

    ring: Ints
    account: Ints
    returned: Bools


class RingFacts(NamedTuple):
    """All of it, each sorted by nothing in particular except ``core``."""

    core: Core
    held: Held
    linking: Linking
    tied: Tied
    shared: Shared
    together: Together


ACTIVE = """
WITH theirs AS (SELECT account FROM ring_core UNION SELECT a FROM ring_links UNION SELECT b FROM ring_links)
SELECT account, min(first) AS seen_first, max(last) AS seen_last FROM retained SEMI JOIN theirs USING (account) GROUP BY account
"""

CORE = f"""
SELECT ring, created::DOUBLE AS created, coalesce(seen_first, $never) AS first_seen, coalesce((seen_last - seen_first) // {DAY_US}, -1) AS active_days, coalesce(label = 'bad', false) AS bad, coalesce(label = 'good', false) AS good
FROM ring_core JOIN ids USING (account) LEFT JOIN labels USING (account_id) LEFT JOIN active USING (account) ORDER BY ring, account
"""

HELD = """
WITH held AS (SELECT DISTINCT ring, account, kind, value, week FROM weekly JOIN ring_core USING (account))
SELECT ring, account, held.kind, dense_rank() OVER (ORDER BY value) AS value, coalesce(accounts, 1) AS crowd
FROM held LEFT JOIN attributes USING (kind, value, week)
"""

LINKING = """
WITH inside AS (
    SELECT ring, attribute, a, b FROM evidence JOIN ring_links USING (a, b) JOIN kind_rules USING (kind) WHERE backbone
), linking AS (SELECT ring, attribute, a AS account FROM inside UNION SELECT ring, attribute, b FROM inside
), closed_first AS (
    SELECT attribute, min(first) AS closed_first FROM uses JOIN ids USING (account)
    WHERE closed AND attribute IN (SELECT attribute FROM linking) GROUP BY attribute
)
SELECT ring, attribute, first, last, coalesce(seen_first, first) AS seen_first, coalesce(seen_last, last) AS seen_last,
    coalesce(closed_first, $never) AS closed_first
FROM linking JOIN uses USING (attribute, account) LEFT JOIN active USING (account) LEFT JOIN closed_first USING (attribute)
"""

TIED = f"""
SELECT ring, a, b, kind, greatest(0, greatest(one.first, other.first) - least(one.last, other.last)) // {DAY_US} AS days
FROM evidence JOIN ring_links USING (a, b) JOIN kind_rules USING (kind)
JOIN uses AS one ON one.attribute = evidence.attribute AND one.account = a
JOIN uses AS other ON other.attribute = evidence.attribute AND other.account = b
WHERE backbone
"""

SHARED = """
SELECT ring, attribute FROM ring_core JOIN uses USING (account) JOIN attributes USING (attribute) JOIN kind_rules USING (kind)
WHERE backbone AND kind <> $cohort AND attributes.accounts <= cap
"""

TOGETHER = f"""
SELECT ring, account, returned FROM ring_core JOIN uses USING (account) JOIN attributes USING (attribute)
WHERE kind = $cohort AND source IN ({ADDRESS}, {NETWORK})
"""


def among_core(members: Members, links: RingLinks) -> RingLinks:
    """The links between core members, which are what a ring is judged by: what the associates share is of their own.

    Of a ring without such a link, all are kept.
    """
    core = np.sort(members.account[members.core])
    between = np.isin(links.link.a, core) & np.isin(links.link.b, core)
    has = np.zeros(int(links.ring.max(initial=-1)) + 1, bool)
    has[links.ring[between]] = True
    kept = between | ~has[links.ring]
    return RingLinks(links.ring[kept], links.link.take(kept), links.in_window[kept])


def ring_facts(columns: duckdb.DuckDBPyConnection, policy: Policy, members: Members, links: RingLinks) -> RingFacts:
    """What is known of rings from linkage's tables and the view ``labels``; ``links`` are those that they are judged by."""
    columns.register(
        "ring_core", pa.table({"ring": members.ring[members.core], "account": members.account[members.core]})
    )
    columns.register("ring_links", pa.table({"ring": links.ring, "a": links.link.a, "b": links.link.b}))
    columns.register("active", columns.sql(ACTIVE).to_arrow_table())

    def asked(sql: str) -> list[Any]:
        query = sql.replace("$cohort", str(policy.codes()[COHORT.name])).replace("$never", str(NEVER))
        return [_numbers(column) for column in columns.sql(query).to_arrow_table().columns]

    found = RingFacts(
        Core(*asked(CORE)), Held(*asked(HELD)), Linking(*asked(LINKING)), Tied(*asked(TIED)),
        Shared(*asked(SHARED)), Together(*asked(TOGETHER)),
    )  # fmt: skip
    for view in ("ring_core", "ring_links", "active"):
        columns.unregister(view)
    return found


def _numbers(column: pa.ChunkedArray) -> Ints | Floats | Bools:
    values = column.to_numpy()
    return values.astype(np.int64) if pa.types.is_integer(column.type) else values
