"""Assembly: columns of the stages become the tables of a run, sorted by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from graphrisk.model import Bools, Floats, Ints, Lineage, Links, Members, Posterior, RingLinks, Rings
from graphrisk.policy import BandPolicy, Policy
from graphrisk.runs.tables import SCHEMAS, build, lists

BASE, RIVAL, MEMBERSHIP, NEAR_BAD, NEAR_GOOD = "base", "rival", "membership", "near_bad", "near_good"


@dataclass(frozen=True)
class Scores:
    """Integer milli-logits and scores, by ring and by account. ``ring_parts`` has a column for each of ``feature_names``, and
    then what the likeliest rival takes away.

    ``posterior`` says what else each ring may be, ``recommended`` which rings to act on.
    """

    feature_names: Sequence[str]
    features: Floats
    ring_parts: Ints
    ring_base: int
    ring_logit: Ints
    ring_score: Ints
    posterior: Posterior
    recommended: Bools
    account_base: int
    account_parts: Ints
    account_logit: Ints
    account_score: Ints


def ring_order(ring_ids: Sequence[str]) -> Ints:
    """Positions of rings in the order of their ids."""
    return np.argsort(np.asarray(ring_ids, dtype=object)) if ring_ids else np.zeros(0, np.int64)


def accounts_table(
    ids: pa.Table, ring_ids: Sequence[str], members: Members, scores: Scores, bands: BandPolicy
) -> pa.Table:
    """Every account with its ring, role, score and reasons. ``account_parts`` has membership, near_bad, near_good."""
    count = ids.num_rows
    ring = np.full(count, -1)
    ring[members.account] = members.ring
    core = np.zeros(count, bool)
    core[members.account[members.core]] = True
    names = [BASE, *scores.feature_names, RIVAL, MEMBERSHIP, NEAR_BAD, NEAR_GOOD]
    parts = np.zeros((count, len(names)), np.int32)
    parts[:, 0] = np.where(core, scores.ring_base, scores.account_base)
    parts[core, 1:-3] = scores.ring_parts[ring[core]]
    parts[:, -3:] = scores.account_parts
    role = np.where(ring < 0, -1, np.where(core, 0, 1))
    return build(
        "accounts",
        {
            "account_id": ids["account_id"],
            "ring_id": _taken(ring_ids, ring),
            "role": _taken(["core", "associate"], role),
            "score": scores.account_score,
            "band": _bands(scores.account_score, bands),
            "logit": scores.account_logit,
            "reasons": _reasons(parts, names, "accounts"),
            "status": ids["status"],
            "marketplace": ids["marketplace"],
        },
    )


def rings_table(
    account_ids: pa.Array,
    ring_ids: Sequence[str],
    keys: Sequence[str],
    rings: Rings,
    members: Members,
    kinds: Sequence[list[str]],
    bridges: dict[int, tuple[tuple[int, int], ...]],
    scores: Scores,
    bands: BandPolicy,
) -> pa.Table:
    """Every ring with its size, window, kinds of sharing, score, reasons, features, members and rivals, sorted by id."""
    order = ring_order(ring_ids)
    names = [BASE, *scores.feature_names]
    parts = np.column_stack([np.full(len(order), scores.ring_base), scores.ring_parts])
    crossing = [
        [{"account_a": account_ids[a].as_py(), "account_b": account_ids[b].as_py()} for a, b in bridges.get(ring, ())]
        for ring in range(len(order))
    ]
    columns = {
        "ring_id": pa.array(list(ring_ids), pa.string()),
        "ring_key": pa.array(list(keys), pa.string()),
        "size": rings.size,
        "core_size": rings.core_size,
        "score": scores.ring_score,
        "band": _bands(scores.ring_score, bands),
        "logit": scores.ring_logit,
        "first_link_at": rings.first_link_at,
        "last_link_at": rings.last_link_at,
        "window_start": rings.window_start,
        "window_end": rings.window_end,
        "kinds": list(kinds),
        "flags": _flags(rings, bridges),
        "bridge": crossing,
        "reasons": _reasons(parts, [*names, RIVAL], "rings"),
        "features": _features(scores),
        "members": _members(account_ids, rings, members),
        "recommended": scores.recommended,
        "hypotheses": _hypotheses(scores.posterior),
        "rival": _taken(scores.posterior.names, scores.posterior.rival),
        "lead": scores.posterior.lead,
        "lead_reasons": _reasons(scores.posterior.lead_parts, names, "rings"),
    }
    return build("rings", columns).take(pa.array(order))


def links_table(columns: duckdb.DuckDBPyConnection, policy: Policy, account_ids: pa.Array) -> pa.Table:
    """Every link with its evidence, strongest first within each kind, sorted by the two account ids."""
    links = columns.sql("SELECT a, b, strength, onset FROM links ORDER BY a, b").to_arrow_table()
    names = pa.array(list(policy.priced()))
    evidence = columns.sql(
        "SELECT a, b, evidence.kind, token_of(value) AS token, hint, evidence.accounts, milli_nats FROM evidence"
        " JOIN (SELECT attribute, hint FROM attributes) USING (attribute)"
        " ORDER BY a, b, evidence.kind, milli_nats DESC, evidence.accounts, value, week"
    ).to_arrow_table()
    a, b = evidence["a"].to_numpy(), evidence["b"].to_numpy()
    starts = np.flatnonzero(np.r_[True, (np.diff(a) != 0) | (np.diff(b) != 0)]) if len(a) else np.zeros(0, np.int64)
    fields = {
        "kind": names.take(evidence["kind"].combine_chunks()),
        "token": evidence["token"],
        "hint": evidence["hint"],
        "accounts": evidence["accounts"],
        "milli_nats": evidence["milli_nats"],
    }
    return build(
        "links",
        {
            "account_a": account_ids.take(links["a"].combine_chunks()),
            "account_b": account_ids.take(links["b"].combine_chunks()),
            "strength": links["strength"],
            "onset": links["onset"].to_numpy(),
            "evidence": lists(np.diff(np.r_[starts, len(a)]), fields, SCHEMAS["links"].field("evidence").type),
        },
    )


def neighbours_table(links: Links, accounts: int) -> pa.Table:
    """The links of every account, strongest first, then by the other account."""
    ends, others, proves = np.r_[links.a, links.b], np.r_[links.b, links.a], np.r_[links.proves_a, links.proves_b]
    order = np.lexsort((others, -np.r_[links.strength, links.strength], ends))
    offsets = pa.array(np.r_[0, np.cumsum(np.bincount(ends, minlength=accounts))], pa.int32())
    columns = {
        "link": pa.array(order % max(len(links.a), 1), pa.int32()),
        "account": pa.array(others[order], pa.int32()),
        "proves": pa.array(proves[order]),
    }
    return build("neighbours", {name: pa.ListArray.from_arrays(offsets, rows) for name, rows in columns.items()})


def lineage_table(lineage: Sequence[Lineage]) -> pa.Table:
    """The lineage of every ring id ever issued, sorted by id."""
    names = SCHEMAS["lineage"].names
    return build("lineage", {name: [getattr(each, name) for each in lineage] for name in names})


def read_lineage(table: pa.Table) -> list[Lineage]:
    """The inverse of ``lineage_table``."""
    tuples = ("superseded_by", "related", "core")
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        row.update({name: tuple(row[name]) for name in tuples})
    return [Lineage(**row) for row in rows]


def kinds_of_rings(columns: duckdb.DuckDBPyConnection, policy: Policy, links: RingLinks, count: int) -> list[list[str]]:
    """The kinds of evidence under each ring's links, alphabetical."""
    names = list(policy.priced())
    columns.register("ring_links", pa.table({"ring": links.ring, "a": links.link.a, "b": links.link.b}))
    found = columns.sql(
        "SELECT DISTINCT ring, kind FROM evidence JOIN ring_links USING (a, b) ORDER BY ring, kind"
    ).fetchall()
    columns.unregister("ring_links")
    kinds: list[list[str]] = [[] for _ in range(count)]
    for ring, kind in found:
        kinds[ring].append(names[kind])
    return kinds


