"""The small synthetic marketplace for the demo and the tests: four archetypes of rings among honest accounts."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from graphrisk.errors import InputError
from graphrisk.worlds.archetypes import plan_rings, plant_rings
from graphrisk.worlds.dice import Dice
from graphrisk.worlds.market import DAY, END, START, Market
from graphrisk.worlds.population import populate

FEWEST_ACCOUNTS = 500
SIGHTINGS_PER_PLACEHOLDER = 300
PLACEHOLDERS = (
    ("device", "unknown"),
    ("email", "unknown"),
    ("device", "00000000-0000-0000-0000-000000000000"),
    ("ip", "10.0.0.1"),
)
LABELLED_RINGS, LABELLED_MEMBERS, GOOD_LABELS = 0.4, 0.25, 0.005
LABEL_DELAY_DAYS = (7, 60)
SUSPENDED_ON_LABEL = 0.5

Row = tuple[str | int, ...]


def write_small_world(folder: Path, accounts: int = 2_000, seed: int = 1) -> None:
    """Write a marketplace of ``accounts`` accounts into ``folder`` as a facts folder, with the truth beside the facts.

    The facts are ``accounts.csv``, ``sightings.csv`` and ``labels.csv`` with raw values over the 180 days that end on
    2026-06-30. ``truth.csv`` says of each account its ``structure`` (what it is), the ``ring`` it is a member of, and
    its ``role``: ``core`` for members, ``associate`` for innocents whom a ring touches and who are in no ring.
    The same seed gives the same bytes. Raises ``InputError`` for fewer than 500 accounts.
    """
    if accounts < FEWEST_ACCOUNTS:
        raise InputError(
            f"A small world of {accounts} accounts cannot hold a ring of each archetype;"
            f" ask for {FEWEST_ACCOUNTS} accounts or more."
        )
    market = Market(Dice(seed))
    plan = plan_rings(market, accounts)
    populate(market, accounts - plan.new_accounts)
    plant_rings(market, plan)
    _add_placeholders(market)
    labels = _labels(market)
    _write(folder, market, labels)


def _add_placeholders(market: Market) -> None:
    for nth in range(len(market.sightings) // SIGHTINGS_PER_PLACEHOLDER):
        kind, value = PLACEHOLDERS[nth % len(PLACEHOLDERS)]
        place = market.dice.below(len(market.accounts))
        account = market.accounts[place]
        at = market.dice.between(account.first, account.last)
        market.saw(place, kind, value, at, at, 1)


def _labels(market: Market) -> list[tuple[int, int, str, str]]:
    """(moment, place of the account, label, source), in order of time."""
    soonest, latest = (days * DAY for days in LABEL_DELAY_DAYS)
    # A ring that ended a moment ago cannot have a verdict yet.
    ended = [ring for ring in market.rings if ring.last + soonest < END]
    labels: list[tuple[int, int, str, str]] = []
    for ring in market.dice.sample(ended, round(len(market.rings) * LABELLED_RINGS)):
        for place in market.dice.sample(ring.members, round(len(ring.members) * LABELLED_MEMBERS)):
            at = ring.last + market.dice.between(soonest, latest)
            if at >= END:
                continue
            labels.append((at, place, "bad", market.dice.pick(("chargeback", "manual_review", "buyer_report"))))
            account = market.accounts[place]
            if account.status == "active" and market.dice.chance(SUSPENDED_ON_LABEL):
                account.status = "suspended"
    honest = [place for place, account in enumerate(market.accounts) if not account.ring]
    for place in market.dice.sample(honest, max(3, round(len(honest) * GOOD_LABELS))):
        at = market.dice.between(max(START, market.accounts[place].first), END - 1)
        labels.append((at, place, "good", market.dice.pick(("manual_review", "appeal"))))
    return sorted(labels)


def _write(folder: Path, market: Market, labels: list[tuple[int, int, str, str]]) -> None:
    # Places tell honest accounts from rings, so ids are dealt out at random and rows are put in an order of their own.
    ids = [f"acc_{number:06d}" for number in (1 + market.dice.rng.permutation(len(market.accounts))).tolist()]
    known = sorted(zip(ids, market.accounts, strict=True), key=lambda pair: pair[0])
    sightings = sorted(
        (seen.first, ids[place], kind, value, seen.last, seen.events)
        for (place, kind, value, _), seen in market.sightings.items()
    )
    opened = _times(account.created for _, account in known)
    first_seen, last_seen = _times(row[0] for row in sightings), _times(row[4] for row in sightings)
    labelled = _times(at for at, *_ in labels)
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(
        folder / "accounts.csv",
        ("account_id", "created_at", "status", "marketplace"),
        (
            (name, created, account.status, account.marketplace)
            for (name, account), created in zip(known, opened, strict=True)
        ),
    )
    _write_csv(
        folder / "sightings.csv",
        ("account_id", "kind", "value", "first_seen", "last_seen", "count"),
        (
            (name, kind, value, first, last, count)
            for (_, name, kind, value, _, count), first, last in zip(sightings, first_seen, last_seen, strict=True)
        ),
    )
    _write_csv(
        folder / "labels.csv",
        ("account_id", "label", "labelled_at", "source"),
        ((ids[place], label, at, source) for (_, place, label, source), at in zip(labels, labelled, strict=True)),
    )
    _write_csv(
        folder / "truth.csv",
        ("account_id", "structure", "ring", "role"),
        ((name, account.structure, account.ring, account.role) for name, account in known),
    )


def _write_csv(path: Path, columns: Row, rows: Iterable[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _times(moments: Iterable[int]) -> list[str]:
    # A column at once: strftime on each moment would take longer than making the world.
    return np.datetime_as_string(np.array(list(moments), dtype="datetime64[s]"), timezone="UTC").tolist()
