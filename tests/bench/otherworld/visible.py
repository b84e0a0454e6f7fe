"""How much of each ring could be found at best: the largest part that hangs together by what the ring shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.bench.otherworld.rings import Ring

COHORT_FROM = 4
"""From so many accounts on, those who signed up on one address in one week may be told from strangers."""


def visible(rings: Sequence[Ring]) -> dict[str, Any]:
    """The mean share of a ring that hangs together: by any tie, by ties without small cohorts, and by archetype."""
    shares = [_largest_share(ring, COHORT_FROM) for ring in rings]
    by_archetype: dict[str, list[float]] = {}
    for ring, share in zip(rings, shares, strict=True):
        by_archetype.setdefault(ring.archetype, []).append(share)
    return {
        "rings": len(rings),
        "ring_accounts": sum(len(ring.accounts) for ring in rings),
        "oracle_plain": round(float(np.mean([_largest_share(ring, 2) for ring in rings])), 3),
        "oracle_cohort4": round(float(np.mean(shares)), 3),
        "by_archetype": {name: round(float(np.mean(each)), 2) for name, each in by_archetype.items()},
    }


def _largest_share(ring: Ring, cohort_from: int) -> float:
    parent = {account: account for account in ring.accounts.tolist()}

    def root(account: int) -> int:
        while parent[account] != account:
            parent[account] = parent[parent[account]]
            account = parent[account]
        return account

    for (kind, *_), accounts in ring.ties.items():
        if kind == "sign-up" and len(accounts) < cohort_from:
            continue
        first, *others = accounts
        for other in others:
            parent[root(other)] = root(first)
    return max(Counter(map(root, parent)).values()) / len(parent)
