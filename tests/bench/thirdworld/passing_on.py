"""What passes from hand to hand or is alike by chance: sold businesses, used devices, fingerprints, gift cards."""

from __future__ import annotations

import numpy as np

from tests.bench.thirdworld.belongings import Held
from tests.bench.thirdworld.businesses import scaled
from tests.bench.thirdworld.devices import NEVER
from tests.bench.thirdworld.market import RANK
from tests.bench.thirdworld.town import Gift, Sale, Town
from tests.bench.thirdworld.values import falling

SOLD_BUSINESSES, GIFT_CARDS = 30, 16
"""How many there are among the usual number of accounts."""
RESOLD_DEVICES, COMMON_FINGERPRINTS, ALIKE = 0.03, 12, 0.005
TRIES_A_SALE = 1.6


def pass_on(town: Town) -> None:
    """Let innocents sell businesses and devices, have devices that look alike, and pay with gift cards."""
    market, innocents = town.market, town.people.accounts
    for account in town.take(scaled(town, SOLD_BUSINESSES)):
        _sell_business(town, account)
    _resell_devices(town)
    _look_alike(town)
    for _ in range(scaled(town, GIFT_CARDS)):
        _give_cards(town)
    market.created[:innocents] = np.minimum(market.created[:innocents], market.days - 0.2)


def _sell_business(town: Town, account: int) -> None:
    """From a day on, the devices, home, cards, bank account, mailbox and phone are another owner's."""
    market, rng, values, owned = town.market, town.market.rng, town.market.values, town.belongings
    market.created[account] = -rng.exponential(500) - 60
    market.closed[account], town.people.is_seller[account] = np.inf, True
    day = rng.uniform(20, market.days - 20)
    town.devices.until[account, : town.devices.count[account]] = day + rng.uniform(0, 6)
    for _ in range(int(rng.integers(1, 3))):
        town.devices.add(account, values.device(), 1.0, day)
    # The shop's computer goes with it.
    if rng.random() < 0.3:
        town.devices.add(account, int(town.devices.device[account, 0]), 0.6, day)
    home = int(rng.integers(len(town.people.homes)))
    town.second_home[account], town.moved[account] = home, day
    town.places.is_mobile[account] = False
    country = town.people.homes.country(home)
    old, new = values.bank_account(country), values.bank_account(country)
    owned.bank_accounts[account] = [Held(old, until=day + 3), Held(new, 1.5, day)]
    cards = [card._replace(until=day) for card in owned.cards[account]]
    owned.cards[account] = [*cards, Held(values.card(), since=day)]
    town.sales.append(Sale(account, day, values.mailbox(), values.phone(country)))
    market.mark(account, "sold_business")


def _resell_devices(town: Town) -> None:
    drawn = town.market.rng.permutation(town.unremarkable_persons())
    count = int(RESOLD_DEVICES * town.people.accounts * TRIES_A_SALE)
    sellers, buyers = drawn[:count].tolist(), drawn[count : 2 * count].tolist()
    for seller, buyer in zip(sellers, buyers, strict=False):
        if town.people.home[seller] != town.people.home[buyer]:
            _resell_device(town, seller, buyer)


def _resell_device(town: Town, seller: int, buyer: int) -> None:
    """Let the buyer use the seller's first device some time after the seller gave it up, if there is time for it."""
    market, rng, devices = town.market, town.market.rng, town.devices
    gap = rng.uniform(10, 120)
    given_up = rng.uniform(-20, market.days - gap - 3)
    device = int(devices.device[seller, 0])
    bought = max(given_up + gap, market.created[buyer])
    if bought > market.days - 2 or market.created[seller] > given_up:
        return
    devices.until[seller, 0] = given_up
    devices.add(seller, market.values.device(), 1.0, given_up)
    # Whoever else at home used it gives it up too.
    for account in town.people.members[town.people.home[seller]]:
        if account != seller:
            devices.until[account, devices.device[account] == device] = given_up
    devices.until[buyer, 0] = bought + 5 if rng.random() < 0.6 else NEVER
    devices.add(buyer, device, 1.0, bought)
    market.mark([seller, buyer], "resold_device")


def _look_alike(town: Town) -> None:
    """Give some accounts' first devices one of a few fingerprints."""
    rng = town.market.rng
    fingerprints = town.market.values.devices(COMMON_FINGERPRINTS)
    shares = falling(COMMON_FINGERPRINTS, 0.8)
    for account in rng.choice(town.people.accounts, int(ALIKE * town.market.accounts), replace=False).tolist():
        town.devices.device[account, 0] = fingerprints[rng.choice(COMMON_FINGERPRINTS, p=shares)]
        town.market.mark(account, "shared_fingerprint")


def _give_cards(town: Town) -> None:
    """Give a few accounts one gift card or company card for days or for good."""
    market, rng = town.market, town.market.rng
    could = np.flatnonzero(market.structure[: town.people.accounts] <= RANK["resold_device"])
    members = rng.choice(could, int(rng.integers(5, 41)), replace=False).tolist()
    card, since = market.values.card(), rng.uniform(-60, market.days - 30)
    until = since + float(rng.choice([12.0, 60.0, 400.0]))
    for account in members:
        town.belongings.cards[account].append(Held(card, 1.5, since, until))
        town.gifts.append(Gift(account, card, since, until))
    market.mark(members, "gift_card")
