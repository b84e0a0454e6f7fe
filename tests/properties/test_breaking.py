"""What is left of a ring without one value, against facts in which nobody shares it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np

from graphrisk.linkage.local import priced_pairs
from graphrisk.model import Uses
from graphrisk.pipeline.membership import Membership
from graphrisk.pipeline.rerunning import Part
from tests.support_parts import POLICY, memberships


def without(part: Part, value: int) -> Part:
    """The same accounts when nobody uses a value; priced anew."""
    uses = part.uses
    kept = uses.attribute != value
    columns = {name: getattr(uses, name)[kept] for name in ("attribute", "account", "first", "last")}
    fewer = Uses(**{**uses._asdict(), **columns})
    return replace(part, uses=fewer, priced=priced_pairs(fewer, POLICY))


def members_together(part: Part, members: set[int]) -> list[int]:
    """How many of some accounts each ring of a part holds, from two, the largest first."""
    held = Counter(ring for account, ring in enumerate(part.formed(part.accounts).ring.tolist()) if account in members)
    return sorted((count for ring, count in held.items() if ring >= 0 and count > 1), reverse=True)


def links_of_ring(held: Membership) -> dict[int, set[tuple[int, int]]]:
    """The ring's links that each value has a price for."""
    priced, found = held.part.priced, defaultdict[int, set[tuple[int, int]]](set)
    linked = set(zip(held.links.a.tolist(), held.links.b.tolist(), strict=True))
    for a, b, value in zip(priced.a.tolist(), priced.b.tolist(), priced.attribute.tolist(), strict=True):
        if (a, b) in linked:
            found[value].add((a, b))
    return found


def test_what_is_left_is_what_facts_without_the_value_give() -> None:
    outcomes = Counter[str]()
    for held in memberships(range(130)):
        ring = held.formed.ring
        members = set(np.flatnonzero(ring == ring[held.account]).tolist())
        for value in held.most_loaded():
            left = held.left(frozenset({value}))
            together = members_together(without(held.part, value), members)
            assert (list(left.rings), left.free) == (together, len(members) - sum(together))
            outcomes[left.outcome] += 1
            if not together:
                assert left.outcome == "dissolved"
            elif len(together) > 1:
                assert left.outcome == "split"
            else:
                assert left.outcome == ("continued" if together == [len(members)] else "shrank")
    assert set(outcomes) == {"dissolved", "split", "shrank", "continued"}


def test_the_most_loaded_values_are_those_under_most_links() -> None:
    tried = 0
    for held in memberships(range(100)):
        links = {value: len(pairs) for value, pairs in links_of_ring(held).items()}
        chosen = held.most_loaded()
        assert len(chosen) == min(5, len(links))
        assert [links[value] for value in chosen] == sorted(links.values(), reverse=True)[:5]
        tried += len(links) > 5
    assert tried > 5


def test_taking_nothing_away_leaves_the_ring_whole() -> None:
    for held in memberships(range(50)):
        left = held.left(frozenset())
        assert (left.outcome, left.free, len(left.rings)) == ("continued", 0, 1)
