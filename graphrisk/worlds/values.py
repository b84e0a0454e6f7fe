"""Raw attribute values that look real and are written the many ways in which real ones arrive."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from graphrisk.worlds.dice import Dice

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


class Values:
    """Fresh raw values; none is given twice."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._given: set[str] = set()
        self._spellings: dict[str, Callable[[str], str]] = {
            "device": self._any_case,
            "email": self._any_mailbox_form,
            "phone": self._any_phone_form,
            "bank_account": self._with_or_without_spaces,
        }

    def device(self) -> str:
        """A random UUID."""
        return str(uuid.UUID(hex=self._hex(36)[:32], version=4))

    def card(self) -> str:
        """A token as payment providers give them, never a card number."""
        return f"tok_{self._hex(24)}"

    def bank_account(self) -> str:
        """A provider's token, or an IBAN with correct check digits in groups of four."""
        if self._dice.chance(0.4):
            return f"ba_{self._hex(24)}"
        country, length = self._dice.pick(IBANS)
        number = "".join(str(self._dice.below(10)) for _ in range(length))
        letters = "".join(str(ord(letter) - 55) for letter in country)
        iban = f"{country}{98 - int(number + letters + '00') % 97:02d}{number}"
        return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))

    def email(self) -> str:
        """A mailbox that nobody else has, however it is spelled."""
        return self._fresh(
            # The dot is always there, so two mailboxes never differ by dots alone.
            lambda: (
                f"{self._dice.pick(FIRST_NAMES)}.{self._dice.pick(LAST_NAMES)}{self._dice.below(3000)}@{self._dice.pick(MAIL_DOMAINS)}"
            )
        )

    def phone(self) -> str:
        """A number with its country code, in the groups its country writes."""
        return self._fresh(
            lambda: "".join(str(self._dice.below(10)) if c == "#" else c for c in self._dice.pick(PHONES))
        )

    def static_ip(self) -> str:
        """A public IPv4 address in a network of its own."""
        return f"{self._network()}.{1 + self._dice.below(254)}"

    def home_lines(self, count: int) -> list[str]:
        """Internet lines of homes: an IPv4 address, or the first half of an IPv6 address (its /64).

        Neighbours share networks as customers of one provider do: a /24 of IPv4, a /48 of IPv6.
        """
        lines: list[str] = []
        while len(lines) < count:
            network, site = (
                self._network(),
                f"2a02:{0x8100 + self._dice.below(256):x}:{4096 + self._dice.below(61440):x}",
            )
            lines += [
                f"{site}:{host << 8:x}" if self._dice.chance(IPV6_HOMES) else f"{network}.{host}"
                for host in self._dice.sample(range(1, 255), HOMES_PER_NETWORK)
            ]
        return self._dice.sample(lines, count)

    def address_on(self, line: str) -> str:
        """The address a device shows on a line: the line itself, or a host of its /64 that changes every time."""
        if ":" not in line:
            return line
        address = ":".join([line, *(f"{self._dice.below(65536):x}" for _ in range(4))])
        return address.upper() if self._dice.chance(0.15) else address

    def spelled(self, kind: str, value: str) -> str:
        """One of the ways in which the same value is written; some kinds have only one."""
        spelling = self._spellings.get(kind)
        return spelling(value) if spelling else value

    def _any_case(self, device: str) -> str:
        return device.upper() if self._dice.chance(0.25) else device

    def _any_mailbox_form(self, email: str) -> str:
        local, domain = email.split("@")
        if domain == "gmail.com" and self._dice.chance(0.4):
            letters = local.replace(".", "")
            at = 1 + self._dice.below(len(letters) - 1)
            local = self._dice.pick((letters, f"{letters[:at]}.{letters[at:]}"))
        if domain in TAGGED_DOMAINS and self._dice.chance(0.2):
            local = f"{local}+{self._dice.pick(TAGS)}"
        if self._dice.chance(0.15):
            local = local.title()
        email = f"{local}@{domain}"
        return email.upper() if self._dice.chance(0.15) else email

    def _any_phone_form(self, phone: str) -> str:
        country, number = phone.split(" ", 1)
        return self._dice.pick((country + number.replace(" ", ""), phone, f"{country} {number.replace(' ', '-')}"))

    def _with_or_without_spaces(self, account: str) -> str:
        return account.replace(" ", "") if self._dice.chance(0.4) else account

    def _network(self) -> str:
        return self._fresh(lambda: f"{self._dice.pick(OCTETS)}.{self._dice.below(256)}.{self._dice.below(256)}")

    def _hex(self, digits: int) -> str:
        return "".join(f"{self._dice.below(16**12):012x}" for _ in range(digits // 12))

    def _fresh(self, make: Callable[[], str]) -> str:
        value = make()
        while value in self._given:
            value = make()
        self._given.add(value)
        return value
