"""The answer about an account as JSON text, put together from parts that many accounts share."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from graphrisk.model import Ints
from graphrisk.runs.snapshot import Snapshot
from graphrisk.scoring.reasons import explain
from graphrisk.scoring.ring_risk import to_score

KEPT_ENDINGS = 20_000
RECOMMENDED = {"high": "review", "medium": "watch", "low": "none"}
"""What a band recommends; people decide."""


def quoted(text: str | None) -> str:
    """A text as JSON."""
    return json.dumps(text, ensure_ascii=True)


class AccountAnswers:
    """The answers of one run about accounts; everything but id, status and marketplace is rendered once per pattern."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._ending = lru_cache(KEPT_ENDINGS)(self._make_ending)
        self._ring = lru_cache(KEPT_ENDINGS)(self._make_ring)

    def describe(self, account_ids: Sequence[str], rows: Ints) -> list[str]:
        """For each id the members of a JSON object without its braces: id, then what the run says of that row."""
        snapshot, places = self._snapshot, pa.array(rows)
        statuses = snapshot.accounts["status"].take(places).to_pylist()
        marketplaces = snapshot.accounts["marketplace"].take(places).to_pylist()
        starts, ends = snapshot.reason_bounds[rows].tolist(), snapshot.reason_bounds[rows + 1].tolist()
        columns = [each[rows].tolist() for each in (snapshot.logit, snapshot.ring_of, snapshot.is_core)]
        codes, parts, ending = snapshot.reason_codes, snapshot.reason_parts, self._ending
        return [
            f'"account_id":{quoted(account_id)},'
            + ending(*rest, codes[start:end].tobytes(), parts[start:end].tobytes())
            for account_id, start, end, *rest in zip(
                account_ids, starts, ends, *columns, statuses, marketplaces, strict=True
            )
        ]

    def reasons(self, ring: int, parts: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
        """Reasons with their sentences, largest first; ``ring`` is the row whose features they speak of, or −1."""
        features = self._snapshot.rings["features"][ring].as_py() if ring >= 0 else []
        return [asdict(each) for each in explain(list(parts), {each["code"]: each["value"] for each in features})]

    def _make_ending(
        self, logit: int, ring: int, core: bool, status: str, marketplace: str | None, codes: bytes, parts: bytes
    ) -> str:
        names = self._snapshot.reason_names
        contributions = np.frombuffer(parts, np.int32).tolist()
        score = int(to_score(np.array(logit)))
        band = band_of(score, self._snapshot)
        answer = {
            "account_status": status,
            "marketplace": marketplace,
            "score": score,
            "probability": round(1 / (1 + math.exp(-logit / 1000)), 6),
            "percentile": float(self._snapshot.percentile[score]),
            "band": band,
            "ring": {"role": "core" if core else "associate", **self._ring(ring)} if ring >= 0 else None,
            "decision": RECOMMENDED[band],
            "reasons": self.reasons(
                ring, [(names[code], part) for code, part in zip(codes, contributions, strict=True)]
            ),
        }
        return json.dumps(answer, separators=(",", ":"))[1:-1]

    def _make_ring(self, ring: int) -> dict[str, Any]:
        names = ["ring_id", "size", "core_size", "score", "band"]
        return self._snapshot.rings.select(names).slice(ring, 1).to_pylist()[0]


def band_of(score: int, snapshot: Snapshot) -> str:
    """The band of a score by the policy of the run."""
    bands = snapshot.manifest["policy"]["bands"]
    return "high" if score >= bands["high"] else "medium" if score >= bands["medium"] else "low"
