"""What innocents have besides devices: cards, bank accounts, addresses, mailboxes and phones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tests.bench.thirdworld.devices import LONG_AGO, NEVER
from tests.bench.thirdworld.market import Market
from tests.bench.thirdworld.names import LAST_NAMES
from tests.bench.thirdworld.people import LARGEST_FAMILY, People
from tests.bench.thirdworld.uses import Ints

CARDS = (0.3, 0.5, 0.2)
FAMILY_CARD, FAMILY_PAYS, FAMILY_CARD_WEIGHT = 0.3, 0.7, 0.7
SAME_CARD, SECOND_CARD = 0.6, 0.4
SAME_BANK_ACCOUNT, JOINT_BANK_ACCOUNT = 0.7, 0.3
GETS_DELIVERIES, AS_AT_HOME, IN_SMALL_LETTERS = 0.75, 0.85, 0.92
FAMILY_NAME, HAS_PHONE, SAME_PHONE, FAMILY_PHONE = 0.75, 0.8, 0.5, 0.04


class Held(NamedTuple):
    """A card or bank account, how much it is used, and from when until when."""

    value: int
    weight: float = 1.0
    since: float = LONG_AGO
    until: float = NEVER


@dataclass(frozen=True)
class Belongings:
    """By account: cards and bank accounts; an address, a mailbox and a phone, or -1."""

    cards: list[list[Held]]
    bank_accounts: list[list[Held]]
    address: Ints
    mailbox: Ints
    phone: Ints


def given_belongings(market: Market, people: People) -> Belongings:
    """What all innocents have."""
    rng, values, homes = market.rng, market.values, people.homes
    card_counts = rng.choice(len(CARDS), people.persons, p=CARDS).tolist()
    names = [LAST_NAMES[name] for name in rng.integers(0, len(LAST_NAMES), len(homes)).tolist()]
    cards = _cards(market, people, card_counts)
    texts = [values.address_text(city) for city in homes.city.tolist()]
    addresses = [values.add("address", text) for text in texts]
    bank_accounts: list[list[Held]] = [[] for _ in range(people.accounts)]
    address, mailbox, phone = (np.full(people.accounts, -1) for _ in range(3))
    belongings = Belongings(cards, bank_accounts, address, mailbox, phone)
    joint: dict[int, int] = {}
    for account, home in enumerate(people.home.tolist()):
        if people.is_seller[account]:
            belongings.bank_accounts[account] = _bank_accounts(market, people, belongings, joint, account)
        if rng.random() < GETS_DELIVERIES:
            address[account] = _address(market, addresses[home], texts[home])
        is_named_alike = homes.sizes[home] <= LARGEST_FAMILY and rng.random() < FAMILY_NAME
        mailbox[account] = values.mailbox(last=names[home] if is_named_alike else None)
        if rng.random() < HAS_PHONE:
            phone[account] = _phone(market, people, phone, account)
    return belongings


def _cards(market: Market, people: People, counts: list[int]) -> list[list[Held]]:
    rng, values = market.rng, market.values
    cards = [[Held(card) for card in values.cards(count)] for count in counts]
    cards += [[] for _ in range(people.persons, people.accounts)]
    for home in range(people.homes.student_houses, len(people.homes)):
        if people.homes.sizes[home] > 1 and rng.random() < FAMILY_CARD:
            card = Held(values.card(), FAMILY_CARD_WEIGHT)
            for account in people.members[home]:
                if rng.random() < FAMILY_PAYS:
                    cards[account].append(card)
    for account in range(people.persons, people.accounts):
        of_person = cards[people.person[account]]
        if of_person and rng.random() < SAME_CARD:
            cards[account].append(of_person[0])
        elif rng.random() < SECOND_CARD:
            cards[account].append(Held(values.card()))
    return cards


def _bank_accounts(
    market: Market, people: People, belongings: Belongings, joint: dict[int, int], account: int
) -> list[Held]:
    """Those of the person's first account, or the home's joint one, or one that may become it."""
    home = int(people.home[account])
    of_person = belongings.bank_accounts[people.person[account]]
    if account >= people.persons and of_person and market.rng.random() < SAME_BANK_ACCOUNT:
        return list(of_person)
    is_family = home >= people.homes.student_houses
    if is_family and home in joint and market.rng.random() < JOINT_BANK_ACCOUNT:
        return [Held(joint[home])]
    own = market.values.bank_account(people.homes.country(home))
    joint.setdefault(home, own)
    return [Held(own)]


def _address(market: Market, at_home: int, text: str) -> int:
    """The address of the home, sometimes as somebody else would write it."""
    way = market.rng.random()
    if way < AS_AT_HOME:
        return at_home
    other = text.lower() if way < IN_SMALL_LETTERS else text.replace(", ", " / Hs. 2, ", 1)
    return market.values.add("address", other)


def _phone(market: Market, people: People, phone: Ints, account: int) -> int:
    """The person's for a second account, or that of the first in the home, or another one."""
    home = int(people.home[account])
    of_person, of_home = int(phone[people.person[account]]), int(phone[people.members[home][0]])
    way = market.rng.random()
    if account >= people.persons and of_person >= 0 and way < SAME_PHONE:
        return of_person
    if way < FAMILY_PHONE and of_home >= 0:
        return of_home
    return market.values.phone(people.homes.country(home))
