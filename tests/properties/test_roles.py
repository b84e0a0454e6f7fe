"""Who is core and who an associate, in stories: framed innocents, families, sellers who come back, raids."""

from __future__ import annotations

import numpy as np
import pytest

from graphrisk.linkage.links import link
from graphrisk.model import DAY_US, HOUR_US, NEVER
from graphrisk.policy import Policy, RingPolicy
from graphrisk.rings.formation import form_rings
from tests.support_detection import MONDAY, Seen, facts_in_view, moment_of, token_like
from tests.support_formation import Tie, expected_like

BEGIN = MONDAY + 300 * DAY_US


def formed(rows: list[Seen], opened: int = NEVER, but: dict[str, int] | None = None) -> dict[str, bool]:
    """Account → core, over the rings found when all that is linked is one community, and all ``but`` some opened at one time."""
    return {name: core for ring in rings_of(rows, opened, but) for name, core in ring.items()}


def rings_of(rows: list[Seen], opened: int = NEVER, but: dict[str, int] | None = None) -> list[dict[str, bool]]:
    """Account → core in each of these rings."""
    with facts_in_view({row.account: None for row in rows}, rows) as columns:
        links = link(columns, Policy(), moment_of(MONDAY + 900 * DAY_US), 0.02).links
        names = [name for (name,) in columns.execute("SELECT account_id FROM ids ORDER BY account").fetchall()]
    accounts = np.unique(np.concatenate([links.a, links.b]))
    nothing = np.zeros(len(accounts), np.int64)
    since = np.array([(but or {}).get(names[account], opened) for account in accounts.tolist()])
    rings, members, _ = form_rings(accounts, nothing, since, links, nothing.astype(bool), RingPolicy())
    roles: list[dict[str, bool]] = [{} for _ in rings.size]
    for ring, account, core, _ in zip(*(column.tolist() for column in members), strict=True):
        roles[ring][names[account]] = core
    return roles


def thieves_on_one_device(count: int, kind: str = "card") -> list[Seen]:
    """A ring on one device, hour after hour, that types one value."""
    return [
        Seen(
            f"thief{number:02d}",
            used,
            token_like(value),
            None,
            BEGIN + number * HOUR_US,
            BEGIN + number * HOUR_US + DAY_US,
        )
        for number in range(count)
        for used, value in ((kind, "typed"), ("device", "theirs"))
    ]


def raid_on(*family: str) -> list[Seen]:
    """Ten accounts are used from one device within hours; those of a family, of which one is among them, have a tablet."""
    raid = [
        Seen(f"victim{each:02d}", "device", token_like("thief's"), None, BEGIN + each * HOUR_US, BEGIN + DAY_US)
        for each in range(10)
    ]
    at = BEGIN + DAY_US
    return raid + [Seen(who, "device", token_like("tablet"), None, at, at + 2 * DAY_US) for who in family]


def framing(kind: str, innocent_first: bool, own_device: bool = False, thieves: int = 12) -> dict[str, bool]:
    """A ring on one device types a value of an account that has nothing else to do with it."""
    first = BEGIN - DAY_US if innocent_first else BEGIN + DAY_US
    rows = [Seen("innocent", kind, token_like("typed"), None, first, BEGIN + 2 * DAY_US)]
    if own_device:
        rows.append(Seen("innocent", "device", token_like("theirs"), None, BEGIN, BEGIN + DAY_US))
    rows += thieves_on_one_device(thieves, kind)
    return formed(rows)


@pytest.mark.parametrize("kind", ["card", "bank_account", "email", "phone"])
@pytest.mark.parametrize("thieves", [10, 25])
def test_an_innocent_whose_value_a_ring_types_is_an_associate(kind: str, thieves: int) -> None:
    roles = framing(kind, innocent_first=True, thieves=thieves)
    if "innocent" in roles:
        assert roles.pop("innocent") is False
    assert len(roles) == thieves
    assert all(roles.values())


def test_the_framed_account_is_shown_as_an_associate_of_the_ring() -> None:
    assert framing("card", innocent_first=True, thieves=10)["innocent"] is False


def test_an_account_that_typed_a_value_of_the_ring_later_is_core() -> None:
    assert framing("card", innocent_first=False)["innocent"] is True


def test_an_account_that_used_the_ring_s_device_is_core_whatever_it_held_first() -> None:
    assert framing("card", innocent_first=True, own_device=True)["innocent"] is True


def raided(family: int, opened: int) -> dict[str, bool]:
    """Ten old accounts are used from one device within hours; the first one's family has a tablet of its own."""
    return formed(raid_on("victim00", *(f"relative{each}" for each in range(family))), opened)


