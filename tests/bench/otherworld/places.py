"""Where many innocents are on the net: carriers, cafés, VPNs, offices and campuses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.otherworld.market import Flags, Ints, Market

ACCOUNTS_A_CARRIER_ADDRESS, ACCOUNTS_A_CAFE, ACCOUNTS_AN_EXIT = 250, 800, 3000
MOBILE_SHARE, CARRIER_ADDRESSES_EACH = 0.7, 3
OFFICE_SHARE, ACCOUNTS_AN_OFFICE, CAMPUS_FROM = 0.2, 25, 100


@dataclass(frozen=True)
class Places:
    """Popular addresses; by innocent account, whether it is on a carrier, on which addresses, and its office (-1: none)."""

    carrier: Ints
    cafe: Ints
    exits: Ints
    mobile: Flags
    carrier_of: Ints
    office_of: Ints
    office: Ints
    office_sizes: Ints

    def popular(self, rng: np.random.Generator, count: int) -> Ints:
        """Addresses that a ring hides on: half of them carriers', a quarter each of cafés and VPNs."""
        luck = rng.random(count)
        carrier, cafe, exits = (rng.choice(each, count) for each in (self.carrier, self.cafe, self.exits))
        return np.where(luck < 0.5, carrier, np.where(luck < 0.75, cafe, exits))


def open_places(market: Market) -> Places:
    """The places, with a fifth of the innocents in offices; an office with enough of them is a campus."""
    rng, honest, accounts = market.rng, market.honest, market.accounts
    carrier = market.addresses("carrier", max(3, round(accounts / ACCOUNTS_A_CARRIER_ADDRESS)))
    cafe = market.addresses("place", max(5, accounts // ACCOUNTS_A_CAFE))
    exits = market.addresses("host", max(3, accounts // ACCOUNTS_AN_EXIT))
    mobile: Flags = rng.random(honest) < MOBILE_SHARE
    carrier_of = carrier[rng.integers(0, len(carrier), (honest, CARRIER_ADDRESSES_EACH))]
    offices = max(3, int(OFFICE_SHARE * honest / ACCOUNTS_AN_OFFICE))
    popularity = 1 / np.arange(1, offices + 1)
    workers = rng.choice(honest, int(OFFICE_SHARE * honest), replace=False)
    office_of = np.full(honest, -1)
    office_of[workers] = rng.choice(offices, len(workers), p=popularity / popularity.sum())
    office = market.addresses("place", offices)
    sizes = np.bincount(office_of[workers], minlength=offices)
    is_campus = sizes[office_of] > CAMPUS_FROM
    market.rename(np.flatnonzero((office_of >= 0) & is_campus), "campus")
    market.rename(np.flatnonzero((office_of >= 0) & ~is_campus), "office")
    return Places(carrier, cafe, exits, mobile, carrier_of, office_of, office, sizes)
