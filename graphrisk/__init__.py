"""graphrisk: rings of accounts that share devices, IP addresses and payment instruments, how risky they are, and why.

The verbs of the command line, for notebooks and scripts; results come as pandas frames::

    import graphrisk

    graphrisk.run(["facts/"], home="home")
    run = graphrisk.read_run(home="home")
    run.rings().head()
"""

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
]
