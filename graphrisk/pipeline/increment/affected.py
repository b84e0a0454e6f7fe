# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""What may be different now: which attributes are, which links that changed, and all accounts that either may reach.

Everything after linkage is a function of single components. So the accounts to compute again are those of every component
in which a link changed, or an account, or a value that the features of a ring are computed from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from graphrisk.linkage.local import Priced, pairs_among, priced_pairs
from graphrisk.model import Bools, Ints, Links, Uses
from graphrisk.pipeline.increment.base import Base
from graphrisk.pipeline.increment.changes import Changes
from graphrisk.policy import Policy
from graphrisk.runs.fact_tables import by_account
from graphrisk.runs.facts import Facts
from graphrisk.runs.splicing import Keys, keys_of, located, splice, spliced, words
from graphrisk.runs.tables import build

MOST_PAIRS = 5_000_000
"""A gigabyte of them."""

TOLD = ("created", "status", "marketplace", "label")
"""What is said of an account besides its sightings."""


@dataclass(frozen=True)
class Renewed:
    """The facts of the run, and who held (in the base) or holds an attribute that differs: a number for the attribute as it
    was or as it is, its kind (code), how many accounts hold it, and the account; accounts are positions in the run."""

    tables: dict[str, pa.Table]
    facts: Facts
    attribute: Ints
    kind: Ints
    accounts: Ints
    account: Ints


def renewed_facts(base: Base, changes: Changes) -> Renewed:
    """The tables of facts of the run, from those of the base and what changed."""
    fresh = {"attributes": changes.attributes, "uses": changes.uses}
    told = Facts({**base.tables, **fresh}, base.token_key)
    known, keys = keys_of(base.tables["attributes"]), keys_of(changes.attributes)
    dropped = known.source >= 0
    rows, there = located(known, _dirty_keys(changes.dirty))
    dropped[rows[there]] = True
    at, is_known = located(known, keys)
    order = splice(at, dropped)
    tables = spliced(base.tables, fresh, order, changes.moved)
    tables |= {"held": _held(base, changes, tables["uses"]), "routes": changes.routes, "arrivals": changes.arrivals}
    renewed = Facts(tables, base.token_key)
    before, after = _differ(base, changes, told, at, is_known, dropped)
    gone, gone_of = base.facts.uses_on(before)
    held, held_of = told.uses_on(after)
    gone_by = changes.moved[base.tables["uses"]["account"].to_numpy()[gone]]
    return Renewed(
        tables,
        renewed,
        np.concatenate([gone_of, len(dropped) + held_of]),
        np.concatenate([known.kind[gone_of], keys.kind[held_of]]).astype(np.int64),
        np.concatenate([np.bincount(gone_of, minlength=len(dropped))[gone_of], np.bincount(held_of)[held_of]]),
        np.concatenate([gone_by, changes.uses["account"].to_numpy()[held]]).astype(np.int64),
    )


def _dirty_keys(dirty: pa.Table) -> Keys:
    kind, week = (dirty[name].to_numpy().astype(np.int64) for name in ("kind", "week"))
    return Keys(*words(dirty["value"]), kind, week, np.full(len(kind), -1))


def _held(base: Base, changes: Changes, uses: pa.Table) -> pa.Table:
    count, active = changes.ids.num_rows, changes.active
    columns: dict[str, Any] = {"uses": by_account(uses["account"].to_numpy(), count)}
    columns |= {name: changes.ids[name] for name in ("created", "label")}
    for name, told in zip(("first", "last"), active[1:], strict=True):
        at = np.full(count, -1)
        at[changes.moved] = pc.fill_null(base.tables["held"][name], -1).to_numpy()
        at[active[0]] = told
        columns[name] = pa.array(at, mask=at < 0)
    return build("held", columns)


def _differ(base: Base, changes: Changes, told: Facts, at: Ints, there: Bools, dropped: Bools) -> tuple[Ints, Ints]:
    """The rows of attributes that were dropped and that are fresh, but for those that say the same as before.

    Fresh ones (``told``) stand ``at`` rows of the base, where the same attribute is ``there`` or is not.
    """
    old, new = at[there], np.flatnonzero(there)
    alike = told.degrees[new] == base.facts.degrees[old]
    old, new = old[alike], new[alike]
    uses, of = base.facts.uses_on(old)
    fresh, fresh_of = told.uses_on(new)
    was, now = base.tables["uses"].take(pa.array(uses)), changes.uses.take(pa.array(fresh))
    other = changes.moved[was["account"].to_numpy()] != now["account"].to_numpy()
    for name in ("first", "last"):
        other |= was[name].to_numpy() != now[name].to_numpy()
    returned = (pc.fill_null(each["returned"].cast(pa.int8()), -1).to_numpy() for each in (was, now))
    other |= np.not_equal(*returned)
    changed_old, changed_new = np.unique(of[other]), np.unique(fresh_of[other])
    dropped, is_new = dropped.copy(), np.ones(len(at), bool)
    dropped[np.setdiff1d(old, changed_old)] = False
    is_new[np.setdiff1d(new, changed_new)] = False
    return np.flatnonzero(dropped), np.flatnonzero(is_new)


@dataclass(frozen=True)
class Affected:
    """Which accounts (positions, sorted) are computed again, and the links of the base between others, in its order:
    their rows, and their columns with accounts as positions in the run."""

    accounts: Ints
    kept: Ints
    kept_links: Links


