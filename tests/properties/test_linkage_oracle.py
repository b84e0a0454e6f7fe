"""Linkage against a slow reading of the method (``tests.support_linkage``)."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from graphrisk.evidence_tables import EvidenceTable
from graphrisk.model import DAY_US, HOUR_US
from graphrisk.policy import Policy
from tests.support_detection import MONDAY, Seen, token_like, week_of
from tests.support_linkage import found_links, possible_links

TIGHT = {
    "kinds": {
        "device": {"cap": 3, "ceiling": 3000},
        "card": {"cap": 2, "ceiling": 2600, "retention_days": 60},
        "email": {"cap": 3},
        "address": {"cap": 4, "ceiling": 700},
        "ip": {"cap": 5, "ceiling": 500, "retention_days": 20},
    },
    "cohort": {"cap": 5, "ceiling": 1300},
    "cohorts": {"min_accounts": 2, "significance": 0.02},
}


def tight_policy(threshold: int) -> Policy:
    given: dict[str, Any] = Policy().model_dump()
    for name, fields in TIGHT["kinds"].items():
        given["kinds"][name].update(fields)
    for name in ("cohort", "cohorts"):
        given[name].update(TIGHT[name])
    given["links"]["threshold"] = threshold
    return Policy.model_validate(given)


LEARNED = {
    "device": EvidenceTable(accounts=(2, 3, 5), gap_hours=(0, 24, 96), prices=((2500, 900, 300), (700, 300, 200), (400, 300, 0))),
    "card": EvidenceTable(accounts=(2,), gap_hours=(0, 48), prices=((691, 10),)),
    "address": EvidenceTable(accounts=(2, 4), gap_hours=(0,), prices=((693,), (1,))),
    "ip": EvidenceTable(accounts=(2, 3), gap_hours=(0, 1, 7), prices=((3, 2, 1), (2, 1, 0))),
    "cohort": EvidenceTable(accounts=(2, 4), gap_hours=(0, 12), prices=((900, 600), (700, 500))),
}  # fmt: skip
"""Prices that a reference may hold instead of the formula; e-mail keeps the formula."""

POLICIES = (
    Policy(),
    tight_policy(693),
    tight_policy(1),
    Policy().priced_by(LEARNED),
    tight_policy(693).priced_by(LEARNED),
)

NAMES = ("a", "b", "c", "d", "e", "é", "Z", "~")
WIDER = {"ip0": "net", "ip1": "net", "email0": "pattern", "email1": "pattern"}
NETWORKS = {token_like(value): token_like(place) for value, place in WIDER.items()}


@st.composite
def facts(draw: st.DrawFn) -> tuple[dict[str, int | None], list[Seen]]:
    """Few accounts, few values, uses near each other in time: nearly everything is shared."""
    days = st.one_of(st.none(), st.integers(0, 12), st.integers(0, 120))
    created = {name: draw(days) for name in NAMES}
    births = {name: None if day is None else MONDAY + day * DAY_US for name, day in created.items()}
    rows: dict[tuple[str, str, str, int], Seen] = {}
    kinds = draw(
        st.sampled_from((("device", "card", "address", "email", "ip", "ip"), ("email", "bin", "user_agent", "ip")))
    )
    for _ in range(draw(st.integers(1, 40))):
        name, kind = draw(st.sampled_from(NAMES)), draw(st.sampled_from(kinds))
        token = token_like(kind + str(draw(st.integers(0, 2))))
        hour = draw(st.one_of(st.integers(0, 96), st.integers(0, 24 * 150)))
        start = births[name] if births[name] is not None and draw(st.booleans()) else MONDAY
        first = (start or MONDAY) + hour * HOUR_US + draw(st.integers(0, 1)) * 60_000_000
        last = first + draw(st.sampled_from((0, 0, 1, 5, 30, 24 * 7, 24 * 21))) * HOUR_US
        key = (name, kind, token, week_of(first) if kind == "ip" else 0)
        before = rows.get(key)
        if before:
            first, last = min(first, before.first), max(last, before.last)
        rows[key] = Seen(name, kind, token, NETWORKS.get(token), first, last)
    return births, list(rows.values())


@given(facts(), st.sampled_from(POLICIES), st.booleans())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_links_and_their_evidence_are_those_of_a_slow_reading_of_the_method(
    given_facts: tuple[dict[str, int | None], list[Seen]], policy: Policy, later: bool
) -> None:
    created, rows = given_facts
    # Loading accepts a sighting up to a day ahead of the moment, so the moment may lie before the last one.
    as_of = max(row.last for row in rows) + (100 * DAY_US if later else -DAY_US // 2)
    found = found_links(created, rows, policy, as_of)
    for pair, possible in possible_links(created, rows, policy, as_of).items():
        assert found.pop(pair, None) in possible, pair
    assert not found
