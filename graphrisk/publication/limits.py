"""Limits: what is still usual for a figure, from the same figure of the last published runs and fixed floors."""

from __future__ import annotations

import math
from statistics import median
from typing import NamedTuple

from graphrisk.policy import GuardPolicy

NORMAL = 1.4826
"""A standard deviation, as a multiple of the median absolute deviation, where figures are normal."""
CHANCE = 3.0
"""Standard deviations of a share of so few that are put down to chance."""
NONE = 0.1
"""None of so many counts as so much of one, where shares are compared by their odds."""
FAR = 700
"""Beyond it an exponential is no number any more."""
TINY = 1e-3
"""The least amount that is compared by its ratio."""
FEWEST = 5
"""Shares of fewer than so many say nothing; nor do fewer runs say how much a figure varies."""
DAY_SECONDS = 86_400
CLOCK = "clock_seconds"

Figure = list[float | None]
"""[x, of]: a share, or an amount where the second is None."""


class Usual(NamedTuple):
    """The middle of what is usual and its two ends, as a share (0–1) or an amount, learned from so many runs."""

    middle: float
    least: float
    most: float
    runs: int


def usual(name: str, now: Figure, past: list[Figure], policy: GuardPolicy) -> Usual | None:
    """What is usual for a figure; ``past`` holds it for the last published runs, oldest first. None if nothing is known.

    The middle is the median of the past or its last value, whichever is nearer: after a change that was published the
    new level is as usual as the old one. The ends lie as far off as ``deviations`` times the usual deviation, never
    nearer than the fixed floor nor farther than that from all that the past had, and never inside of what it had, but for
    its one most extreme run. While fewer than five runs are known, the floor is twice as wide.
    """
    x, of = now
    known = [each for each in past if (each[1] is None) == (of is None) and (each[1] is None or each[1] >= FEWEST)]
    if not known or x is None or (of is not None and of < FEWEST):
        return None
    if name == CLOCK:
        return _of_the_clock(x, [float(each[0] or 0) for each in known], policy)
    places = sorted(_place(each) for each in known)
    middle = min((median(places), _place(known[-1])), key=lambda each: abs(each - _place(now)))
    floor = math.log(policy.min_ratio if of is None else policy.min_odds)
    if len(places) < FEWEST:
        ends = middle - 2 * floor, middle + 2 * floor
    else:
        slack = max(floor, _spread(places, policy))
        least, most = max(middle - slack, places[0] - floor), min(middle + slack, places[-1] + floor)
        ends = min(least, middle - floor, places[1]), max(most, middle + floor, places[-2])
    told, least, most = (_back(place, of) for place in (middle, *ends))
    if of is not None:
        least, most = max(min(least, told - policy.min_change), 0), min(max(most, told + policy.min_change), 1)
    return Usual(told, least, most, len(known))


def is_above(now: Figure, limits: Usual) -> bool:
    """Whether a figure lies above what is usual, and by more than chance."""
    x, of = now
    return x is not None and x > (limits.most if of is None else of * limits.most + _chance(limits.most, of))


def is_below(now: Figure, limits: Usual) -> bool:
    """Whether a figure lies below what is usual, and by more than chance."""
    x, of = now
    if x is None:
        return False
    return max(x, TINY) < limits.least if of is None else x < of * limits.least - _chance(limits.least, of)


def _chance(share: float, of: float) -> float:
    return 1 + CHANCE * math.sqrt(of * share * (1 - share))


def _place(figure: Figure) -> float:
    """A share as log odds, an amount as its logarithm: changes that weigh the same are as long."""
    x, of = float(figure[0] or 0), figure[1]
    return math.log(max(x, TINY)) if of is None else math.log((x + NONE) / (max(of - x, 0) + NONE))


def _back(place: float, of: float | None) -> float:
    place = max(-FAR, min(place, FAR))
    return math.exp(place) if of is None else 1 / (1 + math.exp(-place))


def _spread(places: list[float], policy: GuardPolicy) -> float:
    middle = median(places)
    return policy.deviations * NORMAL * median(abs(each - middle) for each in places)


def _of_the_clock(x: float, past: list[float], policy: GuardPolicy) -> Usual | None:
    """Seconds of a day, which go round: the middle is moved next to the figure. It takes five runs to know them."""
    if len(past) < FEWEST:
        return None
    around = [each - DAY_SECONDS * round((each - past[-1]) / DAY_SECONDS) for each in past]
    slack = max(policy.min_clock_minutes * 60, _spread(around, policy))
    middle = median(around)
    middle += DAY_SECONDS * round((x - middle) / DAY_SECONDS)
    return Usual(middle, middle - slack, middle + slack, len(past))
