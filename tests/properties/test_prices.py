"""Prices: the exact value rounded, and never more for more accounts or a longer gap."""

from __future__ import annotations

import numpy as np
import pytest

from graphrisk.linkage.prices import gaps_priced, prices
from graphrisk.model import HOUR_US
from graphrisk.policy import KindPolicy, Policy
from tests.support_detection import price

KINDS = tuple(kind for kind in Policy().priced().values() if kind.cap > 1)
"""Those that have prices: what one account alone may hold is worth nothing when it is shared."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
def test_a_price_is_the_exact_value_rounded_also_where_it_is_nearly_halfway(kind: KindPolicy) -> None:
    accounts = np.arange(2, min(kind.cap, 60) + 1)
    gaps = np.arange(gaps_priced(kind))
    decay = 2.0 ** (-gaps * kind.gap_hours / (24 * kind.half_life_days))
    q = kind.rho * np.minimum(1, (kind.kappa / (accounts - 1)) ** kind.alpha)[:, None] * decay
    halfway = np.abs(np.modf(-1000 * np.log1p(-q))[0] - 0.5)
    hardest = np.column_stack(np.unravel_index(np.argsort(halfway, axis=None)[:60], q.shape)).tolist()
    table = prices(kind, accounts)
    for row, gap in [*hardest, *([int(row), int(gap)] for row in range(0, len(accounts), 7) for gap in gaps[::97])]:
        assert table[row, gap] == price(kind, int(accounts[row]), gap * kind.gap_hours * HOUR_US)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
def test_a_value_of_more_accounts_or_a_longer_gap_is_never_worth_more(kind: KindPolicy) -> None:
    table = prices(kind, np.arange(2, kind.cap + 1))
    assert (np.diff(table, axis=0) <= 0).all()
    assert (np.diff(table, axis=1) <= 0).all()
    assert table.min() >= 0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
def test_gaps_that_are_not_in_the_table_are_worth_nothing_or_past_retention(kind: KindPolicy) -> None:
    longest = gaps_priced(kind)
    past = longest * kind.gap_hours > kind.retention_days * 24
    assert past or price(kind, 2, longest * kind.gap_hours * HOUR_US) == 0


def test_a_device_links_alone_up_to_73_accounts_and_not_after_a_gap_of_111_days() -> None:
    device, threshold = Policy().kinds["device"], Policy().links.threshold
    table = prices(device, np.arange(2, device.cap + 1))
    assert [2 + row for row in np.flatnonzero(table[:, 0] >= threshold)][-1] == 73
    assert np.flatnonzero(table[0] >= threshold)[-1] == 111


def test_a_family_card_links_and_a_gift_card_fades() -> None:
    card = prices(Policy().kinds["card"], np.array([5, 20, 100]))[:, 0]
    assert card[0] >= Policy().links.threshold > card[2] > 0
