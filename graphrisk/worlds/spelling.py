# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Texts of values, a column at a time: what a value is called, and the many ways in which it arrives spelled.

A value is a number; the same number of the same seed always gives the same text, and no two give texts that
normalisation would take for one (``graphrisk.sources.normalise``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.worlds.district import IPV6, NETWORKS, Integers
from graphrisk.worlds.marks import FAMILIES, MAILBOXES, PLATFORMS, mark_of, number_of

Text = Any
Characters = npt.NDArray[np.uint8]

FIRST_NAMES = (
    "anna", "ben", "carla", "david", "elena", "felix", "greta", "hugo", "ines", "jonas", "katja", "luca", "maria",
    "nils", "olga", "pavel", "quentin", "rosa", "samir", "tessa", "umut", "vera", "willem", "yusuf", "zoe",
)  # fmt: skip
LAST_NAMES = (
    "adler", "bakker", "costa", "dubois", "eriksen", "fischer", "garcia", "hansen", "ivanov", "janssen", "keller",
    "lopez", "moreau", "nowak", "oliveira", "petrov", "quist", "rossi", "schmidt", "taylor", "ulrich", "vogel",
    "walker", "yilmaz", "zeman",
)  # fmt: skip
TAGGED_DOMAINS = ("gmail.com", "outlook.com", "icloud.com")
SYLLABLES = tuple(consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou")
TAGS = ("shop", "market", "selling", "x1")
RELEASES = 6
MODEL_MAKERS = ("SM-A", "SM-G", "SM-S", "M20", "CPH", "V2", "RMX", "LE", "XQ")
IBANS = (("DE", 18), ("FR", 23), ("PL", 24), ("ES", 20))
OCTETS = (31, 37, 46, 62, 77, 78, 80, 82, 84, 86, 88, 91, 93, 95, 109, 176, 178, 188, 193, 194, 195, 212, 213, 217)
"""First octets of IPv4 under which no range is private or reserved."""
STREETS = (
    "Lindenstraße", "Rue Léon Blum", "Hauptstraße", "Kerkstraat", "Calle Peñón", "High Street", "Bahnhofstraße",
    "Rue de l'Église", "Dorpsstraat", "Ulica Polna", "Chaussée d'Été", "Station Road", "Gartenweg", "Calle Mayor",
    "Västergatan", "Church Lane",
)  # fmt: skip
CITIES = ("Köln", "Genève", "Málaga", "Leeds", "Gdańsk", "Gent", "Malmö", "Bremen")
ABROAD = 1 << 29
PHONE_DIGITS = 8
PHONES = (("+49", "151"), ("+44", "77"), ("+33", "6"), ("+31", "6"), ("+48", "6"))
"""Country and mobile prefix; eight more digits follow."""
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def scrambled(index: Integers, size: int, key: int) -> Integers:
    """A permutation of 0 … ``size - 1``, at ``index``: a Feistel network that is walked until it falls inside.

    Black and Rogaway, "Ciphers with Arbitrary Finite Domains" (2002). The key chooses the permutation; it keeps no secret.
    """
    half = max(1, (int(size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    result = index.copy()
    todo = np.arange(len(index))
    while len(todo):
        left, right = result[todo] >> half, result[todo] & mask
        for turn in range(4):
            left, right = right, left ^ (mixed(right, key + turn) & mask)
        result[todo] = (left << half) | right
        todo = todo[result[todo] >= size]
    return result


def mixed(numbers: Integers, key: int) -> Integers:
    """63 bits that look random for each number: the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    bits = numbers.astype(np.uint64) + np.uint64((key * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % (1 << 64))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return ((bits ^ (bits >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)


class Speller:
    """Writes values of a world with this seed; ``rng`` draws the spelling of each row."""

    def __init__(self, seed: int, rng: np.random.Generator) -> None:
        self._key = (seed * 1_000_003) & 0xFFFFFFFF
        self._rng = rng

    def texts(self, kind: str, values: Integers) -> Text:
        """One text for each row: the name of its value in one of its spellings."""
        write = {
            "ip": self._addresses,
            "device": self._devices,
            "card": lambda each: _joined(["tok_", self._hex(each, 24, 2)]),
            "bank_account": self._bank_accounts,
            "email": self._mailboxes,
            "phone": self._phones,
            "address": self._postal,
            "user_agent": self._user_agents,
            "bin": self._bins,
        }[kind]
        return write(values)

    def _chance(self, share: float, count: int) -> Text:
        return pa.array(self._rng.random(count) < share)

    def _hex(self, values: Integers, digits: int, salt: int) -> Text:
        return _text(self._hex_characters(values, digits, salt))

    def _hex_characters(self, values: Integers, digits: int, salt: int) -> Characters:
        parts = [mixed(mixed(values, self._key + salt), part) for part in range((digits + 11) // 12)]
        columns = [_HEX[(part >> (4 * nth)) & 15] for part in parts for nth in range(12)]
        return np.stack(columns[:digits], axis=1)

    def _devices(self, values: Integers) -> Text:
        digits = self._hex_characters(values, 32, 1)
        digits[:, 12] = ord("4")  # RFC 9562: the version, and the variant
        digits[:, 16] = _HEX[8 + (digits[:, 16] & 3)]
        text = _text(np.insert(digits, [8, 12, 16, 20], ord("-"), axis=1))
        return pc.if_else(self._chance(0.25, len(values)), pc.utf8_upper(text), text)

    def _bank_accounts(self, values: Integers) -> Text:
        # One value in five tokens is an account number; the country follows from the value as well.
        draw = mixed(values, self._key + 11) % 100
        tokens = np.array(_joined(["ba_", self._hex(values, 24, 3)]).to_pylist(), object)
        for nth, (country, length) in enumerate(IBANS):
            rows = np.flatnonzero((draw >= 40) & (draw % len(IBANS) == nth))
            tokens[rows] = self._ibans(values[rows], country, length).to_pylist()
        text = pa.array(tokens, pa.string())
        compact = pc.replace_substring(text, " ", "")
        return pc.if_else(self._chance(0.4, len(values)), compact, text)

    def _ibans(self, values: Integers, country: str, length: int) -> Text:
        first, second = mixed(values, self._key + 12), mixed(values, self._key + 13)
        digits = np.stack([(part // 10**nth) % 10 for part in (first, second) for nth in range(12)], axis=1)[:, :length]
        remainder = np.zeros(len(values), np.int64)
        letters = [int(digit) for letter in country for digit in str(ord(letter) - 55)]
        for column in [*digits.T, *letters, 0, 0]:
            remainder = (remainder * 10 + column) % 97  # ISO 13616
        check = 98 - remainder
        parts = [check // 10, check % 10]
        body = np.concatenate((np.stack(parts, axis=1), digits), axis=1).astype(np.uint8) + ord("0")
        head = np.tile(np.frombuffer(country.encode(), np.uint8), (len(values), 1))
        whole = np.concatenate((head, body), axis=1)
        return _text(np.insert(whole, list(range(4, whole.shape[1], 4)), ord(" "), axis=1))

    def _mailboxes(self, values: Integers) -> Text:
        """Mailboxes in the style of their mark. Names differ in their first letter, so that an initial tells the name."""
        number = scrambled(number_of(values), ABROAD, self._key + 21)
        mark, texts = mark_of(values), np.empty(len(values), object)
        for each in np.unique(mark):
            rows = np.flatnonzero(mark == each)
            style, digits, host = MAILBOXES[each]
            texts[rows] = self._named(number[rows], style, digits, host).to_pylist()
        text = pa.array(texts, pa.string())
        return pc.if_else(self._chance(0.15, len(values)), pc.utf8_upper(text), text)

    def _named(self, number: Integers, style: str, digits: int, host: str) -> Text:
        first, number = number % len(FIRST_NAMES), number // len(FIRST_NAMES)
        last, number = number % len(LAST_NAMES), number // len(LAST_NAMES)
        names, surnames = (pa.array(each) for each in (FIRST_NAMES, LAST_NAMES))
        tail = _text(_digits(number, digits)) if digits else ""
        rest = _syllables(number // 10**digits)
        words = {"first": names.take(pa.array(first)), "last": surnames.take(pa.array(last))}
        words |= {short: pc.utf8_slice_codeunits(words[name], 0, 1) for short, name in (("f", "first"), ("l", "last"))}
        words["last"], words["l"] = _joined([words["last"], rest]), _joined([words["l"], rest])
        parts = [words.get(part, part) for part in style.replace("{", "}").split("}") if part]
        count = len(number)
        if host == "gmail.com" and "." in parts:  # dots are ignored there
            parts[parts.index(".")] = pc.if_else(self._chance(0.4, count), "", ".")
        local = _joined([*parts, tail])
        if host in TAGGED_DOMAINS:
            tag = pa.array([f"+{tag}" for tag in TAGS]).take(pa.array(self._rng.integers(0, len(TAGS), count)))
            local = _joined([local, pc.if_else(self._chance(0.2, count), tag, "")])
        local = pc.if_else(self._chance(0.15, count), pc.utf8_title(local), local)
        return _joined([local, "@", host])

    def _user_agents(self, values: Integers) -> Text:
        """Browsers name their version, which is another one every few weeks; apps name the model of the telephone."""
        texts = pa.array([_user_agent(family, release) for family in range(FAMILIES) for release in range(RELEASES)])
        release = self._rng.integers(0, RELEASES, len(values))
        return texts.take(pa.array(mark_of(values) * RELEASES + release))

    def _bins(self, values: Integers) -> Text:
        """The first eight digits of cards, which name their issuer (ISO/IEC 7812-1); some write them in fours."""
        issuer = scrambled(mark_of(values), 20_000, self._key + 71)
        digits = _numbers(40_000_000 + 997 * issuer)
        spaced = _joined([pc.utf8_slice_codeunits(digits, 0, 4), " ", pc.utf8_slice_codeunits(digits, 4)])
        return pc.if_else(self._chance(0.2, len(values)), spaced, digits)

    def _phones(self, values: Integers) -> Text:
        number = scrambled(values, len(PHONES) * 10**PHONE_DIGITS, self._key + 31)
        country, number = number // 10**PHONE_DIGITS, number % 10**PHONE_DIGITS
        digits = _text(_digits(number, PHONE_DIGITS))
        count = len(values)
        codes, prefixes = (pa.array([phone[part] for phone in PHONES]).take(pa.array(country)) for part in (0, 1))
        gap = pa.array(("", " ", "-")).take(pa.array(self._rng.integers(0, 3, count)))
        head, tail = pc.utf8_slice_codeunits(digits, 0, 4), pc.utf8_slice_codeunits(digits, 4)
        after = pc.if_else(pc.equal(gap, ""), "", " ")
        return _joined([codes, after, prefixes, gap, head, gap, tail])

    def _postal(self, values: Integers) -> Text:
        number = scrambled(values, ABROAD, self._key + 41)
        street, number = number % len(STREETS), number // len(STREETS)
        house, number = 1 + number % 180, number // 180
        code = 10_000 + number
        city = pa.array(CITIES).take(pa.array(code % len(CITIES)))
        count = len(values)
        comma = pc.if_else(self._chance(0.4, count), " ", ", ")
        text = _joined(
            [pa.array(STREETS).take(pa.array(street)), " ", _numbers(house), comma, _numbers(code), " ", city]
        )
        text = pc.if_else(self._chance(0.2, count), pc.utf8_lower(text), text)
        return pc.if_else(self._chance(0.2, count), _without_accents(text), text)

    def _addresses(self, values: Integers) -> Text:
        is_v6 = values >= IPV6
        order = np.argsort(np.concatenate((np.flatnonzero(~is_v6), np.flatnonzero(is_v6))))
        both = pa.concat_arrays([self._ipv4(values[~is_v6]), self._ipv6(values[is_v6])])
        return both.take(pa.array(order))

    def _ipv4(self, values: Integers) -> Text:
        network = scrambled(values >> 8, NETWORKS, self._key + 51)
        first = pa.array([str(octet) for octet in OCTETS]).take(pa.array(network >> 16))
        octets = pa.array([str(octet) for octet in range(256)])
        rest = [octets.take(pa.array(part)) for part in ((network >> 8) & 255, network & 255, values & 255)]
        text = pc.binary_join_element_wise(first, *rest, ".")
        mapped = self._chance(0.01, len(values))
        return pc.if_else(mapped, _joined(["::ffff:", text]), text)

    def _ipv6(self, values: Integers) -> Text:
        """Hosts of a /64 change their address all the time (RFC 8981)."""
        site = scrambled((values - IPV6) >> 8, 256 * 61_440, self._key + 52)
        host = self._rng.integers(1, 65_536, (4, len(values)))
        groups = [0x8100 + site // 61_440, 4_096 + site % 61_440, (values & 255) << 8, *host]
        words = pa.array([f"{word:x}" for word in range(65_536)])
        text = pc.binary_join_element_wise("2a02", *[words.take(pa.array(group)) for group in groups], ":")
        return pc.if_else(self._chance(0.15, len(values)), pc.utf8_upper(text), text)


def _user_agent(family: int, release: int) -> str:
    if family < len(PLATFORMS):
        named = list(PLATFORMS)[family].format(major=128 + release, minor=f"17_{release}")
    else:
        model = f"{MODEL_MAKERS[family % len(MODEL_MAKERS)]}{100 + family}{'FGB'[family % 3]}"
        named = f"Linux; Android {13 + release % 2}; {model}) Shop/{4 + release}.{release}.1"
    return f"Mozilla/5.0 ({named}"


def account_names(numbers: Integers) -> Text:
    """Ids of accounts: ``acc_`` and eight digits."""
    return _joined(["acc_", _text(_digits(numbers, 8))])


def _digits(numbers: Integers, count: int) -> Characters:
    """The last ``count`` decimal digits as ASCII, shape (n, count)."""
    return np.stack([(numbers // 10**place) % 10 + ord("0") for place in range(count - 1, -1, -1)], axis=1)


def _syllables(numbers: Integers) -> Text:
    """Numbers as syllables, nothing for 0."""
    texts, left = pa.array([""] * len(numbers)), numbers
    while left.any():
        syllable = pa.array(("", *SYLLABLES)).take(pa.array(np.where(left > 0, 1 + left % len(SYLLABLES), 0)))
        texts, left = _joined([texts, syllable]), left // len(SYLLABLES)
    return texts


def _without_accents(text: Text) -> Text:
    for accented, plain in zip("éÉñóèáńöäß", "eEnoeanoaß", strict=True):
        text = pc.replace_substring(text, accented, plain)
    return text


def _numbers(numbers: Integers) -> Text:
    return pc.cast(pa.array(numbers), pa.string())


def _joined(parts: list[Any]) -> Text:
    return pc.binary_join_element_wise(*parts, "")


def _text(characters: npt.NDArray[Any]) -> Text:
    """A column of texts of one length, from a matrix of ASCII characters."""
    rows, length = characters.shape
    offsets = pa.py_buffer(np.arange(0, rows * length + 1, length or 1, dtype=np.int32))
    content = pa.py_buffer(np.ascontiguousarray(characters, np.uint8))
    return pa.StringArray.from_buffers(rows, offsets, content)
