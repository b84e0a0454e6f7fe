"""The innocent accounts of a district: homes, their time, their own things, and the addresses they are seen on."""

from __future__ import annotations

import numpy as np

from graphrisk.worlds.district import (
    ACTIVE,
    CLOSED,
    CODES,
    IPV6,
    SUSPENDED,
    WEEK_STARTS,
    WEEKS,
    District,
    Flags,
    Integers,
)
from graphrisk.worlds.marks import PROMOTED_SHARE, PROMOTIONS, browsers, drawn
from graphrisk.worlds.period import DAY, END, START, WEEK

YEARS_BEFORE = 2 * 365 * DAY
NEW_SHARE = 0.13
HOME_SIZES = (0.28, 0.34, 0.16, 0.13, 0.06, 0.03)
DYNAMIC_HOMES, REASSIGNED_A_WEEK = 0.6, 0.08
HOMES_PER_NETWORK, IPV6_HOMES = 60, 0.2
TABLET_HOMES, FAMILY_CARD_HOMES = 0.35, 0.3
DEVICES, CARDS = (0.0, 0.5, 0.38, 0.12), (0.25, 0.55, 0.2)
EMAIL_SHARE, PHONE_SHARE, BANK_SHARE, ADDRESS_SHARE = 0.95, 0.4, 0.35, 0.4
CARRIER_SHARE, CARRIERS_EACH = 0.7, 3
AT_HOME, ON_CARRIER, IN_CAFE, ON_VPN = 0.75, 0.35, 0.06, 0.02
ACCOUNTS_PER_CAFE_WIFI = 300
CLOSED_SHARE, SUSPENDED_SHARE = 0.015, 0.007


def settle(district: District, student_houses: list[int]) -> None:
    """Give every innocent account a home, the student houses of the given sizes first, and the homes lines by week."""
    rng, count = district.rng, district.honest
    crowded = sum(student_houses)
    sizes = 1 + rng.choice(len(HOME_SIZES), count - crowded, p=HOME_SIZES)
    ends = np.cumsum(sizes)
    homes = int(np.searchsorted(ends, count - crowded)) + 1 if count > crowded else 0
    sizes = np.concatenate((np.array(student_houses, np.int64), sizes[:homes]))
    district.home[:count] = np.repeat(np.arange(len(sizes)), sizes)[:count]
    lived = np.bincount(district.home[:count], minlength=len(sizes))
    alone = lived[district.home[:count]] == 1
    district.structure[:count] = np.where(alone, CODES["single"], CODES["household"])
    district.structure[:crowded] = CODES["student_house"]
    district.lines_by_week = _lines_by_week(district, len(sizes))
    district.family = np.zeros(len(sizes), bool)


def _lines_by_week(district: District, homes: int) -> Integers:
    """For each home and week its line; providers hand dynamic ones to other homes."""
    rng = district.rng
    nth, places = rng.permutation(homes), np.arange(homes)
    is_v6 = rng.random(homes) < IPV6_HOMES
    groups = homes // HOMES_PER_NETWORK + 1
    group, host = nth // HOMES_PER_NETWORK, 2 + 4 * (nth % HOMES_PER_NETWORK)
    lines = np.where(
        is_v6, IPV6 | (district.sites(groups)[group] << 8) | host, (district.networks(groups)[group] << 8) | host
    )
    is_dynamic, line_of = rng.random(homes) < DYNAMIC_HOMES, places.copy()
    by_week = np.empty((homes, WEEKS), np.int64)
    for week in range(WEEKS):
        by_week[:, week] = lines[line_of]
        moved = np.flatnonzero(is_dynamic & (rng.random(homes) < REASSIGNED_A_WEEK))
        line_of[moved] = line_of[np.roll(moved, 1)]
    return by_week


def sign_up(district: District) -> None:
    """When each innocent account was created: most in the two years before the period, some in it."""
    count = district.honest
    new = district.chance(NEW_SHARE, count)
    in_period = district.between(START, np.full(count, END - 2 * DAY))
    before = district.between(START - YEARS_BEFORE, np.full(count, START - 1))
    district.created[:count] = np.where(new, in_period, before)


