"""Linkage from a run's shared facts, against linkage itself: the same links and evidence, to the last milli-nat."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, given, settings

from graphrisk.linkage.links import link
from graphrisk.linkage.local import priced_pairs
from graphrisk.model import DAY_US, Links
from graphrisk.policy import Policy
from graphrisk.runs.fact_tables import facts_tables
from graphrisk.runs.facts import Facts
from tests.properties.test_linkage_oracle import POLICIES, facts
from tests.support_detection import Seen, facts_in_view, moment_of
from tests.support_linkage import NEW_SHARE

EVIDENCE = """
SELECT a, b, token_of(value) AS token, week, kind::INTEGER, milli_nats FROM evidence ORDER BY a, b, kind, token, week
"""


@given(facts(), st.sampled_from(POLICIES), st.booleans())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_runs_facts_give_its_links_again(
    given_facts: tuple[dict[str, int | None], list[Seen]], policy: Policy, later: bool
) -> None:
    created, rows = given_facts
    as_of = max(row.last for row in rows) + (100 * DAY_US if later else 0)
    with facts_in_view(created, rows) as columns:
        found = link(columns, policy, moment_of(as_of), NEW_SHARE).links
        known = Facts(facts_tables(columns), "test1")
        evidence = columns.execute(EVIDENCE).fetchall()
    uses = known.uses_of(np.arange(len(created)))
    again, under = priced_pairs(uses, policy).links(policy.links.threshold)
    check_same_links(again, found)
    linked = set(zip(found.a.tolist(), found.b.tolist(), strict=True))
    told = [
        (a, b, known.token(int(uses.row[attribute])), int(uses.week[attribute]), int(uses.kind[attribute]), milli_nats)
        for a, b, attribute, milli_nats in zip(*(column.tolist() for column in under), strict=True)
        if (a, b) in linked
    ]
    assert sorted(told, key=lambda row: (row[0], row[1], row[4], row[2], row[3])) == evidence


@given(facts(), st.sampled_from(POLICIES), st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_values_left_out_are_as_if_nobody_shared_them(
    given_facts: tuple[dict[str, int | None], list[Seen]], policy: Policy, data: st.DataObject
) -> None:
    """Against a second reading of the facts that never saw those uses: prices of the others must not move."""
    created, rows = given_facts
    with facts_in_view(created, rows) as columns:
        link(columns, policy, moment_of(max(row.last for row in rows)), NEW_SHARE)
        known = Facts(facts_tables(columns), "test1")
    uses = known.uses_of(np.arange(len(created)))
    without = np.array([data.draw(st.booleans()) for _ in uses.row], bool)
    left = uses._replace(accounts=np.where(without, 1_000_000, uses.accounts))
    check_same_links(
        priced_pairs(uses, policy).links(policy.links.threshold, without)[0],
        priced_pairs(left, policy).links(policy.links.threshold)[0],
    )


def test_accounts_have_what_they_hold_and_values_have_their_holders() -> None:
    rows = [Seen("a", "device", f"test1:{'1' * 32}", None, 5 * DAY_US, 6 * DAY_US),
            Seen("b", "device", f"test1:{'1' * 32}", None, 7 * DAY_US, 9 * DAY_US),
            Seen("b", "card", f"test1:{'0' * 32}", None, 7 * DAY_US, 9 * DAY_US),
            Seen("c", "card", f"test1:{'0' * 32}", None, 8 * DAY_US, 8 * DAY_US)]  # fmt: skip
    created: dict[str, Any] = {"a": 4 * DAY_US, "b": None, "c": 7 * DAY_US}
    with facts_in_view(created, rows) as columns:
        link(columns, Policy(), moment_of(10 * DAY_US), NEW_SHARE)
        known = Facts(facts_tables(columns), "test1")
    assert [known.token(0)[-1], known.token(1)[-1]] == ["0", "1"]
    assert known.accounts(np.arange(2)).tolist() == [2, 2]
    assert [known.attributes_of(account).tolist() for account in range(3)] == [[1], [0, 1], [0]]
    assert [known.holders(attribute).tolist() for attribute in range(2)] == [[1, 2], [0, 1]]
    assert known.created(np.arange(3)).to_pylist() == [4 * DAY_US, None, 7 * DAY_US]
    uses = known.uses_of(np.array([0, 1]))
    assert (uses.row.tolist(), uses.accounts.tolist()) == ([0, 1], [2, 2])
    assert uses.account.tolist() == [1, 0, 1]
    assert uses.first.tolist() == [7 * DAY_US, 5 * DAY_US, 7 * DAY_US]
    assert uses.last.tolist() == [9 * DAY_US, 6 * DAY_US, 9 * DAY_US]


def check_same_links(found: Links, wanted: Links) -> None:
    for name, one, other in zip(Links._fields, found, wanted, strict=True):
        assert one.tolist() == other.tolist(), name
