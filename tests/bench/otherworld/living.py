"""What innocents do week by week: on which addresses they are, and which cards and accounts they use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.otherworld.market import DAYS, WEEKS, Flags, Floats, Ints, Market
from tests.bench.otherworld.people import People, week_of
from tests.bench.otherworld.places import Places

AT_HOME, ON_CARRIER, AT_WORK, IN_CAFE, ON_VPN = (0.75, 0.3), (0.5, 0.3), 0.5, 0.06, 0.02
SIGN_UP_ON_CARRIER, SIGN_UP_AT_WORK = 0.3, 0.15
CARD_USE, FAMILY_CARD_USE = 0.35, 0.35
BANK_SHARE, ADDRESS_SHARE = 0.4, 0.7
ACCOUNTS_A_SHARED_CARD, OFFICE_WITH_CARD_FROM = 3000, 5


@dataclass(frozen=True)
class Weeks:
    """The weeks in which innocents come: ``active`` by account and week; ``account`` and ``week`` list them."""

    market: Market
    active: Flags
    account: Ints
    week: Ints

    def within(self, account: Ints, week: Ints) -> Floats:
        """A moment in each of the weeks, after the account was created."""
        low = np.maximum(week * 7.0, self.market.created[account] + 0.01)
        return low + self.market.rng.random(len(account)) * np.maximum(0.01, week * 7 + 6.99 - low)

    def some(self, share: float) -> tuple[Ints, Ints, Floats]:
        """A share of the weeks: accounts, weeks, moments."""
        drawn = np.flatnonzero(self.market.rng.random(len(self.account)) < share)
        account, week = self.account[drawn], self.week[drawn]
        return account, week, self.within(account, week)


@dataclass(frozen=True)
class Contacts:
    """``bank`` by account, where ``has_bank``, and the postal ``address`` by home."""

    bank: Ints
    has_bank: Flags
    address: Ints


def live(market: Market, people: People) -> Weeks:
    """The weeks in which innocents come, at least one each."""
    created = market.created[: market.honest]
    possible = np.arange(WEEKS)[None] * 7 + 7 > created[:, None] + 0.05
    active = (market.rng.random((market.honest, WEEKS)) < people.activity[:, None]) & possible
    never = np.flatnonzero(~active.any(axis=1))
    active[never, week_of(np.maximum(0, created[never]))] = True
    account, week = np.nonzero(active)
    return Weeks(market, active, account, week)


def go_online(market: Market, people: People, places: Places, weeks: Weeks) -> None:
    """The addresses that innocents are on."""
    rng = market.rng
    for share in AT_HOME:
        account, week, day = weeks.some(share)
        market.see("ip", account, people.homes.address[people.home[account], week], day)
    for share in ON_CARRIER:
        account, _, day = weeks.some(share)
        mobile = places.mobile[account]
        account = account[mobile]
        nth = rng.integers(0, places.carrier_of.shape[1], len(account))
        market.see("ip", account, places.carrier_of[account, nth], day[mobile])
    account, _, day = weeks.some(AT_WORK)
    works = places.office_of[account] >= 0
    market.see("ip", account[works], places.office[places.office_of[account[works]]], day[works])
    for share, place in ((IN_CAFE, places.cafe), (ON_VPN, places.exits)):
        account, _, day = weeks.some(share)
        market.see("ip", account, rng.choice(place, len(account)), day)
    _sign_up_online(market, people, places)


def _sign_up_online(market: Market, people: People, places: Places) -> None:
    """Newcomers sign up at home, but some of them on a carrier or at work."""
    new = np.flatnonzero(market.created[: market.honest] >= 0)
    luck = market.rng.random(len(new))
    at_work = (places.office_of[new] >= 0) & (luck > 1 - SIGN_UP_AT_WORK)
    elsewhere = np.where(at_work, places.office[places.office_of[new]], people.at_home(new, market.created[new]))
    on_carrier = places.mobile[new] & (luck < SIGN_UP_ON_CARRIER)
    address = np.where(on_carrier, places.carrier_of[new, 0], elsewhere)
    market.see("ip", new, address, market.created[new] + market.rng.uniform(0.0005, 0.01, len(new)))


def pay(market: Market, people: People, weeks: Weeks) -> Contacts:
    """Cards, bank accounts and postal addresses of innocents."""
    rng, honest, homes = market.rng, market.honest, people.homes
    account, _, day = weeks.some(CARD_USE)
    has_card = people.card_count[account] > 0
    account, day = account[has_card], day[has_card]
    family = homes.card[people.home[account]]
    by_family = (family >= 0) & (rng.random(len(account)) < FAMILY_CARD_USE)
    nth = rng.integers(0, 2, len(account)) % np.maximum(1, people.card_count[account])
    market.see("card", account, np.where(by_family, family, people.cards[account, nth]), day)
    bank, has_bank = market.fresh("bank_account", honest), rng.random(honest) < BANK_SHARE
    first = np.minimum(np.maximum(market.created[:honest], 0) + rng.uniform(0.01, 3, honest), DAYS - 0.1)
    market.see("bank_account", np.flatnonzero(has_bank), bank[has_bank], first[has_bank])
    address, has_address = market.fresh("address", len(homes)), rng.random(honest) < ADDRESS_SHARE
    market.see("address", np.flatnonzero(has_address), address[people.home[has_address]], first[has_address])
    return Contacts(bank, has_bank, address)


def share_cards(market: Market, places: Places) -> None:
    """Corporate cards within an office, and gift cards among strangers, 5 to 40 accounts each."""
    rng = market.rng
    offices = np.flatnonzero(places.office_sizes >= OFFICE_WITH_CARD_FROM)
    for _ in range(max(1, market.honest // ACCOUNTS_A_SHARED_CARD)):
        workers = np.flatnonzero(places.office_of == rng.choice(offices))
        holders = rng.choice(workers, min(len(workers), int(rng.integers(5, 41))), replace=False)
        holder = np.repeat(holders, 3)
        low = np.minimum(np.maximum(market.created[holder], 0) + 1, DAYS - 0.1)
        market.see("card", holder, market.another("card"), rng.uniform(low, DAYS))
        given = rng.choice(market.honest, int(rng.integers(5, 41)), replace=False)
        start = rng.uniform(0, DAYS - 60)
        given = given[market.created[given] < start]
        if len(given):
            market.see("card", given, market.another("card"), start + rng.uniform(0, 60, len(given)))
            market.rename(given, "gift_card")
