"""The answers of the API as frozen dataclasses. What a newer server adds is left out; its ids, times and units are its own.

Scores are 0–1000, contributions milli-logits, strengths milli-nats, times aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    contribution: int
    text: str


@dataclass(frozen=True, slots=True)
class RingOfAccount:
    """The ring of an account; ``rival`` is its likeliest innocent explanation, ``recommended`` says whether to act on it."""

    ring_id: str
    role: str
    size: int
    core_size: int
    score: int
    band: str
    recommended: bool | None = None
    rival: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """An account that the run knows. ``reasons`` add up to the logit of ``score``; ``percentile`` is 0–100.

    ``browser_url`` opens it in the Neo4j Browser, where the server names one.
    """

    account_id: str
    account_status: str
    marketplace: str | None
    score: int
    probability: float
    percentile: float
    band: str
    ring: RingOfAccount | None
    decision: str
    reasons: tuple[Reason, ...]
    run_id: str
    status: Literal["found"] = "found"
    browser_url: str | None = None


@dataclass(frozen=True, slots=True)
class UnknownAccount:
    """An account that the run does not know."""

    account_id: str
    run_id: str
    status: Literal["unknown"] = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What two accounts share; ``accounts`` is how many share it in all."""

    kind: str
    token: str
    hint: str | None
    accounts: int
    milli_nats: int


@dataclass(frozen=True, slots=True)
class AccountLink:
    """A link from the account that was asked for to another."""

    account_id: str
    strength: int
    onset: datetime
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Link:
    account_a: str
    account_b: str
    strength: int
    onset: datetime
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What last happened to a ring id, and which ids took over or are related."""

    ring_id: str
    status: str
    event: str
    event_run: str
    event_at: datetime
    born_run: str
    born_at: datetime
    superseded_by: tuple[str, ...]
    related: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    account_a: str
    account_b: str


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a ring may be: an organized ring or something innocent; ``permille`` is how likely, in 1/1000."""

    code: str
    permille: int


@dataclass(frozen=True, slots=True)
class Rival:
    """The likeliest innocent explanation of a ring.

    ``lead`` (milli-logits) is how much likelier an organized ring is, below 0: less likely; ``needed`` is what the policy
    asks for before it recommends action; ``decides`` says what would decide between the two.
    """

    code: str
    text: str
    lead: int
    needed: int
    decides: str


@dataclass(frozen=True, slots=True)
class Ring:
    """A live ring. ``browser_url`` opens it in the Neo4j Browser, where the server names one.

    ``recommended`` says whether to act on it: its score is high and no innocent ``rival`` is near. Of a run from before
    this was told, it and ``rival`` are None.
    """

    ring_id: str
    size: int
    core_size: int
    score: int
    band: str
    first_link_at: datetime
    last_link_at: datetime
    window_start: datetime
    window_end: datetime
    kinds: tuple[str, ...]
    flags: tuple[str, ...]
    marketplaces: tuple[str, ...]
    event: str
    updated_at: datetime
    status: Literal["live"] = "live"
    browser_url: str | None = None
    recommended: bool | None = None
    hypotheses: tuple[Hypothesis, ...] = ()
    rival: Rival | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RingDetail(Ring):
    """A live ring and why it has its score; ``bridge`` are the few light links that hold its halves together, if so.

    ``lead_reasons`` add up to the lead over its rival.
    """

    bridge: tuple[Pair, ...]
    reasons: tuple[Reason, ...]
    lineage: Lineage
    lead_reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class RetiredRing:
    """A ring id that is no longer in use. ``browser_url`` opens its history in the Neo4j Browser, where the server names one."""

    ring_id: str
    event: str
    updated_at: datetime
    superseded_by: tuple[str, ...]
    status: Literal["retired"] = "retired"
    browser_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetiredRingDetail(RetiredRing):
    lineage: Lineage


@dataclass(frozen=True, slots=True)
class Member:
    account_id: str
    role: str
    score: int
    band: str


@dataclass(frozen=True, slots=True)
class Node:
    """An account, or an attribute that members share; ``collapsed`` says that its edges are not drawn one by one."""

    id: str
    type: str
    label: str
    role: str | None = None
    score: int | None = None
    kind: str | None = None
    accounts: int | None = None
    collapsed: bool = False
    members: int | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    type: str
    strength: int | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A ring ready to draw. ``counts`` says how many members, links and attributes there are in all."""

    ring_id: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    truncated: bool
    counts: Mapping[str, int]
    run_id: str