@pytest.mark.parametrize("family", [1, 2])
def test_the_family_of_an_account_that_was_taken_over_is_an_associate(family: int) -> None:
    roles = raided(family, opened=MONDAY)
    assert [who for who, core in sorted(roles.items()) if not core] == [f"relative{each}" for each in range(family)]
    assert sum(roles.values()) == 10


def test_a_family_that_is_large_enough_is_told_apart_from_the_raid_on_one_of_them() -> None:
    rows = raid_on("victim00", "relative0", "relative1", "relative2")
    raid, family = rings_of(rows, opened=MONDAY)
    assert list(raid) == [f"victim{number:02d}" for number in range(10)]
    assert list(family) == ["relative0", "relative1", "relative2"]


def test_an_account_opened_during_the_campaign_needs_one_link_only() -> None:
    assert all(raided(family=1, opened=MONDAY + 299 * DAY_US).values())


@pytest.mark.parametrize("one_home", [True, False])
def test_a_child_of_a_raided_family_that_opens_an_account_that_week_is_no_member(one_home: bool) -> None:
    # The child has a tablet with the victim, and a grandmother of old has one with both.
    family = ("victim00", "child", "grandmother")
    rows = raid_on(*family)
    if one_home:
        at = BEGIN + DAY_US
        rows += [Seen(who, "ip", token_like("home"), None, at, at + HOUR_US) for who in family]
    roles = formed(rows, opened=MONDAY, but={"child": BEGIN})
    # Who is not known to live there came new to the ring, and the old one is then held by two.
    assert (roles["child"], roles["grandmother"]) == (not one_home, not one_home)
    assert sum(roles.values()) == (10 if one_home else 12)


def test_an_innocent_who_is_framed_is_not_proved_by_a_relative_s_tablet() -> None:
    rows = [Seen("innocent", "card", token_like("typed"), None, BEGIN - DAY_US, BEGIN + 2 * DAY_US)]
    rows += [Seen(who, "device", token_like("tablet"), None, BEGIN, BEGIN + DAY_US) for who in ("innocent", "relative")]
    rows += thieves_on_one_device(8)
    roles = formed(rows, opened=MONDAY)
    assert (roles["innocent"], roles["relative"]) == (False, False)
    assert sum(roles.values()) == 8


def framed_late(seller_opened: int, ring_opened: int) -> dict[str, bool]:
    """A ring types a seller's card before the seller is first seen with it, which is what the facts begin with."""
    rows = [Seen("seller", "card", token_like("typed"), None, BEGIN + 3 * DAY_US, BEGIN + 4 * DAY_US)]
    rows += thieves_on_one_device(8)
    return formed(rows, opened=ring_opened, but={"seller": seller_opened})


def test_a_seller_of_old_is_no_member_since_a_new_ring_was_seen_first_with_its_card() -> None:
    roles = framed_late(seller_opened=MONDAY, ring_opened=MONDAY + 299 * DAY_US)
    assert roles.pop("seller") is False
    assert list(roles.values()) == [True] * 8


def test_an_account_that_came_with_the_ring_or_to_one_of_old_accounts_is_a_member_by_its_card() -> None:
    new = MONDAY + 299 * DAY_US
    assert framed_late(seller_opened=new, ring_opened=new)["seller"] is True
    assert framed_late(seller_opened=MONDAY, ring_opened=MONDAY)["seller"] is True


@pytest.mark.parametrize("one_home", [True, False])
def test_a_framed_seller_s_second_account_with_the_same_card_does_not_make_both_members(one_home: bool) -> None:
    rows: list[Seen] = []
    for day, who in enumerate(("seller", "second")):
        first = BEGIN - (10 - day) * DAY_US
        rows.append(Seen(who, "card", token_like("typed"), None, first, BEGIN + 2 * DAY_US))
        rows.append(Seen(who, "device", token_like("tablet"), None, first, BEGIN))
        if one_home:
            rows.append(Seen(who, "ip", token_like("home"), None, BEGIN, BEGIN + HOUR_US))
    rows += thieves_on_one_device(8)
    roles = formed(rows, opened=MONDAY)
    # Who is not known to live with the seller is another who used the card, as one of a ring of mules is.
    assert roles["second"] is not one_home
    assert sum(roles.values()) == (8 if one_home else 10)


