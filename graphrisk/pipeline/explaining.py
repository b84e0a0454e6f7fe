"""Why and why not: a pair, an account and a ring explained from a run's own facts, and proved by running detection again."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from graphrisk.errors import NotFoundError, SettingsError
from graphrisk.evidence.disclosable import REFUSALS, Audience, disclosable
from graphrisk.evidence.wording import alone_text, near_text, pair_text, shared_text
from graphrisk.linkage.local import Priced, priced_pairs
from graphrisk.linkage.prices import prices
from graphrisk.linkage.waterfall import Shared, gap_days, other_prices, waterfall
from graphrisk.model import Uses, iso
from graphrisk.pipeline.asking import account_row, chosen_run
from graphrisk.pipeline.rerunning import Parts, component_of, part_of
from graphrisk.pipeline.telling import membership_told, path_told, ring_told
from graphrisk.runs.facts import Facts, open_facts
from graphrisk.runs.snapshot import Snapshot
from graphrisk.settings import Settings

SHORT = 5
"""So many links that fell short are told."""


class Explainer:
    """A run that is asked why. Answers are plain values with a sentence (``text``) at each step."""

    def __init__(self, snapshot: Snapshot, facts: Facts) -> None:
        self.snapshot, self.facts = snapshot, facts
        self.policy = snapshot.policy
        self._parts = Parts(snapshot, facts)
        self._kinds = self.policy.priced()
        self._names = list(self._kinds)

    def why(self, account_a: str, account_b: str) -> dict[str, Any]:
        """Everything two accounts share, its price, and the strongest path where they are not linked.

        Raises ``NotFoundError``, or ``SettingsError`` when both are the same.
        """
        if account_a == account_b:
            raise SettingsError(f"Both ids are {account_a!r}; name two accounts, or one to ask about its ring.")
        a, b = account_row(self.snapshot, account_a), account_row(self.snapshot, account_b)
        low, high = min(a, b), max(a, b)
        uses = self.facts.uses_of(np.array([low, high]))
        told = waterfall(uses, priced_pairs(uses, self.policy), low, high, self.policy)
        shared = [self._shared(uses, each, swapped=a > b) for each in told]
        strength, threshold = sum(each["milli_nats"] for each in shared), self.policy.links.threshold
        links, others = self.snapshot.links_of(a)
        link = links[others == b]
        path = None if len(link) else self._path(a, b)
        return {
            "account_a": account_a,
            "account_b": account_b,
            "text": pair_text(
                account_a, account_b, strength, threshold, len(shared), len(path["links"]) if path else None
            ),
            "linked": len(link) > 0,
            "strength": strength,
            "threshold": threshold,
            "missing": max(0, threshold - strength),
            "onset": self.snapshot.links_at(link)[0]["onset"] if len(link) else None,
            "shared": shared,
            "path": path,
        }

    def account(self, account_id: str) -> dict[str, Any]:
        """Why an account is in its ring and what would free it; or why it is in none. Raises ``NotFoundError``."""
        row = account_row(self.snapshot, account_id)
        if self.snapshot.ring_of[row] >= 0:
            return membership_told(self._parts, row)
        return {
            "account_id": account_id,
            "ring": None,
            "role": None,
            "paths": [],
            "bottleneck": None,
            "frees": None,
            **self._why_not(account_id, row),
        }

    def ring(self, ring_id: str) -> dict[str, Any]:
        """What holds a ring together, where it would split, and the order in which it formed. Raises ``NotFoundError``."""
        row = self.snapshot.ring_row(ring_id)
        if row is None and self.snapshot.lineage_of(ring_id):
            raise NotFoundError(f"Ring {ring_id} is retired; `graphrisk show ring {ring_id}` says what took over.")
        if row is None:
            raise NotFoundError(
                f"Run {self.snapshot.run_id} has no live ring {ring_id}; `graphrisk rings` lists the rings."
            )
        return ring_told(self._parts, row)

    def _why_not(self, account_id: str, row: int) -> dict[str, Any]:
        holding = [self.facts.holders(each) for each in self.facts.attributes_of(row) if self._priced(each)]
        near = np.unique(np.concatenate([np.array([row]), *holding]))
        uses = self.facts.uses_of(near)
        its = np.isin(uses.attribute, uses.attribute[uses.account == row])
        uses = uses._replace(**{name: getattr(uses, name)[its] for name in ("attribute", "account", "first", "last")})
        priced = priced_pairs(uses, self.policy, of=row)
        links, _ = priced.links(1)
        other = np.where(links.a == row, links.b, links.a)
        in_ring = np.flatnonzero(self.snapshot.ring_of[other] >= 0)
        best = in_ring[np.lexsort((other[in_ring], -links.strength[in_ring]))][:SHORT]
        count, shares = len(self.snapshot.links_of(row)[0]), len(near) > 1
        if not len(best):
            text = alone_text(account_id, count, shares, self.policy.rings.min_core)
            return {"text": text, "shares": shares, "nearest": None}
        short = [self._short(uses, priced, row, int(other[each])) for each in best]
        ring_id = self.snapshot.rings["ring_id"][int(self.snapshot.ring_of[other[best[0]]])].as_py()
        first, threshold = short[0], self.policy.links.threshold
        text = near_text(account_id, ring_id, first["account_id"], first["strength"], threshold)
        return {"text": text, "shares": shares, "nearest": {"ring_id": ring_id, "threshold": threshold, "short": short}}

    def _short(self, uses: Uses, priced: Priced, row: int, other: int) -> dict[str, Any]:
        """A link that fell short, by how much, and what would be enough."""
        told = waterfall(uses, priced, min(row, other), max(row, other), self.policy)
        shared = [self._shared(uses, each, swapped=row > other) for each in told]
        strength = sum(each["milli_nats"] for each in shared)
        missing = max(0, self.policy.links.threshold - strength)
        return {
            "account_id": self.snapshot.account_id(other),
            "ring_id": self.snapshot.rings["ring_id"][int(self.snapshot.ring_of[other])].as_py(),
            "strength": strength,
            "missing": missing,
            "shared": shared,
            "enough": self._enough(shared, missing),
        }

    def _enough(self, shared: list[dict[str, Any]], missing: int) -> list[dict[str, Any]]:
        """For each kind: what one more value that only the two share, used at one time, would add, and whether that links."""
        found: list[dict[str, Any]] = []
        for name, kind in self.policy.kinds.items():
            room = kind.ceiling - sum(each["milli_nats"] for each in shared if each["kind"] == name)
            adds = min(room, int(prices(kind, np.array([2]))[0, 0]))
            found.append({"kind": name, "milli_nats": adds, "enough": 0 < missing <= adds})
        return found

    def _shared(self, uses: Uses, each: Shared, swapped: bool) -> dict[str, Any]:
        row, name = int(uses.row[each.attribute]), self._names[uses.kind[each.attribute]]
        kind = self._kinds[name]
        of_a, of_b = (each.uses_of_b, each.uses_of_a) if swapped else (each.uses_of_a, each.uses_of_b)
        told: dict[str, Any] = {
            "kind": name,
            "token": self.facts.token(row),
            "hint": self.facts.hint(row),
            "accounts": int(uses.accounts[each.attribute]),
            "verdict": each.verdict,
            "gap_days": gap_days(each.gap_us),
            "price": each.price,
            "milli_nats": each.milli_nats,
            "uses_a": _span(of_a),
            "uses_b": _span(of_b),
            "prices": other_prices(kind),
        }
        return {**told, "text": shared_text(told, kind.cap)}

    def _path(self, a: int, b: int) -> dict[str, Any] | None:
        accounts = component_of(self.snapshot, a)
        if not np.isin(b, accounts):
            return None
        part = part_of(self.snapshot, self.facts, accounts)
        links, _ = part.priced.links(self.policy.links.threshold)
        return path_told(self.snapshot, links, a, {b})

    def _priced(self, attribute: Any) -> bool:
        return bool(self.facts.accounts(attribute) <= self._kinds[self._names[self.facts.kind[attribute]]].cap)


def explainer(settings: Settings, run_id: str | None = None) -> Explainer:
    """The live run, or another one, to be asked why. Raises ``NotFoundError`` or ``StoreError``."""
    snapshot = Snapshot(settings.runs, chosen_run(settings, run_id), verify=False)
    return Explainer(snapshot, open_facts(settings.runs, snapshot.run_id))


def explainer_of(snapshot: Snapshot, runs: Path) -> Explainer:
    """A run that a server has open, to be asked why; its facts are checked first. Raises ``NotFoundError``, ``StoreError``."""
    return Explainer(snapshot, open_facts(runs, snapshot.run_id, verify=True))


def why(
    settings: Settings,
    asked: str,
    other: str | None = None,
    run_id: str | None = None,
    audience: Audience = "investigator",
) -> dict[str, Any]:
    """What the live run (or another) answers about two accounts, an account, or else a ring; ``about`` says which.

    ``disclosable`` is for an account alone. Raises ``NotFoundError``, ``SettingsError`` or ``StoreError``.
    """
    run = explainer(settings, run_id)
    if other is not None:
        about, told = "pair", partial(run.why, asked, other)
    elif asked.startswith("ring_") and run.snapshot.account_row(asked) is None:
        about, told = "ring", partial(run.ring, asked)
    else:
        about, told = "account", partial(run.account, asked)
    if audience == "disclosable" and about != "account":
        raise SettingsError(REFUSALS[about])
    answer = disclosable(told()) if audience == "disclosable" else told()
    return {"run_id": run.snapshot.run_id, "about": about, **answer}


def _span(times: tuple[int, int]) -> dict[str, str]:
    return {"first": iso(times[0]), "last": iso(times[1])}
