"""graphrisk: rings of accounts that share devices, IP addresses and payment instruments, how risky they are, and why.

The verbs of the command line, for notebooks and scripts; results come as pandas frames::

    import graphrisk

    graphrisk.run(["facts/"], home="home")
    run = graphrisk.read_run(home="home")
    run.rings().head()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrisk.notebook import (
        PublishedRun,
        detect,
        export,
        load,
        publish,
        read_run,
        rollback,
        run,
        show_account,
        show_ring,
        status,
        why,
    )

__all__ = [
    "PublishedRun",
    "detect",
    "export",
    "load",
    "publish",
    "read_run",
    "rollback",
    "run",
    "show_account",
    "show_ring",
    "status",
    "why",
]


def __getattr__(name: str) -> Any:
    """Import the interface, and pandas with it, when it is first used: the commands start without it."""
    if name in __all__:
        return getattr(import_module("graphrisk.notebook"), name)
    raise AttributeError(f"module 'graphrisk' has no attribute {name!r}")
