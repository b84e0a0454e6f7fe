"""Single values of plain text (printable ASCII), judged in Python: what the SQL of ``normalise`` and ``judging`` gives.

A statement for all kinds costs tens of milliseconds to begin with, however few its rows; a call during a sign-up
cannot wait for it. A property holds the two equal. What is not plain text is left to the SQL (addresses to ``letters``,
which asks it), so that letters of all the world's alphabets have one definition.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import NamedTuple

from graphrisk.schema import Normaliser
from graphrisk.sources.normalise import (
    CONSTANT_DEVICES,
    FREE_MAIL,
    MAIL_PROVIDERS,
    NOTHING,
    canonical_ip,
    canonical_phone,
)

SPACES = "\t\n\f\r "
_PUNCTUATION = "".join(sorted(set(string.punctuation) - set("$+<=>^`|~")))
_PROVIDERS = {domain: rest for domain, *rest in MAIL_PROVIDERS}
_ZEROS = re.compile(r"[0:.,_/+ -]*")
_CARD = re.compile(rf"[0-9][0-9 {re.escape(_PUNCTUATION)}]*")
_BANK = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}|[0-9]+")
_MAIL = re.compile(r"[^@ ]+@[^@ ]+\.[^@ ]+")
_VERSION = re.compile(r"([/ :]v?)[0-9]+([._][0-9]+)*\b")
_IPV4 = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_OCTETS = re.compile(r"((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.|$)){4}")
_PRIVATE = re.compile(r"(0|10|127|169\.254|172\.(1[6-9]|2[0-9]|3[01])|192\.168|22[4-9]|2[3-5][0-9])\.")
_MASKED = re.compile(r"[0-9 -]{0,9}[*xX]{2,}[0-9 *xX-]*")
_CARD_IN_BIN = re.compile(r"([0-9][ -]?){12,18}[0-9]")
_NOBODY = re.compile(r"(noreply|no-reply|donotreply|none|null|unknown|na)@")


class Judged(NamedTuple):
    """Why a value is rejected (None: it is not), its canonical text, its wider place and its hint."""

    reason: str | None
    canonical: str = ""
    network: str | None = None
    hint: str | None = None


def judged(normaliser: Normaliser, value: str, phone_region: str | None) -> Judged | None:
    """The judgement of one value; None for what is not plain text."""
    text = value.strip(SPACES)
    if not (text.isascii() and text.isprintable()):
        return None
    if text.lower() in NOTHING or _ZEROS.fullmatch(text):
        return Judged("placeholder")
    if normaliser == "phone":
        return _phone(text, phone_region)
    if normaliser == "ip":
        return _address_of_network(text)
    if normaliser == "email":
        return _mail(text)
    canonical = _CANONICAL[normaliser](text)
    reason = _reason(normaliser, text, canonical)
    shown = normaliser in ("card", "bank_account") and len(canonical) >= 12
    return Judged(reason) if reason else Judged(None, canonical, None, "…" + canonical[-4:] if shown else None)


def _reason(normaliser: Normaliser, text: str, canonical: str) -> str | None:
    if normaliser == "card" and canonical.isdigit() and 13 <= len(canonical) <= 19 and _luhn(canonical):
        return "raw_card_number"
    if normaliser == "bin" and _CARD_IN_BIN.fullmatch(text):
        return "raw_card_number"
    if normaliser == "card" and _MASKED.fullmatch(text):
        return "malformed_value"
    if normaliser == "device" and (canonical in CONSTANT_DEVICES or re.fullmatch("[fF]{8,}", canonical)):
        return "placeholder"
    return None if canonical else "malformed_value"


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = (2 * int(digit) if place % 2 else int(digit) for place, digit in enumerate(reversed(digits)))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _device(text: str) -> str:
    if len(text) < 12 or not re.fullmatch(r"[0-9A-Fa-f{}:.-]+", text):
        return text
    return re.sub(r"[{}:.-]", "", text.lower())


def _card(text: str) -> str:
    return re.sub("[^0-9]", "", text) if _CARD.fullmatch(text) and "*" not in text else text


def _bank_account(text: str) -> str:
    compact = re.sub("[ .-]", "", text).upper()
    return compact if _BANK.fullmatch(compact) else text


def _bin(text: str) -> str:
    digits = re.sub("[ -]", "", text)
    return digits if re.fullmatch("[0-9]{6,8}", digits) else ""


_CANONICAL: dict[Normaliser, Callable[[str], str]] = {
    "device": _device,
    "card": _card,
    "bank_account": _bank_account,
    "address": lambda text: re.sub("[^a-z0-9]+", " ", text.lower()).strip(" "),
    "identifier": lambda text: re.sub("[ ./_-]", "", text).upper(),
    "bin": _bin,
    "user_agent": lambda text: _VERSION.sub(r"\1", text.lower()).strip(" "),
}


def _mail(text: str) -> Judged:
    if not _MAIL.fullmatch(text):
        return Judged("malformed_value")
    local, domain = text.lower().split("@")
    domain = domain.rstrip(".")
    same_domain, ignores_dots, ignores_tags = _PROVIDERS.get(domain, (domain, False, False))
    local = local.partition("+")[0] if ignores_tags else local
    local = local.replace(".", "") if ignores_dots else local
    if not local:
        return Judged("malformed_value")
    canonical = f"{local}@{same_domain}"
    if _NOBODY.match(canonical):
        return Judged("placeholder")
    pattern = re.sub("[a-z]+", "a", re.sub("[0-9]", "9", local))
    return Judged(None, canonical, f"{pattern}@{same_domain}", "free mail" if domain in FREE_MAIL else "other mail")


def _phone(text: str, region: str | None) -> Judged:
    number, country = canonical_phone(text, region)
    if number is None:
        return Judged("malformed_value" if text.startswith("+") or region else "phone_without_country")
    return Judged(None, number, None, f"+{country}")


def _address_of_network(text: str) -> Judged:
    canonical = text if _IPV4.fullmatch(text) else canonical_ip(text)
    if canonical is None:
        return Judged("malformed_value")
    if canonical.endswith("/64"):
        groups = canonical.split(":")
        return Judged(None, canonical, f"/48 of {':'.join(groups[:3])}:", f"{':'.join(groups[:2])}::/32")
    if canonical != "private" and not _OCTETS.fullmatch(canonical):
        return Judged("malformed_value")
    if canonical == "private" or _PRIVATE.match(canonical):
        return Judged("private_address")
    octets = canonical.split(".")
    return Judged(None, canonical, f"{'.'.join(octets[:3])}.0/24", f"{'.'.join(octets[:2])}.0.0/16")
