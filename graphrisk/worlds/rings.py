"""The nine archetypes of rings, each built the way it works."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphrisk.worlds.campaigns import SCRIPTED, Campaign, Planned, Scripts, before_the_period, touch_families
from graphrisk.worlds.district import ASSOCIATE, CLOSED, CODES, NO_ROLE, WEEKS, District, Integers
from graphrisk.worlds.period import DAY, END, START

FARM_DAYS = 20
ACCOUNTS_PER_DEVICE, ACCOUNTS_PER_CARD, SECOND_DEVICE_SHARE = 8, 5, 0.35
STOLEN_CARD_ACCOUNTS, SPOOFED_REUSE = 3, 0.15
MULES_PER_CARD, HERDED = 6, 0.4
RAID_DAYS, PAYOUT_SHARE, VICTIMS_PER_PAYOUT_CARD = (2, 14), 0.7, 6
LINKED_TO_LAST, BURNS_AT_ONCE = 0.9, 3
ROTATED_REUSE, CARD_REUSE = 0.45, 0.25
OLD_CARD_SHARE = 0.7
FRAMED_A_RING = 3
LENT_DEVICES = 2


def plant(district: District, planned: list[Planned]) -> None:
    """Build the rings; their accounts take the columns after the innocent ones, in the order of the plan."""
    begin, lent = district.honest, dict[str, Integers]()
    for place, ring in enumerate(planned):
        district.rings.append(ring.name)
        borrows = lent and district.rng.random() < district.knobs.shared_infrastructure
        scripted = ring.archetype in SCRIPTED
        scripts = Scripts.of(district.rng, district.knobs.variety, ring.size) if scripted else None
        campaign = Campaign(district, place, ring.size, begin, lent if borrows else {}, scripts)
        lent = _BUILD[ring.archetype](campaign)
        begin += ring.signed_up


def _device_farm(ring: Campaign) -> dict[str, Integers]:
    return _farm(ring, "device_farm", ring.day(10, 180 - FARM_DAYS))[1]


def _farm(ring: Campaign, archetype: str, begin: int) -> tuple[Integers, dict[str, Integers]]:
    """Many accounts from few devices, cards and addresses within days."""
    district, rng, size = ring.district, ring.district.rng, ring.size
    end = begin + FARM_DAYS * DAY - 1
    created = district.between(begin, np.full(size, end - 5 * DAY))
    account = ring.recruit(archetype, created, created, district.between(created + DAY, end))
    devices = ring.fresh("device", ring.several(ACCOUNTS_PER_DEVICE))
    cards = ring.fresh("card", ring.several(ACCOUNTS_PER_CARD))
    ips = district.static_ips(2)
    own = ring.isolated(account)
    ring.use("device", account, devices[np.arange(size) % len(devices)], own)
    second = district.chance(SECOND_DEVICE_SHARE, size) & ~own
    ring.use("device", account[second], rng.choice(devices, int(second.sum())), own[second], late=True)
    ring.use("card", account, rng.choice(cards, size), own, late=True)
    ring.go_online(account, ips)
    ring.ends(end)
    return account, {"device": devices[:LENT_DEVICES], "ip": ips}


def _proxy_farm(ring: Campaign) -> dict[str, Integers]:
    """Sign-ups within days through the lines of real homes; unique spoofed devices, stolen cards on a few accounts each."""
    district, rng, size = ring.district, ring.district.rng, ring.size
    begin = ring.day(10, 150)
    until = begin + int(rng.integers(3, 11)) * DAY
    created = district.between(begin, np.full(size, until))
    last = created + district.between(2 * DAY, np.full(size, 25 * DAY))
    account = ring.recruit("proxy_farm", created, created, last)
    own = ring.isolated(account)
    devices = ring.fresh("device", size)
    reused = district.chance(ring.share(SPOOFED_REUSE), size)
    ring.use("device", account, np.where(reused, rng.choice(devices, size), devices), own)
    cards = ring.fresh("card", max(1, round(size / (STOLEN_CARD_ACCOUNTS * ring.sigma))))
    order = rng.permutation(size)
    ring.use("card", account, cards[order % len(cards)], own, late=True)
    homes = rng.integers(0, len(district.lines_by_week), (size, WEEKS))
    ring.go_online(account, district.lines_by_week[homes, np.arange(WEEKS)[None, :]])
    ring.ends(int(district.last[account].max()))
    return {"device": devices[:LENT_DEVICES]}


def _anti_detect(ring: Campaign) -> dict[str, Integers]:
    """A device and a card for each account; only hosters' addresses tie them, and some sit behind carriers."""
    district, rng, size = ring.district, ring.district.rng, ring.size
    waves = np.sort(np.array([ring.day(10, 160) for _ in range(int(rng.integers(1, 4)))]))
    begin = np.minimum(rng.choice(waves, size), waves[0] + 21 * DAY)
    created = district.between(begin, begin + 2 * DAY)
    last = created + district.between(10 * DAY, np.full(size, 60 * DAY))
    account = ring.recruit("anti_detect", created, created, last)
    district.uses("device", account, ring.fresh("device", size))
    district.uses("card", account, ring.fresh("card", size), late=True)
    count = int(rng.integers(2, 7))
    one_network = rng.random() < 0.5
    networks = rng.choice(district.public.hosting, 1 if one_network else count)
    ips = (np.resize(networks, count) << 8) | rng.choice(np.arange(2, 250), count, replace=False)
    ring.go_online(account, ips)
    ring.ends(int(district.last[account].max()))
    return {"ip": ips[:1]}


