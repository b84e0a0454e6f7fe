# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""An attacker with a budget: how much recall is left when every ring account adds sightings that lower its score.

The attacker is greedy. At each step each ring tries every move with all of its accounts and keeps the one that lowers
its mean score most; it sees the scores, as no real one does. After ``LOOKAHEAD`` steps it repeats what it chose. Nobody has to
spend all: recall at a budget is the least of those at the budgets up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.evaluation.measures import FLAGGED, Found
from graphrisk.evaluation.truth import Truth
from graphrisk.evaluation.variants import Facts
from graphrisk.model import Bools, Floats, Ints
from graphrisk.policy import Policy
from graphrisk.settings import Settings

BUDGETS = (0, 1, 3, 10)
LOOKAHEAD = 3
POPULAR: dict[str, tuple[str, int, int]] = {
    "popular address": ("ip", 31, 1_000_000),
    "public device": ("device", 8, 60),
    "shared card": ("card", 5, 40),
}
"""A move that joins a crowd: the kind, and of how many innocents at least and at most a value is taken."""

FRESH: dict[str, str] = {"own device": "device", "own card": "card"}
"""A move that buys a value nobody else has: the kind."""

MOVES = (*POPULAR, *FRESH)


@dataclass(frozen=True)
class Attack:
    """``recall`` of ring accounts at each of ``budgets`` (sightings an account), and for each move the share of rings
    that chose it first."""

    budgets: tuple[int, ...]
    recall: list[float]
    chosen_first: dict[str, float]


def attack(
    facts: Facts, settings: Settings, policy: Policy, truth: Truth, found: Found, budgets: Sequence[int] = BUDGETS
) -> Attack:
    """How recall at score 500 falls with the attackers' budget, from ``found`` (what is found without any)."""
    return planned(Crowd(facts, truth), lambda more: more.detected(settings, policy, truth), truth, found, budgets)


def planned(
    crowd: Crowd, detected: Callable[[Facts], Found], truth: Truth, found: Found, budgets: Sequence[int]
) -> Attack:
    """The attack on whatever ``detected`` says of changed facts."""
    rings = len(truth.rings)
    plan: list[Ints] = []  # for each step the move of each ring
    recall = {0: _recall(found, truth)}
    for step in range(1, max(budgets) + 1):
        if step <= LOOKAHEAD:
            tried = [detected(crowd.after([*plan, np.full(rings, move)])) for move in range(len(MOVES))]
            scores = np.array([_mean_scores(each, truth) for each in tried])
            plan.append(scores.argmin(axis=0))
        else:
            plan.append(plan[(step - 1) % LOOKAHEAD])
        if step in budgets:
            recall[step] = _recall(detected(crowd.after(plan)), truth)
    shares = np.bincount(plan[0], minlength=len(MOVES)) / max(1, rings) if plan else np.zeros(len(MOVES))
    chosen = dict(zip(MOVES, shares.tolist(), strict=True))
    spent = [min(recall[each] for each in recall if each <= budget) for budget in budgets]
    return Attack(tuple(budgets), spent, chosen)


def _recall(found: Found, truth: Truth) -> float:
    inside = truth.ring >= 0
    return float((found.account_score[inside] >= FLAGGED).mean()) if inside.any() else 0.0


def _mean_scores(found: Found, truth: Truth) -> Floats:
    inside = truth.ring >= 0
    rings, members = len(truth.rings), truth.ring[inside]
    return np.bincount(members, found.account_score[inside], rings) / np.maximum(
        1, np.bincount(members, minlength=rings)
    )


class Crowd:
    """A world's facts, what is popular among its innocents, and when its ring accounts act."""

    def __init__(self, facts: Facts, truth: Truth) -> None:
        self._facts, self._truth = facts, truth
        ids = pa.array(truth.account_ids)
        sightings = facts.sightings
        place = pc.index_in(sightings["account_id"].combine_chunks(), value_set=ids).to_numpy().astype(np.int64)
        in_ring = truth.ring[place] >= 0
        innocent: Bools = ~in_ring
        self._popular = {
            move: _popular(sightings.filter(pa.array(innocent)), *bounds) for move, bounds in POPULAR.items()
        }
        # Each ring account acts at the moment of one of its own sightings: it cannot act before or after its time.
        rows = np.flatnonzero(in_ring)
        _, first = np.unique(place[rows], return_index=True)
        self._acts, self._ring = sightings.take(pa.array(rows[first])), truth.ring[place[rows[first]]]

    def after(self, plan: Sequence[Ints]) -> Facts:
        """The facts with a sighting added for each step and ring account, by the move that its ring makes."""
        added = [self._sightings(step, moves[self._ring]) for step, moves in enumerate(plan)]
        return replace(self._facts, sightings=pa.concat_tables([self._facts.sightings, *added]))

    def _sightings(self, step: int, move: Ints) -> pa.Table:
        rng, table = np.random.default_rng(step), self._acts
        kinds, texts = np.empty(len(move), object), np.empty(len(move), object)
        for place, name in enumerate(MOVES):
            who = np.flatnonzero(move == place)
            kind = POPULAR[name][0] if name in POPULAR else FRESH[name]
            options = self._popular.get(name, [])
            kinds[who] = kind
            texts[who] = rng.choice(options, len(who)) if options else [f"bought-{kind}-{step}-{each}" for each in who]
        once = table["first_seen"]
        changed = {"kind": pa.array(kinds, pa.string()), "value": pa.array(texts, pa.string()), "last_seen": once}
        for name, values in changed.items():
            table = table.set_column(table.schema.get_field_index(name), name, values)
        return table.cast(self._facts.sightings.schema)


def _popular(sightings: pa.Table, kind: str, least: int, most: int) -> list[str]:
    """The texts of a kind that so many accounts are seen on; if none is, those of the most accounts."""
    held = (
        sightings.filter(pc.equal(sightings["kind"], kind))
        .group_by("value")
        .aggregate([("account_id", "count_distinct")])
    )
    count = held["account_id_count_distinct"].to_numpy()
    fits = (count >= least) & (count <= most)
    if not fits.any():
        fits = count == count.max(initial=0)
    return sorted(held.filter(pa.array(fits))["value"].to_pylist())
