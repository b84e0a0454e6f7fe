"""The rings of a synthetic marketplace, each built the way its archetype works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from graphrisk.worlds.market import DAY, END, MARKETPLACES, START, WEEK, Account, Market, Ring, week_of, week_start
from graphrisk.worlds.population import ORDINARY, YEARS_BEFORE

RING_SHARE = 0.03
FARM_DAYS = 20
ACCOUNTS_PER_DEVICE, ACCOUNTS_PER_CARD, SECOND_DEVICE_SHARE = 8, 5, 0.35
OLD_CARD_SHARE = 0.7
RAID_DAYS, PAYOUT_SHARE, VICTIMS_PER_PAYOUT_CARD = 2, 0.7, 6
FRAMED_ACCOUNTS_AT_LEAST = 10
RING_PHONE_SHARE = 0.15


@dataclass(frozen=True)
class Archetype:
    """How a ring of this type is built, how large it gets, and how many accounts it adds for each unit of size.

    ``members_per_size`` counts members, ``new_per_size`` those that did not exist before.
    """

    build: Callable[[Market, Ring, int], None]
    smallest: int
    largest: int
    members_per_size: int = 1
    new_per_size: int = 1


@dataclass(frozen=True)
class Plan:
    """The rings to plant: (archetype, size) each, and how many new accounts they need in all."""

    rings: list[tuple[str, int]]
    new_accounts: int


def plan_rings(market: Market, accounts: int) -> Plan:
    """One ring of each archetype, then more of them in turn until their share of the accounts is reached."""
    rings: list[tuple[str, int]] = []
    members = new_accounts = 0
    while len(rings) < len(ARCHETYPES) or members < accounts * RING_SHARE:
        name = tuple(ARCHETYPES)[len(rings) % len(ARCHETYPES)]
        archetype = ARCHETYPES[name]
        # The square makes small rings the common ones.
        size = archetype.smallest + int(market.dice.rng.random() ** 2 * (archetype.largest - archetype.smallest + 1))
        rings.append((name, size))
        members += size * archetype.members_per_size
        new_accounts += size * archetype.new_per_size
    return Plan(rings, new_accounts)


def plant_rings(market: Market, plan: Plan) -> None:
    """Build the planned rings among the accounts that are there already."""
    numbers: Counter[str] = Counter()
    for name, size in plan.rings:
        numbers[name] += 1
        ring = Ring(f"{name}_{numbers[name]}", name)
        ARCHETYPES[name].build(market, ring, size)
        market.rings.append(ring)


def _device_farm(market: Market, ring: Ring, size: int) -> None:
    begin = market.dice.between(START + 10 * DAY, END - FARM_DAYS * DAY)
    _farm(market, ring, size, begin)


def _farm(market: Market, ring: Ring, size: int, begin: int) -> None:
    """Many accounts from few devices, cards and IPs within days."""
    devices = [market.values.device() for _ in range(max(2, size // ACCOUNTS_PER_DEVICE))]
    cards = [market.values.card() for _ in range(max(2, size // ACCOUNTS_PER_CARD))]
    ips = [market.values.static_ip() for _ in range(2)]
    home_market, end = market.dice.pick(MARKETPLACES), begin + FARM_DAYS * DAY - 1
    for nth in range(size):
        created = market.dice.between(begin, end - 5 * DAY)
        last = market.dice.between(created + DAY, end)
        place = _recruit(market, ring, Account(created, "", home_market, created, last), RING_PHONE_SHARE)
        own = [devices[nth % len(devices)]]
        if market.dice.chance(SECOND_DEVICE_SHARE):
            own = market.dice.sample(devices, 2)
        for device in own:
            market.uses(place, "device", device, market.dice.between(created, created + DAY // 2), last)
        market.uses(place, "card", market.dice.pick(cards), market.dice.between(created, last), last)
        _weekly(market, place, ips, created, last)


def _resurrection(market: Market, ring: Ring, size: int) -> None:
    """Closed sellers come back as new accounts with an old card or device."""
    old_last = START + 70 * DAY
    old_devices = [market.values.device() for _ in range(max(2, size // 3))]
    new_devices = [market.values.device() for _ in range(max(2, size // 3))]
    old_ip, new_ip = market.values.static_ip(), market.values.static_ip()
    pairs: list[tuple[str, str, int]] = []
    for nth in range(size):
        first = market.dice.between(START, START + 20 * DAY)
        closed = market.dice.between(START + 40 * DAY, old_last)
        seller = Account(_earlier(market), "", market.dice.pick(MARKETPLACES), first, closed, status="closed")
        place = _recruit(market, ring, seller, RING_PHONE_SHARE)
        card, device = market.values.card(), old_devices[nth % len(old_devices)]
        for other in dict.fromkeys((device, market.dice.pick(old_devices))):
            market.uses(place, "device", other, first, closed)
        market.uses(place, "card", card, first, closed)
        _weekly(market, place, [old_ip], first, closed)
        pairs.append((card, device, closed))
    for nth, (card, device, closed) in enumerate(pairs):
        created = closed + market.dice.between(20 * DAY, 80 * DAY)
        last = created + market.dice.between(7 * DAY, 28 * DAY)
        successor = Account(created, "", market.dice.pick(MARKETPLACES), created, last)
        place = _recruit(market, ring, successor, RING_PHONE_SHARE)
        for other in dict.fromkeys((new_devices[nth % len(new_devices)], market.dice.pick(new_devices))):
            market.uses(place, "device", other, created, last)
        if market.dice.chance(OLD_CARD_SHARE):
            market.uses(place, "card", card, market.dice.between(created, last), last)
        else:
            market.uses(place, "device", device, created, last)
        _weekly(market, place, [new_ip], created, last)


def _take_over(market: Market, ring: Ring, size: int) -> None:
    """Honest accounts are used from the attacker's devices for two days and pay out to the attacker's cards."""
    begin = market.dice.between(START + 30 * DAY, END - 10 * DAY)
    devices = [market.values.device() for _ in range(market.dice.between(2, 3))]
    cards = [market.values.card() for _ in range(max(2, size // VICTIMS_PER_PAYOUT_CARD))]
    ips = [market.values.static_ip() for _ in range(2)]
    victims = market.dice.sample(_established(market, begin), size)
    for victim in victims:
        first = market.dice.between(begin, begin + RAID_DAYS * DAY - 6 * 3600)
        last = first + market.dice.between(600, 6 * 3600 - 1)
        for device in dict.fromkeys((market.dice.pick(devices), market.dice.pick(devices))):
            market.uses(victim, "device", device, first, last)
        market.saw(victim, "ip", market.dice.pick(ips), first, last, market.dice.between(2, 9))
        if market.dice.chance(PAYOUT_SHARE):
            market.uses(victim, "card", market.dice.pick(cards), market.dice.between(first, last), last)
        market.join(ring, victim)
    # The raid is what the ring did; its victims were there before and go on after.
    ring.last = begin + RAID_DAYS * DAY
    taken = set(victims)
    for family in market.families:
        if taken.intersection(family):
            for relative in family:
                if not market.accounts[relative].ring:
                    market.accounts[relative].role = "associate"


def _framing(market: Market, ring: Ring, size: int) -> None:
    """A farm types what belongs to an innocent account into its own accounts."""
    begin = market.dice.between(START + 40 * DAY, END - FARM_DAYS * DAY)
    (innocent,) = market.dice.sample(_established(market, begin), 1)
    account = market.accounts[innocent]
    account.structure, account.role = "framed", "associate"
    kind = market.dice.pick(("bank_account", "card"))
    value = market.values.bank_account() if kind == "bank_account" else market.values.card()
    market.uses(innocent, kind, value, account.first, account.last)
    _farm(market, ring, size, begin)
    typed_by = market.dice.between(FRAMED_ACCOUNTS_AT_LEAST, size)
    for place in market.dice.sample(ring.members, typed_by):
        member = market.accounts[place]
        market.uses(place, kind, value, market.dice.between(member.first, member.last), member.last)


ARCHETYPES: dict[str, Archetype] = {
    "device_farm": Archetype(_device_farm, 20, 40),
    "resurrection": Archetype(_resurrection, 5, 10, members_per_size=2, new_per_size=2),
    "take_over": Archetype(_take_over, 15, 30, new_per_size=0),
    "framing": Archetype(_framing, 12, 20),
}


def _recruit(market: Market, ring: Ring, account: Account, phone_share: float) -> int:
    place = market.sign_up(account)
    market.join(ring, place)
    market.gives_contacts(place, phone_share)
    return place


def _earlier(market: Market) -> int:
    return market.dice.between(START - YEARS_BEFORE, START - 1)


def _established(market: Market, by: int) -> list[int]:
    """Ordinary accounts that nothing befell yet, were there before the period and were already active ``by`` then."""
    return [
        place
        for place, account in enumerate(market.accounts)
        if account.structure in ORDINARY and not account.role and account.created < START
        if account.status == "active" and account.first < by < account.last
    ]


def _weekly(market: Market, place: int, ips: list[str], first: int, last: int) -> None:
    for week in range(week_of(first), week_of(last) + 1):
        low, high = max(first, week_start(week)), min(last, week_start(week) + WEEK - 1)
        begin = low if low == first else market.dice.between(low, high)
        market.saw(
            place, "ip", market.dice.pick(ips), begin, market.dice.between(begin, high), market.dice.between(1, 14)
        )
