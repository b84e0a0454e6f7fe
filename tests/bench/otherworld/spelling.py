"""The texts that a marketplace has seen, for values that are numbers; ids of accounts and their mailboxes."""

from __future__ import annotations

import hashlib

import numpy as np

from tests.bench.otherworld.market import Market

# fmt: off
FIRST_NAMES = (
    "anna", "ben", "carla", "david", "elena", "felix", "greta", "hugo", "ines", "jonas", "karin", "leon", "maria", "nils",
    "olga", "paul", "rosa", "simon", "tina", "uwe", "vera", "willem", "yara", "zoe", "alex", "bram", "chiara", "dora",
    "emil", "freya",
)
LAST_NAMES = (
    "maier", "jansen", "rossi", "novak", "silva", "weber", "smit", "moreau", "kowalski", "berg", "larsen", "horvat",
    "costa", "fischer", "vries", "bianchi", "dubois", "nowak", "svoboda", "garcia", "lehmann", "peters", "romano",
    "marin", "toth",
)
# fmt: on
PROVIDERS = ("gmail.com", "outlook.com", "gmx.de", "yahoo.com", "icloud.com", "mail.com")
PROVIDER_SHARES = (0.45, 0.2, 0.1, 0.1, 0.1, 0.05)
DIGITS, DIGIT_SHARES = (0, 2, 3, 4), (0.15, 0.35, 0.2, 0.3)
STYLE_SHARES = (0.4, 0.3, 0.2, 0.1)
CARRIER_BLOCK, CARRIER_NETWORKS = (91, 12), 4
HOMES_A_BLOCK = 1500


def account_ids(market: Market) -> list[str]:
    """Ids in an order that says nothing of what the accounts are."""
    return [f"u{number:09d}" for number in market.rng.permutation(market.accounts) * 7 + 1_000_003]


def mailboxes(market: Market) -> list[str]:
    """A mailbox for each account, which differ even without dots; rings' are named as everybody's."""
    named: list[str] = []
    seen: set[str] = set()
    while len(named) < market.accounts:
        mailbox = _mailbox(market.rng)
        if (plain := mailbox.replace(".", "")) not in seen:
            seen.add(plain)
            named.append(mailbox)
    return named


def _mailbox(rng: np.random.Generator) -> str:
    first, last = FIRST_NAMES[rng.integers(len(FIRST_NAMES))], LAST_NAMES[rng.integers(len(LAST_NAMES))]
    digits = int(rng.choice(DIGITS, p=DIGIT_SHARES))
    styles = (f"{first}.{last}", f"{first}{last}", f"{first[0]}{last}", f"{last}{first}")
    style = styles[rng.choice(len(styles), p=STYLE_SHARES)]
    number = str(rng.integers(10 ** (digits - 1), 10**digits)) if digits else ""
    return f"{style}{number}@{rng.choice(PROVIDERS, p=PROVIDER_SHARES)}"


def ip_addresses(market: Market, homes: int) -> list[str]:
    """A text for each address on the net, from blocks of its sort of line."""
    rng = market.rng

    def blocks(count: int, low: int, high: int, end: int) -> list[tuple[int, int]]:
        return [(int(rng.integers(low, high)), int(rng.integers(0, end))) for _ in range(count)]

    of_line = {
        "home": blocks(max(2, homes // HOMES_A_BLOCK), 20, 90, 256),
        "carrier": [CARRIER_BLOCK],
        "place": blocks(40, 128, 169, 250),
        "host": blocks(12, 193, 198, 250),
    }
    spelled: dict[str, None] = {}
    for number, line in enumerate(market.lines):
        networks = CARRIER_NETWORKS if line == "carrier" else 256
        while len(spelled) == number:
            first, second = of_line[line][rng.integers(len(of_line[line]))]
            spelled[f"{first}.{second}.{rng.integers(0, networks)}.{rng.integers(1, 255)}"] = None
    return list(spelled)


def text(kind: str, value: int, salt: str) -> str:
    """The text of a device, card, bank account or address in the world of this salt."""
    digest = hashlib.sha1(f"{salt}{kind[0]}{value}".encode()).hexdigest()
    if kind == "device":
        return digest[:32]
    if kind == "address":
        return f"{digest[:6]} street {value % 190 + 1}, {10_000 + value % 80_000} town"
    return f"tok_{digest[:20]}x" if kind == "card" else f"ba_{digest[:18]}x"