@pytest.mark.parametrize("relative_opened", [MONDAY, MONDAY + 295 * DAY_US])
def test_an_innocent_whose_card_many_typed_is_not_proved_by_a_relative_who_is_new(relative_opened: int) -> None:
    # The innocent is in the heart, since ten links lead to it, and so the relative is in the body by the tablet.
    ties = [Tie(0, thief, 900, MONDAY + 300 * DAY_US, False, True) for thief in range(2, 12)]
    ties += [Tie(a, b, 3000, MONDAY + 300 * DAY_US, True, True) for a in range(2, 12) for b in range(a + 1, 12)]
    ties.append(Tie(0, 1, 3000, MONDAY + 300 * DAY_US, True, True))
    opened = [MONDAY, relative_opened, *[MONDAY + 299 * DAY_US] * 10]
    (ring,) = expected_like(sorted(ties), dict.fromkeys(range(12), 0), opened, min_core=3)
    assert ring[0][0] is False, "the innocent"
    assert all(ring[thief][0] for thief in range(2, 12))


def shared_a_stolen_card(opened_apart: int) -> bool:
    """Whether an account is core that held first what nine others on one device typed, and was opened so many days before them."""
    begin = MONDAY + 300 * DAY_US
    ties = [Tie(0, other, 900, begin, False, True) for other in range(1, 10)]
    ties += [Tie(a, b, 3000, begin, True, True) for a in range(1, 10) for b in range(a + 1, 10)]
    (ring,) = expected_like(
        ties, dict.fromkeys(range(10), 0), [begin - (opened_apart + 1) * DAY_US, *[begin - DAY_US] * 9]
    )
    return ring[0][0]


def test_the_first_of_a_farm_to_use_a_stolen_card_is_core_like_those_that_used_it_after() -> None:
    assert shared_a_stolen_card(opened_apart=7)


def test_a_seller_who_is_framed_a_week_after_the_opening_is_an_associate() -> None:
    assert not shared_a_stolen_card(opened_apart=8)


def farm_in_pieces(crossing: int, opened_apart: int = 0, with_cohort: bool = False) -> list[int]:
    """Sizes of the rings of two groups of five with so many links across, the second opened so many days after the first."""
    late = MONDAY + (300 + opened_apart) * DAY_US
    ties = [
        Tie(a, b, 3000, late, True, True)
        for first in (0, 5)
        for a in range(first, first + 5)
        for b in range(a + 1, first + 5)
    ]
    ties += [Tie(each, 5 + each, 3000, late, True, True, with_cohort) for each in range(crossing)]
    opened = [MONDAY + 300 * DAY_US] * 5 + [late] * 5
    return [len(ring) for ring in expected_like(sorted(ties), {each: each // 5 for each in range(10)}, opened)]


def test_pieces_of_a_farm_that_was_opened_in_one_week_are_one_ring() -> None:
    assert farm_in_pieces(crossing=2, opened_apart=7) == [10]


@pytest.mark.parametrize(("crossing", "apart", "with_cohort"), [(1, 0, False), (2, 8, False), (5, 0, True)])
def test_one_link_or_other_weeks_or_a_place_in_common_do_not_make_two_rings_one(
    crossing: int, apart: int, with_cohort: bool
) -> None:
    assert farm_in_pieces(crossing, apart, with_cohort) == [5, 5]


def came_back(other_closed: bool, days: int) -> bool:
    """Whether an account that opened, and used a card of old sellers, days after their campaign is core with them."""
    ties = [Tie(a, b, 3000, MONDAY + 300 * DAY_US, True, True) for a in range(5) for b in range(a + 1, 5)]
    late = MONDAY + (300 + days) * DAY_US
    ties.append(Tie(0, 5, 1500, late, True, True))
    opened = [NEVER if other_closed else MONDAY] * 5 + [late - DAY_US]
    (ring,) = expected_like(sorted(ties), dict.fromkeys(range(6), 0), opened)
    return ring[5][0]


def test_a_banned_seller_who_comes_back_after_the_campaign_is_core() -> None:
    assert came_back(other_closed=True, days=60)


def test_a_newcomer_in_the_home_of_an_old_open_account_is_an_associate() -> None:
    assert not came_back(other_closed=False, days=60)


def test_mules_and_the_workplace_of_one_of_them_are_two_rings() -> None:
    """Twelve people have a terminal in common from one day on; 200 days later one of them and five others use one card and,
    a week each, one device."""
    works = [
        Seen(f"works{number:02d}", "device", token_like("terminal"), None, BEGIN, BEGIN + 300 * DAY_US)
        for number in range(12)
    ]
    mules = ["works00", *(f"mule{n}" for n in range(5))]
    later = BEGIN + 200 * DAY_US
    lent = [
        Seen(who, kind, token_like(kind), None, later + number * DAY_US, later + (number + 7) * DAY_US)
        for number, who in enumerate(mules)
        for kind in ("card", "device")
    ]
    assert rings_of(works + lent, BEGIN - 500 * DAY_US) == [
        {f"works{number:02d}": True for number in range(12)},
        {f"mule{number}": True for number in range(5)},
    ]
