"""What a run would say of accounts that need not exist, as frozen dataclasses (as in ``answers``)."""

from __future__ import annotations

from dataclasses import dataclass

from graphrisk.client.answers import AccountLink, Reason


@dataclass(frozen=True, slots=True)
class AssessedRing:
    """The ring that it would be in: ``ring_id`` is None for one that would be new, ``touches`` names those it would join."""

    ring_id: str | None
    touches: tuple[str, ...]
    role: str
    size: int
    core_size: int
    score: int
    band: str
    recommended: bool
    rival: str | None
    lead: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RejectedSighting:
    sighting: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the run ``run_id`` would say of an account; ``rejected`` are sightings that were left out, and why."""

    run_id: str
    account_id: str
    known: bool
    score: int
    band: str
    decision: str
    logit: int
    reasons: tuple[Reason, ...]
    ring: AssessedRing | None
    links: tuple[AccountLink, ...]
    rejected: tuple[RejectedSighting, ...]
