"""Evidence tables: prices that were learned from reviewed pairs, in place of a kind's formula."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from graphrisk.model import Ints

LARGEST_PRICE = 6908
"""Milli-nats of a probability of .999."""

Knots = Annotated[tuple[int, ...], Field(min_length=1)]


class EvidenceTable(BaseModel):
    """What sharing a value of one kind is worth, in milli-nats: a row for each knot of the number of accounts, a column for
    each knot of the gap between uses, in hours. What lies between two knots has the price of the lower one.

    A value of more accounts, or a longer gap, is never worth more; used at one time, it is worth at least 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    accounts: Knots
    gap_hours: Knots
    prices: Annotated[tuple[tuple[int, ...], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        for name, knots, start in (("accounts", self.accounts, 2), ("gap_hours", self.gap_hours, 0)):
            if knots[0] != start or any(one >= other for one, other in pairwise(knots)):
                raise ValueError(f"{name} must rise from {start}")
        if len(self.prices) != len(self.accounts) or any(len(row) != len(self.gap_hours) for row in self.prices):
            raise ValueError("prices must have a row for each of accounts and a column for each of gap_hours")
        table = np.array(self.prices)
        if table.min() < 0 or table.max() > LARGEST_PRICE or table[:, 0].min() < 1:
            raise ValueError(f"prices must be 0 to {LARGEST_PRICE}, and 1 or more in the first column")
        if (np.diff(table, axis=0) > 0).any() or (np.diff(table, axis=1) > 0).any():
            raise ValueError("prices must not rise with accounts, nor with gap_hours")
        return self

    def at(self, accounts: Ints, gap_hours: Ints) -> Ints:
        """Milli-nats for these numbers of accounts (≥ 2) and gaps, shape (len(accounts), len(gap_hours))."""
        row = np.searchsorted(self.accounts, accounts, side="right") - 1
        column = np.searchsorted(self.gap_hours, gap_hours, side="right") - 1
        return np.array(self.prices, np.int64)[np.ix_(row, column)]
