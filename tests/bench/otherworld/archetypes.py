"""What the accounts of each archetype of ring have in common, and when they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tests.bench.otherworld.market import DAYS
from tests.bench.otherworld.plan import Planned
from tests.bench.otherworld.rings import Kit, Ring


def _arrivals(ring: Ring, within: float, stays: Callable[[float], float]) -> Iterator[tuple[int, float]]:
    """The accounts that are not isolated, each created on a day of the first ``within``; isolated ones are done with."""
    for account, isolated in zip(ring.accounts, ring.isolated, strict=True):
        day = ring.start + ring.rng.uniform(0, within)
        ring.market.created[account] = day
        if isolated:
            ring.isolate(int(account), day, stays(day))
        else:
            yield int(account), day


def device_farm(ring: Ring) -> None:
    """A device for every eight accounts and a card for every five."""
    devices, cards = ring.some("device", len(ring.accounts) / 8), ring.some("card", len(ring.accounts) / 5)
    end = ring.start + 20
    for account, day in _arrivals(ring, 12, lambda _: end):
        used = ring.several(devices, 2)
        card = int(ring.rng.choice(cards)) if ring.market.shares(1) else ring.market.another("card")
        ring.join(account, Kit(used, [card], ring.servers), day, end)
    ring.family_device = int(devices[0])


def proxy_farm(ring: Ring) -> None:
    """One to three stolen cards an account, each typed into two to four accounts; addresses of strangers' homes."""
    left: dict[int, int] = {}
    used: list[int] = []
    for account, day in _arrivals(ring, ring.rng.uniform(3, 10), lambda day: day + 20):
        cards: list[int] = []
        for _ in range(int(ring.rng.choice([1, 2, 3], p=[0.3, 0.4, 0.3]))):
            cards.append(_stolen_card(ring, left, cards))
        again = bool(used) and ring.market.shares(0.15)
        used.append(int(ring.rng.choice(used)) if again else ring.market.another("device"))
        ring.join(account, Kit(used[-1:], cards, ring.town.random_homes(2, day)), day, day + 20)


def _stolen_card(ring: Ring, left: dict[int, int], mine: list[int]) -> int:
    """A card that the account has not typed yet; ``left`` has how many more accounts each will be typed into."""
    if not ring.market.shares(1):
        return ring.market.another("card")
    # In mixed order: one card after the other would split the farm into shifts.
    open_cards = [card for card, accounts in left.items() if accounts > 0 and card not in mine]
    if open_cards and ring.rng.random() < 0.7:
        card = open_cards[ring.rng.integers(len(open_cards))]
    else:
        card = ring.market.another("card")
        left[card] = int(ring.rng.integers(2, 5))
    left[card] -= 1
    return card


def anti_detect(ring: Ring) -> None:
    """Everybody on their own device and card, signed up within a week on servers or two of a carrier's addresses."""
    servers = ring.market.addresses("host", int(ring.rng.integers(2, 7)))
    carrier = ring.rng.choice(ring.town.places.carrier, 2, replace=False)
    for account, day in _arrivals(ring, 7, lambda day: day + 40):
        device, card = ring.market.another("device"), ring.market.another("card")
        addresses = carrier if ring.rng.random() < 0.3 else servers
        ring.join(account, Kit([device], [card], addresses), day, day + 40)


def mule_network(ring: Ring) -> None:
    """Innocents' accounts that are paid out on the herder's cards, half of them on two; some on the herder's device."""
    payout, herder = ring.some("card", len(ring.accounts) / 6), ring.some("device", 1)
    at_herder = ring.market.addresses("host", 1)
    for account in ring.accounts[~ring.isolated].tolist():
        count = min(len(payout), 1 + (ring.rng.random() < 0.5))
        cards = [int(card) for card in ring.rng.choice(payout, count, replace=False) if ring.market.shares(1)]
        at_device, day = ring.market.shares(0.4), ring.start + ring.rng.uniform(0, 30)
        if at_device:
            visits = int(ring.rng.integers(2, 5))
            ring.use(account, Kit(herder.tolist(), cards, at_herder), day, day + 20, visits)
            continue
        for card in cards:
            ring.market.see("card", account, card, day + ring.rng.uniform(0, 20, 2))


def take_over(ring: Ring) -> None:
    """Innocents' accounts, each held for two days of a campaign of fourteen, paid out on the thieves' cards."""
    devices, payout = ring.some("device", len(ring.accounts) / 12), ring.some("card", len(ring.accounts) / 8)
    for account in ring.accounts[~ring.isolated].tolist():
        day = ring.start + ring.rng.uniform(0, 14)
        used = ring.several(devices, 2)
        cards = [int(ring.rng.choice(payout))] if ring.market.shares(0.7) else []
        visits = int(ring.rng.integers(2, 7))
        ring.use(account, Kit(used, cards, ring.servers), day, day + 2, visits)


