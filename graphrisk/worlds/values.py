"""Raw attribute values that look real and are written the many ways in which real ones arrive."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

FIRST_NAMES = (
    "anna", "ben", "carla", "david", "elena", "felix", "greta", "hugo", "ines", "jonas", "katja", "luca", "maria",
    "nils", "olga", "pavel", "quentin", "rosa", "samir", "tessa", "umut", "vera", "willem", "yusuf", "zoe",
)  # fmt: skip
LAST_NAMES = (
    "adler", "bakker", "costa", "dubois", "eriksen", "fischer", "garcia", "hansen", "ivanov", "janssen", "keller",
    "lopez", "moreau", "nowak", "oliveira", "petrov", "quist", "rossi", "schmidt", "taylor", "ulrich", "vogel",
    "walker", "yilmaz", "zeman",
)  # fmt: skip
MAIL_DOMAINS = ("gmail.com", "gmail.com", "gmail.com", "outlook.com", "icloud.com", "yahoo.com", "gmx.de", "web.de")
TAGGED_DOMAINS = ("gmail.com", "outlook.com", "icloud.com")
TAGS = ("shop", "market", "selling", "x1")
PHONES = (
    "+49 151# #######", "+44 77## ######", "+33 6 ## ## ## ##", "+31 6 ########", "+48 60# ### ###",
    "+1 212 5## ####", "+1 415 6## ####",
)  # fmt: skip
IBANS = (("DE", 18), ("FR", 23), ("PL", 24), ("ES", 20))
OCTETS = (31, 37, 46, 62, 77, 78, 80, 82, 84, 86, 88, 91, 93, 95, 109, 176, 178, 188, 193, 194, 195, 212, 213, 217)
"""First octets of IPv4 under which no range is private or reserved."""

HOMES_PER_NETWORK = 60
IPV6_HOMES = 0.2
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Values:
    """Fresh raw values drawn from ``rng``; no value is given twice."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._given: set[str] = set()
        self._spellings: dict[str, Callable[[str], str]] = {
            "device": self._any_case,
            "email": self._any_mailbox_form,
            "phone": self._any_phone_form,
            "bank_account": self._with_or_without_spaces,
        }

    def device(self) -> str:
        """A random UUID."""
        return str(uuid.UUID(bytes=self._rng.bytes(16), version=4))

    def card(self) -> str:
        """A token as payment providers give them, never a card number."""
        return f"tok_{self._token()}"

    def bank_account(self) -> str:
        """A provider's token, or an IBAN with correct check digits in groups of four."""
        if self._rng.random() < 0.4:
            return f"ba_{self._token()}"
        country, length = self._pick(IBANS)
        number = "".join(map(str, self._rng.integers(0, 10, length).tolist()))
        letters = "".join(str(ord(letter) - 55) for letter in country)
        iban = f"{country}{98 - int(number + letters + '00') % 97:02d}{number}"
        return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))

    def email(self) -> str:
        """A mailbox that nobody else has, however it is spelled."""
        return self._fresh(
            # The dot is always there, so two mailboxes never differ by dots alone.
            lambda: f"{self._pick(FIRST_NAMES)}.{self._pick(LAST_NAMES)}{self._below(3000)}@{self._pick(MAIL_DOMAINS)}"
        )

    def phone(self) -> str:
        """A number with its country code, in the groups its country writes."""
        return self._fresh(lambda: "".join(str(self._below(10)) if c == "#" else c for c in self._pick(PHONES)))

    def static_ip(self) -> str:
        """A public IPv4 address in a network of its own."""
        return f"{self._network()}.{1 + self._below(254)}"

    def home_lines(self, count: int) -> list[str]:
        """Internet lines of homes: an IPv4 address, or the first half of an IPv6 address (its /64).

        Neighbours share networks as customers of one provider do: a /24 of IPv4, a /48 of IPv6.
        """
        lines: list[str] = []
        while len(lines) < count:
            network, site = self._network(), f"2a02:{0x8100 + self._below(256):x}:{4096 + self._below(61440):x}"
            hosts = self._rng.permutation(254)[:HOMES_PER_NETWORK].tolist()
            is_ipv6 = self._rng.random(HOMES_PER_NETWORK) < IPV6_HOMES
            lines += [
                f"{site}:{(host + 1) << 8:x}" if six else f"{network}.{host + 1}"
                for host, six in zip(hosts, is_ipv6, strict=True)
            ]
        return [lines[at] for at in self._rng.permutation(len(lines))[:count].tolist()]

    def address_on(self, line: str) -> str:
        """The address a device shows on a line: the line itself, or a host of its /64 that changes every time."""
        if ":" not in line:
            return line
        host = self._rng.bytes(8).hex()
        address = ":".join([line, *(f"{int(host[at : at + 4], 16):x}" for at in (0, 4, 8, 12))])
        return address.upper() if self._rng.random() < 0.15 else address

    def spelled(self, kind: str, value: str) -> str:
        """One of the ways in which the same value is written; some kinds have only one."""
        spelling = self._spellings.get(kind)
        return spelling(value) if spelling else value

    def _any_case(self, device: str) -> str:
        return device.upper() if self._rng.random() < 0.25 else device

    def _any_mailbox_form(self, email: str) -> str:
        local, domain = email.split("@")
        if domain == "gmail.com" and self._rng.random() < 0.4:
            letters = local.replace(".", "")
            at = 1 + self._below(len(letters) - 1)
            local = self._pick((letters, f"{letters[:at]}.{letters[at:]}"))
        if domain in TAGGED_DOMAINS and self._rng.random() < 0.2:
            local = f"{local}+{self._pick(TAGS)}"
        form = self._below(6)
        return f"{local.title()}@{domain}" if form == 0 else f"{local}@{domain}".upper() if form == 1 else f"{local}@{domain}"

    def _any_phone_form(self, phone: str) -> str:
        country, number = phone.split(" ", 1)
        return self._pick((country + number.replace(" ", ""), phone, f"{country} {number.replace(' ', '-')}"))

    def _with_or_without_spaces(self, account: str) -> str:
        return account.replace(" ", "") if self._rng.random() < 0.4 else account

    def _network(self) -> str:
        return self._fresh(lambda: f"{self._pick(OCTETS)}.{self._below(256)}.{self._below(256)}")

    def _token(self) -> str:
        return "".join(_BASE62[at] for at in self._rng.integers(0, len(_BASE62), 24).tolist())

    def _fresh(self, make: Callable[[], str]) -> str:
        value = make()
        while value in self._given:
            value = make()
        self._given.add(value)
        return value

    def _below(self, limit: int) -> int:
        return int(self._rng.integers(limit))

    def _pick(self, options: Sequence[T]) -> T:
        return options[self._below(len(options))]
