"""The values that accounts use, each with its text: devices, cards, bank accounts, addresses, mailboxes, phones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tests.bench.thirdworld.browsers import USER_AGENTS
from tests.bench.thirdworld.names import (
    CITIES,
    FIRST_NAMES,
    LAST_NAMES,
    NUMBER_BEFORE_STREET,
    PROVIDERS,
    STREETS,
)

KINDS = ("device", "card", "bank_account", "email", "phone", "address", "ip", "user_agent", "bin")
CARD_ISSUERS = 120
ISSUER_BEGINNINGS = ("4", "51", "52", "53", "54", "55", "4", "4")
BANK_DIGITS = {"de": 18, "fr": 23, "es": 20, "pl": 24}
YEAR_STYLE, STYLE_WITHOUT_YEAR, MAIL_STYLES = 2, 1, 7
NETWORKS = 90
HOST_SUBNETS = 24
# fmt: off
FIRST_OCTETS = (
    2, 5, 24, 31, 37, 46, 62, 71, 73, 76, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 109,
    151, 176, 178, 188, 212, 213, 217,
)
# fmt: on


class Values:
    """Every value by kind; a value is its position in ``texts`` of its kind.

    ``browser_of`` and ``fixed_ip`` (-1 for none) are by device, ``issuer_of`` by card.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.texts: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self.texts["user_agent"] = list(USER_AGENTS)
        self.browser_of: list[int] = []
        self.fixed_ip: list[int] = []
        self.issuer_of: list[int] = []
        self._used_ips: set[str] = set()
        self._used_mailboxes: set[tuple[str, str]] = set()
        self._numbers_of_issuers: dict[str, int] = {}
        self._salt = rng.bytes(16)
        self.browser_shares = falling(len(USER_AGENTS), 0.7)
        self.browser_order = rng.permutation(len(USER_AGENTS))
        self._networks = _networks(rng)
        beginnings = rng.choice(ISSUER_BEGINNINGS, CARD_ISSUERS)
        self.issuers = [f"{begin}{_digits(rng, 6 - len(begin))}" for begin in beginnings.tolist()]
        self._issuer_shares = falling(CARD_ISSUERS, 0.8)

    def add(self, kind: str, text: str) -> int:
        """A value with this text."""
        self.texts[kind].append(text)
        return len(self.texts[kind]) - 1

    def device(self, ip: int = -1, browser: int | None = None) -> int:
        """A device with a browser, of those at random if none is given; always at one address if one is given."""
        fingerprint = self.rng.bytes(16).hex()
        if browser is None:
            browser = int(self.browser_order[self.rng.choice(len(USER_AGENTS), p=self.browser_shares)])
        self.browser_of.append(browser)
        self.fixed_ip.append(ip)
        if self.rng.random() < 0.7:
            return self.add("device", fingerprint)
        ends = (0, 8, 12, 16, 20, 32)
        parts = (fingerprint[begin:end] for begin, end in pairwise(ends))
        return self.add("device", "-".join(parts))

    def devices(self, count: int, ip: int = -1) -> list[int]:
        """So many devices, all at one address if one is given."""
        return [self.device(ip) for _ in range(count)]

    def card(self, issuers: Sequence[str] | None = None) -> int:
        """A card as a token, of one of the issuers given or of any."""
        if issuers is None:
            issuer = self.issuers[self.rng.choice(CARD_ISSUERS, p=self._issuer_shares)]
        else:
            issuer = issuers[int(self.rng.integers(len(issuers)))]
        number = _with_check_digit(issuer + _digits(self.rng, 9))
        if issuer not in self._numbers_of_issuers:
            self._numbers_of_issuers[issuer] = self.add("bin", issuer)
        self.issuer_of.append(self._numbers_of_issuers[issuer])
        digest = hashlib.blake2b(number.encode(), key=self._salt, digest_size=12).hexdigest()
        return self.add("card", f"tok_{digest}")

    def cards(self, count: int) -> list[int]:
        """So many cards."""
        return [self.card() for _ in range(count)]

    def bank_account(self, country: str = "de") -> int:
        """A bank account of the country, with right check digits."""
        if country == "gb":
            number = f"NWBK{_digits(self.rng, 14)}"
        else:
            number = "".join(str(digit) for digit in self.rng.integers(0, 10, BANK_DIGITS[country]).tolist())
        checked = "".join(str(int(character, 36)) for character in f"{number}{country.upper()}00")
        return self.add("bank_account", f"{country.upper()}{98 - int(checked) % 97:02d}{number}")

    def ip(self, line: str) -> int:
        """An address on the net that nobody has yet, on a line of this sort: home, mobile, host or business."""
        networks = self._networks[line]
        while True:
            first, second = networks[self.rng.integers(len(networks))]
            third = self.rng.integers(0, HOST_SUBNETS if line == "host" else 256)
            text = f"{first}.{second}.{third}.{self.rng.integers(1, 255)}"
            if text not in self._used_ips:
                self._used_ips.add(text)
                return self.add("ip", text)

    def phone(self, country: str) -> int:
        """A mobile number of the country."""
        rng = self.rng
        numbers = {
            "de": f"+4915{rng.integers(1, 8)}{_digits(rng, 8)}",
            "gb": f"+447{rng.choice([4, 5, 7, 8, 9])}{_digits(rng, 8)}",
            "fr": f"+336{_digits(rng, 8)}",
            "es": f"+346{_digits(rng, 8)}",
            "pl": f"+485{rng.choice([0, 1, 3, 7])}{_digits(rng, 7)}",
        }
        return self.add("phone", numbers[country])

    def address_text(self, city: int) -> str:
        """The text of an address in the town."""
        country, name = CITIES[city]
        streets = STREETS[country]
        street, number = streets[self.rng.integers(len(streets))], self.rng.integers(1, 160)
        flat = f" Apt {self.rng.integers(1, 40)}" if self.rng.random() < 0.3 else ""
        numbered = f"{number} {street}" if country in NUMBER_BEFORE_STREET else f"{street} {number}"
        return f"{numbered}{flat}, {self.rng.integers(10_000, 99_999)} {name}, {country.upper()}"

    def address(self, city: int | None = None) -> int:
        """An address in the town, in any if none is given."""
        if city is None:
            city = int(self.rng.integers(len(CITIES)))
        return self.add("address", self.address_text(city))

    def mailbox(self, last: str | None = None, style: int | None = None, domain: str | None = None) -> int:
        """A mailbox that differs from all others even without dots; what is not given is drawn."""
        rng = self.rng
        first = FIRST_NAMES[rng.integers(len(FIRST_NAMES))]
        last = last or LAST_NAMES[rng.integers(len(LAST_NAMES))]
        if style is None:
            style = int(rng.integers(MAIL_STYLES))
        domain = domain or str(rng.choice(list(PROVIDERS), p=list(PROVIDERS.values())))
        more = 0
        while True:
            styles = (
                f"{first}.{last}{_digits(rng, 2 + more)}",
                f"{first}{last}{_digits(rng, 3 + more)}",
                f"{first[0]}{last}{rng.integers(1950, 2008)}",
                f"{first}_{last}{_digits(rng, 2 + more)}",
                f"{last}.{first}{_digits(rng, 2 + more)}",
                f"{first}{_digits(rng, 5 + more)}",
                f"{first}-{last[:3]}{_digits(rng, 3 + more)}",
            )
            mailbox = (styles[style].replace(".", ""), domain)
            if mailbox not in self._used_mailboxes:
                self._used_mailboxes.add(mailbox)
                return self.add("email", f"{styles[style]}@{domain}")
            # More digits each time; there are only so many years.
            more += 1
            style = STYLE_WITHOUT_YEAR if style == YEAR_STYLE else style


def falling(count: int, power: float) -> npt.NDArray[np.float64]:
    """Shares that fall by the power of the rank and add up to 1."""
    weights = 1 / np.arange(1, count + 1) ** power
    return weights / weights.sum()


def _networks(rng: np.random.Generator) -> dict[str, list[tuple[int, int]]]:
    """Sort of line → the first two numbers of its addresses."""
    drawn = zip(rng.choice(FIRST_OCTETS, NETWORKS).tolist(), rng.integers(0, 256, NETWORKS).tolist(), strict=True)
    networks = list(set(drawn))
    rng.shuffle(networks)
    return {"home": networks[:45], "mobile": networks[45:50], "host": networks[50:58], "business": networks[58:70]}


def _digits(rng: np.random.Generator, count: int) -> str:
    return f"{rng.integers(0, 10**count):0{count}d}"


def _with_check_digit(number: str) -> str:
    """The number and the digit that makes it pass the check of card numbers (Luhn's)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        if place % 2:
            total += int(digit)
        else:
            total += int(digit) * 2 - 9 if int(digit) > 4 else int(digit) * 2
    return f"{number}{-total % 10}"
