"""Innocent structures that look like rings: businesses, shops with terminals, crowds that sign up together, agents."""

from __future__ import annotations

import numpy as np

from graphrisk.worlds.district import CODES, WEEK_STARTS, WEEKS, District, Integers
from graphrisk.worlds.knobs import BUSINESS_SHARES, Knobs
from graphrisk.worlds.marks import drawn
from graphrisk.worlds.period import DAY, END, START, WEEK

LARGEST_OFFICE = 60
SIZES: dict[str, tuple[int, int]] = {
    "campus": (60, 300),
    "agency": (5, 40),
    "cafe": (20, 60),
    "kiosk": (20, 80),
    "student_house": (8, 25),
    "charity": (15, 50),
    "sold_business": (2, 4),
}
CORPORATE_CARD_OFFICES, CORPORATE_CARD_HOLDERS = 0.15, (5, 40)
ONBOARDING_DAYS, ONBOARDED = 10, 0.5
AT_WORK = 0.4
REGULARS, WITH_TABLET = 0.5, 0.5

Groups = dict[str, list[Integers]]


def student_houses(rng: np.random.Generator, knobs: Knobs, honest: int) -> list[int]:
    """Sizes of the student houses among so many innocents."""
    return _sizes(
        rng, "student_house", round(honest * BUSINESS_SHARES["student_house"] * knobs.weight("student_house"))
    )


def allot(district: District) -> Groups:
    """Who belongs to which structure: lists of accounts; nobody belongs to two."""
    free = district.rng.permutation(np.flatnonzero(district.structure[: district.honest] != CODES["student_house"]))
    groups: Groups = {}
    for name, share in BUSINESS_SHARES.items():
        if name == "student_house":
            crowded = np.flatnonzero(district.structure == CODES[name])
            groups[name] = np.split(crowded, np.flatnonzero(np.diff(district.home[crowded])) + 1)
            continue
        sizes = _sizes(district.rng, name, round(district.honest * share * district.knobs.weight(name)))
        taken, free = free[: sum(sizes)], free[sum(sizes) :]
        groups[name] = np.split(taken, np.cumsum(sizes)[:-1]) if sizes else []
        district.structure[taken] = CODES[name]
    return groups


def _sizes(rng: np.random.Generator, name: str, accounts: int) -> list[int]:
    """Sizes of groups until so many accounts are used up; the last may fall short of its size but not of its least."""
    sizes: list[int] = []
    smallest = 4 if name == "small_business" else SIZES.get(name, (2, LARGEST_OFFICE))[0]
    while (left := accounts - sum(sizes)) >= smallest:
        if name == "office":
            size = min(1 + int(rng.zipf(1.8)), LARGEST_OFFICE)
        elif name == "small_business":
            size = int(np.clip(rng.lognormal(2.2, 0.6), 4, 40))
        else:
            low, high = SIZES[name]
            size = int(rng.integers(low, high + 1))
        sizes.append(min(max(size, smallest), left))
    return sizes


