"""Which devices innocents use: their own, resold ones, those that cannot be told apart, and the family's tablet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.otherworld.living import Weeks
from tests.bench.otherworld.market import DAYS, Floats, Ints, Market
from tests.bench.otherworld.people import MOST_DEVICES, People

OWN_USES, MAIN_DEVICE, TABLET_USE = (1.0, 0.5), 0.7, 0.25
RESOLD_SHARE = 0.03
ALIKE_SHARE, ALIKE_DEVICES = 0.005, 12


@dataclass
class _Uses:
    """Uses of own devices, before they are noted."""

    account: Ints
    device: Ints
    day: Floats


def use_devices(market: Market, people: People, weeks: Weeks) -> None:
    """Note all uses of devices by innocents, other than in businesses."""
    uses = _own_uses(market, people, weeks)
    _resell(market, people, uses)
    _make_alike(market, people, uses)
    market.see("device", uses.account, uses.device, uses.day)
    account, _, day = weeks.some(TABLET_USE)
    tablet = people.homes.tablet[people.home[account]]
    market.see("device", account[tablet >= 0], tablet[tablet >= 0], day[tablet >= 0])


def _own_uses(market: Market, people: People, weeks: Weeks) -> _Uses:
    """One or two uses in a week, and the sign-up of newcomers."""
    rng = market.rng
    parts: list[tuple[Ints, Ints, Floats]] = []
    for share in OWN_USES:
        account, _, day = weeks.some(share)
        other = np.where(rng.random(len(account)) < MAIN_DEVICE, 0, rng.integers(0, MOST_DEVICES, len(account)))
        parts.append((account, people.devices[account, other % people.device_count[account]], day))
    new = np.flatnonzero(market.created[: market.honest] >= 0)
    parts.append((new, people.devices[new, 0], market.created[new] + rng.uniform(0.0005, 0.02, len(new))))
    account, device, day = (np.concatenate(each) for each in zip(*parts, strict=True))
    return _Uses(account, device, day)


def _resell(market: Market, people: People, uses: _Uses) -> None:
    """Sellers stop to use a device, and a stranger begins 10 to 120 days later."""
    rng = market.rng
    buyers = rng.permutation(people.ordinary)[: int(RESOLD_SHARE * market.honest)]
    sellers = rng.permutation(people.persons)[: len(buyers)]
    order = np.argsort(uses.device, kind="stable")
    by_device = uses.device[order]
    for buyer, seller in zip(buyers, sellers, strict=True):
        if people.home[buyer] == people.home[seller]:
            continue
        last = people.device_count[seller] - 1
        device = people.devices[seller, last]
        sold = rng.uniform(10, DAYS - 70)
        bought = max(sold + rng.uniform(10, 120), market.created[buyer])
        if bought > DAYS - 5:
            continue
        row = order[np.searchsorted(by_device, device) : np.searchsorted(by_device, device, "right")]
        instead = people.devices[seller, 0] if last > 0 else market.another("device")
        uses.device[row[uses.day[row] > sold]] = instead
        count = 1 + rng.poisson(4)
        market.see("device", buyer, device, np.sort(rng.uniform(bought, DAYS, count)))
        market.rename(np.array([buyer, seller]), "resold_device")


def _make_alike(market: Market, people: People, uses: _Uses) -> None:
    """The main devices of a few accounts have fingerprints that others' have."""
    rng = market.rng
    account = rng.choice(market.honest, int(ALIKE_SHARE * market.honest), replace=False)
    alike = market.fresh("device", ALIKE_DEVICES)
    device_of = np.full(market.honest, -1)
    device_of[account] = rng.choice(alike, len(account))
    is_main = (device_of[uses.account] >= 0) & (uses.device == people.devices[uses.account, 0])
    uses.device[is_main] = device_of[uses.account[is_main]]
    market.rename(account, "shared_fingerprint")
