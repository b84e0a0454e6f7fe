"""Rings that sign up many accounts within days: on a few devices, through proxies, and with disguised devices."""

from __future__ import annotations

from collections.abc import Callable

from tests.bench.thirdworld.browsers import USER_AGENTS
from tests.bench.thirdworld.rings import Drops, Kit, Ring


def device_farm(ring: Ring) -> None:
    """A device for every eight accounts and a card for every five, at two addresses."""
    rng, values = ring.rng, ring.values
    devices = values.devices(ring.how_many(8, ring.size))
    cards = [ring.card_of_issuers(0.3) for _ in range(ring.how_many(5, ring.size))]
    ips = [ring.ip("host", 0.3, "home") for _ in range(2)]
    drops = Drops(ring, ring.size, 0.35, 0.5, 0.3)
    life = rng.uniform(15, 60)
    for isolated in ring.isolated:
        day = ring.start + rng.uniform(0, 20)
        drop = drops.another(isolated)
        if isolated:
            used = [(values.device(), 1.0)]
        else:
            mixed = rng.permutation(devices)
            used = list(zip(mixed[: 1 + (rng.random() < 0.25)].tolist(), (1.0, 0.4), strict=False))
        mine: list[int] = []
        if rng.random() >= 0.15:
            mine.append(values.card() if isolated else ring.one_of(cards))
        ring.sign_up(Kit(used, ring.any_of(ips), mine, *drop), day, day + life * rng.uniform(0.5, 1.2), isolated)


def proxy_farm(ring: Ring) -> None:
    """Each stolen card is typed into two to four accounts in a row, at addresses of strangers' homes; some devices
    are used again."""
    rng, values = ring.rng, ring.values
    length, life = rng.uniform(3, 10), rng.uniform(4, 30)
    used: list[int] = []
    card, left = -1, 0
    for isolated in ring.isolated:
        day = ring.start + rng.uniform(0, length)
        again = bool(used) and not isolated and ring.shares(0.15)
        device = ring.one_of(used) if again else values.device()
        if isolated:
            mine = values.card()
        else:
            used.append(device)
            if left == 0:
                card = ring.stolen_card()
                left = max(1, round(rng.integers(2, 5) * ring.market.preset.sharing))
            mine, left = card, left - 1
        until = day + life * rng.uniform(0.3, 1.2)
        address = values.address() if rng.random() < 0.3 else None
        kit = Kit([(device, 1.0)], _proxy(ring), [mine], None, address)
        ring.sign_up(kit, day, until, isolated, sign_ins=1 + rng.poisson(3))


def _proxy(ring: Ring) -> Callable[[float], int]:
    """The address of a stranger's home, of another one more often than not."""
    last: list[int] = []

    def ip(day: float) -> int:
        if not last or ring.rng.random() < 0.6:
            last[:] = [ring.town.strangers_ip(day)]
        return last[0]

    return ip


def anti_detect(ring: Ring) -> None:
    """Everybody on their own device, of four sorts, and card, on the ring's servers or three addresses of a carrier."""
    rng, values, carrier = ring.rng, ring.values, ring.town.places.carrier
    servers = [values.ip("host") for _ in range(int(rng.integers(2, 7)))]
    length = rng.uniform(7, 35)
    drops = Drops(ring, ring.size, 0.3, 0.4, 0.0)
    browsers = rng.choice(len(USER_AGENTS), 4, p=values.browser_shares).tolist()
    life = rng.uniform(15, 70)
    on_carrier = ring.any_of(carrier[rng.integers(0, len(carrier), 3)].tolist())
    for isolated in ring.isolated:
        day = ring.start + rng.uniform(0, length)
        is_mobile = rng.random() < 0.3
        # What each account has is its own already, whether it is isolated or not.
        drop = drops.another(isolated=False)
        mine = servers if rng.random() < 0.4 else [servers[rng.integers(len(servers))]]
        device = values.device(browser=int(values.browser_order[ring.one_of(browsers)]))
        until = day + life * rng.uniform(0.4, 1.2)
        ip = on_carrier if is_mobile else ring.any_of(mine)
        ring.sign_up(Kit([(device, 1.0)], ip, [ring.stolen_card()], *drop), day, until, isolated)
