"""Rings that take care not to be seen: slowly through the whole period, or among the crowd."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.bench.thirdworld.rings import Drops, Kit, Ring

CROWDED = 0.85


class _Owned(NamedTuple):
    """What an account of a slow burn has."""

    device: int
    card: int
    bank_account: int | None
    address: int
    ip: int

    def at_home(self, _: float) -> int:
        """The one address that it is always at."""
        return self.ip


def slow_burn(ring: Ring) -> None:
    """One account after the other through the whole period, with something of one of the last three."""
    rng = ring.rng
    recent: list[_Owned] = []
    for day, isolated in zip(np.sort(rng.uniform(1, ring.market.days - 8, ring.size)), ring.isolated, strict=True):
        owned = _fresh(ring)
        if recent and not isolated:
            for _ in range(1 + ring.shares(0.35)):
                owned = _with_something_of(ring, owned, recent[-int(rng.integers(1, min(3, len(recent)) + 1))])
        kit = Kit([(owned.device, 1.0)], owned.at_home, [owned.card], owned.bank_account, owned.address)
        ring.sign_up(kit, day, day + rng.uniform(15, 70), isolated)
        if not isolated:
            recent.append(owned)


def _fresh(ring: Ring) -> _Owned:
    device, card = ring.values.device(), ring.values.card()
    bank_account = ring.values.bank_account(ring.country) if ring.rng.random() < 0.5 else None
    return _Owned(device, card, bank_account, ring.values.address(), ring.ip("home", 0.7, "host"))


def _with_something_of(ring: Ring, owned: _Owned, other: _Owned) -> _Owned:
    """With the other's device, card, bank account or address, and sometimes at its address on the net."""
    what = ring.rng.random()
    if what < 0.4:
        owned = owned._replace(device=other.device)
    elif what < 0.7:
        owned = owned._replace(card=other.card)
    elif what < 0.85 and other.bank_account is not None:
        owned = owned._replace(bank_account=other.bank_account)
    else:
        owned = owned._replace(address=other.address)
    return owned._replace(ip=other.ip) if ring.rng.random() < 0.3 else owned


def camouflage(ring: Ring) -> None:
    """Popular addresses, and strangers' for the rest; two or three devices an account, many used by another before."""
    rng, values, days = ring.rng, ring.values, ring.market.days
    length, life = rng.uniform(20, 70), rng.uniform(25, 80)
    start = rng.uniform(4, max(5, days - length - 20))
    drops = Drops(ring, ring.size, 0.35, 0.5, 0.2)
    devices: list[int] = []
    cards: list[int] = []
    for isolated in ring.isolated:
        day = start + rng.uniform(0, length)
        mine: list[tuple[int, float]] = []
        for _ in range(int(rng.integers(2, 4))):
            again = bool(devices) and not isolated and ring.often_shares(0.45)
            device = ring.one_of(devices) if again else values.device()
            mine.append((device, 1.0))
            if not isolated:
                devices.append(device)
        drop = drops.another(isolated)
        again = bool(cards) and not isolated and ring.shares(0.2)
        card = ring.one_of(cards) if again else ring.stolen_card()
        if not isolated:
            cards.append(card)
        # Drawn and not used: without this draw a seed would give another world than it has given.
        ring.town.strangers_ip(day)
        until = day + life * rng.uniform(0.4, 1.2)
        crowded = max(ring.market.preset.camouflage, CROWDED)
        ring.sign_up(Kit(mine, ring.town.strangers_ip, [card], *drop), day, until, isolated, camouflage=crowded)
