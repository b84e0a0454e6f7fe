"""Links: pairs of accounts whose shared attributes add up, with the evidence that adds up to the strength exactly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from graphrisk.linkage.attributes import filled, share_attributes
from graphrisk.linkage.cohorts import add_cohorts
from graphrisk.linkage.prices import price_table
from graphrisk.model import HOUR_US, Links
from graphrisk.policy import Policy
from graphrisk.schema import NETWORK

DEGREES = """
SELECT DISTINCT kind, accounts FROM attributes JOIN kind_rules USING (kind)
WHERE accounts BETWEEN 2 AND cap ORDER BY kind, accounts
"""

BACKBONE = """
CREATE TABLE shared_backbone AS
SELECT one.account AS a, other.account AS b, one.attribute, attributes.kind, price,
       greatest(one.first, other.first) AS onset,
       NOT typed OR one.first >= other.first AS proves_a, NOT typed OR other.first >= one.first AS proves_b
FROM attributes JOIN kind_rules USING (kind)
JOIN uses AS one USING (attribute) JOIN uses AS other USING (attribute)
JOIN price_rows ON price_rows.kind = attributes.kind AND price_rows.accounts = attributes.accounts
  AND price_rows.gap = greatest(0, greatest(one.first, other.first) - least(one.last, other.last)) // kind_rules.gap_us
WHERE attributes.accounts BETWEEN 2 AND kind_rules.cap AND backbone AND one.account < other.account
"""

ONE_COHORT_A_PAIR = f"""
DELETE FROM shared_backbone WHERE kind = $cohort AND rowid NOT IN (
    SELECT min_by(shared_backbone.rowid, (-price, attributes.accounts, onset, proves_a, proves_b, source, value))
    FROM shared_backbone JOIN attributes USING (attribute) WHERE shared_backbone.kind = $cohort
    GROUP BY a, b, greatest(source, {NETWORK}), week)
"""
"""An address and its network tell of the same sign-ups, and so do crowds: a pair keeps the strongest of each in a week.
The value comes last, where all that a run says of them is equal: another token key must not give another run."""

PAIRS = """
CREATE TABLE pairs AS
SELECT a, b, {backbone} AS backbone, max(onset) AS onset, bool_or(proves_a) AS proves_a, bool_or(proves_b) AS proves_b,
       bool_or(kind = $cohort) AS with_cohort
FROM shared_backbone GROUP BY a, b HAVING {backbone} + $most_others >= $threshold
"""

OTHERS = """
CREATE TABLE shared_others AS
WITH rows AS (
    SELECT attribute, account, first, last, attributes.kind, attributes.accounts
    FROM uses JOIN attributes USING (attribute) JOIN kind_rules USING (kind)
    WHERE NOT backbone AND attributes.accounts BETWEEN 2 AND kind_rules.cap
), tied AS (SELECT a AS account FROM pairs UNION SELECT b FROM pairs
), near AS (SELECT * FROM rows SEMI JOIN tied USING (account))
SELECT a, b, one.attribute, one.kind, price
FROM pairs JOIN near AS one ON one.account = a JOIN near AS other ON other.account = b AND other.attribute = one.attribute
JOIN kind_rules ON kind_rules.kind = one.kind
JOIN price_rows ON price_rows.kind = one.kind AND price_rows.accounts = one.accounts
  AND price_rows.gap = greatest(0, greatest(one.first, other.first) - least(one.last, other.last)) // kind_rules.gap_us
"""

LINKS = """
CREATE TABLE links AS
WITH others AS (SELECT a, b, {others} AS strength FROM shared_others GROUP BY a, b)
SELECT a, b, (backbone + coalesce(others.strength, 0))::BIGINT AS strength, onset, proves_a, proves_b,
       others.strength IS NOT NULL AS with_ip, with_cohort
FROM pairs LEFT JOIN others USING (a, b) WHERE backbone + coalesce(others.strength, 0) >= $threshold
"""

EVIDENCE = """
CREATE TABLE evidence AS
WITH priced AS (
    SELECT a, b, attribute, kind, price FROM shared_backbone SEMI JOIN links USING (a, b)
    UNION ALL SELECT a, b, attribute, kind, price FROM shared_others SEMI JOIN links USING (a, b)
), summed AS (
    SELECT a, b, priced.kind, attribute, value, week, accounts, price,
           sum(price) OVER (PARTITION BY a, b, priced.kind ORDER BY price DESC, accounts, value, week) AS total
    FROM priced JOIN attributes USING (attribute)
)
SELECT a, b, kind, attribute, value, week, accounts,
       (least(total, ceiling) - least(total - price, ceiling))::BIGINT AS milli_nats
