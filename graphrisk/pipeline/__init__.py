"""THE FLOW, top to bottom: load(), detect(), publish(); and what people ask of its results."""

from graphrisk.pipeline.asking import account, chosen_run, export, policy_shown, ring, rings, run_status, runs, status
from graphrisk.pipeline.detecting import detect
from graphrisk.pipeline.loading import Loaded, compact, load
from graphrisk.pipeline.publishing import publish, rollback

__all__ = [
    "Loaded",
    "account",
    "chosen_run",
    "compact",
    "detect",
    "export",
    "load",
    "policy_shown",
    "publish",
    "ring",
    "rings",
    "rollback",
    "run_status",
    "runs",
    "status",
]
