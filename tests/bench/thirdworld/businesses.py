"""Businesses and the like, where many innocents share devices, cards and bank accounts."""

from __future__ import annotations

import numpy as np

from tests.bench.thirdworld.belongings import Held
from tests.bench.thirdworld.devices import LONG_AGO, NEVER
from tests.bench.thirdworld.names import LAST_NAMES, TRADE_ENDINGS, TRADES
from tests.bench.thirdworld.town import Town

USUAL_ACCOUNTS = 31_000
SMALL_BUSINESS_SHARE = 0.014
CAFES, KIOSKS, CHARITIES, AGENCIES = 8, 6, 5, 12
"""How many there are among the usual number of accounts."""


def scaled(town: Town, count: int) -> int:
    """How many there are in the town, of so many among the usual number of accounts."""
    return max(1, round(count * (town.market.accounts / USUAL_ACCOUNTS)))


def found_businesses(town: Town) -> None:
    """Let innocents work, surf, sign up and have their books kept together."""
    _found_small_businesses(town)
    for _ in range(scaled(town, CAFES)):
        _open_cafe(town)
    for _ in range(scaled(town, KIOSKS)):
        _open_kiosk(town)
    for _ in range(scaled(town, CHARITIES)):
        _collect_for_charity(town)
    for _ in range(scaled(town, AGENCIES)):
        _open_agency(town)


def _found_small_businesses(town: Town) -> None:
    left = int(SMALL_BUSINESS_SHARE * town.market.accounts)
    while left > 0:
        wanted = int(np.clip(town.market.rng.lognormal(np.log(9), 0.65), 4, 40))
        left -= wanted
        members = town.take(wanted)
        if not members:
            break
        _found_small_business(town, members)


def _found_small_business(town: Town, members: list[int]) -> None:
    """Terminals, a card, for some a bank account and a domain; half of them open all accounts at once."""
    market, rng, values, owned = town.market, town.market.rng, town.market.values, town.belongings
    ip = values.ip("business" if rng.random() < 0.5 else "home")
    terminals = values.devices(max(1, round(len(members) / rng.uniform(2.5, 6))), ip)
    card, bank_account = values.card(), values.bank_account(town.country(members[0]))
    opens_at_once, day = rng.random() < 0.5, rng.uniform(2, market.days - 15)
    name = f"{LAST_NAMES[rng.integers(len(LAST_NAMES))]}-{rng.choice(TRADES)}{rng.integers(1, 999)}"
    domain = f"{name}.{rng.choice(TRADE_ENDINGS)}"
    has_domain, shares_bank_account = rng.random() < 0.5, rng.random() < 0.4
    for account in members:
        if opens_at_once:
            market.created[account] = day + rng.uniform(0, 10)
        elif rng.random() < 0.5:
            market.created[account] = -rng.exponential(300)
        market.closed[account] = np.inf
        town.places.office[account] = ip
        mixed = rng.permutation(terminals)
        for device in mixed[: 1 + int(rng.random() < 0.4)].tolist():
            town.devices.add(account, device, rng.uniform(0.5, 1.2))
        if rng.random() < 0.65:
            owned.cards[account].append(Held(card, 1.2))
        if shares_bank_account and rng.random() < 0.6:
            _sell_for(town, account, bank_account)
        if has_domain and rng.random() < 0.7:
            owned.mailbox[account] = values.mailbox(domain=domain)
    market.mark(members, "small_business")


def _sell_for(town: Town, account: int, bank_account: int) -> None:
    """Have the account sell, and be paid to the bank account alone."""
    town.belongings.bank_accounts[account] = [Held(bank_account)]
    town.people.is_seller[account] = True


