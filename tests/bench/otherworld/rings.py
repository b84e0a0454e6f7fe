"""Rings: their accounts, what every archetype is built from, and what each account does with what the ring has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.otherworld.living import Contacts
from tests.bench.otherworld.market import DAYS, Flags, Floats, Ints, Market
from tests.bench.otherworld.people import People, week_of
from tests.bench.otherworld.places import Places

ISOLATE_CARD, ISOLATE_POPULAR = 0.6, 0.3


@dataclass(frozen=True)
class Town:
    """What rings find: the marketplace and its innocents."""

    market: Market
    people: People
    places: Places
    contacts: Contacts

    def random_homes(self, count: int, day: float) -> Ints:
        """Addresses of random homes on a day."""
        homes = self.market.rng.integers(0, len(self.people.homes), count)
        return self.people.homes.address[homes, week_of(np.array(day))]


@dataclass(frozen=True)
class Kit:
    """What an account of a ring is used with."""

    devices: Sequence[int]
    cards: Sequence[int]
    addresses: Ints


@dataclass
class Ring:
    """A ring with its accounts, which of them are isolated, its first day and its own servers' addresses.

    ``family_device`` is a device that an innocent home may come to use.
    """

    town: Town
    archetype: str
    name: str
    accounts: Ints
    isolated: Flags
    start: float
    servers: Ints
    family_device: int | None = None

    @property
    def market(self) -> Market:
        return self.town.market

    @property
    def rng(self) -> np.random.Generator:
        return self.town.market.rng

    def some(self, kind: str, count: float) -> Ints:
        """Fresh values for the ring: the count rounded up, at least one."""
        return self.market.fresh(kind, max(1, math.ceil(count)))

    def several(self, devices: Ints, count: int) -> list[int]:
        """So many of the ring's devices as far as the preset lets them be shared; an own device if none is left."""
        drawn = self.rng.choice(devices, min(len(devices), count), replace=False)
        return [int(each) for each in drawn if self.market.shares(1)] or [self.market.another("device")]

    def join(self, account: int, kit: Kit, start: float, end: float, popular: float | None = None) -> None:
        """A new account signs up, with three visits in the first day and a half, and comes a few times until ``end``.

        ``popular`` is the part of its visits from popular addresses, if not the preset's.
        """
        rng = self.rng
        visits = 3 + rng.poisson(5)
        early, later = rng.uniform(0.01, 1.5, 2), rng.uniform(start, max(end, start + 0.5), visits)
        day = np.minimum(np.sort(np.concatenate([[start + 0.002], start + early, later])), DAYS - 0.01)
        self._visit(account, kit, start, day, self.market.preset.camouflage if popular is None else popular)

    def use(self, account: int, kit: Kit, start: float, end: float, visits: int) -> None:
        """An account that is there already is used by the ring so many times."""
        day = np.minimum(np.sort(self.rng.uniform(start, end, max(2, visits))), DAYS - 0.01)
        self._visit(account, kit, start, day, self.market.preset.camouflage)

    def isolate(self, account: int, start: float, end: float) -> None:
        """A new account of the ring that shares nothing with the others."""
        device = self.market.another("device")
        cards = [self.market.another("card")] if self.rng.random() < ISOLATE_CARD else []
        kit = Kit([device], cards, self.town.random_homes(2, start))
        self.join(account, kit, start, end, popular=ISOLATE_POPULAR)

    def _visit(self, account: int, kit: Kit, start: float, day: Floats, popular: float) -> None:
        """The visits of an account on these days."""
        market, rng, count = self.market, self.rng, len(day)
        hides = rng.random(count) < popular
        hidden = self.town.places.popular(rng, count)
        address = np.where(hides, hidden, rng.choice(kit.addresses, count))
        device = np.array(kit.devices)[rng.integers(0, len(kit.devices), count)]
        device[: len(kit.devices)] = kit.devices  # each is used; there are no fewer visits than devices
        market.see("ip", account, address, day)
        market.see("device", account, device, day)
        for card in kit.cards:
            uses = 1 + rng.integers(0, 3)
            market.see("card", account, card, np.sort(rng.uniform(start + 0.01, max(start + 0.02, day[-1]), uses)))
