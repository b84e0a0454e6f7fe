"""SQL that turns the numbers of a generated marketplace into texts that look like real account ids and values."""

from __future__ import annotations

FIRST_OCTETS = [octet for octet in range(1, 224) if octet not in (10, 100, 127, 169, 172, 192, 198, 203)]
"""First octets whose whole /8 is public: the special ranges of RFC 6890 all lie in the ones left out."""

BLOCK = 64
"""So many consecutive ip numbers lie in one network (a /24, or a /48 of IPv6), as the customers of one provider do."""

_NETWORKS = len(FIRST_OCTETS) * 65536
_DOMAINS = ["gmail.com", "outlook.com", "gmx.net", "mail.example", "shop.example"]
_NAMES = [
    "anna",
    "ben",
    "carla",
    "david",
    "elif",
    "fatou",
    "george",
    "hana",
    "ivan",
    "joao",
    "kofi",
    "lena",
    "mei",
    "omar",
]
_STREETS = ["Oak", "Station", "Mill", "Church", "Garden", "Harbour", "King", "Lake", "Market", "North", "Park", "River"]
_TOWNS = ["Ashford", "Brookfield", "Clearwater", "Dunmore", "Eastleigh", "Fairview", "Glenwood", "Hillcrest"]


def account_id(number: str) -> str:
    """SQL for the id of an account from its number."""
    return f"'acc_' || lpad(({number})::VARCHAR, 9, '0')"


def value(number: str, seed: int) -> str:
    """SQL for the text of value ``number`` of the column ``kind``; a number always gives the same text."""
    # md5 is a published function, so the bytes outlive a DuckDB release, which the result of its hash() need not.
    digest = f"md5('{seed}:' || kind || ':' || {number})"
    parts = [
        f"{digest}[1:8]",
        f"{digest}[9:12]",
        f"'4' || {digest}[13:15]",
        f"'a' || {digest}[16:18]",
        f"{digest}[19:30]",
    ]
    uuid = " || '-' || ".join(parts)
    cases = {
        "device": uuid,
        "ip": _address(number),
        "card": f"'tok_' || {digest}[1:24]",
        "bank_account": f"'ba_' || {digest}[1:24]",
        "email": f"{_pick(_NAMES, number)} || '.' || {digest}[1:14] || '@' || {_pick(_DOMAINS, f'({number} // 7)')}",
        "phone": _phone(number),
        "address": f"(1 + {number} % 180) || ' ' || {_pick(_STREETS, f'({number} // 180)')} || ' Street, '"
        f" || lpad(({number} // 2160)::VARCHAR, 6, '0') || ' ' || {_pick(_TOWNS, number)}",
    }
    return "CASE kind " + " ".join(f"WHEN '{kind}' THEN {text}" for kind, text in cases.items()) + " END"


def _pick(words: list[str], number: str) -> str:
    listed = ", ".join(f"'{word}'" for word in words)
    return f"[{listed}][1 + {number} % {len(words)}]"


def _address(number: str) -> str:
    block = f"({number} // {BLOCK})"
    # A multiplier that shares no factor with the modulus permutes the networks, so two blocks never meet in one.
    network = f"(({block} * 7919003 + 104729) % {_NETWORKS})"
    octets = "[" + ", ".join(str(octet) for octet in FIRST_OCTETS) + "]"
    ipv4 = (
        f"{octets}[1 + {network} // 65536] || '.' || ({network} // 256 % 256) || '.' || ({network} % 256)"
        f" || '.' || (20 + 3 * ({number} % {BLOCK}))"
    )
    ipv6 = f"printf('2a02:%x:%x:%x::%x', {block} // 65536, {block} % 65536, {number} % {BLOCK}, 1 + {number} % 9973)"
    return f"CASE WHEN {block} % 12 = 5 THEN {ipv6} ELSE {ipv4} END"


def _phone(number: str) -> str:
    american = f"'+1' || (2000000000 + {number} * 7919003 % 7999999991)"
    british = f"'+447' || (400000000 + {number} * 7919003 % 499999993)"
    german = f"'+4915' || (100000000 + {number} * 7919003 % 799999999)"
    return f"CASE {number} % 5 WHEN 0 THEN {british} WHEN 1 THEN {german} ELSE {american} END"
