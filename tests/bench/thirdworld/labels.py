"""What the marketplace knows at the end of the period: labels on some accounts, few of them wrong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.bench.thirdworld.rings import Ring
from tests.bench.thirdworld.town import Town
from tests.bench.world_truth import FALSE_LABELS, LABEL_DELAY, LABELLED_MEMBERS, LABELLED_RINGS

SOURCES = ("chargeback", "manual_review", "user_report")
RIGHT_SOURCES, WRONG_SOURCES = (0.5, 0.3, 0.2), (0.3, 0.3, 0.4)


class Label(NamedTuple):
    """An account that is called bad."""

    account: int
    day: float
    source: str


def labelled(town: Town, rings: list[Ring]) -> list[Label]:
    """Labels on some members of some rings, if there was time for them, and on very few innocents."""
    market, rng, labels = town.market, town.market.rng, list[Label]()
    chosen = rng.permutation(len(rings))[: round(LABELLED_RINGS * len(rings))]
    for ring in chosen.tolist():
        for account in rings[ring].members:
            if rng.random() < LABELLED_MEMBERS:
                day = float(market.offended[account]) + rng.uniform(*LABEL_DELAY)
                if day < market.days:
                    labels.append(Label(account, day, str(rng.choice(SOURCES, p=RIGHT_SOURCES))))
    innocents = np.array([account for account in range(town.people.accounts) if not market.ring[account]])
    for account in rng.choice(innocents, round(FALSE_LABELS * len(innocents)), replace=False).tolist():
        created, end = float(market.created[account]), market.days - 0.01
        day = rng.uniform(max(created, 0) + 0.5, end) if created < market.days - 1 else end
        labels.append(Label(account, day, str(rng.choice(SOURCES, p=WRONG_SOURCES))))
    return labels
