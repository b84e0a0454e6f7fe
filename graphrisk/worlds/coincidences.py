"""What ordinary people share by chance: second accounts, resold devices, colliding fingerprints, gift cards."""

from __future__ import annotations

import numpy as np

from graphrisk.worlds.district import ACTIVE, CODES, District, Integers
from graphrisk.worlds.knobs import ORDINARY_SHARES
from graphrisk.worlds.period import DAY

RESALE_GAP_DAYS = (10, 120)
GENERIC_FINGERPRINTS = 12
GIFT_CARD_HOLDERS = (5, 40)


def coincide(district: District) -> None:
    """Plant each coincidence among people to whom nothing else happened."""
    _second_accounts(district, _wanted(district, "second_account"))
    _resold_devices(district, _wanted(district, "resold_device"))
    _colliding_fingerprints(district, _wanted(district, "shared_fingerprint"))
    _gift_cards(district, _wanted(district, "gift_card"))


def _wanted(district: District, name: str) -> int:
    return round(district.honest * ORDINARY_SHARES[name] * district.knobs.weight(name))


def _plain(district: District) -> Integers:
    plain = (district.structure == CODES["single"]) | (district.structure == CODES["household"])
    plain[district.honest :] = False
    return district.rng.permutation(np.flatnonzero(plain & (district.status == ACTIVE)))


def _second_accounts(district: District, wanted: int) -> None:
    """Two accounts of one person: neighbours in the columns who live together use one device, mailbox stem and card."""
    home = district.home
    plain = np.sort(_plain(district))
    following = np.isin(plain + 1, plain) & (home[plain] == home[np.minimum(plain + 1, district.accounts - 1)])
    first = district.some(plain[following], 2 * wanted)
    first = first[~np.isin(first, first + 1)][:wanted]
    second = first + 1
    for kind, share in (("device", 0.95), ("card", 0.5), ("phone", 0.5), ("bank_account", 0.3)):
        who = district.chance(share, len(first))
        value = district.fresh(kind, int(who.sum()))
        district.uses(kind, first[who], value)
        district.uses(kind, second[who], value, late=True)
    district.structure[first] = district.structure[second] = CODES["second_account"]


def _resold_devices(district: District, wanted: int) -> None:
    """A device goes silent with one account and weeks later appears with a stranger."""
    plain = _plain(district)
    half = len(plain) // 2
    seller, buyer = plain[:half], plain[half : 2 * half]
    sold = district.between(district.first[seller], district.last[seller])
    low, high = (days * DAY for days in RESALE_GAP_DAYS)
    appears = sold + district.between(low, np.full(half, high))
    fits = np.flatnonzero((district.first[buyer] <= appears) & (appears <= district.last[buyer]))[: wanted // 2]
    device = district.fresh("device", len(fits))
    district.saw("device", seller[fits], device, district.first[seller[fits]], sold[fits])
    district.saw("device", buyer[fits], device, appears[fits], district.last[buyer[fits]])
    district.structure[seller[fits]] = district.structure[buyer[fits]] = CODES["resold_device"]


def _colliding_fingerprints(district: District, wanted: int) -> None:
    """A fingerprinting library gives a few ids to devices that have nothing to do with each other, across the marketplace."""
    who = _plain(district)[:wanted]
    # The first values of a made-up district: the same ids everywhere.
    district.uses("device", who, -1 - district.rng.integers(0, GENERIC_FINGERPRINTS, len(who)))
    district.structure[who] = CODES["shared_fingerprint"]


def _gift_cards(district: District, wanted: int) -> None:
    """Prepaid cards go from hand to hand among strangers."""
    plain = _plain(district)[:wanted]
    low, high = GIFT_CARD_HOLDERS
    while len(plain) >= low:
        holders = plain[: int(district.rng.integers(low, high + 1))]
        plain = plain[len(holders) :]
        moment = district.between(district.first[holders], district.last[holders])
        district.saw("card", holders, np.repeat(district.fresh("card", 1), len(holders)), moment, moment)
        district.structure[holders] = CODES["gift_card"]
