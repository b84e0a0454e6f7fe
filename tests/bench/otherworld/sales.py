"""Sold businesses: accounts that are another person's from a day on."""

from __future__ import annotations

import numpy as np

from tests.bench.otherworld.businesses import Pool
from tests.bench.otherworld.market import DAYS, Market
from tests.bench.otherworld.people import People

SOLD_SHARE = 0.003
HANDED_OVER = ("device", "ip", "card")


def sell_businesses(market: Market, people: People, pool: Pool) -> None:
    """From the day on, the seller's own uses are gone and the account is on the buyer's devices, card and home."""
    rng = market.rng
    sales: list[tuple[int, int, float]] = []
    for account in pool.take(int(SOLD_SHARE * market.honest)):
        buyer, day = int(rng.integers(people.persons)), rng.uniform(40, DAYS - 40)
        if people.home[account] == people.home[buyer]:
            continue
        market.structure[account] = "sold_business"
        market.created[account] = min(market.created[account], day - 20)
        market.created[buyer] = min(market.created[buyer], DAYS - 45)
        sales.append((int(account), buyer, day))
    _end_uses(market, sales)
    for account, buyer, day in sales:
        _take_over(market, people, account, buyer, day)


def _end_uses(market: Market, sales: list[tuple[int, int, float]]) -> None:
    end = np.full(market.accounts, np.inf)
    for account, _, day in sales:
        end[account] = day
    for kind in HANDED_OVER:
        for place, (account, value, day) in enumerate(market.uses[kind]):
            kept = day <= end[account]
            market.uses[kind][place] = account[kept], value[kept], day[kept]


def _take_over(market: Market, people: People, account: int, buyer: int, sold: float) -> None:
    rng = market.rng
    day = np.sort(rng.uniform(sold, DAYS, 3 + rng.poisson(6)))
    day = np.maximum(day, market.created[buyer] + 0.1)
    nth = rng.integers(0, people.device_count[buyer], len(day))
    market.see("device", account, people.devices[buyer, nth], day)
    market.see("ip", account, people.at_home(buyer, day), day)
    if people.card_count[buyer]:
        market.see("card", account, people.cards[buyer, 0], day[:2])