FROM summed JOIN kind_rules USING (kind)
"""
"""Past the kind's ceiling the strongest keep their price and the rest share what is left, so that the sum is exact."""


@dataclass(frozen=True)
class Linkage:
    """Links as columns, how many accounts, attributes and cohorts they come from, and the clock (microseconds) that
    retention counted from. Evidence stays in DuckDB."""

    links: Links
    accounts: int
    shared_attributes: int
    cohorts: int
    clock: int


def link(columns: duckdb.DuckDBPyConnection, policy: Policy, as_of: datetime, expected_share: float) -> Linkage:
    """Link the accounts of the facts in view (``ledger.reading.view_facts``).

    Makes the tables ``ids``, ``attributes``, ``uses``, ``links`` and ``evidence`` (a, b, kind code, attribute, value, week,
    accounts, milli_nats: adds up to the link's strength). ``expected_share`` is the reference's share of new accounts.
    """
    clock = share_attributes(columns, policy, as_of)
    cohorts = add_cohorts(columns, policy, expected_share)
    _prepare_prices(columns, policy)
    bound = links_sql(policy)
    for statement in (BACKBONE, ONE_COHORT_A_PAIR, PAIRS, OTHERS, LINKS, EVIDENCE):
        columns.execute(filled(statement, bound))
    for table in ("shared_backbone", "shared_others", "pairs"):
        columns.execute(f"DROP TABLE {table}")
    links = links_of(columns.sql("FROM links ORDER BY a, b").to_arrow_table())
    return Linkage(links, _count(columns, "ids"), _count(columns, "attributes"), cohorts, clock)


def state_rules(columns: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    """Make the table ``kind_rules`` of ``rules_table``."""
    columns.register("rules_arrow", rules_table(policy))
    columns.execute("CREATE TABLE kind_rules AS FROM rules_arrow")
    columns.unregister("rules_arrow")


def rules_table(policy: Policy) -> pa.Table:
    """What the statements need to know of kinds: kind (code), cap, ceiling, gap_us, backbone, typed."""
    kinds = policy.priced()
    return pa.table(
        {
            "kind": pa.array(range(len(kinds)), pa.uint8()),
            "cap": pa.array([kind.cap for kind in kinds.values()], pa.int32()),
            "ceiling": pa.array([kind.ceiling for kind in kinds.values()], pa.int32()),
            "gap_us": pa.array([kind.gap_hours * HOUR_US for kind in kinds.values()], pa.int64()),
            "backbone": [kind.backbone for kind in kinds.values()],
            "typed": [kind.typed for kind in kinds.values()],
        }
    )


def _prepare_prices(columns: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    state_rules(columns, policy)
    columns.register("prices_arrow", prices_of(columns.sql(DEGREES).to_arrow_table(), policy))
    columns.execute(
        "CREATE TABLE price_rows AS SELECT kind::UTINYINT AS kind, accounts, gap::BIGINT AS gap, price FROM prices_arrow"
    )
    columns.unregister("prices_arrow")


def prices_of(degrees: pa.Table, policy: Policy) -> pa.Table:
    """The ``price_table`` of what ``DEGREES`` found."""
    kinds = policy.priced()
    kind, accounts = degrees["kind"].to_numpy(), degrees["accounts"].to_numpy().astype(np.int64)
    return price_table(kinds, {code: accounts[kind == code] for code in range(len(kinds))})


def links_sql(policy: Policy) -> dict[str, object]:
    """What the statements on links leave open."""
    return {
        "$cohort": policy.codes()["cohort"],
        "$threshold": policy.links.threshold,
        "$most_others": sum(kind.ceiling for kind in policy.priced().values() if not kind.backbone),
        "{backbone}": _capped(policy, True),
        "{others}": _capped(policy, False),
    }


def _capped(policy: Policy, backbone: bool) -> str:
    """SQL for the sum over kinds of each kind's total, cut at its ceiling."""
    parts = [
        f"least(coalesce(sum(price) FILTER (WHERE kind = {code}), 0), {kind.ceiling})"
        for code, kind in enumerate(policy.priced().values())
        if kind.backbone == backbone
    ]
    return "(" + (" + ".join(parts) or "0") + ")"


def links_of(table: pa.Table) -> Links:
    """The columns of ``Links`` of a table that has them."""
    arrays = [table[name].to_numpy() for name in Links._fields]
    return Links(*(array if array.dtype == np.bool_ else array.astype(np.int64) for array in arrays))


def _count(columns: duckdb.DuckDBPyConnection, table: str) -> int:
    return columns.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