def live(district: District) -> Flags:
    """When each innocent account was active: for each account and week. Sets first, last and status."""
    rng, count, mean = district.rng, district.honest, district.knobs.activity
    created = district.created[:count]
    share = rng.beta(2, 2 / mean - 2, count)
    possible = (WEEK_STARTS + WEEK)[None, :] > created[:, None]
    active = (rng.random((count, WEEKS)) < share[:, None]) & possible
    # Everybody does something: at sign-up when it falls into the period, else in some week.
    new = created >= START
    debut = np.where(new, (created - WEEK_STARTS[0]) // WEEK, rng.integers(0, WEEKS, count))
    needed = new | ~active.any(axis=1)
    active[np.flatnonzero(needed), debut[needed]] = True
    opening, closing = active.argmax(axis=1), WEEKS - 1 - active[:, ::-1].argmax(axis=1)
    low = np.maximum(START, WEEK_STARTS[opening])
    district.first[:count] = np.where(new, created, district.between(low, low + 2 * DAY))
    high = np.minimum(WEEK_STARTS[closing] + WEEK, END) - 1
    district.last[:count] = district.between(np.maximum(district.first[:count], high - DAY), high)
    draw = rng.random(count)
    closed, suspended = draw < CLOSED_SHARE, draw > 1 - SUSPENDED_SHARE
    district.status[:count] = np.where(closed, CLOSED, np.where(suspended, SUSPENDED, ACTIVE))
    ended = closed | suspended
    district.status_at[:count][ended] = district.last[:count][ended]
    return active


def go_online(district: District, active: Flags, workplace: Integers, at_work: float) -> None:
    """Weekly addresses of innocents: home, carrier, workplace (-1: none), café Wi-Fi and VPN exits."""
    rng = district.rng
    account, week = np.nonzero(active)
    low = np.maximum(district.first[account], WEEK_STARTS[week])
    high = np.minimum(district.last[account], WEEK_STARTS[week] + WEEK - 1)
    debut = (district.created[account] >= WEEK_STARTS[week]) & (district.created[account] >= START)
    mobile = district.chance(CARRIER_SHARE, district.honest)[account]
    draws = rng.random((5, len(account)))
    works = (workplace[account] >= 0) & (draws[2] < at_work)
    carried = mobile & (draws[1] < ON_CARRIER)
    home = (draws[0] < AT_HOME) | debut | ~(works | carried)
    carriers = rng.integers(0, len(district.public.carriers), (district.honest, CARRIERS_EACH))
    wifi = district.static_ips(max(2, district.honest // ACCOUNTS_PER_CAFE_WIFI))
    places: list[tuple[Flags, Integers]] = [
        (home, district.lines_by_week[district.home[account], week]),
        (carried, district.public.carriers[carriers[account, rng.integers(0, CARRIERS_EACH, len(account))]]),
        (works, workplace[account]),
        (draws[3] < IN_CAFE, rng.choice(wifi, len(account))),
        (draws[4] < ON_VPN, rng.choice(district.public.exits, len(account))),
    ]
    for there, address in places:
        district.on_addresses(account[there], week[there], address[there], low[there], high[there])


def own_things(district: District) -> None:
    """Devices, cards, bank accounts, mailboxes, phone numbers and addresses of innocents, and what homes share."""
    rng, count = district.rng, district.honest
    everyone = np.arange(count)
    for kind, shares in (("device", DEVICES), ("card", CARDS)):
        how_many = rng.choice(len(shares), count, p=shares)
        for owner, late in (
            (everyone[how_many > 0], kind == "card"),
            (np.repeat(everyone, np.maximum(how_many - 1, 0)), True),
        ):
            marks = _browsers_of(district, owner) if kind == "device" else _issuers_of(district, owner)
            district.uses(kind, owner, district.fresh(kind, len(owner), marks), late)
    give_contacts(district, everyone)
    banked = everyone[district.chance(BANK_SHARE, count)]
    district.uses("bank_account", banked, district.fresh("bank_account", len(banked)))
    addressed = everyone[district.chance(ADDRESS_SHARE, count)]
    homes = district.fresh("address", len(district.lines_by_week))
    district.uses("address", addressed, homes[district.home[addressed]])
    _share_at_home(district)


def _browsers_of(district: District, account: Integers) -> Integers:
    return browsers(district.rng, (district.first[account] - START) / (END - START))


def _issuers_of(district: District, account: Integers) -> Integers:
    """Issuers as common as they are, but for the weeks in which one of them pays newcomers for signing up."""
    issuers = drawn(district.rng, "card", len(account))
    weeks = district.rng.integers(0, WEEKS, PROMOTIONS)
    for week, promoted in zip(weeks, range(2, 2 + PROMOTIONS), strict=True):
        newcomer = (district.created[account] - WEEK_STARTS[week]) // WEEK == 0
        issuers[newcomer & district.chance(PROMOTED_SHARE, len(account))] = promoted
    return issuers


def give_contacts(
    district: District, account: Integers, phones: float = PHONE_SHARE, mailboxes: Integers | None = None
) -> None:
    """A mailbox of their own for most of the accounts, with these marks if they are given, and a phone number for some."""
    mailed = district.chance(EMAIL_SHARE, len(account))
    marks = None if mailboxes is None else mailboxes[mailed]
    district.uses("email", account[mailed], district.fresh("email", int(mailed.sum()), marks))
    called = account[district.chance(phones, len(account))]
    district.uses("phone", called, district.fresh("phone", len(called)))


def _share_at_home(district: District) -> None:
    homes = len(district.lines_by_week)
    lived = np.bincount(district.home[: district.honest], minlength=homes)
    for kind, share in (("device", TABLET_HOMES), ("card", FAMILY_CARD_HOMES)):
        shared = district.chance(share, homes) & (lived > 1) & (lived <= len(HOME_SIZES))
        value_of = np.full(homes, -1, np.int64)
        value_of[shared] = district.fresh(kind, int(shared.sum()))
        sharers = np.flatnonzero(value_of[district.home[: district.honest]] >= 0)
        district.uses(kind, sharers, value_of[district.home[sharers]], late=True)
        district.family[np.flatnonzero(shared)] = True