class TooManyPairsError(Exception):
    """There is more to be priced than should be held in memory at once."""


def priced_among(renewed: Renewed, accounts: Ints, policy: Policy) -> tuple[Uses, Priced]:
    """What the accounts share, and its prices. Raises ``TooManyPairsError``."""
    uses = renewed.facts.uses_of(accounts)
    if (pairs := pairs_among(uses, policy)) > MOST_PAIRS:
        raise TooManyPairsError(f"{pairs:,} pairs of accounts share what may have changed, more than {MOST_PAIRS:,}")
    return uses, priced_pairs(uses, policy)


def affected(base: Base, changes: Changes, renewed: Renewed, policy: Policy) -> Affected:
    """Which accounts must be computed again."""
    count, links = changes.ids.num_rows, base.links
    before = links._replace(a=changes.moved[links.a], b=changes.moved[links.b])
    shared = _shared(renewed, policy, count)
    near = np.diff(shared.indptr) > 0
    found, _ = priced_among(renewed, np.flatnonzero(near), policy)[1].links(policy.links.threshold)
    again = near[before.a] & near[before.b]
    roots = np.zeros(count, bool)
    roots[_changed_ends(before.take(again), found, count)] = True
    for links in (before.take(again), found):
        # What a link is told to rest on may differ where its strength does not: a count, or what is past a ceiling.
        told_else = shared[links.a].multiply(shared[links.b]).sum(axis=1) > 0
        roots[links.a[told_else]] = roots[links.b[told_else]] = True
    roots |= _told_anew(base, changes) | _rings_touched(base, changes, renewed)
    ends = [np.concatenate([one[~again], other]) for one, other in ((before.a, found.a), (before.b, found.b))]
    graph = coo_array((np.ones(len(ends[0]), np.int8), (ends[0], ends[1])), shape=(count, count))
    component = connected_components(graph, directed=False)[1]
    reached = np.zeros(count, bool)
    reached[component[roots]] = True
    reached = reached[component]
    kept = np.flatnonzero(~reached[before.a])
    return Affected(np.flatnonzero(reached), kept, before.take(kept))


def _shared(renewed: Renewed, policy: Policy, count: int) -> csr_array:
    """Who held, or holds, what differs and may be evidence: 1 where an account (row) has an attribute (column)."""
    cap = np.array([kind.cap for kind in policy.priced().values()])
    priced = (renewed.accounts > 1) & (renewed.accounts <= cap[renewed.kind])
    account, attribute = renewed.account[priced], renewed.attribute[priced]
    ones = np.ones(len(account), np.int8)
    return coo_array((ones, (account, attribute)), shape=(count, int(attribute.max(initial=0)) + 1)).tocsr()


def _changed_ends(before: Links, now: Links, count: int) -> Ints:
    """The accounts at the ends of links that came, went or changed; both are sorted by (a, b)."""
    old, new = before.a * count + before.b, now.a * count + now.b
    at = np.minimum(np.searchsorted(old, new), max(len(old) - 1, 0))
    same = old[at] == new if len(old) else np.zeros(len(new), bool)
    for name in ("strength", "onset", "proves_a", "proves_b"):
        if len(old):
            same &= getattr(before, name)[at] == getattr(now, name)
    unchanged = np.zeros(len(old), bool)
    unchanged[at[same]] = True
    return np.concatenate([before.a[~unchanged], before.b[~unchanged], now.a[~same], now.b[~same]])


def _told_anew(base: Base, changes: Changes) -> Bools:
    """Which accounts are new, or are told something else of than before."""
    anew = np.ones(changes.ids.num_rows, bool)
    anew[changes.moved] = False
    now = changes.ids.take(pa.array(changes.moved))
    before = {name: base.tables["accounts" if name in ("status", "marketplace") else "held"][name] for name in TOLD}
    for name in TOLD:
        one, other = before[name].combine_chunks(), now[name].combine_chunks().cast(before[name].type)
        same = pc.fill_null(pc.equal(one, other), False).to_numpy(zero_copy_only=False)
        same |= one.is_null().to_numpy(zero_copy_only=False) & other.is_null().to_numpy(zero_copy_only=False)
        anew[changes.moved[~same]] = True
    return anew


def _rings_touched(base: Base, changes: Changes, renewed: Renewed) -> Bools:
    """Which members of rings have features of their ring computed from something that differs."""
    count = changes.ids.num_rows
    touched = np.zeros(count, bool)
    touched[renewed.account] = True
    touched[changes.active[0]] = True
    now = pc.equal(changes.ids["status"], "closed").to_numpy()
    was = np.zeros(count, bool)
    was[changes.moved] = pc.equal(base.tables["accounts"]["status"], "closed").to_numpy()
    for facts, accounts, place in (
        (renewed.facts, np.flatnonzero(now != was), np.arange(count)),
        (base.facts, np.flatnonzero((now != was)[changes.moved]), changes.moved),
    ):
        uses, _ = facts.uses_on(np.unique(facts.uses_by(accounts)[1]))
        touched[place[facts.accounts_of(uses)]] = True
    member = np.zeros(count, bool)
    member[changes.moved] = base.tables["accounts"]["ring_id"].is_valid().to_numpy()
    return touched & member
