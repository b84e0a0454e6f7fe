"""Making one district, and a worker process that makes several: ``python -m graphrisk.worlds.making``."""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphrisk.worlds import businesses, coincidences, people
from graphrisk.worlds.campaigns import Planned
from graphrisk.worlds.district import District, Public
from graphrisk.worlds.facts import Facts, facts_of
from graphrisk.worlds.knobs import Knobs
from graphrisk.worlds.rings import plant
from graphrisk.worlds.writing import Layout, write_district


@dataclass(frozen=True)
class Order:
    """A district to make: its number and accounts, how many accounts the districts before it have, and its rings."""

    number: int
    accounts: int
    before: int
    rings: tuple[Planned, ...]


@dataclass(frozen=True)
class World:
    """What all districts have in common."""

    knobs: Knobs
    accounts: int
    seed: int
    layout: Layout


def make(world: World, order: Order) -> Facts:
    """The facts and the truth of one district; they depend on the world and the order alone."""
    rng = np.random.default_rng([world.seed, order.number])
    honest = order.accounts - sum(ring.signed_up for ring in order.rings)
    public = Public.of(world.accounts)
    district = District(world.knobs, order.number, honest, rng, public, order.accounts)
    people.settle(district, businesses.student_houses(rng, world.knobs, honest))
    groups = businesses.allot(district)
    people.sign_up(district)
    businesses.arrive(district, groups)
    active = people.live(district)
    people.go_online(district, active, businesses.workplaces(district, groups), businesses.AT_WORK)
    people.own_things(district)
    businesses.share_things(district, groups)
    coincidences.coincide(district)
    plant(district, list(order.rings))
    return facts_of(district, world.seed, order.before, world.accounts)


def _work() -> None:
    world: World
    orders: list[Order]
    folder: Path
    folder, world, orders = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the process that started this one
    for order in orders:
        write_district(folder, world.layout, order.number, make(world, order))
        print(order.accounts, flush=True)  # noqa: T201 - how the other process learns of it


if __name__ == "__main__":
    _work()