def _mule_network(ring: Campaign) -> dict[str, Integers]:
    """Real people with their own devices and homes pay out to a few cards; the herder's device helps some of them."""
    district, rng = ring.district, ring.district.rng
    begin = ring.day(30, 120)
    end = begin + int(rng.integers(20, 61)) * DAY
    account = district.some(district.innocents(begin), ring.size)
    ring.join(account, "mule_network")
    count = len(account)
    district.last[account] = np.maximum(district.last[account], begin + 10 * DAY)
    own = ring.isolated(account)
    cards = district.fresh("card", ring.several(MULES_PER_CARD))
    first = district.between(begin, np.full(count, end - 5 * DAY))
    last = district.between(first, end)
    district.saw("card", account[~own], rng.choice(cards, count)[~own], first[~own], last[~own])
    herder = district.fresh("device", 1)
    herded = district.chance(ring.share(HERDED), count) & ~own
    district.saw("device", account[herded], np.repeat(herder, int(herded.sum())), first[herded], last[herded])
    district.last[account] = np.minimum(np.maximum(district.last[account], last), END - 1)
    touch_families(district, account)
    ring.ends(end)
    return {"device": herder}


def _take_over(ring: Campaign) -> dict[str, Integers]:
    """Honest accounts, all within days or over two weeks, are used from the attacker's devices for hours and pay out to the
    attacker's cards."""
    district, rng = ring.district, ring.district.rng
    days = int(rng.integers(RAID_DAYS[0], RAID_DAYS[1] + 1))
    begin = ring.day(30, 172 - days)
    account = district.some(district.innocents(begin), ring.size)
    ring.join(account, "take_over")
    count = len(account)
    first = district.between(begin, np.full(count, begin + days * DAY - 6 * 3_600))
    last = first + district.between(600, np.full(count, 6 * 3_600 - 1))
    devices, ips = district.fresh("device", ring.several(ACCOUNTS_PER_DEVICE)), district.static_ips(2)
    own = ring.isolated(account)
    district.saw(
        "device", account, np.where(own, district.fresh("device", count), rng.choice(devices, count)), first, last
    )
    again = np.flatnonzero(district.chance(ring.share(SECOND_DEVICE_SHARE), count) & ~own)
    district.saw("device", account[again], rng.choice(devices, len(again)), first[again], last[again])
    cards = district.fresh("card", ring.several(VICTIMS_PER_PAYOUT_CARD))
    paid = np.flatnonzero(district.chance(ring.share(PAYOUT_SHARE), count) & ~own)
    district.saw("card", account[paid], rng.choice(cards, len(paid)), last[paid], last[paid])
    ring.visit(account, ips, first, last)
    touch_families(district, account)
    ring.ends(begin + days * DAY)
    return {"device": devices[:LENT_DEVICES], "ip": ips}


def _slow_burn(ring: Campaign) -> dict[str, Integers]:
    """One account after another over the whole period, each sharing a device or a card with one of the last three."""
    district, rng, size = ring.district, ring.district.rng, ring.size
    created = np.sort(district.between(START, np.full(size, END - 10 * DAY)))
    last = created + district.between(15 * DAY, np.full(size, 60 * DAY))
    account = ring.recruit("slow_burn", created, created, last)
    own, back = ring.isolated(account), rng.integers(1, BURNS_AT_ONCE + 1, size)
    devices, cards = district.fresh("device", size), district.fresh("card", size)
    draw = rng.random((2, size))
    for at in range(1, size):  # each looks back at what the ones before it used
        if own[at] or draw[0, at] > ring.share(LINKED_TO_LAST):
            continue
        before = max(0, at - int(back[at]))
        if draw[1, at] < 0.5:
            devices[at] = devices[before]
        else:
            cards[at] = cards[before]
    district.uses("device", account, devices)
    district.uses("card", account, cards, late=True)
    ring.go_online(account, district.static_ips(4))
    ring.ends(int(district.last[account].max()))
    return {"device": devices[-LENT_DEVICES:]}


