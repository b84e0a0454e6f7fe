# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""One bucket of components: ``pipeline.finding.find_rings`` on what is known of it, whoever calls.

What reaches beyond a component comes with it: the degrees of its values in the whole marketplace, and the first use of each by
an account that is closed.
"""

from __future__ import annotations

import pickle
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.linkage.links import Linkage, links_of, state_rules
from graphrisk.logs import StageClock, quietly
from graphrisk.model import Ints, Links, Members, RingLinks, Rings
from graphrisk.pipeline.describing import versions_in_use
from graphrisk.pipeline.finding import Found, find_rings, with_nameless, with_open_since
from graphrisk.policy import Policy
from graphrisk.runs.assembly import Scores
from graphrisk.scoring.reference import Reference
from graphrisk.settings import Settings


class Part(NamedTuple):
    """What was found in a bucket: its accounts (sorted positions in the marketplace), and all else as ``Found`` has it, with
    accounts as positions in the marketplace; ``scores`` are of these accounts and rings, in their order."""

    accounts: Ints
    rings: Rings
    members: Members
    ring_links: RingLinks
    bridges: dict[int, tuple[tuple[int, int], ...]]
    scores: Scores
    counts: dict[str, int]
    versions: dict[str, str]


def find_in_bucket(rows: pa.Table, settings: Settings, policy: Policy, reference: Reference, engine: str) -> bytes:
    """A ``Part``, pickled, of the rows of a bucket (``spark.buckets``)."""
    parts = {name: rows.filter(pc.equal(rows["part"], name)) for name in ("account", "use", "link", "evidence")}
    accounts = parts["account"].sort_by("account").combine_chunks()
    positions = accounts["account"].to_numpy().astype(np.int64)
    links = _links(parts["link"], positions)
    with settings.columns(None) as columns, quietly():
        for name, table in _tables(accounts, parts, positions, links).items():
            columns.register(name, table)
        state_rules(columns, policy)
        linkage = Linkage(links, len(positions), 0, 0, 0)
        found = find_rings(
            columns, settings, policy, reference, linkage, with_open_since(accounts), engine, StageClock()
        )
    return pickle.dumps(_placed(found, positions))


def read_part(told: bytes) -> Part:
    """The inverse of what ``find_in_bucket`` does last."""
    return pickle.loads(told)  # noqa: S301 - our own executors made it


def _links(told: pa.Table, positions: Ints) -> Links:
    links = links_of(_local(told, positions, "a", "b"))
    return links.take(np.lexsort((links.b, links.a)))


def _tables(
    accounts: pa.Table, parts: dict[str, pa.Table], positions: Ints, links: Links
) -> dict[str, pa.Table | duckdb.DuckDBPyRelation]:
    """Linkage's tables, of the accounts of the bucket, and after them a closed one without a name that stands for all."""
    uses = _local(parts["use"], positions, "account")
    uses = uses.set_column(uses.schema.get_field_index("value"), "value", uuids(uses["value"]))
    shared = uses.filter(pc.is_valid(uses["attribute"]))
    attributes = _first_of(shared)
    return {
        "ids": with_nameless(accounts, 1),
        "labels": accounts.select(["account_id", "label"]).filter(pc.is_valid(accounts["label"])),
        "retained": _retained(accounts),
        "weekly": uses.filter(pc.is_null(uses["source"])).select(["account", "kind", "value", "week"]),
        "attributes": attributes.select(["attribute", "kind", "value", "week", "accounts", "source"]),
        "uses": _uses(shared, attributes, len(positions)),
        "links": pa.table(dict(zip(("a", "b", "strength", "onset"), links[:4], strict=True))),
        "evidence": _local(parts["evidence"], positions, "a", "b").select(
            ["a", "b", "kind", "attribute", "milli_nats"]
        ),
    }


def _local(rows: pa.Table, positions: Ints, *names: str) -> pa.Table:
    for name in names:
        local = pa.array(np.searchsorted(positions, rows[name].to_numpy()))
        rows = rows.set_column(rows.schema.get_field_index(name), name, local)
    return rows


def _first_of(shared: pa.Table) -> pa.Table:
    _, first = np.unique(shared["attribute"].to_numpy(), return_index=True)
    return shared.take(pa.array(first))


def _retained(accounts: pa.Table) -> pa.Table:
    spans = accounts.select(["first", "last"]).append_column("account", pa.array(np.arange(accounts.num_rows)))
    return spans.filter(pc.is_valid(spans["first"]))


def _uses(shared: pa.Table, attributes: pa.Table, nameless: int) -> pa.Table:
    """The uses by the bucket's accounts, and the first of each attribute by a closed one."""
    names = ["attribute", "account", "first", "last", "returned"]
    closed = attributes.filter(pc.is_valid(attributes["closed_first"]))
    count = closed.num_rows
    elsewhere = [
        closed["attribute"], pa.array(np.full(count, nameless)), closed["closed_first"], closed["closed_first"], pa.nulls(count, pa.bool_()),
    ]  # fmt: skip
    return pa.concat_tables([shared.select(names), pa.table(elsewhere, names).cast(shared.select(names).schema)])


def uuids(column: pa.ChunkedArray) -> pa.Array:
    """Values of 16 bytes each as Arrow's UUIDs, which DuckDB knows."""
    return pa.ExtensionArray.from_storage(pa.uuid(), column.combine_chunks().cast(pa.binary(16)))


def _placed(found: Found, positions: Ints) -> Part:
    """With accounts as positions in the marketplace."""
    links = found.ring_links.link
    placed = links._replace(a=positions[links.a], b=positions[links.b])
    places: list[int] = positions.tolist()
    bridges: dict[int, Any] = {
        ring: tuple((places[a], places[b]) for a, b in pairs) for ring, pairs in found.bridges.items()
    }
    return Part(
        positions,
        found.rings,
        found.members._replace(account=positions[found.members.account]),
        found.ring_links._replace(link=placed),
        bridges,
        found.scores,
        found.counts,
        versions_in_use(),
    )
