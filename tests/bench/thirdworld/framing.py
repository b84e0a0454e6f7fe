"""Rings that type in what innocents own, so that these look like theirs."""

from __future__ import annotations

from tests.bench.thirdworld.rings import Drops, Kit, Ring
from tests.bench.thirdworld.uses import Floats

LOOKED_AT = 3_000
TYPED_IN = ("bank_account", "card", "address")


def framing(ring: Ring) -> None:
    """A device for every five accounts and a card for every four; two to six innocents are framed."""
    rng, values = ring.rng, ring.values
    devices = values.devices(ring.how_many(5, ring.size))
    cards = [ring.stolen_card() for _ in range(ring.how_many(4, ring.size))]
    ips = [ring.ip("host", 0.5, "home") for _ in range(int(rng.integers(2, 5)))]
    drops = Drops(ring, ring.size, 0.5, 0.5, 0.25)
    length, life = rng.uniform(10, 60), rng.uniform(15, 50)
    signed_up: list[tuple[int, Floats]] = []
    for isolated in ring.isolated:
        day = ring.start + rng.uniform(0, length)
        drop = drops.another(isolated)
        until = day + life * rng.uniform(0.5, 1.2)
        device = values.device() if isolated else ring.one_of(devices)
        card = values.card() if isolated else ring.one_of(cards)
        kit = Kit([(device, 1.0)], ring.any_of(ips), [card], *drop)
        signed_up.append(ring.sign_up(kit, day, until, isolated))
    _frame(ring, signed_up)


def _frame(ring: Ring, signed_up: list[tuple[int, Floats]]) -> None:
    """Type something of each of some innocents into a part of the ring's accounts."""
    rng, left = ring.rng, int(ring.rng.integers(2, 7))
    for innocent in ring.town.candidates(LOOKED_AT, ring.start):
        if left == 0:
            break
        kind = str(rng.choice(TYPED_IN))
        value = _owned(ring, innocent, kind)
        if value is None:
            continue
        left -= 1
        ring.town.taken.add(innocent)
        ring.market.mark(innocent, "framed")
        first, last = ring.town.first_day[innocent], ring.town.last_day[innocent]
        # The owner uses it too: otherwise it would be the ring's alone.
        for day in rng.uniform(first, max(last, first + 0.01), 2).tolist():
            _use(ring, kind, innocent, value, day)
        count = max(2, round(len(signed_up) * rng.uniform(0.15, 0.5)))
        for number in rng.choice(len(signed_up), count, replace=False).tolist():
            account, days = signed_up[number]
            _use(ring, kind, account, value, float(rng.choice(days)))


def _owned(ring: Ring, account: int, kind: str) -> int | None:
    owned = ring.town.belongings
    if kind == "address":
        return int(owned.address[account]) if owned.address[account] >= 0 else None
    held = owned.cards[account] if kind == "card" else owned.bank_accounts[account]
    return held[0].value if held else None


def _use(ring: Ring, kind: str, account: int, value: int, day: float) -> None:
    if kind == "card":
        ring.market.use_card(account, value, day)
    else:
        ring.market.uses.see(kind, account, value, day)
