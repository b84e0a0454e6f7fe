"""What the guard says of a night, and the cause that it names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa

from graphrisk.policy import GuardPolicy
from graphrisk.publication.guard import Answers, objections


def answers(rows: list[tuple[str, str | None, str]], **profile: int) -> Answers:
    columns = list(zip(*rows, strict=True))
    arrays = [pa.array(column, pa.string()) for column in columns]
    counts = {"rings": 1, "accounts": len(rows), "largest_ring": 3, "largest_component": 3}
    return Answers(pa.table(arrays, names=["account_id", "ring_id", "band"]), counts, profile)


def test_limits_are_what_is_still_allowed() -> None:
    before = answers([(f"a{n}", "r" if n < 3 else None, "low") for n in range(100)], card=100, ip=10)
    after = answers([(f"a{n}", "s" if n < 3 else None, "low" if n else "high") for n in range(100)], card=80, ip=10)
    limits = GuardPolicy(small_change=0, max_changed_share=0.03, max_kind_shrink=0.2)
    assert objections(after, before, limits) == []
    assert len(objections(after, before, GuardPolicy(small_change=2, max_changed_share=0.01))) == 1
    assert len(objections(after, before, GuardPolicy(max_kind_shrink=0.19))) == 1


def test_accounts_that_vanished_count_as_changed_and_new_ones_do_not() -> None:
    rows: list[tuple[str, str | None, str]] = [(f"a{n}", "r", "high") for n in range(10)]
    fewer, limits = answers(rows[:4]), GuardPolicy(small_change=0)
    assert objections(answers(rows), fewer, limits) == []
    assert objections(fewer, answers(rows), limits)[0].startswith("6 of 10 accounts (60.0 %) would change ring")
    assert len(objections(answers(rows), answers(rows, card=5), limits)) == 1


def told(**more: Any) -> dict[str, Any]:
    """News of load 17 in which nothing happened but for what is given."""
    figures = {"turned_over": [0, 100], "advance_days": [1.0, None]}
    nothing = {"since": 17, "until": 17, "figures": figures, "values": {}, "late_days": 0, "moved": None}
    return {**nothing, "turned_over": {"to_good": 0, "to_bad": 0}, **more}


def drifted(**more: Any) -> dict[str, Any]:
    """Drift from a live run of ten links in which nothing happened but for what is given."""
    return {"figures": {"links_won": [0, None]}, "links_before": 10, "marketplaces": {}, **more}


def said(news: dict[str, Any] | None = None, drift: dict[str, Any] | None = None, **profile: int) -> list[str]:
    rows: list[tuple[str, str | None, str]] = [(f"a{n}", None, "low") for n in range(100)]
    before = answers(rows, ip=100)
    after = replace(answers(rows, **{"ip": 100, **profile}), news=news, drift=drift)
    return objections(after, before, GuardPolicy())


def test_nothing_is_said_of_a_night_in_which_nothing_happened() -> None:
    assert said(told(), drifted()) == said() == []


def test_one_value_that_wins_many_accounts_is_named_with_how_many_had_it_and_since_when() -> None:
    device = {"token": "5eed:00d2b3c4", "hint": "Android", "before": 3, "after": 41_200, "since": 17}
    assert said(told(values={"device": device})) == [
        (
            "device …d2b3c4 (Android) went from 3 to 41,200 accounts since load 17: "
            "more at once than guard.max_value_share (5 %) of the accounts"
        )
    ]
    # Five in a hundred accounts are fewer than guard.small_component, which is never too many.
    assert said(told(values={"device": {**device, "after": 503}})) == []
    assert len(said(told(values={"device": {**device, "after": 504}}))) == 1


def test_verdicts_that_were_turned_over() -> None:
    flipped = {"turned_over": [21, 100], "advance_days": [1.0, None]}
    assert said(told(figures=flipped, turned_over={"to_good": 15, "to_bad": 6})) == [
        (
            "21 of 100 verdicts are turned over in load 17, more than guard.max_changed_share (10 %); "
            "15 from bad to good, 6 from good to bad (labels may be flipped)"
        )
    ]
    assert said(told(figures={**flipped, "turned_over": [20, 100]})) == []


def test_a_marketplace_that_lost_accounts_and_where_they_went() -> None:
    places = {"de": {"before": [200, 4, 1], "after": [179, 4, 1]}, "eu": {"after": [21, 0, 0]}}
    assert said(told(moved=["de", "eu", 21]), drifted(marketplaces=places)) == [
        (
            "marketplace de fell from 200 to 179 accounts, more than guard.max_changed_share (10 %); "
            "most went from de to eu in load 17 (21)"
        )
    ]
    places["de"]["after"] = [180, 4, 1]
    assert said(told(), drifted(marketplaces=places)) == []


def test_links_that_grew_too_much_and_the_value_behind_them() -> None:
    card = {"kind": "card", "token": "5eed:00c4c4c4", "hint": None, "links": 1_900, "of": 2_001}
    brings = {**card, "before": 0, "after": 62, "since": 16}
    assert said(told(), drifted(figures={"links_won": [2_001, None]}, brings=brings)) == [
        (
            "2,001 new links beside the live run's 10, more than guard.max_link_growth (50 %): "
            "card …c4c4c4 went from 0 to 62 accounts since load 16 and is behind 1,900 of the 2,001 new links"
        )
    ]
    brings["links"] = 400  # less than a fifth: no single value is the cause
    (reason,) = said(told(), drifted(figures={"links_won": [2_001, None]}, brings=brings))
    assert reason.endswith("guard.max_link_growth (50 %)")
    assert said(told(), drifted(figures={"links_won": [2_000, None]}, brings=brings)) == []


def test_a_late_date_is_told_as_the_cause_of_what_fell_out_of_retention() -> None:
    fell = "sightings of kind ip fell from 100 to 60 (40.0 %), more than guard.max_kind_shrink (20 %)"
    assert said(told(), ip=60) == [fell]
    few = "a few sightings of load 17 are 50 days later than the rest, and retention counts from them"
    assert said(told(late_days=50), ip=60) == [f"{fell}: {few}"]
    moved = {"turned_over": [0, 100], "advance_days": [46.7, None]}
    all_of_them = "the newest sightings moved on by 47 days in load 17, and retention counts from them"
    assert said(told(figures=moved), ip=60) == [f"{fell}: {all_of_them}"]
