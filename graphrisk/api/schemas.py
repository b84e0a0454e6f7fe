"""The answers of the API as OpenAPI documents them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Band = Literal["high", "medium", "low"]
Role = Literal["core", "associate"]
Score = Annotated[int, Field(ge=0, le=1000, examples=[986])]
AccountId = Annotated[str, Field(examples=["acc_00000313"])]
RingId = Annotated[str, Field(examples=["ring_djndptuyd5x4w"])]
RunId = Annotated[str, Field(examples=["run_xbclm3zqimr6f6r6"])]
Moment = Annotated[datetime, Field(examples=["2026-05-02T09:30:00Z"])]
Count = Annotated[int, Field(ge=0, examples=[20])]
MilliNats = Annotated[int, Field(description="Milli-nats.", examples=[6420])]
Kind = Annotated[str, Field(examples=["device"])]
Event = Annotated[str, Field(examples=["grew"])]
Digest = Annotated[str, Field(examples=["f6de105eac4d36faa9a8bbd98ba8229951cdfed7751f99f6ecf5419e8bc98468"])]
BrowserUrl = Annotated[str | None, Field(description="Opens it in the Neo4j Browser; else null.", examples=[None])]
Milliseconds = Annotated[float, Field(examples=[0.42])]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Answer(Strict):
    """What every answer carries: the run that it comes from."""

    run_id: RunId
    as_of: Annotated[Moment, Field(description="What was known at this moment.")]
    policy: Annotated[Digest, Field(description="Hash of the policy of the run.")]
    took_ms: Milliseconds


class FieldError(Strict):
    pointer: Annotated[str, Field(description="The part of the request.", examples=["/body/ids/3", "/query/limit"])]
    detail: Annotated[str, Field(examples=["Input should be a valid string"])]


class Problem(Strict):
    """RFC 9457."""

    type: Annotated[str, Field(examples=["urn:graphrisk:problem:unknown_account"])]
    title: Annotated[str, Field(examples=["Not found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(examples=["Run run_xbclm3zqimr6f6r6 has no account 'nobody'."])]
    instance: Annotated[str, Field(examples=["/v1/accounts/nobody"])]
    code: Annotated[str, Field(description="Stable, for programs.", examples=["unknown_account"])]
    request_id: Annotated[str, Field(examples=["d7f87f88e367436e8df63d42a00519ea"])]
    errors: list[FieldError] = []


class Reason(Strict):
    code: Annotated[str, Field(examples=["log_n"])]
    contribution: Annotated[
        int, Field(description="Milli-logits; all reasons add up to the logit of the score.", examples=[3600])
    ]
    text: Annotated[str, Field(examples=["The ring has 20 core accounts."])]


Recommended = Annotated[
    bool | None,
    Field(
        description="Whether to act on the ring: its score is high and no innocent rival is near. Null in a run from before this was told.",
        examples=[True],
    ),
]
RivalCode = Annotated[str | None, Field(description="The likeliest innocent explanation.", examples=["workplace"])]


class RingOfAccount(Strict):
    ring_id: RingId
    role: Role
    size: Count
    core_size: Count
    score: Score
    band: Band
    recommended: Recommended
    rival: RivalCode


class AccountAnswer(Strict):
    account_id: AccountId
    browser_url: BrowserUrl
    account_status: Annotated[str, Field(examples=["active"])]
    marketplace: Annotated[str | None, Field(examples=["bazaar24"])]
    score: Score
    probability: Annotated[float, Field(ge=0, le=1, examples=[0.986])]
    percentile: Annotated[
        float, Field(ge=0, le=100, description="Share of accounts with a lower score.", examples=[98.7])
    ]
    band: Band
    ring: RingOfAccount | None
    decision: Annotated[
        Literal["act", "review", "watch", "none"],
        Field(
            description="What a person is recommended to do; nothing acts by itself. `act` only on a core member of a recommended ring."
        ),
    ]
    reasons: list[Reason]


class OneAccount(Answer, AccountAnswer):
    pass


class FoundAccount(AccountAnswer):
    status: Literal["found"]


class UnknownAccount(Strict):
    account_id: AccountId
    status: Literal["unknown"]


class Lookup(Strict):
    """Accounts to look up, in any order; the answer keeps it, and names each as often as it was asked for."""

    ids: Annotated[
        list[str], Field(min_length=1, max_length=1000, examples=[["acc_00000313", "acc_00001180", "nobody"]])
    ]


class Accounts(Answer):
    accounts: list[FoundAccount | UnknownAccount]


class Evidence(Strict):
    kind: Kind
    token: Annotated[str, Field(examples=["6fc51d93:2f3ce7f11a977490db79f9da461e21ac"])]
    hint: Annotated[str | None, Field(examples=["…b9e5"])]
    accounts: Annotated[int, Field(description="How many accounts share the value.", examples=[6])]
    milli_nats: MilliNats


class LinkToAccount(Strict):
    account_id: AccountId
    strength: Annotated[int, Field(description="Milli-nats, the sum of the evidence.", examples=[6420])]
    onset: Moment
    evidence: list[Evidence]


class Page(Answer):
    total: Count
    next: Annotated[str | None, Field(description="The cursor of the next page; null on the last.", examples=[None])]


class LinksOfAccount(Page):
    items: list[LinkToAccount]


class Lineage(Strict):
    ring_id: RingId
    status: Annotated[str, Field(examples=["live"])]
    event: Event
    event_run: RunId
    event_at: Moment
    born_run: RunId
    born_at: Moment
    superseded_by: list[RingId]
    related: list[RingId]


class Hypothesis(Strict):
    code: Annotated[str, Field(examples=["organized_ring"])]
    permille: Annotated[int, Field(ge=0, le=1000, description="How likely, in 1/1000.", examples=[994])]


class Rival(Strict):
    code: Annotated[str, Field(examples=["workplace"])]
    text: Annotated[str, Field(examples=["A workplace or business is nearly as likely as an organized ring."])]
    lead: Annotated[
        int,
        Field(description="Milli-logits by which an organized ring is likelier; below 0: less likely.", examples=[850]),
    ]
    needed: Annotated[int, Field(description="The lead that the policy asks for.", examples=[1000])]
    decides: Annotated[
        str, Field(description="What would decide between the two.", examples=["Look for a registered business."])
    ]


class LiveRing(Strict):
    ring_id: RingId
    browser_url: BrowserUrl
    status: Literal["live"]
    size: Count
    core_size: Count
    score: Score
    band: Band
    first_link_at: Moment
    last_link_at: Moment
    window_start: Moment
    window_end: Moment
    kinds: list[Kind]
    flags: Annotated[list[str], Field(examples=[[]])]
    marketplaces: Annotated[list[str], Field(examples=[["bazaar24"]])]
    event: Event
    updated_at: Moment
    recommended: Recommended
    hypotheses: Annotated[list[Hypothesis], Field(description="What the ring may be, likeliest first.")]
    rival: Annotated[Rival | None, Field(description="The likeliest innocent explanation.")]


class RetiredRing(Strict):
    ring_id: RingId
    browser_url: BrowserUrl
    status: Literal["retired"]
    event: Event
    updated_at: Moment
    superseded_by: list[RingId]


class RingPage(Page):
    items: list[LiveRing | RetiredRing]


class Pair(Strict):
    account_a: AccountId
    account_b: AccountId


class OneLiveRing(Answer, LiveRing):
    bridge: list[Pair]
    reasons: list[Reason]
    lead_reasons: Annotated[list[Reason], Field(description="They add up to the rival's lead.")]
    lineage: Lineage


class OneRetiredRing(Answer, RetiredRing):
    lineage: Lineage


class Member(Strict):
    account_id: AccountId
    role: Role
    score: Score
    band: Band


class Members(Page):
    items: list[Member]


class Link(Strict):
    account_a: AccountId
    account_b: AccountId
    strength: MilliNats
    onset: Moment
    evidence: list[Evidence]


class Links(Page):
    items: list[Link]


class LineagePage(Page):
    items: list[Lineage]


class Node(Strict):
    id: Annotated[str, Field(examples=["account:acc_00000313"])]
    type: Literal["account", "attribute"]
    label: Annotated[str, Field(examples=["acc_00000313"])]
    role: Role | None = None
    score: int | None = None
    kind: str | None = None
    accounts: Annotated[int | None, Field(description="Of an attribute: how many accounts share it, in all.")] = None
    collapsed: Annotated[bool, Field(description="So many share it that its edges are not drawn one by one.")] = False
    members: Annotated[int | None, Field(description="Of an attribute: how many shown members use it.")] = None


class Edge(Strict):
    source: Annotated[str, Field(examples=["account:acc_00000313"])]
    target: Annotated[str, Field(examples=["device:6fc51d93:2f3ce7f11a977490db79f9da461e21ac"])]
    type: Literal["uses", "linked"]
    strength: int | None = None


class Drawing(Answer):
    ring_id: RingId
    nodes: list[Node]
    edges: list[Edge]
    truncated: bool
    counts: Annotated[dict[str, int], Field(description="What there is in all: members, links, attributes.")]
