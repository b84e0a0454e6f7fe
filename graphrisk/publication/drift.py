"""Drift: how a candidate's rings, links and marketplaces differ from the live run's, and what one value has to do with it."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.schema import COHORT

ONE_SIDED = """
CREATE TEMP TABLE changed_links AS
SELECT evidence FROM {these} ANTI JOIN {others} USING (account_a, account_b)
"""

OF_VALUES = """
SELECT each.kind, each.token, min(each.hint), count(*) AS links, max(each.accounts)
FROM (SELECT unnest(evidence) AS each FROM changed_links) GROUP BY ALL ORDER BY links DESC, each.kind, each.token LIMIT 1
"""

MARKETPLACES = """
SELECT coalesce(marketplace, ''), count(*), count(*) FILTER (ring_id IS NOT NULL), count(*) FILTER (band = 'high')
FROM {these} GROUP BY ALL ORDER BY ALL
"""

HOLDERS = """
SELECT count(DISTINCT account_id) FILTER (seq <= $after), count(DISTINCT account_id), min(seq) FILTER (seq > $after)
FROM stored_sightings WHERE kind = $kind AND token = $token
"""


def drift(
    columns: duckdb.DuckDBPyConnection,
    after: int,
    candidate: Mapping[str, pa.Table],
    live: Mapping[str, pa.Table],
    counts: Mapping[str, int],
) -> dict[str, Any]:
    """What differs between two runs' tables ``accounts``, ``rings`` and ``links``; JSON values.

    ``counts`` are the candidate's. ``columns`` has the ledger's views, from which the holders of a value up to the load ``after`` are counted.
    ``figures`` are as in ``news``. ``brings`` and ``breaks`` name the value with most of the links won, and lost;
    ``swelled`` and ``shrank`` the rings that won and lost most members; ``marketplaces`` counts accounts, members of rings
    and accounts of the band high before and now.
    """
    figures: dict[str, list[Any]] = {"largest_component": [counts["largest_component"], None]}
    found: dict[str, Any] = {"figures": figures, "links_before": len(live["links"])}
    for name, these, others in (("brings", "its_links", "live_links"), ("breaks", "live_links", "its_links")):
        columns.register("its_links", candidate["links"])
        columns.register("live_links", live["links"])
        columns.execute(ONE_SIDED.format(these=these, others=others))
        count: int = columns.execute("SELECT count(*) FROM changed_links").fetchall()[0][0]
        most = next(iter(columns.execute(OF_VALUES).fetchall()), None)
        columns.execute("DROP TABLE changed_links")
        columns.unregister("its_links")
        columns.unregister("live_links")
        if name == "brings":
            figures["links_won"] = [count, None]
        else:
            figures["links_lost"] = [count, len(live["links"])]
        if most and (value := _value(columns, after, most, count))["after"] is not None:
            found[name] = value
    _of_rings(figures, found, candidate, live)
    _of_accounts(figures, candidate["accounts"], live["accounts"])
    found["marketplaces"] = _of_marketplaces(columns, figures, candidate["accounts"], live["accounts"])
    return found


def _value(columns: duckdb.DuckDBPyConnection, after: int, most: tuple[Any, ...], count: int) -> dict[str, Any]:
    kind, token, hint, links, accounts = most
    bound = {"after": after, "kind": kind, "token": token}
    before, now, since = columns.execute(HOLDERS, bound).fetchall()[0]
    if not now:  # a cohort, which no load names; or a value that was erased, which nothing may name
        before, now = None, accounts if kind == COHORT.name else None
    held = {"before": before, "after": now, "since": since}
    return {"kind": kind, "token": token, "hint": hint, "links": links, "of": count, **held}


def _of_rings(
    figures: dict[str, list[Any]],
    found: dict[str, Any],
    candidate: Mapping[str, pa.Table],
    live: Mapping[str, pa.Table],
) -> None:
    now, before = (dict(zip(*(each["rings"][name].to_pylist() for name in ("ring_id", "size")), strict=True))
                   for each in (candidate, live))  # fmt: skip
    figures["rings_won"] = [len(now.keys() - before.keys()), None]
    figures["rings_lost"] = [len(before.keys() - now.keys()), len(before)]
    gains = {ring: now.get(ring, 0) - before.get(ring, 0) for ring in now.keys() | before.keys()}
    for what, most in (("swelled", max), ("shrank", min)):
        ring = most(gains, key=lambda each: (gains[each], each), default=None)
        if ring is not None and gains[ring] * (1 if most is max else -1) > 0:
            found[what] = {"ring_id": ring, "before": before.get(ring, 0), "after": now.get(ring, 0)}


def _of_accounts(figures: dict[str, list[Any]], candidate: pa.Table, live: pa.Table) -> None:
    place = pc.index_in(live["account_id"], value_set=candidate["account_id"].combine_chunks())
    now = candidate.take(place)
    figures["accounts_won"] = [len(candidate) - len(live) + place.null_count, None]
    figures["accounts_lost"] = [place.null_count, len(live)]
    for column, what in (("ring_id", "ring"), ("band", "band")):
        was, is_now = pc.fill_null(live[column], ""), pc.fill_null(now[column], "")
        figures[f"{what}_changed"] = [int(np.count_nonzero(pc.not_equal(was, is_now).to_numpy())), len(live)]
    was, is_now = (pc.is_valid(each["ring_id"]).to_numpy() for each in (live, now))
    figures["members_lost"] = [int(np.count_nonzero(was & ~is_now)), int(np.count_nonzero(was))]
    figures["members_won"] = [int(np.count_nonzero(is_now & ~was)), int(np.count_nonzero(~was))]
    was, is_now = (pc.fill_null(each["score"], 0).to_numpy().astype(np.int64) for each in (live, now))
    figures["score_shift"] = [round(float(np.abs(was - is_now).mean()), 3) if len(was) else 0.0, None]


def _of_marketplaces(
    columns: duckdb.DuckDBPyConnection, figures: dict[str, list[Any]], candidate: pa.Table, live: pa.Table
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part, accounts in (("before", live), ("after", candidate)):
        columns.register("told_accounts", accounts.select(["marketplace", "ring_id", "band"]))
        for name, *counts in columns.execute(MARKETPLACES.format(these="told_accounts")).fetchall():
            found.setdefault(name, {})[part] = counts
        columns.unregister("told_accounts")
    for name, parts in found.items():
        accounts, members, high = parts.get("after", [0, 0, 0])
        figures |= {
            f"accounts_of.{name}": [accounts, len(candidate)],
            f"members_of.{name}": [members, accounts],
            f"high_of.{name}": [high, accounts],
        }
    return found