def slow_burn(ring: Ring) -> None:
    """One account after the other through the whole period, each on a device of one of the last three, often a card."""
    days = np.sort(ring.rng.uniform(2, DAYS - 15, len(ring.accounts)))
    ring.start = float(days[0])
    owned: list[tuple[int, int]] = []

    def of_the_last() -> tuple[int, int]:
        return owned[-int(ring.rng.integers(1, min(3, len(owned)) + 1))]

    for account, isolated, day in zip(ring.accounts.tolist(), ring.isolated, days.tolist(), strict=True):
        ring.market.created[account] = day
        if isolated:
            ring.isolate(account, day, min(DAYS, day + 45))
            continue
        device, card = ring.market.another("device"), ring.market.another("card")
        if owned and ring.market.shares(1):
            device = of_the_last()[0]
        if owned and ring.market.shares(0.7):
            card = of_the_last()[1]
        owned.append((device, card))
        ring.family_device = device
        ring.join(account, Kit([device], [card], ring.market.addresses("home", 1)), day, min(DAYS, day + 45))


def camouflage(ring: Ring) -> None:
    """Popular addresses alone; four devices an account, many of which another account has used before."""
    used: list[int] = []
    for account, day in _arrivals(ring, 45, lambda day: day + 40):
        mine: list[int] = []
        for _ in range(4):
            again = bool(used) and ring.market.shares(0.45)
            mine.append(int(ring.rng.choice(used)) if again else ring.market.another("device"))
        used += mine
        card = ring.market.another("card")
        popular = ring.town.places.popular(ring.rng, 3)
        ring.join(account, Kit(list(dict.fromkeys(mine)), [card], popular), day, day + 40, popular=1.0)
    ring.family_device = used[0] if used else None


def resurrection(ring: Ring, closed: int) -> None:
    """Sellers that were closed together, ``closed`` of them, and came back later with a card or a device of before."""
    ring.start = ring.rng.uniform(50, DAYS - 100)
    held = _closed_sellers(ring, closed)
    for account, isolated in zip(ring.accounts[closed:].tolist(), ring.isolated[closed:], strict=True):
        day = min(ring.start + 10 + ring.rng.uniform(20, 80), DAYS - 5)
        end = min(DAYS, day + 40)
        ring.market.created[account] = day
        if isolated or not held:
            ring.isolate(account, day, end)
            continue
        old_device, old_card = held[ring.rng.integers(len(held))]
        device, card = ring.market.another("device"), ring.market.another("card")
        if ring.market.shares(0.7):
            card = old_card
        elif ring.market.shares(1):
            device = old_device
        ring.join(account, Kit([device], [card], ring.market.addresses("host", 1)), day, end)


def _closed_sellers(ring: Ring, closed: int) -> list[tuple[int, int]]:
    """The sellers shared devices and cards until they were closed; one device and card of each that is not isolated."""
    devices, cards = ring.some("device", closed / 4), ring.some("card", closed / 3)
    held: list[tuple[int, int]] = []
    for account, isolated in zip(ring.accounts[:closed].tolist(), ring.isolated[:closed], strict=True):
        ring.market.created[account] = -ring.rng.uniform(0, 300)
        ring.market.status[account] = "closed"
        start, end = ring.rng.uniform(0, 20), ring.start + ring.rng.uniform(0, 10)
        used = ring.several(devices, 2)
        card = int(ring.rng.choice(cards)) if ring.market.shares(1) else ring.market.another("card")
        if isolated:
            used, card = [ring.market.another("device")], ring.market.another("card")
        else:
            held.append((used[0], card))
        ring.use(account, Kit(used, [card], ring.servers), start, end, 8)
    return held


def framing(ring: Ring) -> None:
    """A farm with a device for every six accounts, most of which give a bank account, card or address of innocents."""
    devices = ring.some("device", len(ring.accounts) / 6)
    framed = _framed(ring)
    end = ring.start + 40
    for account, day in _arrivals(ring, 20, lambda _: end):
        used = ring.several(devices, 2)
        ring.join(account, Kit(used, [ring.market.another("card")], ring.servers), day, end)
        for kind, value in framed:
            if ring.market.shares(0.6):
                ring.market.see(kind, account, value, day + ring.rng.uniform(0.1, 10))
    ring.family_device = int(devices[0])


def _framed(ring: Ring) -> list[tuple[str, int]]:
    """What is typed of each of the innocents, who had it before."""
    market, people, contacts, rng = ring.market, ring.town.people, ring.town.contacts, ring.rng
    known = contacts.has_bank & (people.card_count > 0) & (market.created[: market.honest] < ring.start)
    innocents = np.flatnonzero(market.plain(market.innocents) & known)
    framed = rng.choice(innocents, int(rng.integers(1, 4)), replace=False)
    market.structure[framed], market.role[framed] = "framed", "associate"
    kinds = rng.choice(["bank_account", "card", "address"], len(framed))
    typed: list[tuple[str, int]] = []
    for account, kind in zip(framed.tolist(), kinds.tolist(), strict=True):
        own = {
            "bank_account": int(contacts.bank[account]),
            "card": int(people.cards[account, 0]),
            "address": int(contacts.address[people.home[account]]),
        }
        market.see("bank_account", account, own["bank_account"], 0.5)
        market.see("card", account, own["card"], max(0.5, ring.start - rng.uniform(5, 60)))
        market.see("address", account, own["address"], 0.5)
        typed.append((kind, own[kind]))
    return typed


BY_NAME: dict[str, Callable[[Ring], None]] = {
    each.__name__: each
    for each in (device_farm, proxy_farm, anti_detect, mule_network, take_over, slow_burn, camouflage, framing)
}


def act(ring: Ring, planned: Planned) -> None:
    """Everything that the ring's accounts do."""
    if planned.archetype == "resurrection":
        resurrection(ring, planned.accounts)
    else:
        BY_NAME[planned.archetype](ring)
