"""All visits of innocents: when, on which devices, from which addresses, and what they leave behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.thirdworld.belongings import Held
from tests.bench.thirdworld.devices import NEVER
from tests.bench.thirdworld.town import Town
from tests.bench.thirdworld.uses import Flags, Floats, Ints

MORE_VISITS_A_WEEK = 1.1
WEEKS_ON_VPN, WEEKS_IN_CAFE, SIGN_UPS_ON_VPN = 0.02, 0.06, 0.01
NEW_LOSE_INTEREST, OLD_LOSE_INTEREST, DAYS_OF_INTEREST = 0.35, 0.18, 18
DEVICE_KNOWN = 0.985
ON_MOBILE, IN_OFFICE = 0.3, 0.7
BUYS, GETS_DELIVERY, IS_PAID = 0.3, 0.2, 0.2


@dataclass(frozen=True)
class Visits:
    """Visits by number; ``vpn`` is the address of those that are ``on_vpn``."""

    account: Ints
    day: Floats
    on_vpn: Flags
    in_cafe: Flags
    vpn: Ints
    is_sign_up: Flags


def visit(town: Town) -> None:
    """Have all innocents visit, buy and be paid."""
    visits = _planned(town)
    device = _devices(town, visits)
    ip = _ips(town, visits, device)
    market, count = town.market, len(visits.account)
    market.uses.see_all("ip", visits.account, ip, visits.day)
    known = (device >= 0) & (market.rng.random(count) < DEVICE_KNOWN)
    account, day, of_visit = visits.account[known], visits.day[known], device[known]
    market.uses.see_all("device", account, of_visit, day)
    market.uses.see_all("user_agent", account, np.array(market.values.browser_of)[of_visit], day)
    _show_identity(town, visits)
    _buy(town, visits)
    _deliver_and_pay_out(town, visits)


def _planned(town: Town) -> Visits:
    """Visits in the weeks that an account is active in, as long as it interests its person; and its sign-up."""
    market, rng, innocents = town.market, town.market.rng, town.people.accounts
    created = market.created[:innocents]
    account, week = np.nonzero(rng.random((innocents, market.weeks)) < town.people.activity[:, None])
    count = 1 + rng.poisson(MORE_VISITS_A_WEEK, len(account))
    on_vpn, in_cafe = rng.random(len(account)) < WEEKS_ON_VPN, rng.random(len(account)) < WEEKS_IN_CAFE
    vpn = town.vpn_ips(len(account))
    bored = _loses_interest(town)
    first_of_week = np.zeros(count.sum(), bool)
    first_of_week[np.cumsum(count) - count] = True
    account, vpn = np.repeat(account, count), np.repeat(vpn, count)
    on_vpn, in_cafe = np.repeat(on_vpn, count), np.repeat(in_cafe, count) & first_of_week
    day = np.repeat(week, count) * 7 + rng.integers(0, 7, len(account))
    day = market.times(day.astype(np.float64))
    kept = (day < market.days) & (day > created[account]) & (day < market.closed[account]) & (day < bored[account])
    new = np.flatnonzero(created >= 0)
    none = np.zeros(len(new), bool)
    return Visits(
        account=np.concatenate([account[kept], new]),
        day=np.concatenate([day[kept], created[new]]),
        on_vpn=np.concatenate([on_vpn[kept], rng.random(len(new)) < SIGN_UPS_ON_VPN]),
        in_cafe=np.concatenate([in_cafe[kept], none]),
        vpn=np.concatenate([vpn[kept], town.vpn_ips(len(new))]),
        is_sign_up=np.concatenate([np.zeros(kept.sum(), bool), ~none]),
    )


def _loses_interest(town: Town) -> Floats:
    """The day from which an account is not used any more though it is not closed, soon for many of the new ones."""
    rng, innocents = town.market.rng, town.people.accounts
    created = town.market.created[:innocents]
    chance = rng.random(innocents)
    of_new = np.where(chance < NEW_LOSE_INTEREST, created + rng.exponential(DAYS_OF_INTEREST, innocents), NEVER)
    of_old = np.where(chance < OLD_LOSE_INTEREST, rng.uniform(0, town.market.days, innocents), NEVER)
    bored = np.where(created >= 0, of_new, of_old)
    bored[[sale.account for sale in town.sales]] = NEVER
    return bored


def _devices(town: Town, visits: Visits) -> Ints:
    """A device of each visit among those that the account has then, -1 for none."""
    devices, account, day = town.devices, visits.account, visits.day[:, None]
    weight = devices.weight[account] * ((devices.since[account] <= day) & (day < devices.until[account]))
    up_to = weight.cumsum(1)
    total = up_to[:, -1]
    place = (up_to <= (town.market.rng.random(len(account)) * total)[:, None]).sum(1)
    return np.where(total > 0, devices.device[account, np.minimum(place, weight.shape[1] - 1)], -1)


def _ips(town: Town, visits: Visits, device: Ints) -> Ints:
    """The address of each visit: that of the home unless it was from elsewhere."""
    rng, places, account = town.market.rng, town.places, visits.account
    ip = town.own_ips(account, visits.day)
    chance = rng.random(len(account))
    on_mobile = places.on_mobile[account, rng.integers(0, places.on_mobile.shape[1], len(account))]
    ip = np.where(places.is_mobile[account] & (chance < ON_MOBILE), on_mobile, ip)
    ip = np.where((places.office[account] >= 0) & (chance > IN_OFFICE), places.office[account], ip)
    cities = town.people.homes.city[town.people.home[account[visits.in_cafe]]]
    ip[visits.in_cafe] = [places.cafe(rng, city) for city in cities.tolist()]
    ip = np.where(visits.on_vpn, visits.vpn, ip)
    fixed = np.where(device >= 0, np.array(town.market.values.fixed_ip)[np.maximum(device, 0)], -1)
    ip = np.where(fixed >= 0, fixed, ip)
    return np.where(visits.is_sign_up & (places.sign_up[account] >= 0) & (fixed < 0), places.sign_up[account], ip)


def _show_identity(town: Town, visits: Visits) -> None:
    """Mailboxes and phones are seen from the first to the last visit; those of a sold business, up to the sale."""
    uses, rng, owned = town.market.uses, town.market.rng, town.belongings
    count = np.bincount(visits.account, minlength=town.people.accounts)
    np.minimum.at(town.first_day, visits.account, visits.day)
    np.maximum.at(town.last_day, visits.account, visits.day)
    until = town.last_day.copy()
    for account, day, mailbox, phone in town.sales:
        first, last = town.first_day[account], town.last_day[account]
        if last > day:
            uses.see_all("email", account, mailbox, day + rng.uniform(0, 3), max(last, day + 3))
            uses.see_all("phone", account, phone, day + rng.uniform(0, 3), max(last, day + 3))
        if count[account]:
            until[account] = max(first, min(last, day + 1))
    seen = np.flatnonzero(count)
    uses.see_all("email", seen, owned.mailbox[seen], town.first_day[seen], until[seen], count[seen])
    seen = seen[owned.phone[seen] >= 0]
    few = np.maximum(1, count[seen] // 4)
    uses.see_all("phone", seen, owned.phone[seen], town.first_day[seen], until[seen], few)


def _buy(town: Town, visits: Visits) -> None:
    """Have accounts pay with their cards, and each with a gift card use it once at least."""
    market, rng = town.market, town.market.rng
    buys = rng.random(len(visits.account)) < BUYS
    for account, day in zip(visits.account[buys].tolist(), visits.day[buys].tolist(), strict=True):
        card = _held_on(rng, town.belongings.cards[account], day)
        if card is not None:
            market.use_card(account, card, day)
    for account, card, since, until in town.gifts:
        first = max(since, 0.0, market.created[account])
        last = min(until, market.days - 0.1, market.closed[account])
        if last > first:
            market.use_card(account, card, rng.uniform(first, last))


def _deliver_and_pay_out(town: Town, visits: Visits) -> None:
    """Have accounts get deliveries and, if they sell, be paid to their bank accounts."""
    market, rng, owned = town.market, town.market.rng, town.belongings
    count = len(visits.account)
    delivered = (rng.random(count) < GETS_DELIVERY) & (owned.address[visits.account] >= 0)
    to = visits.account[delivered]
    market.uses.see_all("address", to, owned.address[to], visits.day[delivered])
    paid = (rng.random(count) < IS_PAID) & town.people.is_seller[visits.account]
    for account, day in zip(visits.account[paid].tolist(), visits.day[paid].tolist(), strict=True):
        bank_account = _held_on(rng, owned.bank_accounts[account], day)
        if bank_account is not None:
            market.uses.see("bank_account", account, bank_account, day)


def _held_on(rng: np.random.Generator, all_held: list[Held], day: float) -> int | None:
    """One of those that the account has on the day, if it has any."""
    held = [one for one in all_held if one.since <= day < one.until]
    if len(held) < 2:
        return held[0].value if held else None
    weights = [one.weight for one in held]
    return held[rng.choice(len(held), p=np.array(weights) / sum(weights))].value
