"""The answers of the API about runs and what changed between them, as frozen dataclasses (as in ``answers``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Publication:
    """One move of the pointer, by publish or rollback; ``reason`` says why it was forced."""

    seq: int
    run_id: str
    published_at: datetime
    previous: str | None
    verb: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is kept: ``live``, ``published`` (once) or ``candidate``."""

    run_id: str
    status: str
    as_of: datetime
    engine: str
    policy_hash: str
    output_digest: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RunManifest(Run):
    reference_hash: str
    input_digest: str
    made_at: datetime
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    publications: tuple[Publication, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs beside each other: changes by type, what the guard says against going from one to the other."""

    before: str
    after: str
    counts: Mapping[str, int]
    objections: tuple[str, ...]
    publications: tuple[Publication, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Change:
    """What changes from one run to another for a ring or an account; ``details`` has what its type says of it."""

    type: str
    ring_id: str | None
    account_id: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signal:
    """A change that a publication brought. ``cursor`` is where to read on behind it; later ones are greater as text."""

    cursor: str
    seq: int
    at: datetime
    type: str
    run_id: str
    previous_run_id: str | None
    ring_id: str | None
    account_id: str | None
    details: Mapping[str, Any]
