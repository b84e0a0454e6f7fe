"""follow(): the graph after the verb that changed the home, if there is a graph."""

from __future__ import annotations

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
