"""What sharing a value is worth: integer milli-nats by kind, number of accounts and gap between uses."""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np
import pyarrow as pa

from graphrisk.model import Ints
from graphrisk.policy import KindPolicy

LARGEST_PROBABILITY = 0.999
SMALLEST_PROBABILITY = 0.0005
"""Below it a price rounds to 0 milli-nats."""


def gaps_priced(kind: KindPolicy) -> int:
    """How many whole gap units (0, 1, 2, …) can have a price above 0 within the kind's retention, by its half-life.

    The policy's half-life bounds a learned table as well.
    """
    half_life = kind.half_life_days * 24 / kind.gap_hours
    longest = int(half_life * max(0.0, np.log2(kind.rho / SMALLEST_PROBABILITY))) + 2
    return min(longest, kind.retention_days * 24 // kind.gap_hours + 1)


def prices(kind: KindPolicy, accounts: Ints) -> Ints:
    """Prices in milli-nats, shape (len(accounts), gaps_priced(kind)), for values shared by that many accounts (≥ 2).

    ``round(-1000·ln(1 - q))`` with ``q = rho·min(1, (kappa/(k-1))^alpha)·2^(-gap/half_life)``, at most .999. The
    rounding is that of the exact value, so that every machine gives the same integers. Where the reference has learned an
    evidence table for the kind, that is looked up instead.
    """
    gaps = np.arange(gaps_priced(kind))
    if kind.learned is not None:
        return kind.learned.at(accounts, gaps * kind.gap_hours)
    popularity = np.minimum(1.0, (kind.kappa / (accounts - 1)) ** kind.alpha)
    decay = 2.0 ** (-gaps * kind.gap_hours / (24 * kind.half_life_days))
    q = np.minimum(kind.rho * popularity[:, None] * decay[None, :], LARGEST_PROBABILITY)
    exact = -1000 * np.log1p(-q)
    table = np.rint(exact).astype(np.int64)
    for row, column in np.argwhere(np.abs(exact - np.floor(exact) - 0.5) < 1e-6):
        table[row, column] = _price_in_decimals(kind, int(accounts[row]), int(gaps[column]))
    return table


@lru_cache(maxsize=64)
def every_price(kind: KindPolicy, most: int) -> Ints:
    """The prices of values shared by 2 accounts, by 3, … by ``most``, shape (most - 1, gaps_priced(kind)); not to be written
    to."""
    return prices(kind, np.arange(2, most + 1))


def _price_in_decimals(kind: KindPolicy, accounts: int, gap: int) -> int:
    with localcontext() as context:
        context.prec = 50
        ratio = Decimal(repr(kind.kappa)) / (accounts - 1)
        popularity = min(Decimal(1), ratio ** Decimal(repr(kind.alpha)))
        halvings = Decimal(gap * kind.gap_hours) / (24 * Decimal(repr(kind.half_life_days)))
        q = min(Decimal(repr(kind.rho)) * popularity * Decimal(2) ** -halvings, Decimal(repr(LARGEST_PROBABILITY)))
        return int((-1000 * (1 - q).ln()).to_integral_value())


def price_table(kinds: dict[str, KindPolicy], degrees: dict[int, Ints]) -> pa.Table:
    """The prices that are needed, as rows ``kind`` (code), ``accounts``, ``gap``, ``price`` > 0.

    ``degrees`` gives, for each kind code, the numbers of accounts that occur.
    """
    parts: list[pa.Table] = []
    for code, kind in enumerate(kinds.values()):
        accounts = degrees.get(code, np.zeros(0, np.int64))
        table = prices(kind, accounts)
        row, gap = np.nonzero(table)
        columns = [np.full(len(row), code), accounts[row], gap, table[row, gap]]
        parts.append(
            pa.table(
                [pa.array(column.astype(np.int32)) for column in columns], names=["kind", "accounts", "gap", "price"]
            )
        )
    return pa.concat_tables(parts)
