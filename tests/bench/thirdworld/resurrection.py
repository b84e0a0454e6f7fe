"""Rings of sellers that are closed together and come back under other names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.bench.thirdworld.rings import Drops, Kit, Ring

FEWEST, MOST = 5, 15
OPENED_LONG_AGO = 100


class _Old(NamedTuple):
    """What an account that was closed had, and when it was."""

    device: int
    card: int
    closed: float


def resurrection(ring: Ring) -> None:
    """Sellers that share devices and cards; after weeks, others with the card or else a device of one of them each."""
    olds = int(np.clip(ring.size // 2 + ring.rng.integers(-2, 3), FEWEST, min(MOST, ring.size - FEWEST)))
    olds = max(olds, ring.size - MOST)
    _come_back(ring, _old_ones(ring, olds))


def _old_ones(ring: Ring, count: int) -> list[_Old]:
    rng, values, market = ring.rng, ring.values, ring.market
    start = rng.uniform(3, max(4, market.days - 150))
    cards = values.cards(ring.how_many(2.5, count))
    devices = values.devices(ring.how_many(3, count))
    ips = [values.ip("home") for _ in range(2)]
    drops = Drops(ring, count, 0.8, 0.5, 0.35)
    end = start + rng.uniform(25, 60)
    age = rng.uniform(0, 250)
    old: list[_Old] = []
    for isolated in ring.isolated[:count]:
        drop = drops.another(isolated)
        device = values.device() if isolated else ring.one_of(devices)
        card = values.card() if isolated else ring.one_of(cards)
        until = end + rng.normal(0, 5)
        day = start + rng.uniform(0, 20)
        kit = Kit([(device, 1.0)], ring.any_of(ips), [card], *drop)
        account, days = ring.sign_up(kit, day, until, isolated, sign_ins=5 + rng.poisson(8))
        if age > OPENED_LONG_AGO:
            market.created[account] -= age * rng.uniform(0.8, 1.2)
        closed = min(market.days - 0.01, max(days[-1], until) + rng.uniform(0.1, 3))
        market.closed[account] = closed
        old.append(_Old(device, card, closed))
    return old


def _come_back(ring: Ring, old: list[_Old]) -> None:
    rng, values = ring.rng, ring.values
    ips = [ring.ip("home", 0.6, "host") for _ in range(3)]
    again = ring.isolated[len(old) :]
    drops = Drops(ring, len(again), 0.8, 0.5, 0.2)
    back = rng.uniform(20, 80)
    for number, isolated in enumerate(again):
        before = old[number % len(old)]
        day = before.closed + np.clip(back + rng.normal(0, 8), 20, 80)
        drop = drops.another(isolated)
        device, card = values.device(), values.card()
        if not isolated:
            if rng.random() < 0.7:
                card = before.card
            else:
                device = before.device
            if ring.shares(0.1):
                device = before.device
        kit = Kit([(device, 1.0)], ring.any_of(ips), [card], *drop)
        ring.sign_up(kit, day, day + rng.uniform(15, 50), isolated)
