"""Reviewed pairs: two accounts that share a value, of whom a truth says whether the same hands hold both."""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from graphrisk.model import HOUR_US, Ints, Uses
from graphrisk.policy import Policy

INNOCENT, UNREVIEWED = -1, -2
"""In place of a ring: an account that is in none, and one of which nothing is known."""

PAIRS = """
WITH held AS (
    SELECT attribute, account, first, last, ring FROM uses JOIN reviewed USING (account) WHERE ring > $unreviewed
), shared AS (
    SELECT attribute, kind, accounts, gap_us FROM attributes JOIN kinds USING (kind)
    WHERE accounts BETWEEN 2 AND cap AND attribute IN (SELECT attribute FROM held WHERE ring >= 0)
)
SELECT kind, accounts, greatest(0, greatest(one.first, other.first) - least(one.last, other.last)) // gap_us AS gap,
       count(*) AS pairs, count(*) FILTER (one.ring = other.ring) AS same
FROM shared JOIN held AS one USING (attribute) JOIN held AS other USING (attribute)
WHERE one.account < other.account AND (one.ring >= 0 OR other.ring >= 0)
GROUP BY ALL ORDER BY ALL
"""


class Pairs(NamedTuple):
    """Reviewed pairs, counted by what decides a price: the kind (code), how many accounts share the value, and the gap in
    the kind's whole units. ``same``: those of ``pairs`` whose accounts are in one ring."""

    kind: Ints
    accounts: Ints
    gap: Ints
    pairs: Ints
    same: Ints

    def of(self, kind: int) -> Pairs:
        """The pairs of one kind."""
        return Pairs(*(column[self.kind == kind] for column in self))


def reviewed_pairs(columns: duckdb.DuckDBPyConnection, uses: Uses, ring: Ints, policy: Policy) -> Pairs:
    """The reviewed pairs among all who share a value that is no hub.

    ``ring`` is the true ring of each account, ``INNOCENT`` or ``UNREVIEWED``, shape (accounts,). One of the two has to be
    in a ring: of two accounts in none, a truth about rings does not say whether they are one household.
    """
    kinds = list(policy.priced().values())
    tables = {
        "uses": {"attribute": uses.attribute, "account": uses.account, "first": uses.first, "last": uses.last},
        "attributes": {"attribute": np.arange(len(uses.kind)), "kind": uses.kind, "accounts": uses.accounts},
        "reviewed": {"account": np.arange(len(ring)), "ring": ring},
        "kinds": {
            "kind": np.arange(len(kinds)),
            "cap": [kind.cap for kind in kinds],
            "gap_us": [kind.gap_hours * HOUR_US for kind in kinds],
        },
    }
    for name, table in tables.items():
        columns.register(name, pa.table(table))
    found = columns.sql(PAIRS.replace("$unreviewed", str(UNREVIEWED))).to_arrow_table()
    for name in tables:
        columns.unregister(name)
    return Pairs(*(found[name].to_numpy().astype(np.int64) for name in Pairs._fields))
