"""The waterfall of one pair: everything two accounts share, what it is worth, and why the rest is worth nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphrisk.linkage.local import Priced
from graphrisk.linkage.prices import prices
from graphrisk.model import HOUR_US, Uses
from graphrisk.policy import KindPolicy, Policy

Verdict = Literal["counts", "ceiling", "hub", "gap", "corroborates", "same_sign_ups"]
"""``counts`` in full; cut at the kind's ``ceiling``; a ``hub`` that too many hold; the ``gap`` between the uses is too long;
only ``corroborates``, and there is nothing to corroborate; the ``same_sign_ups`` as another cohort that counts."""

COUNTS = (2, 3, 5, 10, 20, 50)
GAP_DAYS = (0, 1, 7, 30, 90, 365)


@dataclass(frozen=True)
class Shared:
    """A value that both hold. ``price`` is its own worth, ``milli_nats`` what it adds to the link; ``gap_us`` lies between
    the uses (0: they overlap); the two accounts' first and last uses are in microseconds."""

    attribute: int
    verdict: Verdict
    gap_us: int
    price: int
    milli_nats: int
    uses_of_a: tuple[int, int]
    uses_of_b: tuple[int, int]


def waterfall(uses: Uses, priced: Priced, a: int, b: int, policy: Policy) -> list[Shared]:
    """What ``a`` and ``b`` (``a`` < ``b``) share, what counts most first; ``milli_nats`` add up to the strength of
    their link, if they are linked. ``uses`` and ``priced`` are of at least these two."""
    rows = {name: np.flatnonzero(uses.account == account) for name, account in (("a", a), ("b", b))}
    held = {name: dict(zip(uses.attribute[of].tolist(), of.tolist(), strict=True)) for name, of in rows.items()}
    of_pair = np.flatnonzero((priced.a == a) & (priced.b == b))
    price = dict(zip(priced.attribute[of_pair].tolist(), priced.price[of_pair].tolist(), strict=True))
    _, evidence = priced.links(policy.links.threshold)
    counted = np.flatnonzero((evidence.a == a) & (evidence.b == b))
    part = dict(zip(evidence.attribute[counted].tolist(), evidence.milli_nats[counted].tolist(), strict=True))
    kinds = list(policy.priced().values())
    makes_links = any(kinds[uses.kind[attribute]].backbone for attribute in part)
    found: list[Shared] = []
    for attribute in held["a"].keys() & held["b"].keys():
        one, other = ((int(uses.first[of]), int(uses.last[of])) for of in (held["a"][attribute], held["b"][attribute]))
        verdict: Verdict = "counts"
        if uses.accounts[attribute] > kinds[uses.kind[attribute]].cap:
            verdict = "hub"
        elif attribute not in price:
            verdict = "gap"
        elif attribute not in part:
            verdict = "same_sign_ups"
        elif not makes_links:
            verdict = "corroborates"
        elif part[attribute] < price[attribute]:
            verdict = "ceiling"
        gap = max(0, max(one[0], other[0]) - min(one[1], other[1]))
        worth = part.get(attribute, 0) if makes_links else 0
        found.append(Shared(attribute, verdict, gap, price.get(attribute, 0), worth, one, other))
    return sorted(found, key=lambda each: (-each.milli_nats, -each.price, each.attribute))


def other_prices(kind: KindPolicy) -> list[dict[str, int]]:
    """What a value of the kind would be worth at other numbers of accounts and other gaps (days), in milli-nats."""
    counts = [count for count in COUNTS if count < kind.cap] + [kind.cap]
    table = prices(kind, np.array(counts))
    found: list[dict[str, int]] = []
    for row, count in enumerate(counts):
        for days in GAP_DAYS:
            unit = days * 24 // kind.gap_hours
            worth = int(table[row, unit]) if unit < table.shape[1] else 0
            found.append({"accounts": count, "gap_days": days, "milli_nats": worth})
    return [*found, {"accounts": kind.cap + 1, "gap_days": 0, "milli_nats": 0}]


def gap_days(gap_us: int) -> float:
    """A gap in days, to one decimal."""
    return round(gap_us / (24 * HOUR_US), 1)
