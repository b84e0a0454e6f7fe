"""follow(): the graph after the verb that changed the home, if there is a graph."""

from __future__ import annotations

import os

from graphrisk.errors import GraphriskError
from graphrisk.logs import LOG
from graphrisk.policy import Policy
from graphrisk.settings import Settings


def follow(settings: Settings, policy: Policy) -> None:
    """Bring the graph up to date, if there is one; a warning in the log when it lags, and why.

    Never raises: the ledger and the runs are the record, and the next sync catches up.
    """
    if not settings.may_have_graph:
        return
    from graphrisk.pipeline.graphing import graph_of, sync  # noqa: PLC0415 - the driver, which most homes do without

    try:
        if graph_of(settings) is not None:
            sync(settings, policy)
    except GraphriskError as error:
        LOG.warning("The graph lags behind: %s Then `graphrisk graph sync` catches up.", error)
    except Exception as error:  # the verb itself has done its work
        LOG.warning(
            "The graph lags behind (unexpected %s); `graphrisk graph sync` says more.",
            type(error).__name__,
        )


def show_elsewhere(settings: Settings, policy: Policy) -> None:
    """``follow`` for a server elsewhere, while the run that it shows is still there: without it, all is written anew."""
    if os.environ.get("GRAPHRISK_NEO4J_URL"):
        follow(settings, policy)


def forget_in_graph(settings: Settings, policy: Policy) -> tuple[str, str | None]:
    """Take what the ledger no longer has out of the graph: ``none`` (there is no graph), ``done`` or ``lags``, and then why.

    A server of the home loses its database files, which keep what was deleted, and is written anew.
    """
    if not settings.may_have_graph:
        return "none", None
    from graphrisk.pipeline.graphing import drop_local_graph, graph_of, sync  # noqa: PLC0415 - the driver

    try:
        drop_local_graph(settings)
        if graph_of(settings) is not None:
            sync(settings, policy)
        return "done", None
    except GraphriskError as error:
        return "lags", f"The graph lags behind: {error} Then `graphrisk graph sync` takes the accounts out of it."
