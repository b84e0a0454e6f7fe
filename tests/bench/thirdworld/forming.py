"""All rings of a world, with the innocents at their homes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.bench.thirdworld.farms import anti_detect, device_farm, proxy_farm
from tests.bench.thirdworld.framing import framing
from tests.bench.thirdworld.held import mule_network, take_over
from tests.bench.thirdworld.market import RANK
from tests.bench.thirdworld.plan import OF_INNOCENTS, Planned
from tests.bench.thirdworld.quiet import camouflage, slow_burn
from tests.bench.thirdworld.resurrection import resurrection
from tests.bench.thirdworld.rings import Ring
from tests.bench.thirdworld.town import Town

FORM: dict[str, Callable[[Ring], None]] = {
    "device_farm": device_farm,
    "proxy_farm": proxy_farm,
    "anti_detect": anti_detect,
    "mule_network": mule_network,
    "take_over": take_over,
    "slow_burn": slow_burn,
    "camouflage": camouflage,
    "resurrection": resurrection,
    "framing": framing,
}
OPERATOR_AT_HOME, HOMES_LOOKED_AT, FAMILY = 0.5, 400, (2, 6)
ON_FAMILY_DEVICE, LARGEST_HOME = 0.3, 7


def form_rings(town: Town, plan: list[Planned]) -> list[Ring]:
    """The rings of the plan, numbered in random order."""
    rings: list[Ring] = []
    numbers = town.market.rng.permutation(len(plan)) + 1
    for planned, number in zip(plan, numbers.tolist(), strict=True):
        ring = Ring(town, planned, number)
        FORM[ring.archetype](ring)
        if ring.archetype not in OF_INNOCENTS and ring.rng.random() < OPERATOR_AT_HOME:
            _operate_from_home(ring)
        rings.append(ring)
    for ring in rings:
        if ring.archetype in OF_INNOCENTS:
            _mark_families(ring)
    return rings


def _operate_from_home(ring: Ring) -> None:
    """Have some accounts sign in at a home whose family did nothing, some on a device there."""
    rng, market, town = ring.rng, ring.market, ring.town
    home = _family_home(town)
    if home is None:
        return
    family = town.people.members[home]
    town.taken.update(family)
    market.mark(family, "ring_family")
    device, given_up = int(town.devices.device[family[0], 0]), town.devices.until[family[0], 0]
    visitors = min(len(ring.members), int(rng.integers(2, 6)))
    for account in rng.choice(ring.members, visitors, replace=False).tolist():
        day = min(market.days - 0.01, max(float(market.created[account]), 0.0) + rng.uniform(0.2, 6))
        if day > market.closed[account]:
            continue
        is_on_device = rng.random() < ON_FAMILY_DEVICE and given_up > day
        market.sign_in(account, day, device if is_on_device else None, town.home_ip(home, day))


def _family_home(town: Town) -> int | None:
    """A home of a few accounts that are all free to have to do with a ring."""
    fewest, most = FAMILY
    for home in town.market.rng.permutation(len(town.people.homes))[:HOMES_LOOKED_AT].tolist():
        family = town.people.members[home]
        if fewest <= len(family) <= most and all(town.is_free(account) for account in family):
            return home
    return None


def _mark_families(ring: Ring) -> None:
    """Name those who live with mules and with victims of a take-over for what they are."""
    people, market = ring.town.people, ring.market
    for account in ring.members:
        family = np.array(people.members[people.home[account]])
        if len(family) <= LARGEST_HOME:
            innocent = [not market.ring[of_home] for of_home in family.tolist()]
            market.mark(family[innocent & (market.structure[family] < RANK["ring_family"])], "ring_family")
