"""Features of everyday life: what people who live, work or trade together have, and rings lack.

All sums and medians are of whole numbers, so that their order cannot change a digit.
"""

from __future__ import annotations

import numpy as np

from graphrisk.model import DAY_US, Bools, Floats, Ints, Rings
from graphrisk.policy import Policy
from graphrisk.scoring.grouping import groups, medians, share
from graphrisk.scoring.ring_facts import Held, RingFacts, Tied

PAYMENT_NORMALISERS = ("card", "bank_account")


def everyday_features(facts: RingFacts, policy: Policy, rings: Rings) -> dict[str, Floats]:
    """Feature name → values, shape (rings,), ``nan`` where no value of the kind is known."""
    count, size = len(rings.size), rings.core_size
    core, held, linking = facts.core, facts.held, facts.linking
    active = core.active_days >= 0
    each, days = _days_apart(facts.tied)
    one_off = groups(facts.together.ring, facts.together.account)
    never_back = np.bincount(one_off.of, weights=facts.together.returned, minlength=len(one_off.at)) == 0
    return {
        "own_device": _owned(held, _of_kinds(held, policy, "device"), count),
        "own_payment": _owned(held, _of_kinds(held, policy, *PAYMENT_NORMALISERS), count),
        "top_value": np.maximum(0, _largest(facts.shared.ring, facts.shared.attribute, count)) / size,
        "kinds_linked": _kinds_linked(facts.tied, count),
        "active_days": np.log1p(medians(core.ring[active], core.active_days[active], count)),
        "use_days": np.log1p(medians(linking.ring, (linking.last - linking.first) // DAY_US, count)),
        "handover": np.log1p(medians(facts.tied.ring[each], days, count)),
        "same_address": _commonest(held, _of_kinds(held, policy, "address"), count) / size,
        "ip_crowd": _crowd(held, _of_kinds(held, policy, "ip"), count),
        "good_share": np.bincount(core.ring[core.good], minlength=count) / size,
        "one_off": np.bincount(facts.together.ring[one_off.at[never_back]], minlength=count) / size,
    }


def top_payment(held: Held, policy: Policy, rings: Rings) -> Floats:
    """The share of each ring's core that holds its commonest card or bank account, 0 where none is known."""
    holders = _commonest(held, _of_kinds(held, policy, *PAYMENT_NORMALISERS), len(rings.size))
    return np.nan_to_num(holders) / rings.core_size


def _of_kinds(held: Held, policy: Policy, *normalisers: str) -> Bools:
    codes = policy.codes()
    return np.isin(held.kind, [codes[name] for name, kind in policy.kinds.items() if kind.normaliser in normalisers])


def _owned(held: Held, rows: Bools, count: int) -> Floats:
    """Of the core accounts that have such a value, the share with one that no other account of the ring has."""
    ring, account, value = held.ring[rows], held.account[rows], held.value[rows]
    each = groups(ring, value)
    alone = each.at[np.bincount(each.of, minlength=len(each.at)) == 1]
    owners, holders = groups(ring[alone], account[alone]), groups(ring, account)
    return share(np.bincount(ring[alone][owners.at], minlength=count), np.bincount(ring[holders.at], minlength=count))


def _largest(ring: Ints, value: Ints, count: int) -> Ints:
    """How often the commonest value of each ring occurs, −1 where it has none."""
    each, largest = groups(ring, value), np.full(count, -1)
    np.maximum.at(largest, ring[each.at], np.bincount(each.of, minlength=len(each.at)))
    return largest


def _commonest(held: Held, rows: Bools, count: int) -> Floats:
    largest = _largest(held.ring[rows], held.value[rows], count)
    return np.where(largest < 0, np.nan, largest)


def _kinds_linked(tied: Tied, count: int) -> Floats:
    """The mean number of kinds under a link."""
    pairs, kinds = groups(tied.ring, tied.a, tied.b), groups(tied.ring, tied.a, tied.b, tied.kind)
    return share(np.bincount(tied.ring[kinds.at], minlength=count), np.bincount(tied.ring[pairs.at], minlength=count))


def _days_apart(tied: Tied) -> tuple[Ints, Ints]:
    """One row of each linked pair, and the fewest days between its accounts' uses of any value."""
    pairs = groups(tied.ring, tied.a, tied.b)
    days = np.full(len(pairs.at), np.iinfo(np.int64).max)
    np.minimum.at(days, pairs.of, tied.days)
    return pairs.at, days


def _crowd(held: Held, rows: Bools, count: int) -> Floats:
    """Mean of ln(accounts in the marketplace) over the core accounts' weekly addresses, in thousandths."""
    ring = held.ring[rows]
    total = np.zeros(count, np.int64)
    np.add.at(total, ring, np.rint(1000 * np.log(held.crowd[rows])).astype(np.int64))
    return share(total, np.bincount(ring, minlength=count)) / 1000
