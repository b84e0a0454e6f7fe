"""Normalisation: one canonical text for each value, so that two spellings of the same thing give the same token.

Most of it is SQL over columns. Phone numbers (libphonenumber) and IPv6 addresses are made canonical in Python, once
for each distinct value of a batch.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import phonenumbers

from graphrisk.schema import Normaliser

NOTHING = (
    "", "-", "--", "?", ".", "0", "n/a", "na", "nan", "nil", "none", "null", "undefined", "unknown", "unavailable",
    "not available", "not provided", "missing", "empty", "default", "anonymous", "test", "tbd", "(null)", "[null]", "<null>",
)  # fmt: skip
"""Texts (lower case) that stand for 'no value' in any kind."""

CONSTANT_DEVICES = ("9774d56d682e549c", "020000000000")
"""Ids that many devices report: the Android 2.2 emulator id, and the address iOS and Android give instead of a MAC."""

MAIL_PROVIDERS: tuple[tuple[str, str, bool, bool], ...] = (
    ("gmail.com", "gmail.com", True, True),
    ("googlemail.com", "gmail.com", True, True),
    ("fastmail.com", "fastmail.com", False, True),
    ("hotmail.com", "hotmail.com", False, True),
    ("icloud.com", "icloud.com", False, True),
    ("live.com", "live.com", False, True),
    ("mac.com", "icloud.com", False, True),
    ("me.com", "icloud.com", False, True),
    ("outlook.com", "outlook.com", False, True),
    ("pm.me", "proton.me", False, True),
    ("proton.me", "proton.me", False, True),
    ("protonmail.com", "proton.me", False, True),
)
"""(domain, domain of the same mailbox, dots are ignored, text after a plus is ignored), as the providers document."""

PYTHON_NORMALISERS: tuple[Normaliser, ...] = ("ip", "phone")

_IPV4 = r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$"
_UUID = r"^\{?[0-9A-Fa-f]{8}-?([0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}\}?$"
_HEX = r"^[0-9A-Fa-f:.-]{12,}$"


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts)


_local = "split_part(lower(v), '@', 1)"
_domain = "rtrim(split_part(lower(v), '@', 2), '.')"
_no_tags = _quoted(domain for domain, _, _, tags in MAIL_PROVIDERS if tags)
_no_dots = _quoted(domain for domain, _, dots, _ in MAIL_PROVIDERS if dots)
_aliases = " ".join(f"WHEN '{domain}' THEN '{same}'" for domain, same, _, _ in MAIL_PROVIDERS if same != domain)
_untagged = f"CASE WHEN {_domain} IN ({_no_tags}) THEN split_part({_local}, '+', 1) ELSE {_local} END"
_mailbox = f"CASE WHEN {_domain} IN ({_no_dots}) THEN replace({_untagged}, '.', '') ELSE {_untagged} END"
_compact = "regexp_replace(v, '[ -]', '', 'g')"

CANONICAL: dict[Normaliser, str] = {
    "device": f"CASE WHEN regexp_matches(v, '{_UUID}') OR regexp_matches(v, '{_HEX}')"
    " THEN lower(regexp_replace(v, '[{}:.-]', '', 'g')) ELSE v END",
    "card": f"CASE WHEN regexp_matches(v, '^[0-9 -]+$') THEN {_compact} ELSE v END",
    "bank_account": "CASE WHEN regexp_matches(upper(regexp_replace(v, '[ .-]', '', 'g')), '^([A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}|[0-9]+)$')"
    " THEN upper(regexp_replace(v, '[ .-]', '', 'g')) ELSE v END",
    "email": f"CASE WHEN regexp_matches(v, '^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$') AND {_mailbox} <> ''"
    f" THEN {_mailbox} || '@' || CASE {_domain} {_aliases} ELSE {_domain} END END",
    "address": r"nullif(trim(regexp_replace(strip_accents(lower(v)), '[^\pL\pN]+', ' ', 'g')), '')",
    "identifier": "nullif(upper(regexp_replace(v, '[\\s./_-]', '', 'g')), '')",
    "ip": f"CASE WHEN regexp_matches(v, '{_IPV4}') THEN v ELSE translated END",
    "phone": "translated",
}
"""Normaliser → SQL over ``v`` (the trimmed text) giving the canonical text, or null when the value is malformed."""

_octet = {n: f"try_cast(split_part(canonical, '.', {n}) AS INTEGER)" for n in (1, 2, 3, 4)}
_is_ipv4 = f"regexp_matches(canonical, '{_IPV4}')"
_digits = "regexp_matches(canonical, '^[0-9]{13,19}$')"
_luhn = (
    "list_sum(list_transform(string_split(reverse(canonical), ''), lambda digit, place:"
    " CASE WHEN place % 2 = 1 THEN digit::INTEGER ELSE (digit::INTEGER * 2) // 10 + (digit::INTEGER * 2) % 10 END)) % 10 = 0"
)

REJECTED: tuple[tuple[str, str, str], ...] = (
    ("card", f"CASE WHEN {_digits} THEN {_luhn} ELSE false END", "raw_card_number"),
    ("card", r"regexp_matches(v, '^[0-9 -]{0,9}[*xX•]+[0-9 *xX•-]*$')", "malformed_value"),
    ("device", f"canonical IN ({_quoted(CONSTANT_DEVICES)}) OR regexp_matches(canonical, '^[fF]{{8,}}$')", "placeholder"),
    ("email", "regexp_matches(canonical, '^(noreply|no-reply|donotreply|none|null|unknown|na)@')", "placeholder"),
    ("phone", "canonical IS NULL AND NOT starts_with(ltrim(v), '+') AND $phone_region IS NULL", "phone_without_country"),
    ("ip", "canonical = 'private'", "private_address"),
    (
        "ip",
        f"{_is_ipv4} AND (greatest({_octet[1]}, {_octet[2]}, {_octet[3]}, {_octet[4]}) > 255"
        " OR regexp_matches(canonical, '(^|\\.)0[0-9]'))",
        "malformed_value",
    ),
    (
        "ip",
        f"{_is_ipv4} AND ({_octet[1]} IN (0, 10, 127) OR {_octet[1]} >= 224"
        f" OR ({_octet[1]} = 172 AND {_octet[2]} BETWEEN 16 AND 31)"
        f" OR ({_octet[1]} = 192 AND {_octet[2]} = 168) OR ({_octet[1]} = 169 AND {_octet[2]} = 254))",
        "private_address",
    ),
)
"""(normaliser, SQL condition over ``v`` and ``canonical``, reason code); the first that holds rejects the row."""

PLACEHOLDER = f"lower(v) IN ({_quoted(NOTHING)}) OR regexp_matches(v, '^[0\\s:.,_/+-]*$')"
"""SQL over ``v``: the text stands for nothing, in any kind (all zeros included)."""

NETWORK = (
    f"CASE WHEN normaliser <> 'ip' THEN NULL WHEN {_is_ipv4} THEN regexp_extract(canonical, '^\\d+\\.\\d+\\.\\d+') || '.0/24'"
    " ELSE '/48 of ' || regexp_extract(canonical, '^([0-9a-f]*:){3}') END"
)
"""SQL giving the network in which an address takes part in cohorts: the /24 of IPv4, the /48 of IPv6."""

FREE_MAIL = (*(domain for domain, *_ in MAIL_PROVIDERS), "aol.com", "gmx.de", "gmx.net", "mail.ru", "qq.com", "web.de",
             "yahoo.com", "yandex.ru")  # fmt: skip

HINT = (
    "CASE normaliser"
    f" WHEN 'ip' THEN CASE WHEN {_is_ipv4} THEN regexp_extract(canonical, '^\\d+\\.\\d+') || '.0.0/16'"
    " ELSE regexp_extract(canonical, '^([0-9a-f]*:){2}') || ':/32' END"
    f" WHEN 'email' THEN CASE WHEN split_part(canonical, '@', 2) IN ({_quoted(FREE_MAIL)}) THEN 'free mail' ELSE 'other mail' END"
    " WHEN 'phone' THEN '+' || translated_hint"
    " WHEN 'card' THEN CASE WHEN length(canonical) >= 12 THEN '…' || right(canonical, 4) END"
    " WHEN 'bank_account' THEN CASE WHEN length(canonical) >= 12 THEN '…' || right(canonical, 4) END"
    " END"
)
"""SQL giving the coarse hint that people see instead of the value, or null where none is safe."""


def canonical_ip(text: str) -> str | None:
    """The canonical form of an address that is not plain IPv4: the /64 of IPv6, the IPv4 that is mapped into it.

    ``'private'`` for an address that identifies nobody, ``None`` when the text is no address.
    """
    try:
        address = ipaddress.IPv6Address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    high = int(address) >> 64
    if high == 0 or high >> 57 == 0x7E or high >> 54 == 0x3FA or high >> 56 == 0xFF:
        return "private"
    groups = [f"{(high >> shift) & 0xFFFF:x}" for shift in (48, 32, 16, 0)]
    return ":".join(groups) + "::/64"


def canonical_phone(text: str, region: str | None) -> tuple[str | None, str | None]:
    """(E.164 form, country code) of a phone number, or (None, None) when it is not a possible number.

    ``region`` (ISO 3166) is assumed for numbers without a country code. ITU-T E.164 by Google's libphonenumber.
    """
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None, None
    if not phonenumbers.is_possible_number(number):
        return None, None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), str(number.country_code)
