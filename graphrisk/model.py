"""Frozen values that every stage may use. Columns in bulk stay columns; these are for the edges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

METHOD_VERSION = "7"
"""Changes whenever the same facts and policy would give other rings; part of every seed and ring key."""

DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US
FIRST_MONDAY_US = 4 * DAY_US
HOUR_US = 3_600_000_000
NEVER = np.iinfo(np.int64).max
"""A moment (microseconds) that does not come."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """A moment with a zone as whole microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(at: int) -> datetime:
    """Microseconds since 1970 as a moment in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def iso(at: int) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC, as everywhere in answers: to the last microsecond."""
    return moment_of(at).isoformat(timespec="microseconds").replace("+00:00", "Z")


Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Uses(NamedTuple):
    """Who holds which shared values, as columns: one element a use, sorted by (attribute, account), times in microseconds;
    and one element an attribute: its row in the run, kind (code), week, source (of cohorts, else −1) and how many
    accounts of the marketplace hold it. ``attribute`` counts within the latter, which are in the order of their values."""

    attribute: Ints
    account: Ints
    first: Ints
    last: Ints
    row: Ints
    kind: Ints
    week: Ints
    source: Ints
    accounts: Ints


class Links(NamedTuple):
    """Links as columns, one element a link, sorted by (a, b); accounts are positions in the sorted list of account ids.

    ``strength`` is in milli-nats, ``onset`` in microseconds since 1970. ``proves_a`` says that some backbone
    evidence of the link speaks about ``a``: a kind that must come from the account itself, or a value that ``b``
    held no later than ``a``. ``with_ip`` and ``with_cohort`` say which corroboration the link has.
    """

    a: Ints
    b: Ints
    strength: Ints
    onset: Ints
    proves_a: Bools
    proves_b: Bools
    with_ip: Bools
    with_cohort: Bools

    def take(self, where: Ints | Bools) -> Links:
        """The links at the given positions, or where the mask is true."""
        columns: Any = [column[where] for column in self]
        return Links(*columns)


class Rings(NamedTuple):
    """Rings as columns, one element a ring, ordered by their smallest account; times in microseconds since 1970."""

    size: Ints
    core_size: Ints
    window_start: Ints
    window_end: Ints
    first_link_at: Ints
    last_link_at: Ints
    links: Ints
    oversize: Bools


class Members(NamedTuple):
    """Memberships as columns, sorted by (ring, account); ``ring`` is a position in ``Rings``.

    ``pull`` is the strength (milli-nats) of the account's links inside the campaign window, 0 for an associate.
    """

    ring: Ints
    account: Ints
    core: Bools
    pull: Ints


class RingLinks(NamedTuple):
    """The links inside rings, sorted by (ring, a, b): the ring of each and whether it lies in the campaign window."""

    ring: Ints
    link: Links
    in_window: Bools


@dataclass(frozen=True)
class Posterior:
    """How likely each of the hypotheses ``names`` is for each ring; the first name is the organized ring, the others its
    innocent rivals.

    ``logit`` (milli-logits): log-odds of each hypothesis against an organized ring, shape (rings, hypotheses), 0 for
    the organized ring itself. It is ``base`` (one a hypothesis) plus the sum of ``parts``, shape (rings, hypotheses,
    features). ``permille`` is the posterior.
    """

    names: tuple[str, ...]
    base: Ints
    parts: Ints
    logit: Ints
    permille: Ints

    @property
    def rival(self) -> Ints:
        """The likeliest rival of each ring, as a position in ``names``."""
        return 1 + np.argmax(self.logit[:, 1:], axis=1)

    @property
    def lead(self) -> Ints:
        """Milli-logits by which an organized ring beats the likeliest rival; below 0 where the rival is likelier."""
        return -self.logit[:, 1:].max(axis=1)

    @property
    def lead_parts(self) -> Ints:
        """What adds up to the lead, shape (rings, 1 + features): what it starts from, then each feature's part."""
        rival = self.rival
        return -np.column_stack([self.base[rival], self.parts[np.arange(len(rival)), rival]])


@dataclass(frozen=True)
class Reason:
    """One coded contribution to a score, in milli-logits, with the sentence a person reads."""

    code: str
    contribution: int
    text: str


@dataclass(frozen=True)
class Lineage:
    """What became of one ring id. ``status`` is live or retired; times are microseconds since 1970.

    ``event`` is the last thing that happened to it, in ``event_run``; ``superseded_by`` names the rings that took over
    from a retired one, ``related`` the other rings of the event. ``core`` is kept while it may still be needed to
    recognise the ring.
    """

    ring_id: str
    status: str
    event: str
    event_run: str
    event_at: int
    born_run: str
    born_at: int
    superseded_by: tuple[str, ...]
    related: tuple[str, ...]
    ring_key: str
    core: tuple[str, ...]
