"""The answer about an account as JSON text, put together from parts that many accounts share."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from graphrisk.graph.links import BrowserLinks
from graphrisk.runs.snapshot import REASON, Snapshot
from graphrisk.scoring.hypotheses import decision
from graphrisk.scoring.reasons import explain
from graphrisk.scoring.ring_risk import to_score

KEPT_ENDINGS = 20_000

quoted = json.encoder.encode_basestring_ascii
"""A text as JSON."""


class AccountAnswers:
    """The answers of one run about accounts; everything but the id is rendered once for all that share it.

    ``opening`` is how each begins, up to the milliseconds that it took.
    """

    def __init__(self, snapshot: Snapshot, links: BrowserLinks) -> None:
        self._snapshot, self._link = snapshot, links.account
        statuses, self._statuses = snapshot.coded("status")
        marketplaces, self._marketplaces = snapshot.coded("marketplace")
        core = np.asarray(snapshot.is_core).view(np.uint8)
        columns = (snapshot.logit, snapshot.ring_of, core, statuses, marketplaces)
        self._columns = [np.ascontiguousarray(each).data for each in columns]
        self._bounds, self._reasons = np.ascontiguousarray(snapshot.reason_bounds).data, snapshot.reason_bytes
        manifest = snapshot.manifest
        self.opening = f'{{"run_id":"{snapshot.run_id}","as_of":"{manifest["as_of"]}","policy":"{manifest["policy_hash"]}","took_ms":'
        self._ending = lru_cache(KEPT_ENDINGS)(self._make_ending)

    def describe(self, account_id: str, row: int) -> str:
        """The members of a JSON object without its braces: the id and its link, then what the run says of that row."""
        reasons = self._reasons[self._bounds[row] * REASON.itemsize : self._bounds[row + 1] * REASON.itemsize]
        logit, ring, core, status, marketplace = self._columns
        ending = self._ending(logit[row], ring[row], core[row], status[row], marketplace[row], reasons)
        link = self._link(account_id)
        return f'"account_id":{quoted(account_id)},"browser_url":{quoted(link) if link else "null"},{ending}'

    def reasons(self, ring: int, parts: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
        """Reasons with their sentences, largest first; ``ring`` is the row whose features they speak of, or −1."""
        features = self._snapshot.features_of(ring) if ring >= 0 else {}
        told = explain(list(parts), features)
        return [{"code": each.code, "contribution": each.contribution, "text": each.text} for each in told]

    def _make_ending(self, logit: int, ring: int, core: int, status: int, marketplace: int, reasons: bytes) -> str:
        names, packed = self._snapshot.reason_names, np.frombuffer(reasons, REASON)
        score = int(to_score(np.array(logit)))
        band = band_of(score, self._snapshot)
        held = {"role": "core" if core else "associate", **self._rings[ring]} if ring >= 0 else None
        answer = {
            "account_status": self._statuses[status],
            "marketplace": self._marketplaces[marketplace],
            "score": score,
            "probability": round(1 / (1 + math.exp(-logit / 1000)), 6),
            "percentile": float(self._snapshot.percentile[score]),
            "band": band,
            "ring": held,
            "decision": decision(band, held),
            "reasons": self.reasons(ring, [(names[code], part) for code, part in packed.tolist()]),
        }
        return json.dumps(answer, separators=(",", ":"))[1:-1]

    @cached_property
    def _rings(self) -> list[dict[str, Any]]:
        """What an account's answer says of its ring, by the ring's row."""
        names = ["ring_id", "size", "core_size", "score", "band", "recommended", "rival"]
        return self._snapshot.rings.select(names).to_pylist()


def band_of(score: int, snapshot: Snapshot) -> str:
    """The band of a score by the policy of the run."""
    bands = snapshot.manifest["policy"]["bands"]
    return "high" if score >= bands["high"] else "medium" if score >= bands["medium"] else "low"
