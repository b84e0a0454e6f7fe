"""A membership and a ring as they are told: paths, what would free an account, the weakest cut, what a ring rests on, the order of joining."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from graphrisk.detection.igraph_engine import min_cut
from graphrisk.evidence.paths import strongest_path
from graphrisk.evidence.wording import cut_text, left_text, member_text, rests_text, ring_text
from graphrisk.model import Links, iso
from graphrisk.pipeline.membership import Left, Membership
from graphrisk.pipeline.rerunning import Parts
from graphrisk.runs.facts import Facts
from graphrisk.runs.snapshot import Snapshot, plain

_OF_RING = ("ring_id", "size", "core_size", "score", "band", "window_start", "window_end", "recommended", "rival")


def membership_told(parts: Parts, account: int) -> dict[str, Any]:
    """Of an account (row) that is in a ring: role, window, independent paths to the other core members, the bottleneck, and
    what would free it."""
    snapshot, held = parts.snapshot, _membership(parts, account)
    account_id = snapshot.account_id(account)
    ring = plain(snapshot.rings.select(list(_OF_RING)).slice(int(snapshot.ring_of[account]), 1))[0]
    role = "core" if held.is_core else "associate"
    paths = [_told(snapshot, held.links, path, account) for path in held.paths()]
    return {
        "account_id": account_id,
        "text": member_text(account_id, role, ring, len(paths)),
        "ring": ring,
        "role": role,
        "paths": paths,
        "bottleneck": min(paths[0]["links"], key=lambda step: step["strength"]) if paths else None,
        "frees": _frees(parts.facts, held, account_id),
        "shares": True,
        "nearest": None,
    }


def ring_told(parts: Parts, ring: int) -> dict[str, Any]:
    """The weakest cut of a ring, what it rests on, and the order in which its members came, each by its first link."""
    snapshot = parts.snapshot
    ring_id = snapshot.rings["ring_id"][ring].as_py()
    member = snapshot.account_row(snapshot.members_of(ring)[0]["account_id"])
    held = _membership(parts, member or 0)
    links = held.links
    accounts, ends = np.unique(np.concatenate([links.a, links.b]), return_inverse=True)
    weight, side, crossing = min_cut(len(accounts), ends.reshape(2, -1).T, links.strength.astype(np.float64))
    apart = [snapshot.account_id(int(accounts[place])) for place in side]
    return {
        "ring_id": ring_id,
        "text": ring_text(ring_id, len(accounts), apart, round(weight), len(crossing)),
        "weakest_cut": {
            "strength": round(weight),
            "accounts": apart,
            "links": _links_of(snapshot, links, crossing),
        },
        "rests_on": _rests_on(parts.facts, held, ring_id),
        "formed": _order(snapshot, held),
    }


def _membership(parts: Parts, account: int) -> Membership:
    part = parts.around(account)
    return Membership(part, parts.facts.numbered(part.uses.row), account)


def _order(snapshot: Snapshot, held: Membership) -> list[dict[str, Any]]:
    links, joined = held.links, set[int]()
    found: list[dict[str, Any]] = []
    for place in np.lexsort((links.b, links.a, links.onset)).tolist():
        a, b = int(links.a[place]), int(links.b[place])
        for account, other in ((a, b), (b, a)):
            if account not in joined:
                joined.add(account)
                found.append(
                    {
                        "account_id": snapshot.account_id(account),
                        "at": iso(int(links.onset[place])),
                        "by_link_to": snapshot.account_id(other),
                        "strength": int(links.strength[place]),
                        "in_campaign": bool(held.in_window[place]),
                    }
                )
    return found


def _rests_on(facts: Facts, held: Membership, ring_id: str) -> dict[str, Any]:
    """The values under most of the ring's links, and what would be left of the ring without each of them alone."""
    pieces: list[dict[str, Any]] = []
    for value in held.most_loaded():
        left = held.left(frozenset({value}))
        pieces.append({**_piece(facts, held, value), **_left(left)})
    return {"text": rests_text(ring_id, pieces), "values": pieces}


def _left(left: Left) -> dict[str, Any]:
    return {"outcome": left.outcome, "rings": list(left.rings), "free": left.free}


def _frees(facts: Facts, held: Membership, account_id: str) -> dict[str, Any] | None:
    cut = held.smallest_cut()
    if cut is None:
        return None
    own = set(held.value[held.part.uses.attribute[held.part.uses.account == held.account]].tolist())
    pieces = [{**_piece(facts, held, value), "held": value in own} for value in cut.pieces]
    pieces.sort(key=lambda piece: (piece["kind"], -piece["milli_nats"], piece["token"]))
    left = _left(held.left(cut.pieces))
    text = f"{cut_text(account_id, pieces, cut.cheapest)} {left_text(left, len(pieces))}"
    return {"pieces": pieces, "milli_nats": cut.cost, "cheapest": cut.cheapest, "left": left, "text": text}


def _piece(facts: Facts, held: Membership, value: int) -> dict[str, Any]:
    """A value under the ring's links (a number of ``held.value``)."""
    uses, worth = held.part.uses, held.worth
    place, attributes = int(np.searchsorted(worth.value, value)), np.flatnonzero(held.value == value)
    row = int(uses.row[attributes[0]])
    return {
        "kind": list(held.part.policy.priced())[uses.kind[attributes[0]]],
        "token": facts.token(row),
        "hint": facts.hint(row),
        "accounts": int(uses.accounts[attributes].max()),
        "milli_nats": int(worth.most[place]),
        "links": int(worth.links[place]),
    }


def path_told(snapshot: Snapshot, links: Links, start: int, goals: Collection[int]) -> dict[str, Any] | None:
    """The strongest path between accounts over some links, with its evidence, or None."""
    path = strongest_path(links.a, links.b, links.strength, start, goals)
    return None if path is None else _told(snapshot, links, path, start)


def _told(snapshot: Snapshot, links: Links, path: list[int], start: int) -> dict[str, Any]:
    steps = _links_of(snapshot, links, path)
    at = snapshot.account_id(start)
    for step in steps:
        at = step["account_b"] if step["account_a"] == at else step["account_a"]
    return {"to": at, "weakest": min(step["strength"] for step in steps), "links": steps}


def _links_of(snapshot: Snapshot, links: Links, places: Collection[int]) -> list[dict[str, Any]]:
    found: list[int] = []
    for place in places:
        rows, others = snapshot.links_of(int(links.a[place]))
        found.append(int(rows[others == links.b[place]][0]))
    return snapshot.links_at(np.array(found, np.int64))
