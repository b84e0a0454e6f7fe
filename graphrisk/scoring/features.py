"""Ring features: what makes a ring look organised rather than like people who live or work together.

Each is a number a ring, ``nan`` where the facts cannot tell (no address seen, no creation time known).
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
from scipy.special import bdtrc

from graphrisk.model import DAY_US, NEVER, Bools, Floats, Ints, Members, RingLinks, Rings
from graphrisk.policy import Policy
from graphrisk.scoring.everyday import everyday_features
from graphrisk.scoring.reference import Reference

PAYMENT_KINDS = ("card", "bank_account")
NEW_DAYS = 30
BURST_SECONDS = 7 * 86_400
LARGEST_SURPRISE = 30.0
DECIMALS = 9

HELD = """
CREATE TABLE ring_values AS
SELECT DISTINCT ring, account, kind, value, week FROM weekly JOIN ring_core USING (account)
"""

LINKING = """
CREATE TABLE ring_linking AS
WITH inside AS (
    SELECT ring, attribute, a, b FROM evidence JOIN ring_links USING (a, b) JOIN kind_rules USING (kind) WHERE backbone
)
SELECT ring, attribute, a AS account FROM inside UNION SELECT ring, attribute, b FROM inside
"""
"""The values that link a ring's accounts, and the accounts that each of them links."""

INHERITED = """
WITH latest AS (
    SELECT ring, attribute, max(first) AS last_arrival FROM ring_linking JOIN uses USING (attribute, account) GROUP BY ring, attribute
), closed_first AS (
    SELECT attribute, min(first) AS first FROM uses JOIN ids USING (account)
    WHERE closed AND attribute IN (SELECT attribute FROM latest) GROUP BY attribute
)
SELECT ring, count(*) AS values_linking, count(*) FILTER (closed_first.first < last_arrival) AS inherited
FROM latest LEFT JOIN closed_first USING (attribute) GROUP BY ring
"""


def ring_features(
    columns: duckdb.DuckDBPyConnection,
    policy: Policy,
    reference: Reference,
    rings: Rings,
    members: Members,
    links: RingLinks,
) -> dict[str, Floats]:
    """Feature name → values, shape (rings,), rounded to nine decimals; needs linkage's tables and the view ``labels``."""
    count = len(rings.size)
    core = pa.table({"ring": members.ring[members.core], "account": members.account[members.core]})
    columns.register("ring_core", core)
    columns.register("ring_links", pa.table({"ring": links.ring, "a": links.link.a, "b": links.link.b}))
    columns.execute(HELD)
    columns.execute(LINKING)
    features = {
        "log_n": np.log(rings.core_size),
        **_reuse(columns, policy, rings),
        **_links(links, count),
        **_sign_ups(columns, reference, rings, members, links),
        "label_enrich": _bad_labels(columns, reference, rings),
        "closed_inherit": _inherited(columns, count),
        **everyday_features(columns, policy, rings),
    }
    for table in ("ring_values", "ring_linking"):
        columns.execute(f"DROP TABLE {table}")
    for view in ("ring_core", "ring_links"):
        columns.unregister(view)
    seen = ~np.isnan(features["ip_div"])
    features["ip_coresidence"] = np.where(seen, features["ip_coresidence"], np.nan)
    return {name: np.round(values, DECIMALS) for name, values in features.items()}


def _reuse(columns: duckdb.DuckDBPyConnection, policy: Policy, rings: Rings) -> dict[str, Floats]:
    names = list(policy.priced())
    payment = [code for code, name in enumerate(names) if name in PAYMENT_KINDS]
    device = [code for code, name in enumerate(names) if name == "device"]
    address = [
        code for code, name in enumerate(names) if name in policy.kinds and policy.kinds[name].normaliser == "ip"
    ]
    held_cards, cards = _held(columns, payment, len(rings.size))
    held_devices, devices = _held(columns, device, len(rings.size))
    held_addresses, addresses = _held(columns, address, len(rings.size))
    return {
        "card_reuse": np.log(_ratio(held_cards, cards)),
        "dev_reuse": np.log(_ratio(held_devices, devices)),
        "dev_per": np.where(devices > 0, np.log1p(devices / rings.core_size), np.nan),
        "ip_div": _ratio(addresses, held_addresses),
    }


def _held(columns: duckdb.DuckDBPyConnection, kinds: list[int], count: int) -> tuple[Ints, Ints]:
    """Account–value rows and distinct values of each ring's core, over the given kinds."""
    listed = ", ".join(map(str, kinds)) or "-1"
    found = columns.sql(
        f"SELECT ring, count(*) AS rows, count(DISTINCT value) AS distinct_values FROM ring_values WHERE kind IN ({listed}) GROUP BY ring"
    ).to_arrow_table()
    rows, values = np.zeros(count, np.int64), np.zeros(count, np.int64)
    rows[found["ring"].to_numpy()] = found["rows"].to_numpy()
    values[found["ring"].to_numpy()] = found["distinct_values"].to_numpy()
    return rows, values


