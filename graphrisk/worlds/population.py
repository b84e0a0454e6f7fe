"""The honest accounts of a synthetic marketplace, and everything they innocently share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from graphrisk.worlds.market import DAY, END, MARKETPLACES, START, WEEK, Account, Market, week_of, week_start

Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

YEARS_BEFORE = 2 * 365 * DAY
FIRST_WEEK = week_of(START)
WEEKS = week_of(END - 1) - FIRST_WEEK + 1
NEW_SHARE = 0.13  # of honest accounts; rings add theirs, so that about 15 % of all are new

HOME_SIZES = (0.28, 0.34, 0.16, 0.13, 0.06, 0.03)
DYNAMIC_HOMES, REASSIGNED_A_WEEK = 0.6, 0.08
TABLET_HOMES, FAMILY_CARD_HOMES = 0.35, 0.3
DEVICES, CARDS = (0.0, 0.5, 0.38, 0.12), (0.25, 0.55, 0.2)
PHONE_SHARE, BANK_ACCOUNT_SHARE = 0.4, 0.35
OFFICE_SHARE, LARGEST_OFFICE = 0.2, 60
CARRIER_SHARE, ACCOUNTS_PER_CARRIER_IP, CARRIER_IPS = 0.7, 250, 3
AT_HOME, ON_CARRIER, AT_OFFICE = 0.9, 0.6, 0.7
RESOLD_SHARE, RESALE_GAP_DAYS = 0.03, (10, 120)
COLLISION_SHARE = 0.005
CLOSED_SHARE, SUSPENDED_SHARE = 0.015, 0.007

ORDINARY = ("single", "household", "office")
"""Structures of honest accounts that share nothing out of the ordinary."""


@dataclass(frozen=True)
class Diary:
    """When each honest account was active: ``active[account, week]``, and in each such week the first and last moment
    at each of three places (home, carrier, office): ``spans[account, week, place, first|last]``."""

    created: Integers
    active: Flags
    spans: Integers


def populate(market: Market, count: int) -> None:
    """Add ``count`` honest accounts with their homes, offices, carriers, devices, cards and contacts."""
    homes = _homes(market, count)
    diary = _diary(market.dice.rng, count)
    for home in homes:
        for place in home:
            market.sign_up(_person(market, diary, place, "single" if len(home) == 1 else "household"))
    office_of = _offices(market, count)
    _seen_on_ips(market, diary, homes, office_of)
    _own_things(market)
    for home in homes:
        _shared_at_home(market, home)
    _resold_devices(market)
    _colliding_fingerprint(market)


def _homes(market: Market, count: int) -> list[list[int]]:
    """Homes of consecutive accounts."""
    sizes = 1 + market.dice.rng.choice(len(HOME_SIZES), count, p=HOME_SIZES)
    starts = np.concatenate(([0], np.cumsum(sizes))).clip(max=count).tolist()
    return [list(range(begin, end)) for begin, end in pairwise(starts) if begin < end]


def _diary(rng: np.random.Generator, count: int) -> Diary:
    is_new = rng.random(count) < NEW_SHARE
    created = np.where(is_new, rng.integers(START, END - DAY, count), rng.integers(START - YEARS_BEFORE, START, count))
    weeks = np.array([week_start(FIRST_WEEK + week) for week in range(WEEKS)])
    low = np.maximum(np.maximum(weeks, START)[None, :], created[:, None])
    high = np.minimum(weeks + WEEK, END)[None, :]
    active = (rng.random((count, WEEKS)) < rng.beta(2, 3, count)[:, None]) & (low < high)
    # Everybody does something: at sign-up when it falls into the period, else in some week.
    debut = np.where(is_new, (created - weeks[0]) // WEEK, rng.integers(0, WEEKS, count))
    needed = is_new | ~active.any(axis=1)
    active[np.flatnonzero(needed), debut[needed]] = True
    shares = np.sort(rng.random((count, WEEKS, 3, 2)), axis=3)
    spans = (low[:, :, None, None] + shares * (high - low - 1)[:, :, None, None]).astype(np.int64)
    spans[np.flatnonzero(is_new), debut[is_new], 0, 0] = created[is_new]
    return Diary(created, active, spans)


def _person(market: Market, diary: Diary, place: int, structure: str) -> Account:
    spans = diary.spans[place][diary.active[place]]
    draw = market.dice.rng.random()
    status = "closed" if draw < CLOSED_SHARE else "suspended" if draw < CLOSED_SHARE + SUSPENDED_SHARE else "active"
    first, last = int(spans[..., 0].min()), int(spans[..., 1].max())
    return Account(int(diary.created[place]), structure, market.dice.pick(MARKETPLACES), first, last, status)


def _offices(market: Market, count: int) -> dict[int, str]:
    """The office IP of each account that works in one; few offices are large."""
    workers = market.dice.sample(range(count), round(count * OFFICE_SHARE))
    office_of: dict[int, str] = {}
    while workers:
        size = min(2 + int(market.dice.rng.zipf(1.8)), LARGEST_OFFICE)
        ip = market.values.static_ip()
        for place in workers[:size]:
            office_of[place] = ip
            market.accounts[place].structure = "office"
        workers = workers[size:]
    return office_of


def _seen_on_ips(market: Market, diary: Diary, homes: list[list[int]], office_of: dict[int, str]) -> None:
    rng, count = market.dice.rng, len(market.accounts)
    home_of = [number for number, home in enumerate(homes) for _ in home]
    lines = _lines_by_week(market, len(homes))
    carriers = [market.values.static_ip() for _ in range(max(1, count // ACCOUNTS_PER_CARRIER_IP))]
    carriers_of = [market.dice.sample(carriers, CARRIER_IPS) for _ in range(count)]
    is_mobile = rng.random(count) < CARRIER_SHARE
    is_worker = np.array([place in office_of for place in range(count)])
    on_carrier = diary.active & is_mobile[:, None] & (rng.random((count, WEEKS)) < ON_CARRIER)
    at_office = diary.active & is_worker[:, None] & (rng.random((count, WEEKS)) < AT_OFFICE)
    at_home = diary.active & ((rng.random((count, WEEKS)) < AT_HOME) | ~(on_carrier | at_office))
    # A sign-up happens at home.
    at_home |= diary.active & (diary.spans[:, :, 0, 0] == diary.created[:, None])
    for where, seen in enumerate((at_home, on_carrier, at_office)):
        moments = diary.spans[:, :, where][seen].tolist()
        for (place, week), (first, last) in zip(np.argwhere(seen).tolist(), moments, strict=True):
            ip = (
                market.values.address_on(lines[week][home_of[place]]) if where == 0
                else market.dice.pick(carriers_of[place]) if where == 1
                else office_of[place]
            )  # fmt: skip
            market.saw(place, "ip", ip, first, last, market.dice.between(1, 14))


def _lines_by_week(market: Market, homes: int) -> list[list[str]]:
    """For each week, the line of each home; providers hand dynamic ones to other homes."""
    rng, line_of = market.dice.rng, np.arange(homes)
    lines, is_dynamic = market.values.home_lines(homes), rng.random(homes) < DYNAMIC_HOMES
    by_week: list[list[str]] = []
    for _ in range(WEEKS):
        by_week.append([lines[line] for line in line_of.tolist()])
        moved = np.flatnonzero(is_dynamic & (rng.random(homes) < REASSIGNED_A_WEEK))
        line_of[moved] = line_of[np.roll(moved, 1)]
    return by_week


def _own_things(market: Market) -> None:
    count = len(market.accounts)
    devices = market.dice.rng.choice(len(DEVICES), count, p=DEVICES).tolist()
    cards = market.dice.rng.choice(len(CARDS), count, p=CARDS).tolist()
    for place, account in enumerate(market.accounts):
        first, last = account.first, account.last
        market.gives_contacts(place, PHONE_SHARE)
        for nth in range(devices[place]):
            begin = first if nth == 0 else market.dice.between(first, last)
            market.uses(place, "device", market.values.device(), begin, last)
        for _ in range(cards[place]):
            market.uses(place, "card", market.values.card(), market.dice.between(first, last), last)
        if market.dice.chance(BANK_ACCOUNT_SHARE):
            market.uses(place, "bank_account", market.values.bank_account(), first, last)


def _shared_at_home(market: Market, home: list[int]) -> None:
    if len(home) == 1:
        return
    shared = [
        (kind, value)
        for kind, value, share in (
            ("device", market.values.device(), TABLET_HOMES),
            ("card", market.values.card(), FAMILY_CARD_HOMES),
        )
        if market.dice.chance(share)
    ]
    if shared:
        market.families.append(home)
    for place in home:
        account = market.accounts[place]
        for kind, value in shared:
            market.uses(place, kind, value, market.dice.between(account.first, account.last), account.last)


def _resold_devices(market: Market) -> None:
    """A device goes silent with one account and weeks later appears with a stranger."""
    ordinary = [place for place, account in enumerate(market.accounts) if account.structure in ORDINARY]
    wanted = round(len(market.accounts) * RESOLD_SHARE)
    pairs = market.dice.sample(ordinary, len(ordinary))
    for seller, buyer in zip(pairs[::2], pairs[1::2], strict=False):
        old, new = market.accounts[seller], market.accounts[buyer]
        sold = market.dice.between(old.first, old.last)
        appears = sold + market.dice.between(*(days * DAY for days in RESALE_GAP_DAYS))
        if wanted == 0:
            break
        if not new.first <= appears <= new.last:
            continue
        device = market.values.device()
        market.uses(seller, "device", device, old.first, sold)
        market.uses(buyer, "device", device, appears, new.last)
        old.structure = new.structure = "resold_device"
        wanted -= 1


def _colliding_fingerprint(market: Market) -> None:
    """A fingerprinting library gives one id to devices that have nothing to do with each other."""
    device = market.values.device()
    ordinary = [place for place, account in enumerate(market.accounts) if account.structure in ORDINARY]
    for place in market.dice.sample(ordinary, max(2, round(len(market.accounts) * COLLISION_SHARE))):
        account = market.accounts[place]
        market.uses(place, "device", device, account.first, account.last)
        account.structure = "shared_fingerprint"
