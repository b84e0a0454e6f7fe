"""Account risk: membership of a risky ring, and nearness to accounts known to be bad, joined by noisy-or.

risk = 1 - (1 - μ·r)(1 - d); an account that is no core member of a ring has d alone. The parts are told one after the
other as differences of rounded logits, so that they add up to the account's logit exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from graphrisk.model import Bools, Floats, Ints, Links, Members
from graphrisk.scoring.ring_risk import LOGIT_LIMIT, to_logit

HOP_DISCOUNT = 0.5
GOOD_FACTOR = 0.5
GOOD_FLOOR = 0.1
MICRO = 1_000_000
SOURCES_AT_ONCE = 250


@dataclass(frozen=True)
class AccountRisk:
    """Milli-logits, one element an account: the logit and the parts that follow the ring's own reasons.

    For a core member the logit is the ring's logit + ``membership`` + ``near_bad`` + ``near_good``; for any other
    account it is -8000 (the base) + ``near_bad`` + ``near_good``.
    """

    logit: Ints
    membership: Ints
    near_bad: Ints
    near_good: Ints


def account_risk(
    accounts: int, links: Links, weights: Floats, members: Members, ring_logit: Ints, bad: Bools, good: Bools
) -> AccountRisk:
    """The risk of every account. ``bad`` and ``good`` are the verdicts known as of the run, shape (accounts,)."""
    nearness = bad_nearness(accounts, links, weights, bad)
    near = -np.expm1(-nearness / MICRO)
    friends = np.bincount(links.a[good[links.b]], minlength=accounts) + np.bincount(
        links.b[good[links.a]], minlength=accounts
    )
    eased = near * np.maximum(GOOD_FLOOR, GOOD_FACTOR**friends)
    base = np.full(accounts, -LOGIT_LIMIT)
    own = np.zeros(accounts)
    with_ring = base.copy()
    core, of = members.account[members.core], ring_logit[members.ring[members.core]]
    base[core] = of
    log_risk = np.log(-np.expm1(-members.pull[members.core] / 1000)) - np.logaddexp(0, -of / 1000)
    own[core] = np.exp(log_risk)
    with_ring[core] = np.rint(1000 * (log_risk - np.log1p(-np.exp(log_risk)))).astype(np.int64)
    with_bad = _never_below(to_logit(1 - (1 - own) * (1 - near)), with_ring, near > 0)
    with_good = np.where(
        friends > 0, _never_below(to_logit(1 - (1 - own) * (1 - eased)), with_ring, near > 0), with_bad
    )
    return AccountRisk(with_good, with_ring - base, with_bad - with_ring, with_good - with_bad)


def bad_nearness(accounts: int, links: Links, weights: Floats, bad: Bools) -> Ints:
    """How near each account is to others known to be bad within two links, in micro-nats, shape (accounts,).

    The smaller of two sums of -ln(1 - probability): over bad accounts, ½^hops times the largest product of weights over
    the paths to each; and over linked accounts, ½·w times 1 for a bad one, else times 1 - Π (1 - ½·w) over the bad ones
    behind it that the account is not linked to itself. So one bad account counts once however many ways lead to it, and all
    that is behind one linked account counts for no more than that account. Only links that prove something about the
    account they lead to count: that somebody bad typed what another held first makes nobody bad.
    """
    if not bad.any() or not len(links.a):
        return np.zeros(accounts, np.int64)
    return np.minimum(_by_source(accounts, links, weights, bad), _by_neighbour(accounts, links, weights, bad))


def _by_neighbour(accounts: int, links: Links, weights: Floats, bad: Bools) -> Ints:
    a, b = links.a, links.b
    whole = _nats(HOP_DISCOUNT * weights)
    into_a = np.where(links.proves_a & bad[b], whole, 0)
    into_b = np.where(links.proves_b & bad[a], whole, 0)
    near = csr_array((np.r_[into_a, into_b], (np.r_[a, b], np.r_[b, a])), shape=(accounts, accounts))
    near.eliminate_zeros()
    past_a, past_b = (
        _nats(HOP_DISCOUNT * weights * np.where(bad[end], 1.0, -np.expm1((back - _behind(near, end, other)) / MICRO)))
        for end, other, back in ((a, b, into_a), (b, a, into_b))
    )
    return _summed(accounts, a, np.where(links.proves_a, past_b, 0), b, np.where(links.proves_b, past_a, 0))


def _behind(near: csr_array, end: Ints, other: Ints) -> Ints:
    """How near accounts are to bad ones that those who are linked to them are not linked to; ``near`` has what each account
    (row) has of each bad one (column)."""
    nearness, known = near.sum(axis=1), np.diff(near.indptr) > 0
    behind = nearness[end].astype(np.int64)
    both = np.flatnonzero(known[end] & known[other])
    own = near[other[both]]
    own.data[:] = 1
    behind[both] -= own.multiply(near[end[both]]).sum(axis=1).astype(np.int64)
    return behind


def _nats(probability: Floats) -> Ints:
    return np.rint(-MICRO * np.log1p(-probability)).astype(np.int64)


def _summed(accounts: int, a: Ints, into_a: Ints, b: Ints, into_b: Ints) -> Ints:
    total = np.zeros(accounts, np.int64)
    np.add.at(total, a, into_a)
    np.add.at(total, b, into_b)
    return total


def _by_source(accounts: int, links: Links, weights: Floats, bad: Bools) -> Ints:
    total = np.zeros(accounts, np.int64)
    to_b, to_a = links.proves_b, links.proves_a
    ends = np.concatenate([links.a[to_b], links.b[to_a]])
    other = np.concatenate([links.b[to_b], links.a[to_a]])
    graph = csr_array((np.concatenate([weights[to_b], weights[to_a]]), (ends, other)), shape=(accounts, accounts))
    sources = np.flatnonzero(bad & (np.bincount(ends, minlength=accounts) > 0))
    for start in range(0, len(sources), SOURCES_AT_ONCE):
        source, target, product, hops = _reached(graph, sources[start : start + SOURCES_AT_ONCE])
        apart = source != target
        np.add.at(total, target[apart], _nats(HOP_DISCOUNT**hops * product)[apart])
    return total


def _reached(graph: csr_array, sources: Ints) -> tuple[Ints, Ints, Floats, Ints]:
    """(source, target, best product, hops) of everything within two hops of the sources."""
    source, middle, first = _step(graph, sources, sources, np.ones(len(sources)))
    origin, target, product = _step(graph, source, middle, first)
    sources = np.concatenate([source, origin])
    targets = np.concatenate([middle, target])
    products = np.concatenate([first, product])
    hops = np.concatenate([np.ones(len(source), np.int64), np.full(len(origin), 2)])
    order = np.lexsort((-products, targets, sources))
    sources, targets, products, hops = sources[order], targets[order], products[order], hops[order]
    first_of = np.flatnonzero(np.r_[True, (np.diff(sources) != 0) | (np.diff(targets) != 0)])
    return sources[first_of], targets[first_of], products[first_of], np.minimum.reduceat(hops, first_of)


def _step(graph: csr_array, source: Ints, at: Ints, product: Floats) -> tuple[Ints, Ints, Floats]:
    counts = graph.indptr[at + 1] - graph.indptr[at]
    repeated = np.repeat(np.arange(len(at)), counts)
    places = (
        np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(graph.indptr[at], counts)
    )
    return source[repeated], graph.indices[places].astype(np.int64), product[repeated] * graph.data[places]


def _never_below(logit: Ints, floor: Ints, where: Bools) -> Ints:
    return np.where(where, np.maximum(logit, floor), floor)
