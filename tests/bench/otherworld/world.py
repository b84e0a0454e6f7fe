"""A whole world from a preset, a number of accounts and a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.otherworld.businesses import Pool, found_businesses, use_businesses
from tests.bench.otherworld.devices import use_devices
from tests.bench.otherworld.forming import form_rings
from tests.bench.otherworld.labels import Label, close_some, labelled
from tests.bench.otherworld.living import go_online, live, pay, share_cards
from tests.bench.otherworld.market import DAYS, PRESETS, Market
from tests.bench.otherworld.people import settle
from tests.bench.otherworld.places import open_places
from tests.bench.otherworld.plan import planned
from tests.bench.otherworld.rings import Ring, Town
from tests.bench.otherworld.sales import sell_businesses
from tests.bench.otherworld.spelling import mailboxes


@dataclass(frozen=True)
class World:
    """Everything that is to be written."""

    preset: str
    seed: int
    market: Market
    homes: int
    rings: list[Ring]
    mailboxes: list[str]
    labels: list[Label]


def made(preset: str, accounts: int, seed: int) -> World:
    """The world; the same arguments and versions give the same one."""
    rng = np.random.default_rng(seed)
    plan = planned(rng, accounts)
    honest = accounts - sum(ring.total for ring in plan if not ring.of_innocents)
    market = Market(PRESETS[preset], accounts, honest, rng)
    people = settle(market)
    places = open_places(market)
    pool = Pool(market)
    businesses = found_businesses(market, pool)
    weeks = live(market, people)
    use_devices(market, people, weeks)
    go_online(market, people, places, weeks)
    contacts = pay(market, people, weeks)
    share_cards(market, places)
    use_businesses(market, weeks, businesses)
    sell_businesses(market, people, pool)
    rings = form_rings(Town(market, people, places, contacts), plan)
    mailbox = mailboxes(market)
    everyone = np.arange(accounts)
    market.see("email", everyone, everyone, np.clip(market.created, 0, DAYS - 0.1) + 0.003)
    labels = labelled(market, rings)
    close_some(market)
    return World(preset, seed, market, len(people.homes), rings, mailbox, labels)
