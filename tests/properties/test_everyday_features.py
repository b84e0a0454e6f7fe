"""Features of everyday life, on rings small enough to be counted by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from graphrisk.runs.store import read_table
from tests import support_detection as support
from tests.support_detection import DAY_US, HOUR_US, MONDAY, WEEK_US, account, sighting

Rows = list[dict[str, str]]


def told(tmp_path: Path, accounts: Rows, sightings: Rows, labels: Rows | None = None) -> dict[str, float]:
    """The features of the one ring in these facts."""
    return detected(tmp_path, accounts, sightings, labels)[0]


def detected(
    tmp_path: Path, accounts: Rows, sightings: Rows, labels: Rows | None = None
) -> tuple[dict[str, float], list[int]]:
    """The features of the one ring in these facts, and the scores of all accounts."""
    at = support.settings(tmp_path / "home")
    facts = {"accounts": accounts, "sightings": sightings, **({"labels": labels} if labels else {})}
    support.load(at, support.write_facts(tmp_path / "facts", facts))
    run: Any = support.detect(at)["run_id"]
    (ring,) = read_table(at.runs, run, "rings").to_pylist()
    return {each["code"]: each["value"] for each in ring["features"]}, support.read_scores(at, run)


def on(who: str, kind: str, value: str, first: int, last: int) -> dict[str, str]:
    return sighting(who, kind, value, first, last)


SIX = [f"a{number}" for number in range(6)]


def sign_ups(back: list[str], where: str = "81.2.69.7") -> tuple[Rows, Rows]:
    """Six accounts that sign up on one address within a day; some are seen on an address two weeks later."""
    accounts = [account(who, MONDAY) for who in SIX]
    rows = [on(who, "ip", "81.2.69.7", MONDAY, MONDAY + HOUR_US) for who in SIX]
    rows += [on(who, "device", f"device of {who} 4711", MONDAY, MONDAY + 20 * DAY_US) for who in SIX]
    return accounts, rows + [on(who, "ip", where, MONDAY + 2 * WEEK_US, MONDAY + 2 * WEEK_US + HOUR_US) for who in back]


def test_four_of_six_that_signed_up_together_did_not_come_back(tmp_path: Path) -> None:
    assert told(tmp_path, *sign_ups(back=SIX[:2]))["one_off"] == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    ("where", "share"), [("81.2.69.9", 0.0), ("93.184.216.9", 1.0)], ids=["a neighbour in the network", "elsewhere"]
)
def test_who_comes_back_to_the_network_came_back_and_who_is_seen_elsewhere_did_not(
    tmp_path: Path, where: str, share: float
) -> None:
    assert told(tmp_path, *sign_ups(back=SIX, where=where))["one_off"] == share


def test_a_drive_to_which_nobody_comes_back_and_a_farm_that_no_cohort_was_seen_of(tmp_path: Path) -> None:
    assert told(tmp_path / "drive", *sign_ups(back=[]))["one_off"] == 1.0
    assert told(tmp_path / "farm", [], support.farm("f", 6, 0))["one_off"] == 0.0


def test_what_accounts_have_of_their_own_and_what_most_of_them_share(tmp_path: Path) -> None:
    begin, end = MONDAY, MONDAY + 10 * DAY_US
    rows = [on(who, "device", "terminal of the shop 4711", begin, end) for who in SIX]
    rows += [on(who, "device", f"telephone of {who} 4711", begin, end) for who in SIX[:3]]
    rows += [on(who, "card", "tok_company_card_1", begin, begin + DAY_US) for who in SIX[:4]]
    rows += [on("a5", "card", "tok_a_card_of_its_own", begin, end)]
    rows += [on(who, "address", "Hauptstraße 1, 50667 Köln", begin, end) for who in SIX[:5]]
    found = told(tmp_path, [], rows)
    assert found["own_device"] == pytest.approx(3 / 6)
    assert found["own_payment"] == pytest.approx(1 / 5)  # four on the company's, one of its own
    assert found["top_value"] == pytest.approx(6 / 6)
    assert found["same_address"] == pytest.approx(5 / 6)
    # Six accounts make 15 pairs, all on the terminal; 6 share the card too, and 10 the address.
    assert found["kinds_linked"] == pytest.approx((15 + 6 + 10) / 15)
    assert found["active_days"] == pytest.approx(math.log1p(10))
    assert found["handover"] == 0.0


def test_how_long_shared_values_were_used_and_how_far_apart(tmp_path: Path) -> None:
    rows = [
        on(who, "device", "one device 4711", MONDAY + 3 * n * DAY_US, MONDAY + (3 * n + 1) * DAY_US)
        for n, who in enumerate(SIX[:3])
    ]
    found = told(tmp_path, [], rows)
    assert found["use_days"] == pytest.approx(math.log1p(1))
    assert found["handover"] == pytest.approx(math.log1p(2))  # of the gaps of 2, 2 and 5 days the middle one


def test_good_labels_and_crowded_addresses(tmp_path: Path) -> None:
    rows = [on(who, "device", "one device 4711", MONDAY, MONDAY + DAY_US) for who in SIX[:4]]
    rows += [on(f"crowd{n}", "ip", "81.2.69.7", MONDAY, MONDAY + HOUR_US) for n in range(5)]
    rows += [on("a0", "ip", "81.2.69.7", MONDAY, MONDAY + HOUR_US), on("a1", "ip", "93.184.216.9", MONDAY, MONDAY + 1)]
    labels = [{"account_id": "a0", "label": "good", "labelled_at": support.moment_of(MONDAY + DAY_US).isoformat()}]
    found = told(tmp_path, [], rows, labels)
    assert found["good_share"] == pytest.approx(1 / 4)
    assert found["ip_crowd"] == pytest.approx((round(1000 * math.log(6)) + 0) / 2 / 1000, abs=1e-3)


@pytest.mark.parametrize(("cards", "part"), [(1, 0.0), (3, 2 / 3)], ids=["one card", "a card each for two"])
def test_customers_who_were_given_one_card_in_a_week_are_no_raid(tmp_path: Path, cards: int, part: float) -> None:
    begin = MONDAY + 200 * DAY_US
    accounts = [account(who, MONDAY) for who in SIX]
    known = [on(who, "device", f"telephone of {who} 4711", MONDAY, begin) for who in SIX]
    rows = [on(who, "card", f"tok_gift_card_{n // (6 // cards)}", begin, begin + DAY_US) for n, who in enumerate(SIX)]
    rows += [on(who, "device", "a device at the shop 4711", begin, begin + DAY_US) for who in SIX]
    found = told(tmp_path / "card", accounts, known + rows)["raid"]
    device_alone = told(tmp_path / "device", accounts, known + rows[6:])["raid"]
    assert device_alone > 1
    assert found == pytest.approx(part * device_alone)


def test_what_accounts_took_up_and_gave_up_again(tmp_path: Path) -> None:
    """All are seen for 100 days; of their uses of a tablet, two last ten days in the middle, one ten days at the end, one
    thirty days, one an hour, and one goes on all the time."""
    hundred = MONDAY + 100 * DAY_US
    rows = [on(who, "device", f"telephone of {who} 4711", MONDAY, hundred) for who in SIX]
    uses = [(20, 30), (40, 50), (90, 100), (20, 50), (40, 40 + 1 / 24), (0, 100)]
    rows += [
        on(who, "device", "tablet lent to all 4711", MONDAY + int(first * DAY_US), MONDAY + int(last * DAY_US))
        for who, (first, last) in zip(SIX, uses, strict=True)
    ]
    assert told(tmp_path, [], rows)["given_up"] == pytest.approx(2 / 6)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("kind", ["device", "card"])
def test_a_family_that_gives_up_what_it_shared_is_not_flagged(tmp_path: Path, kind: str, size: int) -> None:
    """They live at one address, have things of their own, and used one thing together for five weeks of half a year."""
    names = [f"a{number}" for number in range(size)]
    shared = {"device": "tablet of the family 4711", "card": "tok_card_of_the_family_1"}[kind]
    rows: Rows = []
    for who in names:
        rows += [on(who, "device", f"telephone of {who} 4711", MONDAY, MONDAY + 180 * DAY_US)]
        rows += [on(who, "card", f"tok_card_of_{who}_1", MONDAY, MONDAY + 170 * DAY_US)]
        rows += [on(who, "address", "Hauptstraße 1, 50667 Köln", MONDAY, MONDAY + 170 * DAY_US)]
        rows += [on(who, kind, shared, MONDAY + 10 * DAY_US, MONDAY + 45 * DAY_US)]
        visits = [MONDAY + week * WEEK_US for week in range(0, 26, 2)]
        rows += [on(who, "ip", "81.2.69.7", visit, visit + 2 * HOUR_US) for visit in visits]
    accounts = [account(who, MONDAY - 500 * DAY_US) for who in names]
    features, scores = detected(tmp_path, accounts, rows)
    assert features["given_up"] > 0
    assert max(scores) < 500