def _ratio(part: Ints, whole: Ints) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _links(links: RingLinks, count: int) -> dict[str, Floats]:
    total = np.bincount(links.ring, minlength=count)
    order = np.lexsort((links.link.onset, links.ring))
    onset, starts = links.link.onset[order], np.searchsorted(links.ring, np.arange(count))
    low, high = starts + (total - 1) // 10, starts + (9 * (total - 1) + 9) // 10
    days = (onset[high] - onset[low]) / DAY_US if len(onset) else np.zeros(0)
    return {
        "ip_coresidence": np.bincount(links.ring, weights=links.link.with_ip, minlength=count) / total,
        "cohort_share": np.bincount(links.ring, weights=links.link.with_cohort, minlength=count) / total,
        "onset_spread": np.log1p(days),
    }


def _sign_ups(
    columns: duckdb.DuckDBPyConnection, reference: Reference, rings: Rings, members: Members, links: RingLinks
) -> dict[str, Floats]:
    count = len(rings.size)
    created = columns.sql(
        "SELECT account, created FROM ids JOIN ring_core USING (account) ORDER BY ring, account"
    ).to_arrow_table()
    moment = created["created"].to_numpy(zero_copy_only=False).astype(np.float64)
    ring = members.ring[members.core]
    known = ~np.isnan(moment)
    joined = first_links(members, links, links.in_window)[members.core]
    fresh = known & (joined - moment <= NEW_DAYS * DAY_US)
    # Whom an account knew before, and the days before the window, say nothing of when the ring came over it.
    came = first_links(members, links, _among_core(members, links))[members.core]
    aged = known & ~fresh & (came < NEVER)
    n = np.bincount(ring[known], minlength=count)
    burst = _surprise_of_a_week(ring[known], moment[known], count, reference.seven_day_share)
    in_campaign = BURST_SECONDS * 1_000_000 / np.maximum(1, rings.window_end - rings.window_start)
    raid = _surprise_of_a_week(ring[aged], came[aged], count, np.clip(in_campaign, reference.seven_day_share, 1.0))
    return {
        "burst": np.where(n > 0, burst, np.nan),
        "raid": np.where(n > 0, raid, np.nan),
        "new_share": np.where(n > 0, np.bincount(ring[fresh], minlength=count) / np.maximum(n, 1), np.nan),
    }


def _surprise_of_a_week(ring: Ints, moment: Ints | Floats, count: int, share: float | Floats) -> Floats:
    """−log10 of the chance that so many of a ring's moments (microseconds) fall into some seven days, one a ring;
    ``share`` is the chance that one falls into given ones."""
    n = np.bincount(ring, minlength=count)
    most = _most_in_a_week(ring, (moment // 1_000_000).astype(np.int64), count)
    chance = np.minimum(1.0, n * bdtrc(most - 2, np.maximum(n - 1, 1), share))
    return np.where(most >= 2, np.abs(np.log10(np.maximum(chance, 10**-LARGEST_SURPRISE))), 0.0)


def first_links(members: Members, links: RingLinks, chosen: Bools) -> Ints:
    """The onset (microseconds) of each member's first link among the chosen ones, ``NEVER`` where it has none."""
    order = np.argsort(members.account)
    first = np.full(len(order), NEVER)
    for ends in (links.link.a, links.link.b):
        places = order[np.searchsorted(members.account[order], ends[chosen])]
        np.minimum.at(first, places, links.link.onset[chosen])
    return first


def _among_core(members: Members, links: RingLinks) -> Bools:
    core = np.sort(members.account[members.core])
    return np.isin(links.link.a, core) & np.isin(links.link.b, core)


def _most_in_a_week(ring: Ints, second: Ints, count: int) -> Ints:
    order = np.lexsort((second, ring))
    ring, second = ring[order], second[order]
    key = ring * (1 << 33) + second
    inside = np.searchsorted(key, key + BURST_SECONDS, side="right") - np.arange(len(key))
    most = np.zeros(count, np.int64)
    np.maximum.at(most, ring, inside)
    return most


def _bad_labels(columns: duckdb.DuckDBPyConnection, reference: Reference, rings: Rings) -> Floats:
    found = columns.sql(
        "SELECT ring, count(*) AS bad FROM ring_core JOIN ids USING (account) JOIN labels USING (account_id)"
        " WHERE label = 'bad' GROUP BY ring"
    ).to_arrow_table()
    bad = np.zeros(len(rings.size), np.int64)
    bad[found["ring"].to_numpy()] = found["bad"].to_numpy()
    chance = np.where(bad > 0, bdtrc(np.maximum(bad - 1, 0), rings.core_size, reference.bad_rate), 1.0)
    return np.abs(-np.log10(np.maximum(chance, 10**-LARGEST_SURPRISE)))


def _inherited(columns: duckdb.DuckDBPyConnection, count: int) -> Floats:
    found = columns.sql(INHERITED).to_arrow_table()
    share = np.zeros(count)
    share[found["ring"].to_numpy()] = found["inherited"].to_numpy() / found["values_linking"].to_numpy()
    return share
