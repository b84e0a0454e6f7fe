"""Grouping rows of columns, as the features of rings need it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphrisk.model import Floats, Ints


class Groups(NamedTuple):
    """Rows that agree in some columns: the group of each row, and one row of each group."""

    of: Ints
    at: Ints


def groups(*columns: Ints) -> Groups:
    """The rows of columns, grouped by all of them."""
    order = np.lexsort(columns)
    begins = np.ones(len(order), bool)
    begins[1:] = np.logical_or.reduce([np.diff(column[order]) != 0 for column in columns])
    of = np.empty(len(order), np.int64)
    of[order] = np.cumsum(begins) - 1
    return Groups(of, order[begins])


def share(part: Ints, whole: Ints) -> Floats:
    """``part / whole``, nan where there is no whole."""
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def medians(group: Ints, value: Ints, count: int) -> Floats:
    """The lower median of the values of each of ``count`` groups, nan where one has none."""
    order, n = np.lexsort((value, group)), np.bincount(group, minlength=count)
    middle = np.cumsum(n) - n + (n - 1) // 2
    found = np.full(count, np.nan)
    found[n > 0] = value[order][middle[n > 0]]
    return found
