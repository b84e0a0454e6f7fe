"""Components: accounts connected by links; one that grows too large raises its own threshold until it breaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graphrisk.model import Bools, Ints, Links

THRESHOLD_STEP = 347
"""Half of 693, in milli-nats: 693 → 1040 → 1387 → …, each step half as likely to be chance again."""


@dataclass(frozen=True)
class Components:
    """Linked accounts (sorted positions), the component of each (0 is the one with the smallest account, and so on),
    the links that hold inside components, and the flag of each component that came from an oversize one."""

    accounts: Ints
    component: Ints
    links: Links
    oversize: Bools

    @property
    def count(self) -> int:
        return len(self.oversize)

    def place(self, accounts: Ints) -> Ints:
        """Positions of accounts within ``accounts``."""
        return np.searchsorted(self.accounts, accounts)

    def around(self, accounts: Ints) -> Components:
        """Only the components that hold one of these accounts."""
        wanted = np.zeros(self.count, bool)
        wanted[self.component[np.isin(self.accounts, accounts)]] = True
        kept = wanted[self.component]
        links = self.links.take(kept[self.place(self.links.a)])
        return Components(self.accounts[kept], _numbered(self.component[kept]), links, self.oversize[wanted])


def find_components(links: Links, threshold: int, largest: int) -> Components:
    """The components of the links. One of more than ``largest`` accounts drops its weakest links, step by step."""
    accounts = np.unique(np.concatenate([links.a, links.b]))
    a, b = np.searchsorted(accounts, links.a), np.searchsorted(accounts, links.b)
    kept = np.ones(len(a), bool)
    raised = np.zeros(len(accounts), bool)
    component = _labels(len(accounts), a, b)
    while (too_large := np.bincount(component, minlength=1)[component] > largest).any():
        threshold += THRESHOLD_STEP
        raised |= too_large
        kept &= ~too_large[a] | (links.strength >= threshold)
        broken, inside = np.flatnonzero(too_large), kept & too_large[a]
        parts = _labels(len(broken), *(np.searchsorted(broken, ends[inside]) for ends in (a, b)))
        component[broken] = component.max() + 1 + parts
    component = _numbered(component)
    flags = np.zeros(component.max(initial=-1) + 1, bool)
    flags[component[raised]] = True
    return Components(accounts, component, links.take(kept), flags)


def _labels(count: int, a: Ints, b: Ints) -> Ints:
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    return _numbered(connected_components(graph, directed=False)[1].astype(np.int64))


def _numbered(labels: Ints) -> Ints:
    """The same components, numbered by their smallest account."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
