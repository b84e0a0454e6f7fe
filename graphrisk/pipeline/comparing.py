"""differences(): what changes from one run to another, and what the guard says of it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from graphrisk.pipeline.publishing import judgement
from graphrisk.pipeline.signalling import findings
from graphrisk.policy import Policy
from graphrisk.runs.store import read_manifest
from graphrisk.settings import Settings
from graphrisk.signals import Move, changes

NOT_OF_A_PAIR = ("seq", "at", "run_id", "previous_run_id")


class Differences(NamedTuple):
    """Changes of rings by id, then of accounts by id, as the feed tells them; and the guard's objections, if any."""

    texts: list[str]
    objections: list[str]

    def counts(self) -> dict[str, int]:
        """How many changes there are of each type."""
        counts: dict[str, int] = {}
        for text in self.texts:
            kind = text[text.index('"type":"') + 8 :].partition('"')[0]
            counts[kind] = counts.get(kind, 0) + 1
        return counts

    def items(self, start: int, end: int) -> list[dict[str, Any]]:
        """Some of the changes as plain values."""
        found = [json.loads(f"{{{text}}}") for text in self.texts[start:end]]
        return [{name: value for name, value in each.items() if name not in NOT_OF_A_PAIR} for each in found]


def differences(settings: Settings, before: str, after: str) -> Differences:
    """What differs between two runs that are kept. Raises ``NotFoundError``, or ``StoreError`` when one is damaged.

    The guard's limits are those of the policy of the later run.
    """
    policy = Policy.model_validate(read_manifest(settings.runs, after)["policy"])
    move = Move(0, "", after, before, "publish")
    texts = changes(move, findings(settings, before), findings(settings, after)).to_pylist()[1:]
    return Differences(texts, judgement(settings, policy, after, before).objections)
