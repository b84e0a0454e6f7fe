"""The oracle: how much of each true ring is visible at all in the values that its own members share."""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graphrisk.evaluation.facts import Held
from graphrisk.model import Floats, Ints
from graphrisk.policy import Policy

OWN_KINDS = ("device", "card", "bank_account", "email", "phone", "cohort")
"""Kinds that tie the members of a ring to each other. Addresses, streets and networks of many are left out."""


def visible_share(held: Held, ring: Ints, rings: int, policy: Policy) -> Floats:
    """For each of ``rings`` true rings, its largest connected piece's share of its members: the Jaccard of the best ring
    that anybody could find without guessing.

    Members are connected by values of ``OWN_KINDS`` that no more accounts hold than the policy's cap (past it a value is
    a hub and says nothing). A piece of one member is nothing: 0. ``ring`` has the accounts of ``held`` first.
    """
    caps = {name: kind.cap for name, kind in policy.priced().items()}
    cap = np.array([caps[kind] if kind in OWN_KINDS else 0 for kind in held.kind.tolist()], np.int64)
    account, value = held.only(held.holders <= cap)
    inside = ring[account] >= 0
    account, value = account[inside], value[inside]
    # A value is another node in each ring, so that two rings on one device do not hold each other together.
    _, node = np.unique(ring[account] * len(held.holders) + value, return_inverse=True)
    nodes = len(ring) + int(node.max(initial=-1)) + 1
    graph = coo_array((np.ones(len(account)), (account, len(ring) + node)), shape=(nodes, nodes))
    piece = cast("Ints", connected_components(graph, directed=False)[1])[: len(ring)]
    return _largest(piece, ring, rings)


def _largest(piece: Ints, ring: Ints, rings: int) -> Floats:
    members = np.flatnonzero(ring >= 0)
    pairs, count = np.unique(np.column_stack([ring[members], piece[members]]), axis=0, return_counts=True)
    largest = np.zeros(rings, np.int64)
    np.maximum.at(largest, pairs[:, 0], count)
    sizes = np.bincount(ring[members], minlength=rings)
    return np.where(largest > 1, largest, 0) / np.maximum(1, sizes)
