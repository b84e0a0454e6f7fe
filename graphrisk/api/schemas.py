"""The answers of the API as OpenAPI documents them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Band = Literal["high", "medium", "low"]
Role = Literal["core", "associate"]
Score = Annotated[int, Field(ge=0, le=1000)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Answer(Strict):
    """What every answer carries: the run that it comes from."""

    run_id: str
    as_of: Annotated[datetime, Field(description="What was known at this moment.")]
    policy: Annotated[str, Field(description="Hash of the policy of the run.")]
    took_ms: float


class FieldError(Strict):
    pointer: Annotated[str, Field(description="The part of the request, such as /body/ids/3 or /query/limit.")]
    detail: str


class Problem(Strict):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: Annotated[str, Field(description="Stable, for programs.")]
    request_id: str
    errors: list[FieldError] = []


class Reason(Strict):
    code: str
    contribution: Annotated[int, Field(description="Milli-logits; all reasons add up to the logit of the score.")]
    text: str


class RingOfAccount(Strict):
    ring_id: str
    role: Role
    size: int
    core_size: int
    score: Score
    band: Band


class AccountAnswer(Strict):
    account_id: str
    account_status: str
    marketplace: str | None
    score: Score
    probability: Annotated[float, Field(ge=0, le=1)]
    percentile: Annotated[float, Field(ge=0, le=100, description="Share of accounts with a lower score.")]
    band: Band
    ring: RingOfAccount | None
    decision: Annotated[
        Literal["review", "watch", "none"],
        Field(description="What the band recommends to a person; nothing acts by itself."),
    ]
    reasons: list[Reason]


class OneAccount(Answer, AccountAnswer):
    pass


class FoundAccount(AccountAnswer):
    status: Literal["found"]


class UnknownAccount(Strict):
    account_id: str
    status: Literal["unknown"]


class Lookup(Strict):
    """Accounts to look up, in any order; the answer keeps it, and names each as often as it was asked for."""

    ids: Annotated[list[str], Field(min_length=1, max_length=1000)]


class Accounts(Answer):
    accounts: list[FoundAccount | UnknownAccount]


class Evidence(Strict):
    kind: str
    token: str
    hint: str | None
    accounts: Annotated[int, Field(description="How many accounts share the value.")]
    milli_nats: int


class LinkToAccount(Strict):
    account_id: str
    strength: Annotated[int, Field(description="Milli-nats, the sum of the evidence.")]
    onset: datetime
    evidence: list[Evidence]


class Page(Answer):
    total: int
    next: Annotated[str | None, Field(description="The cursor of the next page; null on the last.")]


class LinksOfAccount(Page):
    items: list[LinkToAccount]


class Lineage(Strict):
    ring_id: str
    status: str
    event: str
    event_run: str
    event_at: datetime
    born_run: str
    born_at: datetime
    superseded_by: list[str]
    related: list[str]


class LiveRing(Strict):
    ring_id: str
    status: Literal["live"]
    size: int
    core_size: int
    score: Score
    band: Band
    first_link_at: datetime
    last_link_at: datetime
    window_start: datetime
    window_end: datetime
    kinds: list[str]
    flags: list[str]
    marketplaces: list[str]
    event: str
    updated_at: datetime


class RetiredRing(Strict):
    ring_id: str
    status: Literal["retired"]
    event: str
    updated_at: datetime
    superseded_by: list[str]


class RingPage(Page):
    items: list[LiveRing | RetiredRing]


class Pair(Strict):
    account_a: str
    account_b: str


class OneLiveRing(Answer, LiveRing):
    bridge: list[Pair]
    reasons: list[Reason]
    lineage: Lineage


class OneRetiredRing(Answer, RetiredRing):
    lineage: Lineage


class Member(Strict):
    account_id: str
    role: Role
    score: Score
    band: Band


class Members(Page):
    items: list[Member]


class Link(Strict):
    account_a: str
    account_b: str
    strength: int
    onset: datetime
    evidence: list[Evidence]


class Links(Page):
    items: list[Link]


class LineagePage(Page):
    items: list[Lineage]


class Node(Strict):
    id: str
    type: Literal["account", "attribute"]
    label: str
    role: Role | None = None
    score: int | None = None
    kind: str | None = None
    accounts: Annotated[int | None, Field(description="Of an attribute: how many accounts share it, in all.")] = None
    collapsed: Annotated[bool, Field(description="So many share it that its edges are not drawn one by one.")] = False
    members: Annotated[int | None, Field(description="Of an attribute: how many shown members use it.")] = None


class Edge(Strict):
    source: str
    target: str
    type: Literal["uses", "linked"]
    strength: int | None = None


class Drawing(Answer):
    ring_id: str
    nodes: list[Node]
    edges: list[Edge]
    truncated: bool
    counts: Annotated[dict[str, int], Field(description="What there is in all: members, links, attributes.")]


class Run(Strict):
    run_id: str
    status: Literal["live", "published", "candidate"]
    as_of: datetime
    engine: str
    policy_hash: str
    output_digest: str
    counts: dict[str, int]


class Runs(Strict):
    runs: list[Run]
    took_ms: float


class RunManifest(Run):
    reference_hash: str
    input_digest: str
    made_at: datetime
    seconds: dict[str, float]
    versions: dict[str, str]
    publications: list[dict[str, Any]]
    took_ms: float


class Diff(Strict):
    before: str
    after: str
    counts: Annotated[dict[str, int], Field(description="Changes by type.")]
    objections: Annotated[list[str], Field(description="What the guard says against going from one to the other.")]
    publications: list[dict[str, Any]]
    items: Annotated[
        list[dict[str, Any]], Field(description="Rings by id, then accounts by id, as in the feed of signals.")
    ]
    total: int
    next: str | None
    took_ms: float


class State(Strict):
    status: Literal["ok", "not_ready"]
    run_id: str | None = None
    age_seconds: float | None = None
    problem: str | None = None
