"""assess(): raw attributes of accounts that need not exist → links, ring, role and score, beside the live run."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from threading import Lock
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from graphrisk.errors import InputError, NotFoundError
from graphrisk.linkage.local import priced_pairs
from graphrisk.model import iso, microseconds
from graphrisk.pipeline.asking import chosen_run
from graphrisk.pipeline.assessment.asked import AskedAccount, asked_of
from graphrisk.pipeline.assessment.assessor import Assessed, Assessor, Newcomer
from graphrisk.pipeline.assessment.holdings import Seen
from graphrisk.pipeline.assessment.scoring import AssessedRing, assessed_ring, assessed_score
from graphrisk.rings.identity import identify
from graphrisk.runs.assembly import read_lineage
from graphrisk.runs.facts import Facts, open_facts
from graphrisk.runs.snapshot import Snapshot
from graphrisk.schema import REJECT_REASONS
from graphrisk.scoring.hypotheses import decision
from graphrisk.scoring.reasons import explain
from graphrisk.scoring.reference import Reference, read_reference
from graphrisk.settings import Settings
from graphrisk.sources.direct import DirectJudge
from graphrisk.sources.tokens import TokenKey, token_key

UNNAMED = "assessed account"
"""The id of an account that is given none; it decides where the account stands among equals."""


class WhatIf:
    """A run that is asked what it would say of accounts with given attributes."""

    def __init__(self, snapshot: Snapshot, facts: Facts, reference: Reference, key: TokenKey) -> None:
        """Raises ``InputError`` when the run was made with another reference or another token key."""
        if reference.hash != snapshot.manifest["reference_hash"]:
            raise InputError(f"The reference changed since run {snapshot.run_id}; detect and publish, then ask again.")
        if key.key_id != snapshot.manifest["token_key"]:
            raise InputError(
                f"Run {snapshot.run_id} has tokens of another key; give that key, or detect and publish anew."
            )
        self.assessor = Assessor(snapshot, facts, reference)
        self._snapshot, self._facts, self._policy = snapshot, facts, self.assessor.policy
        columns = duckdb.connect(config={"threads": 1, "temp_directory": ""})
        columns.execute("SET TimeZone = 'UTC'")
        self._judging = Lock()
        self._judge = DirectJudge(columns, self._policy, key)

    def assess(self, accounts: Sequence[AskedAccount]) -> list[dict[str, Any]]:
        """What the run would say of accounts, each as if it alone were new: score, reasons that add up to its logit, ring,
        links with their evidence, and the sightings that a load would reject."""
        judged = self._judged(accounts)
        newcomers = [_newcomer(account, rows) for account, rows in zip(accounts, judged, strict=True)]
        found = [self.assessor.assess(newcomer) for newcomer in newcomers]
        rings = [assessed_ring(self.assessor, each) for each in found]
        return [self._told(*each) for each in zip(found, rings, judged, strict=True)]

    def judge(self, rows: Sequence[Mapping[str, str | None]]) -> list[dict[str, Any]]:
        """Sightings as a load would take or reject them (``DirectJudge``)."""
        with self._judging:
            return self._judge.judge(rows, time.time_ns() // 1000) if rows else []

    def _judged(self, accounts: Sequence[AskedAccount]) -> list[list[dict[str, Any]]]:
        """The judgement of each sighting of each account."""
        rows = [account.rows(account.account_id or UNNAMED) for account in accounts]
        left = iter(self.judge([row for each in rows for row in each]))
        return [list(islice(left, len(each))) for each in rows]

    def _told(self, found: Assessed, ring: AssessedRing | None, judged: list[dict[str, Any]]) -> dict[str, Any]:
        own = assessed_score(self.assessor, found, ring)
        band, told = self._policy.bands.of(own.score), self._ring(found, ring) if ring else None
        return {
            "account_id": found.newcomer.account_id,
            "known": found.number % 2 == 0,
            "score": own.score,
            "band": band,
            "decision": decision(band, told),
            "logit": own.logit,
            "reasons": [asdict(reason) for reason in explain(own.reasons, ring.features if ring else {})],
            "ring": told,
            "links": self._links(found),
            "rejected": [
                {"sighting": place, "reason": row["reason"], "text": REJECT_REASONS[row["reason"]]}
                for place, row in enumerate(judged)
                if row["reason"] is not None
            ],
        }

    def _ring(self, found: Assessed, ring: AssessedRing) -> dict[str, Any]:
        numbers = ring.accounts[ring.accounts != found.number]
        rows = np.unique(self._snapshot.ring_of[numbers // 2])
        touched = self._snapshot.rings["ring_id"].take(pa.array(rows[rows >= 0])).to_pylist()
        names = dict(zip(found.part.accounts.tolist(), found.part.ids.to_pylist(), strict=True))
        core = [names[number] for number in ring.core.tolist()]
        lineage = [self._snapshot.lineage_of(ring_id) for ring_id in touched] + self._snapshot.retired_of(core)
        known = read_lineage(pa.Table.from_pylist(lineage, self._snapshot.lineage.schema))
        moment = microseconds(datetime.fromisoformat(self._snapshot.manifest["as_of"]))
        named = identify([core], set(touched), known, self._snapshot.run_id, moment, self._policy.rings)
        ring_id = named.ring_ids[0]
        return {
            "ring_id": ring_id if ring_id in {each.ring_id for each in known} else None,
            "touches": touched,
            "role": "core" if (ring.core == found.number).any() else "associate",
            "size": len(ring.accounts),
            "core_size": len(ring.core),
            "score": ring.score,
            "band": self._policy.bands.of(ring.score),
            "recommended": ring.recommended,
            "rival": ring.rival,
            "lead": ring.lead,
            "members": [names[number] for number in numbers.tolist()],
        }

    def _links(self, found: Assessed) -> list[dict[str, Any]]:
        """The account's links, strongest first, with what it shares with each other account, kind by kind."""
        number, names = found.number, list(self._policy.priced())
        others = found.reach.links_of(number)
        uses = found.overlay.uses_of(np.array(sorted([number, *others]), np.int64))
        values = found.overlay.values_of(uses)
        links, evidence = priced_pairs(uses, self._policy, of=number).links(self._policy.links.threshold)
        under: dict[int, list[dict[str, Any]]] = {other: [] for other in others}
        for a, b, attribute, milli_nats in zip(*(column.tolist() for column in evidence), strict=True):
            if (other := b if a == number else a) in under:
                row = int(uses.row[attribute])
                under[other].append(
                    {
                        "kind": names[uses.kind[attribute]],
                        "token": f"{self._snapshot.manifest['token_key']}:{values[attribute].hex()}",
                        "hint": self._facts.hint(row) if row >= 0 else None,
                        "accounts": int(uses.accounts[attribute]),
                        "milli_nats": milli_nats,
                    }
                )
        onset = dict(zip(np.where(links.a == number, links.b, links.a).tolist(), links.onset.tolist(), strict=True))
        return [
            {
                "account_id": self._snapshot.account_id(other // 2),
                "strength": strength,
                "onset": iso(onset[other]),
                "evidence": under[other],
            }
            for other, strength in sorted(others.items(), key=lambda link: (-link[1], link[0]))
        ]


def assess(settings: Settings, given: Any, run_id: str | None = None) -> list[dict[str, Any]]:
    """What a run (the live one) would say of accounts (``asked_of``), each as if it alone were new.

    Writes nothing. Raises ``InputError`` for what cannot be assessed, ``NotFoundError`` or ``StoreError`` for the run.
    """
    asked = asked_of(given)
    return what_if(settings, run_id).assess(asked)


def what_if(settings: Settings, run_id: str | None = None) -> WhatIf:
    """The run to ask."""
    snapshot = Snapshot(settings.runs, chosen_run(settings, run_id), verify=False)
    return what_if_of(settings, snapshot, verify=False)


def what_if_of(settings: Settings, snapshot: Snapshot, verify: bool = True) -> WhatIf:
    """A run that is open, to be asked; ``verify`` checks its facts first."""
    if "clock" not in snapshot.manifest:
        raise NotFoundError(
            f"The run {snapshot.run_id} is from before runs kept what assessments need; detect and publish again."
        )
    reference = read_reference(settings.reference_file)
    return WhatIf(snapshot, open_facts(settings.runs, snapshot.run_id, verify), reference, token_key(settings.home))


def _newcomer(account: AskedAccount, judged: Sequence[Mapping[str, Any]]) -> Newcomer:
    created = microseconds(account.created_at) if account.created_at else None
    seen = [_seen(row) for row in judged if row["reason"] is None]
    return Newcomer(account.account_id or UNNAMED, created, seen, account.status)


def _seen(row: Mapping[str, Any]) -> Seen:
    network = row["network"]
    return Seen(
        row["kind"], _bytes(row["token"]), _bytes(network) if network else None, row["first_seen"], row["last_seen"]
    )


def _bytes(token: str) -> bytes:
    return bytes.fromhex(token.partition(":")[2])
