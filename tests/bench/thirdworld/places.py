"""Where many innocents are on the net: carriers, cafés, VPNs, offices and campuses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.thirdworld.market import Market
from tests.bench.thirdworld.people import People
from tests.bench.thirdworld.uses import Flags, Floats, Ints
from tests.bench.thirdworld.values import falling

ACCOUNTS_A_CARRIER_IP, ACCOUNTS_A_CAFE, ACCOUNTS_A_VPN = 250, 350, 900
MOBILE_SHARE, CARRIER_IPS_EACH = 0.7, 3
ON_BUSINESS_LINE = 0.4
OFFICE_SHARE, LARGEST_OFFICE, ACCOUNTS_AN_OFFICE_IP = 0.2, 0.025, 120
CAMPUS_FROM, CAMPUS_PERHAPS_FROM, CAMPUS_PERHAPS = 100, 25, 0.3
FAVOURITE_CAFES = 1.6


@dataclass(frozen=True)
class Places:
    """Addresses of carriers and VPNs, of cafés by town. By account: three of a carrier's, those of an office and of
    the place to sign up at (-1 for none)."""

    carrier: Ints
    is_mobile: Flags
    on_mobile: Ints
    cafes: list[list[int]]
    vpn: Ints
    vpn_shares: Floats
    office: Ints
    sign_up: Ints

    def cafe(self, rng: np.random.Generator, city: int) -> int:
        """A café of the town; the first ones are the popular ones."""
        cafes = self.cafes[city]
        return cafes[int(len(cafes) * rng.random() ** FAVOURITE_CAFES)]


def open_places(market: Market, people: People) -> Places:
    """The places of the market, with innocents in them."""
    rng, values, accounts = market.rng, market.values, market.accounts
    carrier = np.array([values.ip("mobile") for _ in range(max(4, round(accounts / ACCOUNTS_A_CARRIER_IP)))])
    is_mobile = rng.random(people.accounts) < MOBILE_SHARE
    on_mobile = carrier[rng.integers(0, len(carrier), (people.accounts, CARRIER_IPS_EACH))]
    cafes = [
        [
            values.ip("business" if rng.random() < ON_BUSINESS_LINE else "home")
            for _ in range(max(2, round(accounts / ACCOUNTS_A_CAFE * share)))
        ]
        for share in people.homes.city_shares.tolist()
    ]
    vpn = np.array([values.ip("host") for _ in range(max(5, accounts // ACCOUNTS_A_VPN))])
    office, nowhere = _offices(market, people.accounts), np.full(people.accounts, -1)
    return Places(carrier, is_mobile, on_mobile, cafes, vpn, falling(len(vpn), 1), office, nowhere)


def _offices(market: Market, innocents: int) -> Ints:
    """The address of each account's office; most are small, and the largest are campuses."""
    rng = market.rng
    office = np.full(innocents, -1)
    left = rng.permutation(innocents)[: int(OFFICE_SHARE * innocents)]
    while len(left):
        size = int(min(2 + rng.zipf(1.7), LARGEST_OFFICE * innocents, len(left)))
        people, left = left[:size], left[size:]
        ips = np.array([market.values.ip("business") for _ in range(1 + size // ACCOUNTS_AN_OFFICE_IP)])
        office[people] = ips[rng.integers(0, len(ips), size)]
        is_campus = size > CAMPUS_FROM or (size > CAMPUS_PERHAPS_FROM and rng.random() < CAMPUS_PERHAPS)
        market.mark(people, "campus" if is_campus else "office")
    return office
