"""A ring ready to draw: bounded, what very many share collapsed to one node, and the true counts beside it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from graphrisk.runs.snapshot import Snapshot

MOST_ACCOUNTS, MOST_ATTRIBUTES, MOST_LINKS = 150, 150, 300
COLLAPSED_FROM = 25
"""From so many shown members on, the edges of an attribute would hide the picture."""


def drawing(snapshot: Snapshot, ring: int) -> dict[str, Any]:
    """Nodes and edges of a ring: core members first, values by how many members use them, links by strength."""
    members = snapshot.members_of(ring)
    shown = sorted(members, key=lambda each: (each["role"] != "core", each["account_id"]))[:MOST_ACCOUNTS]
    names = {each["account_id"] for each in shown}
    links = snapshot.links_inside(ring)
    uses, attributes = _uses(snapshot, links)
    ranked = sorted(uses, key=lambda value: (-len(uses[value]), value))
    values = [value for value in ranked if uses[value] & names][:MOST_ATTRIBUTES]
    drawn, edges = 0, list[dict[str, Any]]()
    for value in values:
        if len(uses[value] & names) < COLLAPSED_FROM:
            edges += [{"source": each, "target": value, "type": "uses"} for each in sorted(uses[value] & names)]
    for link in snapshot.links.select(["account_a", "account_b", "strength"]).take(links[: 4 * MOST_LINKS]).to_pylist():
        if drawn < MOST_LINKS and {link["account_a"], link["account_b"]} <= names:
            ends = {"source": f"account:{link['account_a']}", "target": f"account:{link['account_b']}"}
            edges.append({**ends, "type": "linked", "strength": link["strength"]})
            drawn += 1
    for edge in edges:
        if edge["type"] == "uses":
            edge["source"] = f"account:{edge['source']}"
    nodes = [*_accounts(snapshot, shown), *(_attribute(attributes[each], each, uses[each] & names) for each in values)]
    counts = {"members": len(members), "links": len(links), "attributes": len(uses)}
    whole = len(shown) == len(members) and len(values) == len(uses) and drawn == len(links)
    ring_id = snapshot.rings["ring_id"][ring].as_py()
    return {"ring_id": ring_id, "nodes": nodes, "edges": edges, "truncated": not whole, "counts": counts}


def _uses(snapshot: Snapshot, links: Any) -> tuple[dict[str, set[str]], dict[str, dict[str, Any]]]:
    """By node id of a value: the members that share it under some link of the ring, and what is known of it."""
    uses: dict[str, set[str]] = defaultdict(set)
    attributes: dict[str, dict[str, Any]] = {}
    for link in snapshot.links.select(["account_a", "account_b", "evidence"]).take(links).to_pylist():
        for evidence in link["evidence"]:
            value = f"{evidence['kind']}:{evidence['token']}"
            uses[value] |= {link["account_a"], link["account_b"]}
            attributes[value] = evidence
    return uses, attributes


def _accounts(snapshot: Snapshot, members: list[dict[str, str]]) -> list[dict[str, Any]]:
    rows = snapshot.account_rows([each["account_id"] for each in members])
    scores = np.asarray(snapshot.score)[rows].tolist()
    return [
        {
            "id": f"account:{each['account_id']}",
            "type": "account",
            "label": each["account_id"],
            "role": each["role"],
            "score": score,
        }
        for each, score in zip(members, scores, strict=True)
    ]


def _attribute(evidence: dict[str, Any], value: str, members: set[str]) -> dict[str, Any]:
    return {
        "id": value,
        "type": "attribute",
        "label": evidence["hint"] or evidence["kind"],
        "kind": evidence["kind"],
        "accounts": evidence["accounts"],
        "members": len(members),
        "collapsed": len(members) >= COLLAPSED_FROM,
    }
