# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""The guard: yes or no to a publication, from the difference to the live run, with every objection and its figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.policy import GuardPolicy


@dataclass(frozen=True)
class Answers:
    """What the guard looks at in a run: ``accounts`` (account_id, ring_id, band), its counts, and sightings by kind."""

    accounts: pa.Table
    counts: dict[str, int]
    profile: dict[str, int]


def objections(candidate: Answers, live: Answers | None, policy: GuardPolicy) -> list[str]:
    """Why the candidate must not go live: one sentence with its figure for each reason; empty means yes."""
    found = _too_large(candidate.counts, policy)
    if live is None:
        return found
    if live.counts["rings"] and not candidate.counts["rings"]:
        found.append(f"it has no rings where the live run has {live.counts['rings']:,}")
    found.extend(_shrunk(candidate.profile, live.profile, policy))
    found.extend(_changed(candidate.accounts, live.accounts, policy))
    return found


def _too_large(counts: dict[str, int], policy: GuardPolicy) -> list[str]:
    found: list[str] = []
    ring, component, accounts = counts["largest_ring"], counts["largest_component"], counts["accounts"]
    if ring > policy.max_ring_accounts:
        found.append(
            f"its largest ring has {ring:,} accounts, more than guard.max_ring_accounts ({policy.max_ring_accounts:,})"
        )
    limit = max(policy.max_component_share * accounts, policy.small_component)
    if component > limit:
        found.append(
            f"its largest component has {component:,} of {accounts:,} accounts ({100 * component / accounts:.1f} %), "
            f"more than guard.max_component_share ({100 * policy.max_component_share:g} %)"
        )
    return found


def _shrunk(candidate: dict[str, int], live: dict[str, int], policy: GuardPolicy) -> list[str]:
    found: list[str] = []
    for kind, before in sorted(live.items()):
        now = candidate.get(kind, 0)
        if before - now > policy.max_kind_shrink * before:
            found.append(
                f"sightings of kind {kind} fell from {before:,} to {now:,} ({100 * (before - now) / before:.1f} %), "
                f"more than guard.max_kind_shrink ({100 * policy.max_kind_shrink:g} %)"
            )
    return found


def _changed(candidate: pa.Table, live: pa.Table, policy: GuardPolicy) -> list[str]:
    """Accounts of the live run whose ring or band is another one now, over all accounts of the live run."""
    place = pc.index_in(live["account_id"], value_set=candidate["account_id"].combine_chunks())
    now = candidate.take(place)
    found: list[str] = []
    for column, what in (("ring_id", "ring"), ("band", "band")):
        before, after = pc.fill_null(live[column], ""), pc.fill_null(now[column], "")
        changed = int(np.count_nonzero(pc.not_equal(before, after).to_numpy()))
        if changed > max(policy.max_changed_share * live.num_rows, policy.small_change):
            found.append(
                f"{changed:,} of {live.num_rows:,} accounts ({100 * changed / live.num_rows:.1f} %) would change {what}, "
                f"more than guard.max_changed_share ({100 * policy.max_changed_share:g} %)"
            )
    return found
