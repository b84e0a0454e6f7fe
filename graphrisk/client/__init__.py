"""The client of the API: typed answers, pages as iterators, retries, and frames for notebooks.

    from graphrisk.client import Client

    with Client("http://127.0.0.1:8600", key) as client:
        client.account("acc_00000313").score
        client.rings(band="high").to_frame()

It needs nothing of a home, and imports pandas only when a frame is asked for. docs/api.md has recipes.
"""

from __future__ import annotations

from graphrisk.client.answers import (
    Account,
    AccountLink,
    Drawing,
    Edge,
    Evidence,
    Hypothesis,
    Lineage,
    Link,
    Member,
    Node,
    Pair,
    Reason,
    RetiredRing,
    RetiredRingDetail,
    Ring,
    RingDetail,
    RingOfAccount,
    Rival,
    UnknownAccount,
)
from graphrisk.client.asking import Client, RingFilters
from graphrisk.client.explanations import (
    AccountExplanation,
    DisclosableExplanation,
    PairExplanation,
    RingExplanation,
)
from graphrisk.client.failures import (
    ApiError,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    RingRetired,
    RunGone,
    Unauthorized,
    Unavailable,
)
from graphrisk.client.rows import Rows, to_frame
from graphrisk.client.run_answers import Change, Comparison, Publication, Run, RunManifest, Signal

__all__ = [
    "Account",
    "AccountExplanation",
    "AccountLink",
    "ApiError",
    "Change",
    "Client",
    "Comparison",
    "DisclosableExplanation",
    "Drawing",
    "Edge",
    "Evidence",
    "Forbidden",
    "Hypothesis",
    "InvalidRequest",
    "Lineage",
    "Link",
    "Member",
    "Node",
    "NotFound",
    "Pair",
    "PairExplanation",
    "Publication",
    "RateLimited",
    "Reason",
    "RetiredRing",
    "RetiredRingDetail",
    "Ring",
    "RingDetail",
    "RingExplanation",
    "RingFilters",
    "RingOfAccount",
    "RingRetired",
    "Rival",
    "Rows",
    "Run",
    "RunGone",
    "RunManifest",
    "Signal",
    "Unauthorized",
    "Unavailable",
    "UnknownAccount",
    "to_frame",
]
