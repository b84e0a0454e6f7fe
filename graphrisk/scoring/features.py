"""Ring features: what makes a ring look organised rather than like people who live or work together.

Each is a number a ring, ``nan`` where the facts cannot tell (no address seen, no creation time known).
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtrc

from graphrisk.model import DAY_US, NEVER, Bools, Floats, Ints, Members, RingLinks, Rings
from graphrisk.policy import Policy
from graphrisk.scoring.everyday import everyday_features, top_payment
from graphrisk.scoring.grouping import groups, share
from graphrisk.scoring.reference import Reference
from graphrisk.scoring.ring_facts import Core, Held, Linking, RingFacts

PAYMENT_KINDS = ("card", "bank_account")
NEW_DAYS = 30
WATCHED_DAYS = 30
"""So long has an account to be known before it is seen to have been without a link."""

USUAL_WEEK = 1 / 6
"""The least share of a ring's old accounts that is expected in a week of it: whoever comes to a place again and again is
first seen there sooner rather than later, so that first links are denser in some weeks by themselves."""

PART_OF_A_LIFE, QUIET_DAYS = 4, 14
"""What was used for a day or more, for less than one in so many of the days in which the account was seen, and so long
before it was seen last, was given up. A single use, as of a gift card, is none that could be."""

BURST_SECONDS = 7 * 86_400
LARGEST_SURPRISE = 30.0
DECIMALS = 9


def ring_features(
    facts: RingFacts, policy: Policy, reference: Reference, rings: Rings, members: Members, links: RingLinks
) -> dict[str, Floats]:
    """Feature name → values, shape (rings,), rounded to nine decimals."""
    count = len(rings.size)
    features = {
        "log_n": np.log(rings.core_size),
        **_reuse(facts.held, policy, rings),
        **_links(links, count),
        **_sign_ups(facts.core, reference, rings, members, links),
        "label_enrich": _bad_labels(facts.core, reference, rings),
        "closed_inherit": _inherited(facts, count),
        "given_up": _given_up(facts.linking, count),
        **everyday_features(facts, policy, rings),
    }
    # Customers who were given one card are one coincidence, however many they are.
    features["raid"] = features["raid"] * (1 - top_payment(facts.held, policy, rings))
    seen = ~np.isnan(features["ip_div"])
    features["ip_coresidence"] = np.where(seen, features["ip_coresidence"], np.nan)
    return {name: np.round(values, DECIMALS) for name, values in features.items()}


def _reuse(held: Held, policy: Policy, rings: Rings) -> dict[str, Floats]:
    codes, count = policy.codes(), len(rings.size)
    addresses = [codes[name] for name, kind in policy.kinds.items() if kind.normaliser == "ip"]
    held_cards, cards = _held(held, [codes[name] for name in PAYMENT_KINDS if name in codes], count)
    held_devices, devices = _held(held, [codes["device"]] if "device" in codes else [], count)
    held_addresses, addresses_seen = _held(held, addresses, count)
    return {
        "card_reuse": np.log(share(held_cards, cards)),
        "dev_reuse": np.log(share(held_devices, devices)),
        "dev_per": np.where(devices > 0, np.log1p(devices / rings.core_size), np.nan),
        "ip_div": share(addresses_seen, held_addresses),
    }


def _held(held: Held, kinds: list[int], count: int) -> tuple[Ints, Ints]:
    """Account–value rows and distinct values of each ring's core, over the given kinds."""
    rows = np.isin(held.kind, kinds)
    ring, value = held.ring[rows], held.value[rows]
    distinct = groups(ring, value)
    return np.bincount(ring, minlength=count), np.bincount(ring[distinct.at], minlength=count)


def _links(links: RingLinks, count: int) -> dict[str, Floats]:
    total = np.bincount(links.ring, minlength=count)
    order = np.lexsort((links.link.onset, links.ring))
    onset, starts = links.link.onset[order], np.searchsorted(links.ring, np.arange(count))
    low, high = starts + (total - 1) // 10, starts + (9 * (total - 1) + 9) // 10
    days = (onset[high] - onset[low]) / DAY_US if len(onset) else np.zeros(0)
    return {
        "ip_coresidence": np.bincount(links.ring, weights=links.link.with_ip, minlength=count) / total,
        "cohort_share": np.bincount(links.ring, weights=links.link.with_cohort, minlength=count) / total,
        "onset_spread": np.log1p(days),
    }


