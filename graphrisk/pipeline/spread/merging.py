"""What was found in each bucket as one ``Found`` of the whole marketplace, in the order in which one machine finds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from graphrisk.model import Ints, Links, Members, RingLinks, Rings
from graphrisk.pipeline.finding import Found
from graphrisk.pipeline.spread.bucket import Part
from graphrisk.runs.assembly import Scores
from graphrisk.scoring.ring_risk import to_score
from graphrisk.spark.links import Counted


def merged(parts: Sequence[Part], ids: pa.Table, links: Links, counted: Counted) -> Found:
    """The parts as one; there is at least one, which may be of nothing. Rings are in the order of their smallest account."""
    before = np.cumsum([0, *(len(part.rings.size) for part in parts)])
    ring = np.concatenate([part.members.ring + start for part, start in zip(parts, before, strict=False)])
    account = np.concatenate([part.members.account for part in parts])
    smallest = np.full(before[-1], np.iinfo(np.int64).max)
    np.minimum.at(smallest, ring, account)
    order = np.argsort(smallest)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    rings = _joined([part.rings for part in parts])
    members = _joined(
        [
            part.members._replace(ring=place[part.members.ring + start])
            for part, start in zip(parts, before, strict=False)
        ]
    )
    told = [
        part.ring_links._replace(ring=place[part.ring_links.ring + start])
        for part, start in zip(parts, before, strict=False)
    ]
    bridges = {
        int(place[number + start]): pairs
        for part, start in zip(parts, before, strict=False)
        for number, pairs in part.bridges.items()
    }
    return Found(
        ids,
        ids["account_id"].combine_chunks(),
        links,
        Rings(*(column[order] for column in rings)),
        _sorted_members(Members(*members)),
        _sorted_links(told),
        bridges,
        _scores(parts, order, ids.num_rows),
        _counts(parts, counted, links, rings[0]),
    )


def _joined(parts: Sequence[Any]) -> list[Any]:
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def _sorted_members(members: Members) -> Members:
    order = np.lexsort((members.account, members.ring))
    columns: list[Any] = [column[order] for column in members]
    return Members(*columns)


def _sorted_links(parts: Sequence[RingLinks]) -> RingLinks:
    ring, in_window = (np.concatenate([getattr(part, name) for part in parts]) for name in ("ring", "in_window"))
    link = Links(*_joined([part.link for part in parts]))
    order = np.lexsort((link.b, link.a, ring))
    return RingLinks(ring[order], link.take(order), in_window[order])


def _scores(parts: Sequence[Part], order: Ints, count: int) -> Scores:
    """An account that is in no bucket has no link: nothing but the base."""
    scores = [part.scores for part in parts]
    first, accounts = scores[0], np.concatenate([part.accounts for part in parts])

    def of_rings(name: str) -> Any:
        return np.concatenate([getattr(each, name) for each in scores])[order]

    def of_posteriors(name: str) -> Any:
        return np.concatenate([getattr(each.posterior, name) for each in scores])[order]

    def of_accounts(name: str, base: Ints) -> Any:
        column = np.concatenate([getattr(each, name) for each in scores])
        every = np.broadcast_to(base, (count, *column.shape[1:])).astype(column.dtype)
        every[accounts] = column
        return every

    posterior = replace(first.posterior, **{name: of_posteriors(name) for name in ("parts", "logit", "permille")})
    base = np.array(first.account_base)
    return replace(
        first,
        posterior=posterior,
        **{name: of_rings(name) for name in ("features", "ring_parts", "ring_logit", "ring_score", "recommended")},
        account_parts=of_accounts("account_parts", np.array(0)),
        account_logit=of_accounts("account_logit", base),
        account_score=of_accounts("account_score", to_score(base)),
    )


def _counts(parts: Sequence[Part], counted: Counted, links: Links, size: Ints) -> dict[str, int]:
    def summed(name: str) -> int:
        return sum(part.counts[name] for part in parts)

    return {
        "accounts": counted.accounts,
        "links": len(links.a),
        "components": summed("components"),
        "rings": summed("rings"),
        "members": summed("members"),
        "shared_attributes": counted.shared_attributes,
        "cohorts": counted.cohorts,
        "largest_component": max(part.counts["largest_component"] for part in parts),
        "largest_ring": int(size.max(initial=0)),
    }