def _camouflage(ring: Campaign) -> dict[str, Integers]:
    """Everybody sits on popular addresses; devices rotate and come back, cards now and then."""
    district, rng, size = ring.district, ring.district.rng, ring.size
    begin = ring.day(5, 110)
    created = np.sort(district.between(begin, np.full(size, begin + int(rng.integers(30, 61)) * DAY)))
    account = ring.recruit("camouflage", created, created, created + district.between(7 * DAY, np.full(size, 30 * DAY)))
    own = ring.isolated(account)
    for kind, share in (("device", ROTATED_REUSE), ("card", CARD_REUSE)):
        values = ring.fresh(kind, size)
        source = np.maximum(0, np.arange(size) - rng.integers(1, 9, size))
        reused = district.chance(ring.share(share), size)
        ring.use(kind, account, np.where(reused, values[source], values), own, late=kind == "card")
    ring.go_online(account, district.static_ips(2), popular=0.7 + 0.3 * district.knobs.camouflage)
    ring.ends(int(district.last[account].max()))
    return {}


def _resurrection(ring: Campaign) -> dict[str, Integers]:
    """Closed sellers come back as new accounts with an old card or device."""
    district, rng, size = ring.district, ring.district.rng, ring.size
    first = district.between(START, np.full(size, START + 20 * DAY))
    closed = district.between(START + 40 * DAY, np.full(size, START + 80 * DAY))
    old = ring.recruit("resurrection", before_the_period(district, size), first, closed)
    district.status[old], district.status_at[old] = CLOSED, closed
    created = np.minimum(closed + district.between(20 * DAY, np.full(size, 80 * DAY)), END - 8 * DAY)
    new = ring.recruit(
        "resurrection", created, created, created + district.between(7 * DAY, np.full(size, 28 * DAY)), size
    )
    cards, own = district.fresh("card", size), ring.isolated(new)
    kept = district.chance(ring.share(OLD_CARD_SHARE), size) & ~own
    pools = [district.fresh("device", ring.several(3)) for _ in range(2)]
    devices = pools[0][np.arange(size) % len(pools[0])]
    district.uses("device", old, devices)
    district.uses("card", old, cards)
    ring.use("device", new, rng.choice(pools[1], size), own)
    ring.use("card", new, np.where(kept, cards, district.fresh("card", size)), own, late=True)
    carried = ~kept & ~own
    district.uses("device", new[carried], devices[carried])
    ring.go_online(old, district.static_ips(1))
    ring.go_online(new, district.static_ips(1))
    ring.ends(int(district.last[new].max()))
    return {"device": pools[1][:LENT_DEVICES]}


def _framing(ring: Campaign) -> dict[str, Integers]:
    """A farm types what belongs to innocents into its own accounts."""
    district, rng = ring.district, ring.district.rng
    begin = ring.day(40, 180 - FARM_DAYS)
    innocents = district.some(district.innocents(begin), int(rng.integers(1, FRAMED_A_RING + 1)))
    account, lent = _farm(ring, "framing", begin)
    for innocent in innocents:
        kind = str(rng.choice(("bank_account", "card", "address")))
        value = district.fresh(kind, 1)
        district.uses(kind, np.array([innocent]), value)
        typed = district.some(account, int(rng.integers(len(account) * 2 // 5, len(account) + 1)))
        ring.use(kind, typed, np.repeat(value, len(typed)), np.zeros(len(typed), bool), late=True)
        district.structure[innocent] = CODES["framed"]
        district.role[innocent] = ASSOCIATE if district.role[innocent] == NO_ROLE else district.role[innocent]
    return lent


_BUILD: dict[str, Callable[[Campaign], dict[str, Integers]]] = {
    "device_farm": _device_farm,
    "proxy_farm": _proxy_farm,
    "anti_detect": _anti_detect,
    "mule_network": _mule_network,
    "take_over": _take_over,
    "slow_burn": _slow_burn,
    "camouflage": _camouflage,
    "resurrection": _resurrection,
    "framing": _framing,
}