def _open_cafe(town: Town) -> None:
    """Terminals that everybody uses a few of, some instead of their own device."""
    rng, values = town.market.rng, town.market.values
    members = town.take(int(rng.integers(20, 70)))
    ip = values.ip("business")
    terminals = values.devices(int(rng.integers(6, 16)), ip)
    for account in members:
        mixed = rng.permutation(terminals)
        for device in mixed[: int(rng.integers(1, 4))].tolist():
            town.devices.add(account, device, rng.uniform(0.1, 0.6))
        if rng.random() < 0.2:
            town.devices.weight[account, 0] = 0.1
    town.market.mark(members, "cafe")


def _open_kiosk(town: Town) -> None:
    """Sign-up with help on the kiosk's devices, for weeks or months; some have things delivered to the desk."""
    market, rng, values = town.market, town.market.rng, town.market.values
    members = town.take(int(rng.integers(20, 81)))
    ip = values.ip("business")
    devices = values.devices(int(rng.integers(1, 4)), ip)
    length = rng.uniform(10, 150)
    begin = rng.uniform(1, max(2, market.days - length - 5))
    desk = values.address() if rng.random() < 0.4 else -1
    for account in members:
        day = np.floor(begin + rng.uniform(0, length)) + rng.uniform(9, 18) / 24
        _sign_up_on(town, account, int(rng.choice(devices)), day)
        if rng.random() < 0.15:
            town.devices.add(account, int(rng.choice(devices)), 0.2, day + 0.1)
        if desk >= 0 and rng.random() < 0.3:
            town.belongings.address[account] = desk
    market.mark(members, "kiosk")


def _sign_up_on(town: Town, account: int, device: int, day: float) -> None:
    """Have the account created on the day on somebody's device, before the person uses it on their own."""
    town.market.created[account], town.market.closed[account] = day, np.inf
    town.devices.since[account, : town.devices.count[account]] = day + 0.1
    town.devices.add(account, device, 1.0, LONG_AGO, day + 0.1)


def _collect_for_charity(town: Town) -> None:
    """Accounts created within days at one address, a quarter of them on a tablet; some are paid to one bank account."""
    market, rng, values = town.market, town.market.rng, town.market.values
    members = town.take(int(rng.integers(25, 110)))
    ip = values.ip("business")
    tablets = values.devices(int(rng.integers(1, 4)), ip)
    begin, length = np.floor(rng.uniform(3, market.days - 5)), int(rng.integers(1, 4))
    bank_account = values.bank_account() if rng.random() < 0.4 else -1
    for account in members:
        day = begin + rng.integers(0, length) + rng.uniform(9, 18) / 24
        market.created[account], market.closed[account] = day, np.inf
        town.places.sign_up[account] = ip
        if rng.random() < 0.25:
            _sign_up_on(town, account, int(rng.choice(tablets)), day)
        if bank_account >= 0 and rng.random() < 0.3:
            _sell_for(town, account, bank_account)
    market.mark(members, "charity")


def _open_agency(town: Town) -> None:
    """Sellers whose books are kept on the agency's devices from a day on; a third of agencies are paid for them."""
    market, rng, values, owned = town.market, town.market.rng, town.market.values, town.belongings
    members = town.take(int(np.clip(rng.lognormal(np.log(12), 0.5), 5, 40)))
    ip = values.ip("business")
    devices = values.devices(int(rng.integers(1, 5)), ip)
    bank_account = values.bank_account() if rng.random() < 0.35 else -1
    for account in members:
        day = rng.uniform(-200, market.days - 20)
        town.people.is_seller[account], market.closed[account] = True, np.inf
        market.created[account] = min(market.created[account], day - 1 if rng.random() < 0.8 else day)
        town.devices.add(account, int(rng.choice(devices)), rng.uniform(0.4, 2.0), day)
        if rng.random() < 0.3:
            town.devices.add(account, int(rng.choice(devices)), 0.4, day)
        if not owned.bank_accounts[account]:
            owned.bank_accounts[account] = [Held(values.bank_account(town.country(account)))]
        if bank_account >= 0 and rng.random() < 0.6:
            owned.bank_accounts[account].append(Held(bank_account, 1.5, day, NEVER))
    market.mark(members, "agency")