def _sign_ups(core: Core, reference: Reference, rings: Rings, members: Members, links: RingLinks) -> dict[str, Floats]:
    count = len(rings.size)
    ring, moment = core.ring, core.created
    known = ~np.isnan(moment)
    joined = _first_links(members, links, links.in_window)[members.core]
    fresh = known & (joined - moment <= NEW_DAYS * DAY_US)
    # The days before the window say nothing of when the ring came over an account. Nor does a link that is as old as what
    # is known of the account: it may be older than the facts.
    came = _first_links(members, links)[members.core]
    aged = known & ~fresh & (came < NEVER) & (came - core.first_seen >= WATCHED_DAYS * DAY_US)
    n = np.bincount(ring[known], minlength=count)
    burst = _surprise_of_a_week(ring[known], moment[known], count, reference.seven_day_share)
    in_campaign = BURST_SECONDS * 1_000_000 / np.maximum(1, rings.window_end - rings.window_start)
    raid = _surprise_of_a_week(ring[aged], came[aged], count, np.clip(in_campaign, USUAL_WEEK, 1.0))
    return {
        "burst": np.where(n > 0, burst, np.nan),
        "raid": np.where(n > 0, raid, np.nan),
        "new_share": np.where(n > 0, np.bincount(ring[fresh], minlength=count) / np.maximum(n, 1), np.nan),
    }


def _surprise_of_a_week(ring: Ints, moment: Ints | Floats, count: int, share: float | Floats) -> Floats:
    """−log10 of the chance that so many of a ring's moments (microseconds) fall into some seven days, one a ring;
    ``share`` is the chance that one falls into given ones."""
    n = np.bincount(ring, minlength=count)
    most = _most_in_a_week(ring, (moment // 1_000_000).astype(np.int64), count)
    chance = np.minimum(1.0, n * bdtrc(most - 2, np.maximum(n - 1, 1), share))
    return np.where(most >= 2, np.abs(np.log10(np.maximum(chance, 10**-LARGEST_SURPRISE))), 0.0)


def _first_links(members: Members, links: RingLinks, chosen: Bools | slice = slice(None)) -> Ints:
    """The onset (microseconds) of each member's first link among the chosen ones, ``NEVER`` where it has none."""
    order = np.argsort(members.account)
    first = np.full(len(order), NEVER)
    for ends in (links.link.a, links.link.b):
        places = order[np.searchsorted(members.account[order], ends[chosen])]
        np.minimum.at(first, places, links.link.onset[chosen])
    return first


def _most_in_a_week(ring: Ints, second: Ints, count: int) -> Ints:
    order = np.lexsort((second, ring))
    ring, second = ring[order], second[order]
    key = ring * (1 << 33) + second
    inside = np.searchsorted(key, key + BURST_SECONDS, side="right") - np.arange(len(key))
    most = np.zeros(count, np.int64)
    np.maximum.at(most, ring, inside)
    return most


def _bad_labels(core: Core, reference: Reference, rings: Rings) -> Floats:
    bad = np.bincount(core.ring[core.bad], minlength=len(rings.size))
    chance = np.where(bad > 0, bdtrc(np.maximum(bad - 1, 0), rings.core_size, reference.bad_rate), 1.0)
    return np.abs(-np.log10(np.maximum(chance, 10**-LARGEST_SURPRISE)))


def _inherited(facts: RingFacts, count: int) -> Floats:
    """Of the values that link a ring, the share that a closed account held before the last of the ring's came to it."""
    linking = facts.linking
    each = groups(linking.ring, linking.attribute)
    latest = np.zeros(len(each.at), np.int64)
    np.maximum.at(latest, each.of, linking.first)
    ring = linking.ring[each.at]
    inherited = np.bincount(ring[linking.closed_first[each.at] < latest], minlength=count)
    return inherited / np.maximum(1, np.bincount(ring, minlength=count))


def _given_up(linking: Linking, count: int) -> Floats:
    """Of the uses of values that link a ring, the share that began and ended while the account went on."""
    use, life = linking.last - linking.first, linking.seen_last - linking.seen_first
    brief = (use >= DAY_US) & (PART_OF_A_LIFE * use < life)
    given_up = brief & (linking.seen_last - linking.last >= QUIET_DAYS * DAY_US)
    return np.bincount(linking.ring, given_up, count) / np.maximum(1, np.bincount(linking.ring, minlength=count))
