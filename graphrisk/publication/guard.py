# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""The guard: yes or no to a publication, from the difference to the live run, with every objection, figure and cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.policy import GuardPolicy
from graphrisk.publication.telling import loads_text, value_text, verdicts_text
from graphrisk.publication.unusual import BREAKS, BRINGS, Compared, Told, because, unusual

LATE_DAYS = 21
"""Days by which the data clock moved at once, from which that is told as the cause of what fell out of retention."""


@dataclass(frozen=True)
class Answers:
    """What the guard looks at in a run: ``accounts`` (account_id, ring_id, band, marketplace), its counts, sightings by
    kind, and ``news`` and ``drift`` since the live run (None where they are not known)."""

    accounts: pa.Table
    counts: dict[str, int]
    profile: dict[str, int]
    news: Told = None
    drift: Told = None


def objections(
    candidate: Answers, live: Answers | None, policy: GuardPolicy, figures: Mapping[str, Compared] | None = None
) -> list[str]:
    """Why the candidate must not go live: one sentence with its figure for each reason; empty means yes.

    ``figures`` are the candidate's beside what is usual for them (``unusual.compared``).
    """
    found = _too_large(candidate, policy)
    if live is None:
        return found
    if live.counts["rings"] and not candidate.counts["rings"]:
        found.append(f"it has no rings where the live run has {live.counts['rings']:,}")
    found.extend(_shrunk(candidate, live.profile, policy))
    found.extend(_turned_over(candidate.news, policy))
    found.extend(_changed(candidate, live, policy))
    found.extend(_grown(candidate.drift, policy))
    found.extend(_emptied(candidate, policy))
    told = list(unusual(candidate.news, candidate.drift, figures or {}, policy))
    return [*found, *_widespread(candidate, live, policy, told), *told]


def _too_large(candidate: Answers, policy: GuardPolicy) -> list[str]:
    found: list[str] = []
    counts, cause = candidate.counts, because(candidate.drift, BRINGS)
    ring, component, accounts = counts["largest_ring"], counts["largest_component"], counts["accounts"]
    if ring > policy.max_ring_accounts:
        found.append(
            f"its largest ring has {ring:,} accounts, more than guard.max_ring_accounts ({policy.max_ring_accounts:,}){cause}"
        )
    limit = max(policy.max_component_share * accounts, policy.small_component)
    if component > limit:
        found.append(
            f"its largest component has {component:,} of {accounts:,} accounts ({100 * component / accounts:.1f} %), "
            f"more than guard.max_component_share ({100 * policy.max_component_share:g} %){cause}"
        )
    return found


def _shrunk(candidate: Answers, live: dict[str, int], policy: GuardPolicy) -> list[str]:
    found: list[str] = []
    cause = _why_so_late(candidate.news)
    for kind, before in sorted(live.items()):
        now = candidate.profile.get(kind, 0)
        if before - now > policy.max_kind_shrink * before:
            found.append(
                f"sightings of kind {kind} fell from {before:,} to {now:,} ({100 * (before - now) / before:.1f} %), "
                f"more than guard.max_kind_shrink ({100 * policy.max_kind_shrink:g} %){cause}"
            )
    return found


def _why_so_late(news: Told) -> str:
    if not news:
        return ""
    advance, late = news["figures"].get("advance_days", [0])[0], news["late_days"]
    if late >= LATE_DAYS:
        return f": a few sightings of {loads_text(news)} are {late:,} days later than the rest, and retention counts from them"
    if advance >= LATE_DAYS:
        return f": the newest sightings moved on by {advance:,.0f} days in {loads_text(news)}, and retention counts from them"
    return ""


def _widespread(candidate: Answers, live: Answers, policy: GuardPolicy, told: list[str]) -> list[str]:
    """Values that won a large part of all accounts at once, but for those that are told already."""
    limit = max(policy.max_value_share * live.counts["accounts"], policy.small_component)
    values = (candidate.news or {}).get("values", {})
    return [
        f"{text}: more at once than guard.max_value_share ({100 * policy.max_value_share:g} %) of the accounts"
        for text, value in ((value_text(kind, value), value) for kind, value in values.items())
        if value["after"] - value["before"] > limit and not any(text in each for each in told)
    ]


def _turned_over(news: Told, policy: GuardPolicy) -> list[str]:
    if not news:
        return []
    turned, labels = news["figures"]["turned_over"]
    if turned <= max(policy.max_changed_share * labels, policy.small_change):
        return []
    limit = f"more than guard.max_changed_share ({100 * policy.max_changed_share:g} %)"
    cause = f"{verdicts_text(news['turned_over'])} (labels may be flipped)"
    return [f"{turned:,} of {labels:,} verdicts are turned over in {loads_text(news)}, {limit}; {cause}"]


def _changed(candidate: Answers, live: Answers, policy: GuardPolicy) -> list[str]:
    """Accounts of the live run whose ring or band is another one now, over all accounts of the live run."""
    before, now = live.accounts, candidate.accounts
    place = pc.index_in(before["account_id"], value_set=now["account_id"].combine_chunks())
    now = now.take(place)
    found: list[str] = []
    for column, what in (("ring_id", "ring"), ("band", "band")):
        pair = (pc.fill_null(each[column], "") for each in (before, now))
        changed = int(np.count_nonzero(pc.not_equal(*pair).to_numpy()))
        if changed > max(policy.max_changed_share * before.num_rows, policy.small_change):
            found.append(
                f"{changed:,} of {before.num_rows:,} accounts ({100 * changed / before.num_rows:.1f} %) would change {what}, "
                f"more than guard.max_changed_share ({100 * policy.max_changed_share:g} %){because(candidate.drift, BRINGS, BREAKS)}"
            )
    return found


def _grown(drift: Told, policy: GuardPolicy) -> list[str]:
    if not drift:
        return []
    won, links = drift["figures"]["links_won"][0], drift["links_before"]
    if won <= max(policy.max_link_growth * links, policy.small_links):
        return []
    limit = f"more than guard.max_link_growth ({100 * policy.max_link_growth:g} %)"
    return [f"{won:,} new links beside the live run's {links:,}, {limit}{because(drift, BRINGS)}"]


def _emptied(candidate: Answers, policy: GuardPolicy) -> list[str]:
    """Marketplaces that lost accounts, and where most of those that moved went."""
    found: list[str] = []
    moved = (candidate.news or {}).get("moved")
    most = f"; most went from {moved[0]} to {moved[1]} in {loads_text(candidate.news)} ({moved[2]:,})" if moved else ""
    for name, parts in (candidate.drift or {}).get("marketplaces", {}).items():
        before, now = (parts.get(part, [0])[0] for part in ("before", "after"))
        if before - now > max(policy.max_changed_share * before, policy.small_change):
            found.append(
                f"marketplace {name or '(none)'} fell from {before:,} to {now:,} accounts, "
                f"more than guard.max_changed_share ({100 * policy.max_changed_share:g} %){most}"
            )
    return found
