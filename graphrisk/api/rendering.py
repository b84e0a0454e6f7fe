"""The answer about an account as JSON text, put together from parts that many accounts share."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from graphrisk.graph.links import BrowserLinks
from graphrisk.model import Ints
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
        self._has_links = links.account("") is not None
        statuses, self._statuses = snapshot.coded("status")
        marketplaces, self._marketplaces = snapshot.coded("marketplace")
        core = np.asarray(snapshot.is_core).view(np.uint8)
        columns = (snapshot.logit, snapshot.ring_of, core, statuses, marketplaces, snapshot.reason_bounds)
        self._columns = [np.ascontiguousarray(each) for each in columns]
        self._cells = [each.data for each in self._columns]
        self._reasons = snapshot.reason_bytes
        manifest = snapshot.manifest
        self.opening = f'{{"run_id":"{snapshot.run_id}","as_of":"{manifest["as_of"]}","policy":"{manifest["policy_hash"]}","took_ms":'
        self._ending = lru_cache(KEPT_ENDINGS)(self._make_ending)

    def describe(self, account_id: str, row: int) -> str:
        """The members of a JSON object without its braces: the id and its link, then what the run says of that row."""
        logit, ring, core, status, marketplace, bounds = self._cells
        reasons = self._reasons[bounds[row] * REASON.itemsize : bounds[row + 1] * REASON.itemsize]
        ending = self._ending(logit[row], ring[row], core[row], status[row], marketplace[row], reasons)
        return f'"account_id":{quoted(account_id)},"browser_url":{self._quoted_link(account_id)},{ending}'

    def look_up(self, account_ids: Sequence[str], rows: Ints) -> list[str]:
        """A JSON object for each account: what ``describe`` says by its row, or that the run does not know it (−1)."""
        size = REASON.itemsize
        is_known = rows >= 0
        known = rows[is_known]
        *columns, bounds = self._columns
        # Gathered at once: one by one, every look into a column of a million waits for memory.
        told = zip(*(each[known].tolist() for each in columns), strict=True)
        spans = zip((bounds[known] * size).tolist(), (bounds[known + 1] * size).tolist(), strict=True)
        items: list[str] = []
        for account_id, there in zip(account_ids, is_known.tolist(), strict=True):
            if there:
                (begin, end), link = next(spans), self._quoted_link(account_id) if self._has_links else "null"
                ending = self._ending(*next(told), self._reasons[begin:end])
                # Not around what ``describe`` puts together: to copy half a kilobyte again is a tenth of the work.
                items.append(f'{{"status":"found","account_id":{quoted(account_id)},"browser_url":{link},{ending}}}')
            else:
                items.append(f'{{"status":"unknown","account_id":{quoted(account_id)}}}')
        return items

    def _quoted_link(self, account_id: str) -> str:
        link = self._link(account_id)
        return quoted(link) if link else "null"

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
