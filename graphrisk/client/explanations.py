"""The answers of the API that say why, as frozen dataclasses (as in ``answers``).

Strengths and prices are milli-nats; ``text`` says each answer in a sentence. docs/explanations.md explains the parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from graphrisk.client.answers import Link


@dataclass(frozen=True, slots=True)
class Span:
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Price:
    """What a value is worth when so many accounts share it and so many days lie between two uses."""

    accounts: int
    gap_days: int
    milli_nats: int


@dataclass(frozen=True, slots=True)
class SharedValue:
    """A value that both accounts use: its own ``price``, what it adds (``milli_nats``), and in ``verdict`` why that is less."""

    kind: str
    token: str
    hint: str | None
    accounts: int
    verdict: str
    gap_days: float
    price: int
    milli_nats: int
    uses_a: Span
    uses_b: Span
    prices: tuple[Price, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Path:
    """A chain of links to an account, and the strength of its weakest."""

    to: str
    weakest: int
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class PairExplanation:
    """Why two accounts are linked, or are not: then ``path`` is the strongest way between them, if there is one."""

    account_a: str
    account_b: str
    text: str
    linked: bool
    strength: int
    threshold: int
    missing: int
    onset: datetime | None
    shared: tuple[SharedValue, ...]
    path: Path | None
    run_id: str


@dataclass(frozen=True, slots=True)
class ExplainedRing:
    ring_id: str
    size: int
    core_size: int
    score: int
    band: str
    window_start: datetime
    window_end: datetime
    recommended: bool | None
    rival: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A shared value, worth ``milli_nats`` to the pair that it ties most; ``held``: the account itself uses it."""

    kind: str
    token: str
    hint: str | None
    accounts: int
    milli_nats: int
    links: int
    held: bool


@dataclass(frozen=True, slots=True)
class Left:
    """What would be left of a ring: ``outcome`` is dissolved, split, shrank or continued; ``rings`` is how many of its
    accounts each ring would hold, ``free`` how many would be in none with another of them."""

    outcome: str
    rings: tuple[int, ...]
    free: int


@dataclass(frozen=True, slots=True)
class Frees:
    """The smallest evidence without which the account is in no ring with another core member, and what would be ``left`` of
    the ring."""

    left: Left
    pieces: tuple[Piece, ...]
    milli_nats: int
    cheapest: bool
    text: str


@dataclass(frozen=True, slots=True)
class Enough:
    """What one more value of a kind would add, and whether that would make a link."""

    kind: str
    milli_nats: int
    enough: bool


@dataclass(frozen=True, slots=True)
class ShortLink:
    account_id: str
    ring_id: str
    strength: int
    missing: int
    shared: tuple[SharedValue, ...]
    enough: tuple[Enough, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    ring_id: str
    threshold: int
    short: tuple[ShortLink, ...]


@dataclass(frozen=True, slots=True)
class AccountExplanation:
    """Why an account is in its ring (``paths``, ``bottleneck``, ``frees``), or in none (``nearest``)."""

    account_id: str
    text: str
    ring: ExplainedRing | None
    role: str | None
    paths: tuple[Path, ...]
    bottleneck: Link | None
    frees: Frees | None
    shares: bool
    nearest: Nearest | None
    run_id: str


@dataclass(frozen=True, slots=True)
class Said:
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class DisclosableExplanation:
    """What may be shown to whoever an account belongs to."""

    account_id: str
    audience: str
    verdict: str
    text: str
    confidence: str | None
    reasons: tuple[Said, ...]
    would_change: tuple[Said, ...]
    enough: str | None
    holds_group: str | None
    appeal: str
    run_id: str


@dataclass(frozen=True, slots=True)
class WeakestCut:
    """Where a ring would split most easily: the ``accounts`` of the smaller side, and the links to the rest."""

    strength: int
    accounts: tuple[str, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class RestsOnValue:
    """A value under many of a ring's links, and what would be left of the ring without it alone (as in ``Left``)."""

    kind: str
    token: str
    hint: str | None
    accounts: int
    milli_nats: int
    links: int
    outcome: str
    rings: tuple[int, ...]
    free: int


@dataclass(frozen=True, slots=True)
class RestsOn:
    """The values under most of a ring's links, the most loaded first."""

    text: str
    values: tuple[RestsOnValue, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """A member and its first link to another."""

    account_id: str
    at: datetime
    by_link_to: str
    strength: int
    in_campaign: bool


@dataclass(frozen=True, slots=True)
class RingExplanation:
    ring_id: str
    text: str
    weakest_cut: WeakestCut
    rests_on: RestsOn
    formed: tuple[Joined, ...]
    run_id: str
