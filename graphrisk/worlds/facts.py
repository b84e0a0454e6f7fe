"""A finished district as the tables that a marketplace would send, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from graphrisk.worlds.district import (
    ACTIVE,
    CORE,
    KINDS,
    MARKETPLACES,
    NEVER,
    STRUCTURES,
    SUSPENDED,
    District,
    Integers,
    Sightings,
)
from graphrisk.worlds.period import DAY, END, START
from graphrisk.worlds.spelling import Speller, account_names, scrambled

SIGHTINGS_PER_PLACEHOLDER = 300
PLACEHOLDERS = (
    ("device", "unknown"),
    ("email", "unknown"),
    ("device", "00000000-0000-0000-0000-000000000000"),
    ("ip", "10.0.0.1"),
)
SPLIT_SHARE = 0.2
GOOD_LABELS, SUSPENDED_ON_LABEL = 0.005, 0.5
SHOWS = {"device": ("user_agent",), "card": ("bin",)}
"""Kind → kinds that come with it: a device has a browser, a card an issuer."""

STATUSES = ("active", "closed", "suspended")
ROLES = ("", "core", "associate")
BAD_SOURCES, GOOD_SOURCES = ("chargeback", "manual_review", "buyer_report"), ("manual_review", "appeal")
MOMENT = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Facts:
    """Arrow tables of one district.

    ``accounts`` has the columns of the input format and ``status_at``, the second from which the status holds;
    ``truth`` is about the same accounts in the same order.
    """

    accounts: pa.Table
    sightings: pa.Table
    labels: pa.Table
    truth: pa.Table


def facts_of(district: District, seed: int, first_account: int, accounts: int) -> Facts:
    """The facts and the truth; ``first_account`` is how many accounts the districts before have, of ``accounts`` in all."""
    numbers = 1 + scrambled(first_account + np.arange(district.accounts), accounts, seed & 0xFFFF)
    names, order = account_names(numbers), np.argsort(numbers)
    labels = _labels(district, names)
    sightings = _sightings(district, names, Speller(seed, district.rng))
    return Facts(_accounts(district, names, order), sightings, labels, _truth(district, names, order))


def moments(seconds: Integers) -> Any:
    """Seconds since 1970 as a column of times."""
    return pa.array(seconds * 1_000_000, pa.int64()).cast(MOMENT)


def _accounts(district: District, names: Any, order: Integers) -> pa.Table:
    return pa.table(
        {
            "account_id": names.take(pa.array(order)),
            "created_at": moments(district.created[order]),
            "status": pa.array(STATUSES).take(pa.array(district.status[order])),
            "marketplace": pa.array(MARKETPLACES).take(pa.array(district.marketplace[order])),
            "status_at": pa.array(np.where(district.status[order] == ACTIVE, NEVER, district.status_at[order])),
        }
    )


def _truth(district: District, names: Any, order: Integers) -> pa.Table:
    return pa.table(
        {
            "account_id": names.take(pa.array(order)),
            "structure": pa.array(STRUCTURES).take(pa.array(district.structure[order])),
            "ring": pa.array([*district.rings, ""]).take(pa.array(district.ring[order] % (len(district.rings) + 1))),
            "role": pa.array(ROLES).take(pa.array(district.role[order])),
        }
    )


def _labels(district: District, names: Any) -> pa.Table:
    """Verdicts on some members of some rings, and on a few innocents, right or wrong."""
    knobs, rng = district.knobs, district.rng
    known = rng.random(len(district.rings)) < knobs.labelled_rings
    ended = np.array(district.ring_last, np.int64)
    members = np.flatnonzero(district.role == CORE)
    members = members[known[district.ring[members]] & (rng.random(len(members)) < knobs.labelled_members)]
    soonest, latest = (days * DAY for days in knobs.label_delay)
    bad_at = ended[district.ring[members]] + district.between(soonest, np.full(len(members), latest))
    members, bad_at = members[bad_at < END], bad_at[bad_at < END]
    innocents = np.flatnonzero(district.ring < 0)
    accused = innocents[district.chance(knobs.false_labels, len(innocents))]
    cleared = innocents[district.chance(GOOD_LABELS, len(innocents))]
    account = np.concatenate((members, accused, cleared))
    others = np.concatenate((accused, cleared))
    at = np.concatenate(
        (bad_at, district.between(np.maximum(START, district.first[others]), np.full(len(others), END - 1)))
    )
    bad = np.arange(len(account)) < len(members) + len(accused)
    bad ^= district.chance(knobs.flipped_labels, len(account))
    suspended = bad & (district.status[account] == ACTIVE) & district.chance(SUSPENDED_ON_LABEL, len(account))
    district.status[account[suspended]], district.status_at[account[suspended]] = SUSPENDED, at[suspended]
    sources = np.where(bad, rng.choice(BAD_SOURCES, len(bad)), rng.choice(GOOD_SOURCES, len(bad)))
    table = pa.table(
        {
            "account_id": names.take(pa.array(account)),
            "label": pa.array(np.where(bad, "bad", "good"), pa.string()),
            "labelled_at": moments(at),
            "source": pa.array(sources, pa.string()),
        }
    )
    return table.sort_by([("labelled_at", "ascending"), ("account_id", "ascending"), ("label", "ascending")])


def _sightings(district: District, names: Any, speller: Speller) -> pa.Table:
    parts: list[pa.Table] = []
    for kind in KINDS:
        rows = _recorded(district, kind, district.take_rows(kind))
        for shown in (kind, *SHOWS.get(kind, ())):
            parts.append(_table(names, shown, speller.texts(shown, rows.value), rows))
    wanted = sum(len(part) for part in parts) // SIGHTINGS_PER_PLACEHOLDER
    which, account = np.arange(wanted) % len(PLACEHOLDERS), district.rng.integers(0, district.accounts, wanted)
    at = district.between(district.first[account], district.last[account])
    for nth, (kind, value) in enumerate(PLACEHOLDERS):
        mine = which == nth
        rows = Sightings(account[mine], account[mine], at[mine], at[mine], np.ones(int(mine.sum()), np.int64))
        parts.append(_table(names, kind, pa.array([value] * len(rows.account), pa.string()), rows))
    table = pa.concat_tables(parts)
    first = table["first_seen"].to_numpy().astype(np.int64)
    # Ties are broken by a draw, so that the order of rows tells nothing of what was made first.
    return table.take(pa.array(np.lexsort((district.rng.random(len(first)), first))))


def _recorded(district: District, kind: str, rows: Sightings) -> Sightings:
    """What the marketplace recorded: some uses are missing, clocks are off, some rows are in two parts."""
    knobs, rng = district.knobs, district.rng
    if kind != "ip" and knobs.missing:
        rows = _picked(rows, np.flatnonzero(rng.random(len(rows.account)) >= knobs.missing))
    if knobs.clock_skew:
        off = (rng.standard_normal(len(rows.account)) * knobs.clock_skew).astype(np.int64)
        for moment in (rows.first, rows.last):
            np.clip(moment + off, START, END - 1, out=moment)
    if kind == "ip":
        return rows
    split = np.flatnonzero((rows.count >= 2) & (rng.random(len(rows.account)) < SPLIT_SHARE))
    later = _picked(rows, split)
    later.first[:] = district.between(later.first, later.last)
    later.count[:] = 1 + (rng.random(len(split)) * (later.count - 1)).astype(np.int64)
    later.last[later.count == 1] = np.maximum(later.first, later.last)[later.count == 1]
    later.first[later.count == 1] = later.last[later.count == 1]
    rows.count[split] -= later.count
    rows.last[split] = np.where(
        rows.count[split] == 1, rows.first[split], district.between(rows.first[split], later.first)
    )
    names = ("account", "value", "first", "last", "count")
    return Sightings(*(np.concatenate((getattr(rows, name), getattr(later, name))) for name in names))


def _picked(rows: Sightings, places: Integers) -> Sightings:
    return Sightings(*(getattr(rows, name)[places] for name in ("account", "value", "first", "last", "count")))


def _table(names: Any, kind: str, value: Any, rows: Sightings) -> pa.Table:
    return pa.table(
        {
            "account_id": names.take(pa.array(rows.account)),
            "kind": pa.array([kind]).take(pa.array(np.zeros(len(rows.account), np.int64))),
            "value": value,
            "first_seen": moments(rows.first),
            "last_seen": moments(rows.last),
            "count": pa.array(rows.count),
        }
    )
