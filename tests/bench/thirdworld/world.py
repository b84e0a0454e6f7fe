"""A whole world from a preset, a number of accounts and a seed."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.thirdworld.belongings import given_belongings
from tests.bench.thirdworld.businesses import found_businesses
from tests.bench.thirdworld.devices import given_devices
from tests.bench.thirdworld.forming import form_rings
from tests.bench.thirdworld.labels import Label, labelled
from tests.bench.thirdworld.market import Market
from tests.bench.thirdworld.passing_on import pass_on
from tests.bench.thirdworld.people import settle
from tests.bench.thirdworld.places import open_places
from tests.bench.thirdworld.plan import planned
from tests.bench.thirdworld.rings import Ring
from tests.bench.thirdworld.town import Town
from tests.bench.thirdworld.visits import visit


@dataclass(frozen=True)
class World:
    """Everything that is to be written."""

    preset: str
    seed: int
    market: Market
    rings: list[Ring]
    labels: list[Label]


def made(preset: str, accounts: int, seed: int) -> World:
    """The world; the same arguments and versions give the same one."""
    market = Market(preset, accounts, seed)
    plan = planned(market.rng, accounts)
    people = settle(market, accounts - sum(ring.signed_up for ring in plan))
    devices = given_devices(market, people)
    belongings = given_belongings(market, people)
    town = Town(market, people, devices, belongings, open_places(market, people))
    found_businesses(town)
    pass_on(town)
    visit(town)
    rings = form_rings(town, plan)
    return World(preset, seed, market, rings, labelled(town, rings))
