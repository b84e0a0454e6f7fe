"""One request as the guard, the routes, the audit and the metrics see it."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from graphrisk.api.keys import Key

SLASH = "\ue02f"
"""Stands for an encoded slash while a path is taken apart; no account id can hold it, since it is not printable."""


@dataclass(slots=True)
class Call:
    """Who asks what; filled in on the way through. ``run_id`` is the run that answered, ``ids`` what was asked for.

    ``audited`` is the scope that the line of audit names; None: this call has none, or it was tried already.
    """

    request_id: str
    sent_headers: dict[bytes, bytes]
    started: float = field(default_factory=time.perf_counter)
    route: str = "none"
    key: Key | None = None
    ids: list[str] = field(default_factory=list)
    run_id: str | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    audited: str | None = None

    def took_ms(self) -> float:
        return round(1000 * (time.perf_counter() - self.started), 3)


def call_of(scope: MutableMapping[str, Any]) -> Call:
    """The call that belongs to an ASGI scope."""
    return scope["graphrisk.call"]
