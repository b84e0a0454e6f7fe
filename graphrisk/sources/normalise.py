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

FREE_MAIL = (
    *(domain for domain, *_ in MAIL_PROVIDERS),
    *("aol.com", "gmx.de", "gmx.net", "mail.ru", "qq.com", "web.de", "yahoo.com", "yandex.ru"),
)


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts)


PREPARED = (
    r"normaliser = 'ip' AND regexp_matches(v, '^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$') AS plain_ipv4,"
    r" CASE WHEN normaliser = 'email' AND regexp_matches(v, '^[^@\s]+@[^@\s]+\.[^@\s]+$') THEN lower(split_part(v, '@', 1)) END AS local_part,"
    " CASE WHEN normaliser = 'email' THEN rtrim(lower(split_part(v, '@', 2)), '.') END AS mail_domain"
)
"""SQL columns over ``normaliser`` and ``v`` (the trimmed text) that the expressions below use."""

_untagged = "CASE WHEN ignores_tags THEN split_part(local_part, '+', 1) ELSE local_part END"
_compact = "regexp_replace(v, '[ .-]', '', 'g')"

LETTERS = r"regexp_replace(strip_accents(lower(v)), '[^\pL\pN]+', ' ', 'g')"
"""SQL giving the letters and digits of a text, lower and without accents, and a space for whatever is between them."""

CANONICAL: dict[Normaliser, str] = {
    "device": "nullif(CASE WHEN length(v) < 12 THEN v WHEN regexp_matches(v, '^[0-9A-Fa-f-]+$') THEN lower(replace(v, '-', ''))"
    " WHEN regexp_matches(v, '^[0-9A-Fa-f{}:.-]+$') THEN lower(regexp_replace(v, '[{}:.-]', '', 'g')) ELSE v END, '')",
    "card": r"CASE WHEN regexp_matches(v, '^[0-9][0-9\pZ\pP]*$') AND NOT contains(v, '*')"
    " THEN regexp_replace(v, '[^0-9]', '', 'g') ELSE v END",
    "bank_account": f"CASE WHEN regexp_matches(upper({_compact}), '^([A-Z]{{2}}[0-9]{{2}}[A-Z0-9]{{10,30}}|[0-9]+)$')"
    f" THEN upper({_compact}) ELSE v END",
    "email": f"nullif(CASE WHEN ignores_dots THEN replace({_untagged}, '.', '') ELSE {_untagged} END, '')"
    " || '@' || coalesce(same_domain, mail_domain)",
    "address": f"nullif(trim({LETTERS}), '')",
    "identifier": "nullif(upper(regexp_replace(v, '[\\s./_-]', '', 'g')), '')",
    "bin": r"nullif(regexp_extract(regexp_replace(v, '[ -]', '', 'g'), '^[0-9]{6,8}$'), '')",
    "user_agent": r"trim(regexp_replace(lower(v), '([/ :]v?)[0-9]+([._][0-9]+)*\b', '\1', 'g'))",
    "ip": "CASE WHEN plain_ipv4 THEN v ELSE translated END",
    "phone": "translated",
}
"""Normaliser → SQL giving the canonical text, or null when the value is malformed."""

_luhn = (
    "list_sum(list_transform(string_split(reverse(canonical), ''), lambda digit, place:"
    " CASE WHEN place % 2 = 1 THEN digit::INTEGER ELSE (digit::INTEGER * 2) // 10 + (digit::INTEGER * 2) % 10 END)) % 10 = 0"
)

_PRIVATE = r"^(0|10|127|169\.254|172\.(1[6-9]|2\d|3[01])|192\.168|22[4-9]|2[3-5]\d)\."

REJECTED: tuple[tuple[str, str, str], ...] = (
    ("card", f"CASE WHEN regexp_matches(canonical, '^[0-9]{{13,19}}$') THEN {_luhn} ELSE false END", "raw_card_number"),
    ("bin", r"regexp_matches(v, '^([0-9][ -]?){12,18}[0-9]$')", "raw_card_number"),
    ("card", r"regexp_matches(v, '^[0-9 -]{0,9}[*xX•]{2,}[0-9 *xX•-]*$')", "malformed_value"),
    (
        "device",
        f"canonical IN ({_quoted(CONSTANT_DEVICES)}) OR regexp_matches(canonical, '^[fF]{{8,}}$')",
        "placeholder",
    ),
    ("email", "regexp_matches(canonical, '^(noreply|no-reply|donotreply|none|null|unknown|na)@')", "placeholder"),
    ("phone", "canonical IS NULL AND NOT starts_with(v, '+') AND $phone_region IS NULL", "phone_without_country"),
    (
        "ip",
        r"is_ipv4 AND NOT regexp_matches(canonical, '^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.|$)){4}$')",
        "malformed_value",
    ),
    (
        "ip",
        f"canonical = 'private' OR (is_ipv4 AND regexp_matches(canonical, '{_PRIVATE}'))",
        "private_address",
    ),
)
"""(normaliser, SQL condition over ``v`` and ``canonical``, reason code); the first that holds rejects the row."""

PLACEHOLDER = (
    f"lower(v) IN ({_quoted(NOTHING)})"
    " OR (left(v, 1) IN ('0', ':', '.', ',', '_', '/', '+', '-') AND regexp_matches(v, '^[0\\s:.,_/+-]*$'))"
)
"""SQL over ``v`` (trimmed): the text stands for nothing, in any kind (all zeros included). Few values begin so."""

_last_group = "strpos(reverse(canonical), '.')"
_first_group = "strpos(canonical, '.')"

_letters_and_digits = (
    r"regexp_replace(regexp_replace(split_part(canonical, '@', 1), '[0-9]', '9', 'g'), '\pL+', 'a', 'g')"
)

NETWORK = (
    "CASE normaliser WHEN 'ip' THEN CASE"
    f" WHEN is_ipv4 THEN left(canonical, length(canonical) - {_last_group}) || '.0/24'"
    " ELSE '/48 of ' || regexp_extract(canonical, '^([0-9a-f]*:){3}') END"
    f" WHEN 'email' THEN {_letters_and_digits} || '@' || split_part(canonical, '@', 2) END"
)
"""SQL giving the wider place that a value belongs to, where its newcomers can be a cohort: the /24 of IPv4, the /48 of
IPv6, the pattern of an e-mail address (``a.a99@gmail.com``: runs of letters, each digit, everything else as it is)."""

_last_four = "CASE WHEN length(canonical) >= 12 THEN '…' || right(canonical, 4) END"

HINT = (
    "CASE normaliser WHEN 'ip' THEN CASE WHEN is_ipv4 THEN"
    f" left(canonical, {_first_group} + strpos(substr(canonical, {_first_group} + 1), '.') - 1) || '.0.0/16'"
    " ELSE regexp_extract(canonical, '^([0-9a-f]*:){2}') || ':/32' END"
    f" WHEN 'email' THEN CASE WHEN mail_domain IN ({_quoted(FREE_MAIL)}) THEN 'free mail' ELSE 'other mail' END"
    f" WHEN 'phone' THEN '+' || translated_hint WHEN 'card' THEN {_last_four} WHEN 'bank_account' THEN {_last_four} END"
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
