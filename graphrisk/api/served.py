"""What a worker process holds while it serves: the published runs, the keys, the limits, the audit, the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from graphrisk.api.audit import AuditLog
from graphrisk.api.keys import Keyring
from graphrisk.api.limits import RateLimits
from graphrisk.api.metrics import Metrics
from graphrisk.api.published import Published
from graphrisk.settings import Settings


@dataclass(frozen=True)
class Served:
    """The state of one worker. ``arriving`` counts by key prefix the bodies that are not there whole yet."""

    settings: Settings
    published: Published
    keyring: Keyring
    limits: RateLimits
    audit: AuditLog
    metrics: Metrics
    arriving: Counter[str] = field(default_factory=Counter[str])


def served_by(scope: MutableMapping[str, Any]) -> Served:
    """The state that belongs to an ASGI scope."""
    return scope["graphrisk.served"]
