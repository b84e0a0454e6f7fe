"""The answers of the API that say why, as OpenAPI documents them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from graphrisk.api.schemas import (
    AccountId,
    Answer,
    Band,
    Count,
    Kind,
    Link,
    MilliNats,
    Moment,
    Recommended,
    RingId,
    RivalCode,
    Role,
    Score,
    Strict,
)

Sentence = Annotated[str, Field(description="The answer in one sentence or a few.", examples=["They share nothing."])]
Token = Annotated[str, Field(examples=["6fc51d93:2f3ce7f11a977490db79f9da461e21ac"])]
Hint = Annotated[str | None, Field(examples=["…b9e5"])]
Days = Annotated[float, Field(description="Days between the two accounts' uses; 0: they overlap.", examples=[0.6])]
Threshold = Annotated[int, Field(description="Milli-nats that make a link.", examples=[693])]
Missing = Annotated[int, Field(ge=0, description="Milli-nats that a link lacks.", examples=[95])]


class Span(Strict):
    first: Moment
    last: Moment


class Price(Strict):
    accounts: Count
    gap_days: Annotated[int, Field(ge=0, examples=[30])]
    milli_nats: MilliNats


class SharedValue(Strict):
    kind: Kind
    token: Token
    hint: Hint
    accounts: Annotated[int, Field(description="How many accounts share the value.", examples=[6])]
    verdict: Annotated[
        Literal["counts", "ceiling", "hub", "gap", "corroborates", "same_sign_ups"],
        Field(
            description="`counts` in full; cut at the `ceiling` of its kind; a `hub` that too many share; the `gap` between the uses is too long; only `corroborates`, and there is nothing else; the `same_sign_ups` as another one that counts."
        ),
    ]
    gap_days: Days
    price: Annotated[int, Field(description="Milli-nats that it is worth by itself.", examples=[2996])]
    milli_nats: Annotated[int, Field(description="What it adds to the strength.", examples=[2996])]
    uses_a: Span
    uses_b: Span
    prices: Annotated[
        list[Price], Field(description="What it would be worth if other numbers of accounts shared it, at other gaps.")
    ]
    text: Sentence


class Path(Strict):
    to: AccountId
    weakest: Annotated[int, Field(description="Milli-nats of its weakest link.", examples=[6420])]
    links: list[Link]


class PairExplanation(Answer):
    account_a: AccountId
    account_b: AccountId
    text: Sentence
    linked: bool
    strength: Annotated[int, Field(description="Milli-nats, the sum of what is shared.", examples=[6420])]
    threshold: Threshold
    missing: Missing
    onset: Annotated[Moment | None, Field(description="Of the link, if there is one.")]
    shared: Annotated[list[SharedValue], Field(description="What counts most first.")]
    path: Annotated[
        Path | None, Field(description="The strongest way from a to b over other accounts, when they are not linked.")
    ]


class ExplainedRing(Strict):
    ring_id: RingId
    size: Count
    core_size: Count
    score: Score
    band: Band
    window_start: Moment
    window_end: Moment
    recommended: Recommended
    rival: RivalCode


class Piece(Strict):
    kind: Kind
    token: Token
    hint: Hint
    accounts: Annotated[int, Field(description="How many accounts share the value.", examples=[6])]
    milli_nats: Annotated[int, Field(description="Worth to the pair that it ties most.", examples=[2996])]
    links: Annotated[int, Field(description="Over how many links of the ring.", examples=[21])]


class HeldPiece(Piece):
    held: Annotated[bool, Field(description="Whether the account itself uses it.")]


class Left(Strict):
    """What would be left of a ring without some values, told by its accounts alone."""

    outcome: Annotated[
        Literal["dissolved", "split", "shrank", "continued"],
        Field(
            description="No two of its accounts would be in one ring; they would be in several; some would leave; all would stay together."
        ),
    ]
    rings: Annotated[
        list[int],
        Field(description="How many of its accounts each ring would hold, from two; largest first.", examples=[[9, 4]]),
    ]
    free: Annotated[
        int, Field(ge=0, description="How many of them would be in no ring with another of them.", examples=[2])
    ]


class Frees(Strict):
    pieces: list[HeldPiece]
    left: Annotated[Left, Field(description="What would be left of the ring without all of these.")]
    milli_nats: MilliNats
    cheapest: Annotated[
        bool, Field(description="No other set of the ring's values costs less; else none of it could be left out.")
    ]
    text: Sentence


class Enough(Strict):
    kind: Kind
    milli_nats: Annotated[int, Field(description="What one more value of the kind would add.", examples=[2996])]
    enough: Annotated[bool, Field(description="Whether that would make a link.")]


class ShortLink(Strict):
    account_id: AccountId
    ring_id: RingId
    strength: MilliNats
    missing: Missing
    shared: list[SharedValue]
    enough: list[Enough]


class Nearest(Strict):
    ring_id: RingId
    threshold: Threshold
    short: Annotated[list[ShortLink], Field(description="The strongest ties to members of rings.")]


class AccountExplanation(Answer):
    account_id: AccountId
    text: Sentence
    ring: ExplainedRing | None
    role: Role | None
    paths: Annotated[
        list[Path],
        Field(description="Chains of links to other core members, strongest first; no two rest on one value."),
    ]
    bottleneck: Annotated[Link | None, Field(description="The weakest link of the strongest chain.")]
    frees: Annotated[
        Frees | None,
        Field(description="The smallest evidence without which the account shares no ring with another core member."),
    ]
    shares: Annotated[bool, Field(description="Whether another account uses a value of it that is no hub.")]
    nearest: Annotated[Nearest | None, Field(description="Of an account in no ring: the nearest.")]


class Said(Strict):
    code: Annotated[str, Field(description="Stable, for programs.", examples=["shared_card"])]
    text: Annotated[str, Field(examples=["A payment card that your account uses is used by others of the group too."])]


class DisclosableExplanation(Answer):
    """What may be shown to whoever the account belongs to: nothing of any other party, no figures."""

    account_id: AccountId
    audience: Literal["disclosable"]
    verdict: Literal["part_of_group", "tied_to_group", "shares_too_little", "nothing_found"]
    text: Sentence
    confidence: Literal["strong", "moderate", "weak"] | None
    reasons: list[Said]
    would_change: Annotated[list[Said], Field(description="Evidence that would change the verdict.")]
    enough: Annotated[str | None, Field(description="Whether all of that would be enough.", examples=[None])]
    holds_group: Annotated[
        str | None, Field(description="Whether that also holds the group together.", examples=[None])
    ]
    appeal: Annotated[str, Field(description="What can be done.", examples=["There is nothing that you need to do."])]


class WeakestCut(Strict):
    strength: MilliNats
    accounts: Annotated[list[AccountId], Field(description="The smaller side.")]
    links: list[Link]


class RestsOnValue(Piece, Left):
    """A value, and what would be left of the ring without it alone."""


class RestsOn(Strict):
    text: Sentence
    values: Annotated[
        list[RestsOnValue], Field(description="Those under most of its links, up to 5, the most loaded first.")
    ]


class Joined(Strict):
    account_id: AccountId
    at: Annotated[Moment, Field(description="Of its first link to a member.")]
    by_link_to: AccountId
    strength: MilliNats
    in_campaign: bool


class RingExplanation(Answer):
    ring_id: RingId
    text: Sentence
    weakest_cut: WeakestCut
    rests_on: Annotated[RestsOn, Field(description="What would be left of it without one value.")]
    formed: Annotated[list[Joined], Field(description="Members in the order in which they came.")]
