"""The answers of the API that say what if, as OpenAPI documents them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from graphrisk.api.schemas import (
    AccountId,
    Answer,
    Band,
    Count,
    LinkToAccount,
    Reason,
    RingId,
    RivalCode,
    Role,
    Score,
    Strict,
)


class AssessedRing(Strict):
    ring_id: Annotated[
        RingId | None,
        Field(
            description="The ring of the run that it would be, or the one that was retired lately and would be back; null for one that would be new."
        ),
    ]
    touches: Annotated[list[RingId], Field(description="The rings of the run whose accounts it would have.")]
    role: Role
    size: Count
    core_size: Count
    score: Score
    band: Band
    recommended: bool
    rival: RivalCode
    lead: Annotated[int, Field(description="Milli-logits by which an organized ring leads the rival.", examples=[3900])]
    members: Annotated[list[AccountId], Field(description="The other accounts of the ring.")]


class RejectedSighting(Strict):
    sighting: Annotated[int, Field(ge=0, description="Its place in the list that was sent.", examples=[1])]
    reason: Annotated[str, Field(examples=["private_address"])]
    text: str


class AssessedAccount(Strict):
    account_id: AccountId
    known: Annotated[
        bool, Field(description="Whether the run has an account of that id; what it knows of it counts as well.")
    ]
    score: Score
    band: Band
    decision: Literal["act", "review", "watch", "none"]
    logit: Annotated[int, Field(description="Milli-logits; the reasons add up to it.", examples=[4200])]
    reasons: list[Reason]
    ring: AssessedRing | None
    links: list[LinkToAccount]
    rejected: list[RejectedSighting]


class Assessments(Answer):
    accounts: list[AssessedAccount]