def arrive(district: District, groups: Groups) -> None:
    """Sign-up times of those who did not come by themselves."""
    for group in groups["small_business"]:
        opened = int(district.between(START - 300 * DAY, np.array([END - 20 * DAY]))[0])
        joined = district.some(group, round(len(group) * ONBOARDED))
        district.created[group] = district.between(opened, np.full(len(group), END - 5 * DAY))
        district.created[joined] = district.between(opened, np.full(len(joined), opened + ONBOARDING_DAYS * DAY))
    for group in groups["kiosk"]:
        begin = int(district.between(START, np.array([END - 70 * DAY]))[0])
        district.created[group] = district.between(begin, np.full(len(group), begin + 60 * DAY))
    for group in groups["charity"]:
        begin = int(district.between(START + 5 * DAY, np.array([END - 6 * DAY]))[0])
        hours = district.rng.integers(8, 48)
        district.created[group] = district.between(begin, np.full(len(group), begin + int(hours) * 3_600))
    for group in groups["student_house"]:
        begin = int(district.between(START - 400 * DAY, np.array([END - 40 * DAY]))[0])
        moved = district.some(group, len(group) // 3)
        district.created[moved] = district.between(begin, np.full(len(moved), begin + 30 * DAY))


def workplaces(district: District, groups: Groups) -> Integers:
    """The address at which each account is seen besides its home, -1 for none."""
    place = np.full(district.accounts, -1, np.int64)
    for name in ("office", "small_business"):
        for group, address in zip(groups[name], district.static_ips(len(groups[name])), strict=True):
            place[group] = address
    for group in groups["campus"]:
        place[group] = district.rng.choice(district.static_ips(1 + len(group) // 40), len(group))
    return place


def share_things(district: District, groups: Groups) -> None:
    """The terminals, cards, bank accounts, addresses and sign-up desks of the structures."""
    for name, share in _SHARING.items():
        for group in groups[name]:
            if len(group):
                share(district, group)


def _office(district: District, group: Integers) -> None:
    """Some employers give out a company card."""
    low, high = CORPORATE_CARD_HOLDERS
    if len(group) >= low and district.rng.random() < CORPORATE_CARD_OFFICES:
        holders = district.some(group, int(district.rng.integers(low, min(high, len(group)) + 1)))
        _all_use(district, "card", holders, 1.0)


def _small_business(district: District, group: Integers) -> None:
    """Terminals that everybody uses, a company card, often one bank account, address and telephone."""
    terminals = district.fresh("device", 1 + len(group) // 5)
    for _ in range(2):
        at_terminal = group[district.chance(0.75, len(group))]
        district.uses("device", at_terminal, district.rng.choice(terminals, len(at_terminal)), late=True)
    _all_use(district, "card", group, 0.7)
    _all_use(district, "address", group, 0.8)
    for kind, businesses, users in (("bank_account", 0.6, 0.8), ("phone", 0.4, 0.7)):
        if district.rng.random() < businesses:
            _all_use(district, kind, group, users)


def _cafe(district: District, group: Integers) -> None:
    """Customers sit at whichever terminal is free, a few hours at a time; some have come for years."""
    terminals = district.fresh("device", int(district.rng.integers(4, 13)))
    visits = np.repeat(group, 1 + district.rng.integers(0, 4, len(group)))
    regular = district.chance(REGULARS, district.accounts)[visits]
    first = district.between(district.first[visits], district.last[visits])
    first[regular] = district.begins(visits[regular])
    last = np.minimum(first + district.between(1_800, np.full(len(visits), 4 * 3_600)), END - 1)
    district.saw("device", visits, district.rng.choice(terminals, len(visits)), first, last)
    _visited(district, visits, district.rng.choice(district.static_ips(2), len(visits)), first, last)


def _kiosk(district: District, group: Integers) -> None:
    """An assistant signs people up on the kiosk's device; later they use their own."""
    desk = district.fresh("device", int(district.rng.integers(1, 3)))
    _sign_up_at_desk(district, group, district.rng.choice(desk, len(group)), 0.9)
    _all_use(district, "phone", group, 0.15)
    # Whoever has no mailbox gets one, named the way the assistant names them.
    unnamed = group[district.chance(0.3, len(group))]
    style = np.repeat(drawn(district.rng, "email", 1), len(unnamed))
    district.uses("email", unnamed, district.fresh("email", len(unnamed), style))


def _charity(district: District, group: Integers) -> None:
    """A drive: everybody signs up on one address within two days, in half of them some on the helpers' tablet."""
    tablet = district.fresh("device", 1)
    lent = 0.25 if district.rng.random() < WITH_TABLET else 0.0
    _sign_up_at_desk(district, group, np.repeat(tablet, len(group)), lent)


def _student_house(district: District, group: Integers) -> None:
    """Students share a computer room and now and then a card; the line and the address are the home's."""
    _all_use(district, "device", group, 0.3)
    if district.rng.random() < 0.3:
        _all_use(district, "card", district.some(group, 5), 1.0)


def _agency(district: District, group: Integers) -> None:
    """An agent or accountant acts for honest sellers, from the agency's devices and line, for as long as they trade."""
    devices = district.fresh("device", int(district.rng.integers(1, 5)))
    district.uses("device", group, district.rng.choice(devices, len(group)), late=True)
    again = group[district.chance(0.4, len(group))]
    district.uses("device", again, district.rng.choice(devices, len(again)), late=True)
    for kind, agencies, clients in (("bank_account", 0.3, 0.6), ("email", 0.4, 0.5), ("phone", 0.4, 0.6)):
        if district.rng.random() < agencies:
            _all_use(district, kind, group, clients)
    visits = np.repeat(group, 3)
    first = district.between(district.first[visits], district.last[visits])
    _visited(district, visits, np.repeat(district.static_ips(1), len(visits)), first, first + 7_200)


def _sold_business(district: District, group: Integers) -> None:
    """The first account's owner takes over the others: from the sale on, the buyer's device, line and card act for them."""
    buyer, sold = group[:1], group[1:]
    device, card = district.fresh("device", 1), district.fresh("card", 1)
    district.uses("device", buyer, device)
    district.uses("card", buyer, card)
    sale = district.between(district.first[sold], district.last[sold])
    district.last[sold] = np.minimum(np.maximum(district.last[sold], sale + 30 * DAY), END - 1)
    for kind, value in (("device", device), ("card", card)):
        district.saw(kind, sold, np.repeat(value, len(sold)), sale, district.last[sold])
    visits = np.repeat(sold, 3)
    first = district.between(np.repeat(sale, 3), district.last[visits])
    week = _weeks(first)
    _visited(district, visits, district.lines_by_week[district.home[buyer[0]], week], first, first + 7_200)


def _all_use(district: District, kind: str, group: Integers, share: float) -> None:
    users = group[district.chance(share, len(group))]
    district.uses(kind, users, np.repeat(district.fresh(kind, 1), len(users)), late=True)


def _sign_up_at_desk(district: District, group: Integers, device: Integers, share: float) -> None:
    created = district.created[group]
    until = np.minimum(created + district.between(300, np.full(len(group), 3_600)), END - 1)
    there = district.chance(share, len(group))
    district.saw("device", group[there], device[there], created[there], until[there])
    _visited(district, group, np.repeat(district.static_ips(1), len(group)), created, until)


def _visited(district: District, account: Integers, address: Integers, first: Integers, last: Integers) -> None:
    district.saw("ip", account, address, first, np.minimum(last, WEEK_STARTS[_weeks(first)] + WEEK - 1))


def _weeks(moment: Integers) -> Integers:
    return np.clip((moment - WEEK_STARTS[0]) // WEEK, 0, WEEKS - 1)


_SHARING = {
    "office": _office,
    "small_business": _small_business,
    "cafe": _cafe,
    "kiosk": _kiosk,
    "charity": _charity,
    "student_house": _student_house,
    "agency": _agency,
    "sold_business": _sold_business,
}
