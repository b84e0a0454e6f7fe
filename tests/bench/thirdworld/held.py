"""Rings that use innocents' accounts: mules who are paid for it, and accounts that are taken over."""

from __future__ import annotations

import numpy as np

from tests.bench.thirdworld.rings import Ring, shared_by

MULES_LOOKED_AT, MULE_FROM = 4_000, -60
VICTIMS_LOOKED_AT, VICTIM_FROM = 6_000, -20


def mule_network(ring: Ring) -> None:
    """Mules pay on the herder's cards, from their homes; some sign in on the herder's device."""
    rng, values, market = ring.rng, ring.values, ring.market
    accounts = ring.town.candidates(MULES_LOOKED_AT, MULE_FROM)[: ring.size]
    length = rng.uniform(20, 60)
    start = rng.uniform(4, market.days - length)
    cards = values.cards(ring.how_many(6, ring.size))
    devices = values.devices(shared_by(ring.size, 12))
    at_herder = values.ip("home")
    for account, isolated in zip(accounts, ring.isolated, strict=False):
        day = start + rng.uniform(0, length * 0.4)
        _recruit(ring, account, day)
        card = values.card() if isolated else ring.one_of(cards)
        lasts = rng.uniform(10, length * 0.6 + 10)
        for at in _times(ring, day, lasts, 2 + rng.poisson(3)):
            market.use_card(account, card, at)
            device = _own_device(ring, account, at)
            market.sign_in(account, at, device, ring.town.home_ip(int(ring.town.people.home[account]), at))
        if not isolated and ring.often_shares(0.4):
            device = ring.one_of(devices)
            for at in _times(ring, day, lasts, 1 + rng.poisson(1.5)):
                is_popular = rng.random() < market.preset.camouflage
                market.sign_in(account, at, device, ring.town.popular_ip() if is_popular else at_herder)


def _recruit(ring: Ring, account: int, day: float) -> None:
    ring.town.taken.add(account)
    ring.enlist(account, day)


def _times(ring: Ring, begin: float, length: float, count: int) -> list[float]:
    """So many times within so many days, none after the period."""
    days = ring.market.times(begin + ring.rng.uniform(0, length, count))
    return np.minimum(days, ring.market.days - 0.01).tolist()


def _own_device(ring: Ring, account: int, day: float) -> int | None:
    """One of the account's own devices, none if it is not with the person on the day."""
    devices = ring.town.devices
    device = int(devices.device[account, ring.rng.integers(devices.count[account])])
    place = int(np.argmax(devices.device[account] == device))
    if ring.values.fixed_ip[device] >= 0:
        return None
    return device if devices.since[account, place] <= day < devices.until[account, place] else None


def take_over(ring: Ring) -> None:
    """Each account is held for two days of a campaign of up to three weeks, and most pay on the thieves' cards."""
    rng, values, market = ring.rng, ring.values, ring.market
    accounts = ring.town.candidates(VICTIMS_LOOKED_AT, VICTIM_FROM)[: ring.size]
    length = rng.uniform(3, 20)
    start = rng.uniform(4, market.days - length - 4)
    devices = values.devices(ring.how_many(8, ring.size))
    cards = values.cards(ring.how_many(6, ring.size))
    servers = [values.ip("host") for _ in range(int(rng.integers(1, 4)))]
    has_proxies = rng.random() < 0.5
    for account, isolated in zip(accounts, ring.isolated, strict=False):
        day = start + rng.uniform(0, length)
        _recruit(ring, account, day)
        device = values.device() if isolated else ring.one_of(devices)
        after = np.sort(rng.uniform(0, 2, 2 + rng.poisson(2)))
        days = np.minimum(market.days - 0.01, day + after).tolist()
        for at in days:
            market.sign_in(account, at, device, _thieves_ip(ring, isolated, at, servers, has_proxies))
        if rng.random() < 0.7:
            card = values.card() if isolated else ring.one_of(cards)
            market.use_card(account, card, float(rng.choice(days)))
        if rng.random() < 0.3:
            mailbox = values.mailbox(style=ring.style, domain=ring.provider)
            market.uses.see_all("email", account, mailbox, days[0], days[-1])
        if rng.random() < 0.15:
            market.uses.see_all("phone", account, values.phone(ring.country), days[0], days[-1])


def _thieves_ip(ring: Ring, isolated: bool, day: float, servers: list[int], has_proxies: bool) -> int:
    """A popular address, or a stranger's for a part of the rest if the thieves use proxies, or one of their servers."""
    if isolated or ring.rng.random() < ring.market.preset.camouflage:
        return ring.town.popular_ip()
    if has_proxies and ring.rng.random() < 0.6:
        return ring.town.strangers_ip(day)
    return ring.one_of(servers)
