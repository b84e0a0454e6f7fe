"""THE FLOW, top to bottom: load(), detect(), publish(); and what people ask of its results.

Each verb brings in its own stages when it is first used, so that a command starts without those of the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrisk.pipeline.asking import (
        account,
        chosen_run,
        export,
        lineage_elsewhere,
        policy_shown,
        ring,
        rings,
        run_status,
        runs,
        status,
    )
    from graphrisk.pipeline.assessing import WhatIf, assess, what_if_of
    from graphrisk.pipeline.comparing import Differences, differences
    from graphrisk.pipeline.detecting import detect
    from graphrisk.pipeline.diffing import diff
    from graphrisk.pipeline.erasing import Erased, erase
    from graphrisk.pipeline.explaining import Explainer, explainer_of, why
    from graphrisk.pipeline.following import follow
    from graphrisk.pipeline.graphing import graph_status, rebuild, sync, verify
    from graphrisk.pipeline.loading import Loaded, compact, load
    from graphrisk.pipeline.packing import pack_account, pack_ring
    from graphrisk.pipeline.publishing import Judgement, judgement, publish, rollback
    from graphrisk.pipeline.replaying import replay
    from graphrisk.pipeline.rotating import rotate_tokens
    from graphrisk.pipeline.running import Job, jobs, nightly
    from graphrisk.pipeline.signalling import catch_up, ensure_signals
    from graphrisk.pipeline.tidying import tidy

_VERBS = {
    "loading": ("Loaded", "compact", "load"),
    "detecting": ("detect",),
    "erasing": ("Erased", "erase"),
    "following": ("follow",),
    "graphing": ("graph_status", "rebuild", "sync", "verify"),
    "publishing": ("Judgement", "judgement", "publish", "rollback"),
    "rotating": ("rotate_tokens",),
    "signalling": ("catch_up", "ensure_signals"),
    "asking": (
        "account",
        "chosen_run",
        "export",
        "lineage_elsewhere",
        "policy_shown",
        "ring",
        "rings",
        "run_status",
        "runs",
        "status",
    ),
    "comparing": ("Differences", "differences"),
    "diffing": ("diff",),
    "assessing": ("WhatIf", "assess", "what_if_of"),
    "explaining": ("Explainer", "explainer_of", "why"),
    "replaying": ("replay",),
    "running": ("Job", "jobs", "nightly"),
    "tidying": ("tidy",),
    "packing": ("pack_account", "pack_ring"),
}

__all__ = [
    "Differences",
    "Erased",
    "Explainer",
    "Job",
    "Judgement",
    "Loaded",
    "WhatIf",
    "account",
    "assess",
    "catch_up",
    "chosen_run",
    "compact",
    "detect",
    "diff",
    "differences",
    "ensure_signals",
    "erase",
    "explainer_of",
    "export",
    "follow",
    "graph_status",
    "jobs",
    "judgement",
    "lineage_elsewhere",
    "load",
    "nightly",
    "pack_account",
    "pack_ring",
    "policy_shown",
    "publish",
    "rebuild",
    "replay",
    "ring",
    "rings",
    "rollback",
    "rotate_tokens",
    "run_status",
    "runs",
    "status",
    "sync",
    "tidy",
    "verify",
    "what_if_of",
    "why",
]


def __getattr__(name: str) -> Any:
    module = next((module for module, verbs in _VERBS.items() if name in verbs), None)
    if module is None:
        raise AttributeError(f"module 'graphrisk.pipeline' has no attribute {name!r}")
    return getattr(import_module(f"graphrisk.pipeline.{module}"), name)