def _flags(rings: Rings, bridges: Mapping[int, object]) -> list[list[str]]:
    return [
        [flag for flag, on in (("oversize", oversize), ("weak_bridge", ring in bridges)) if on]
        for ring, oversize in enumerate(rings.oversize)
    ]


def _features(scores: Scores) -> pa.Array:
    known = ~np.isnan(scores.features)
    row_and_place = np.nonzero(known)
    names = pa.array(list(scores.feature_names)).take(pa.array(row_and_place[1]))
    fields = {"code": names, "value": scores.features[row_and_place]}
    return lists(known.sum(axis=1), fields, SCHEMAS["rings"].field("features").type)


def _hypotheses(posterior: Posterior) -> pa.Array:
    order = np.argsort(-posterior.logit, axis=1, kind="stable")
    fields = {
        "code": pa.array(list(posterior.names)).take(pa.array(order.ravel())),
        "permille": np.take_along_axis(posterior.permille, order, axis=1).ravel(),
    }
    return lists(np.full(len(order), order.shape[1]), fields, SCHEMAS["rings"].field("hypotheses").type)


def _members(account_ids: pa.Array, rings: Rings, members: Members) -> pa.Array:
    roles = pa.array(["associate", "core"]).take(pa.array(members.core.astype(np.int8)))
    fields = {"account_id": account_ids.take(pa.array(members.account)), "role": roles}
    return lists(rings.size, fields, SCHEMAS["rings"].field("members").type)


def _reasons(parts: Any, names: Sequence[str], table: str) -> pa.Array:
    row, code = np.nonzero(parts)
    lengths = np.bincount(row, minlength=len(parts))
    fields = {"code": pa.array(list(names)).take(pa.array(code)), "contribution": parts[row, code]}
    return lists(lengths, fields, SCHEMAS[table].field("reasons").type)


def _taken(values: Sequence[str], places: Ints) -> pa.Array:
    return pa.array(list(values), pa.string()).take(pa.array(np.maximum(places, 0), mask=places < 0))


def _bands(scores: Ints, bands: BandPolicy) -> pa.Array:
    return _taken(["high", "medium", "low"], np.where(scores >= bands.high, 0, np.where(scores >= bands.medium, 1, 2)))
