"""What the marketplace knows already: verdicts on some accounts, right and wrong, and closed accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.otherworld.market import DAYS, Market
from tests.bench.otherworld.rings import Ring
from tests.bench.world_truth import FALSE_LABELS, LABEL_DELAY, LABELLED_MEMBERS, LABELLED_RINGS

CLOSED_SHARE = 0.02


@dataclass(frozen=True)
class Label:
    """An account that was called bad on a day."""

    account: int
    day: float
    source: str


def labelled(market: Market, rings: Sequence[Ring]) -> list[Label]:
    """Some members of some rings after the ring began, and a few innocents."""
    rng = market.rng
    labels: list[Label] = []
    for ring in rings:
        if rng.random() >= LABELLED_RINGS:
            continue
        for account in np.sort(ring.accounts).tolist():
            if rng.random() < LABELLED_MEMBERS:
                began = max(ring.start, float(market.created[account]))
                labels.append(Label(account, began + rng.uniform(*LABEL_DELAY), "review"))
    for account in np.flatnonzero(rng.random(market.accounts) < FALSE_LABELS).tolist():
        if not market.ring[account]:
            labels.append(Label(account, rng.uniform(10, DAYS), "report"))
    return labels


def close_some(market: Market) -> None:
    """Close a few accounts outside rings, too."""
    closed = (market.ring == "") & (market.rng.random(market.accounts) < CLOSED_SHARE)
    market.status[closed] = "closed"
