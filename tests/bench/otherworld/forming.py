"""All rings of a plan, with the innocents who live with them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tests.bench.otherworld.archetypes import act
from tests.bench.otherworld.market import DAYS, PLAIN, Ints
from tests.bench.otherworld.people import week_of
from tests.bench.otherworld.plan import Planned
from tests.bench.otherworld.rings import Ring, Town

OLD_ENOUGH = -180
TAKEN_FROM = (*PLAIN, "office", "campus")
FAMILY_OF = (*PLAIN, "second_account", "office", "campus")
HOMES_WITH_A_DEVICE = 0.3


def form_rings(town: Town, plan: list[Planned]) -> list[Ring]:
    """The rings, in the order of the plan."""
    market = town.market
    persons = np.arange(town.people.persons)
    old = (market.created[persons] < OLD_ENOUGH) & np.isin(market.structure[persons], TAKEN_FROM)
    takeable: list[int] = market.rng.permutation(np.flatnonzero(old)).tolist()
    rings: list[Ring] = []
    numbers = Counter[str]()
    following = market.honest
    for planned in plan:
        numbers[planned.archetype] += 1
        name = f"{planned.archetype}_{numbers[planned.archetype]}"
        if planned.of_innocents:
            accounts = np.array([takeable.pop() for _ in range(planned.total)])
        else:
            accounts = np.arange(following, following + planned.total)
            following += planned.total
        ring = _founded(town, planned.archetype, name, accounts)
        act(ring, planned)
        _touch_innocents(ring, planned)
        rings.append(ring)
    return rings


def _founded(town: Town, archetype: str, name: str, accounts: Ints) -> Ring:
    market = town.market
    market.structure[accounts], market.ring[accounts], market.role[accounts] = archetype, name, "core"
    isolated = market.rng.random(len(accounts)) < market.preset.isolates
    start = market.rng.uniform(5, DAYS - 95)
    return Ring(town, archetype, name, accounts, isolated, start, market.addresses("host", 2))


def _touch_innocents(ring: Ring, planned: Planned) -> None:
    """Who lives with mules and victims is family; of the other rings, some share a device with an innocent home."""
    market, people = ring.market, ring.town.people
    if planned.of_innocents:
        at_home = np.isin(people.home, people.home[ring.accounts])
        family = np.flatnonzero(at_home & np.isin(market.structure[: market.honest], FAMILY_OF))
        market.structure[family], market.role[family] = "ring_family", "associate"
    elif ring.family_device is not None and ring.rng.random() < HOMES_WITH_A_DEVICE:
        sizes = people.homes.sizes
        home = int(ring.rng.choice(np.flatnonzero((sizes > 1) & (sizes < 5))))
        lives = (people.home == home) & market.plain(market.innocents) & (market.created[: market.honest] < DAYS - 20)
        _share_device(ring, ring.family_device, home, np.flatnonzero(lives))


def _share_device(ring: Ring, device: int, home: int, family: Ints) -> None:
    """A home uses one of the ring's devices, and three of the ring's accounts are seen in that home."""
    market, rng = ring.market, ring.rng
    market.structure[family], market.role[family] = "ring_family", "associate"
    for account in family:
        low = np.maximum(market.created[account], min(ring.start, DAYS - 15))
        market.see("device", account, device, np.sort(rng.uniform(low, DAYS, 3)))
    for account in ring.accounts[:3]:
        day = np.maximum(market.created[account], 0)
        address = ring.town.people.homes.address[home, week_of(day)]
        market.see("ip", account, address, day + rng.uniform(0.1, 1))
