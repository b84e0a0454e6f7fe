"""Sightings judged one at a time in Python are judged as the statement of loading judges them."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from graphrisk.model import microseconds
from graphrisk.policy import Policy
from graphrisk.schema import Normaliser
from graphrisk.sources.direct import DirectJudge
from graphrisk.sources.normalise import MAIL_PROVIDERS, NOTHING
from graphrisk.sources.plain_text import judged
from graphrisk.sources.tokens import TokenKey

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KINDS = sorted(Policy().kinds)
ASKED = ("reason", "kind", "token", "network", "hint", "first_seen", "last_seen")

digits = st.text("0123456789", min_size=1, max_size=20)
separated = st.lists(st.text("0123456789abcdefABCDEFxX*", min_size=1, max_size=6), min_size=1, max_size=8).flatmap(
    lambda parts: st.sampled_from(["", "-", " ", ".", ":", ":v", "/", " - ", "_", "{", "+"]).map(
        lambda by: by.join(parts)
    )
)
mails = st.builds(
    lambda local, tag, at, domain, end: f"{local}{tag}{at}{domain}{end}",
    st.text(string.ascii_letters + string.digits + ".-_", max_size=12)
    | st.sampled_from(["noreply", "NA", ".", "none"]),
    st.sampled_from(["", "+shop", "+", "..", " x"]),
    st.sampled_from(["@", "@", "@", "@@", ""]),
    st.sampled_from([domain for domain, *_ in MAIL_PROVIDERS] + ["shop.example", "GMAIL.com", "nodot"]),
    st.sampled_from(["", ".", "..", " "]),
)
addresses = (
    st.ip_addresses().map(str)
    | st.ip_addresses(v=6).map(lambda address: address.exploded)
    | st.lists(st.integers(0, 300), min_size=3, max_size=5).map(lambda parts: ".".join(map(str, parts)))
    | st.sampled_from(
        ["::1", "fe80::1%eth0", "[2001:db8::1]", "::ffff:8.8.8.8", "::ffff:10.0.0.1", "010.1.2.3", "2001:db8::/64"]
    )
)
phones = st.builds(lambda begins, rest: begins + rest, st.sampled_from(["+49", "+1", "0", "00", "+", "(030) "]), digits)
agents = st.sampled_from(["Mozilla/5.0 (X11; v12_3) Gecko/2010", "App:v1.2.3-b4", "curl/8", "Opera 9.80x", "/1 /2.3.4"])
constants = st.sampled_from(
    [*NOTHING, "9774D56D682E549C", "ffffffffffff", "{}{}{}{}{}{}", "0000-0000", "4111 1111 1111 1111", "4111******1111"]
)
texts = st.text(string.printable, max_size=24) | st.text(max_size=8)
first_octets = st.sampled_from(
    ["0", "10", "100", "127", "169.254", "169.253", "172", "192.168", "192.167", "223", "224", "240", "255"]
)
ends = st.lists(st.sampled_from([0, 1, 9, 15, 16, 31, 32, 99, 255, 256]), min_size=2, max_size=3)
near_private = st.builds(lambda begins, rest: ".".join([begins, *map(str, rest)]), first_octets, ends)
hex_ids = st.text("0123456789abcdefABCDEF-", min_size=9, max_size=14) | st.text("fF", min_size=6, max_size=10)


def _with_check_digit(body: str) -> str:
    """ISO/IEC 7812-1: the digit that makes the sum of alternately doubled digits a multiple of ten."""
    total = sum(sum(map(int, str(int(digit) * (2 - place % 2)))) for place, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


card_numbers = st.text("0123456789", min_size=10, max_size=20).map(_with_check_digit)
masked = st.builds(lambda shown, by, last: f"{shown}{by * 4}{last}", digits, st.sampled_from("*xX•"), digits)
ibans = st.builds(
    lambda rest, by: by.join(["DE89", *(rest[at : at + 4] for at in range(0, len(rest), 4))]),
    st.text("0123456789ABCxyz", min_size=8, max_size=32),
    st.sampled_from(["", " ", "-", "."]),
)
short_digits = st.text("0123456789", min_size=4, max_size=10) | st.text("0123456789 -", min_size=4, max_size=24)
likely: dict[str, st.SearchStrategy[str]] = {
    "device": hex_ids | separated,
    "card": card_numbers | masked | separated,
    "bank_account": ibans | digits,
    "email": mails,
    "bin": short_digits | card_numbers,
    "ip": near_private | addresses,
    "phone": phones,
    "user_agent": agents,
    "identifier": separated,
    "address": separated | texts,
}
values = digits | separated | mails | addresses | phones | agents | constants | texts


def _asked(kind: str) -> st.SearchStrategy[tuple[str, str]]:
    normaliser = Policy().kinds[kind.strip().lower()].normaliser if kind != "no_such_kind" else "identifier"
    return st.tuples(st.just(kind), likely[normaliser] | likely[normaliser] | values)


def _row(drawn: dict[str, Any]) -> dict[str, str | None]:
    kind, value = drawn.pop("asked")
    times = {name: each.isoformat() if isinstance(each, datetime) else each for name, each in drawn.items()}
    return {"kind": kind, "value": value, **times}


sightings = st.fixed_dictionaries(
    {
        "account_id": st.sampled_from([*["acc_1"] * 12, "a b", " ", "ä", "x" * 129, "a\tb"]),
        "asked": st.sampled_from([*KINDS, *KINDS, *KINDS, "Device ", "no_such_kind"]).flatmap(_asked),
        "first_seen": st.sampled_from(
            [None, None, None, None, NOW, NOW + timedelta(days=2), datetime(1980, 1, 1, tzinfo=UTC)]
        ),
        "last_seen": st.sampled_from(
            [None, None, None, None, NOW + timedelta(microseconds=1), NOW - timedelta(days=3)]
        ),
        "seen_at": st.just(NOW - timedelta(hours=5)),
    }
).map(_row)


def _judge(policy: Policy) -> DirectJudge:
    columns = duckdb.connect(config={"threads": 1, "temp_directory": ""})
    columns.execute("SET TimeZone = 'UTC'")
    return DirectJudge(columns, policy, TokenKey(b"k" * 32, "0a0b0c0d"))


@pytest.mark.parametrize("region", [None, "DE"])
def test_a_sighting_asked_about_is_judged_as_a_load_would_judge_it(region: str | None) -> None:
    policy = Policy()
    judge = _judge(policy.model_copy(update={"load": policy.load.model_copy(update={"phone_region": region})}))

    # What fails is told as it was drawn: shrinking it would take minutes of statements.
    @settings(max_examples=30, phases=(Phase.explicit, Phase.reuse, Phase.generate))
    @given(st.lists(sightings, min_size=30, max_size=80))
    def equal(rows: list[dict[str, str | None]]) -> None:
        _assert_equal(judge, rows)

    equal()


def test_values_at_every_edge_are_judged_as_a_load_would_judge_them() -> None:
    edges = {
        "ip": [
            f"{first}.{second}.7.9" for first in range(258) for second in (0, 15, 16, 31, 32, 168, 169, 254, 255, 256)
        ],
        "device": [digit * length for digit in "aAfFxX0" for length in range(6, 16)]
        + [f"{'ab-' * length}{end}" for length in range(2, 6) for end in ("", "1", "}", "g")],
        "card": [_with_check_digit("4" * length + end) for length in range(8, 22) for end in "0123456789"]
        + ["4" * length for length in range(8, 22)],
        "bank_account": [f"de89{'3' * length}{end}" for length in range(6, 34) for end in ("", "z", "?")],
        "bin": ["4" * length for length in range(3, 22)] + ["4-" * length + "4" for length in range(3, 22)],
        "email": [f"a.b{tag}@{domain}" for tag in ("", "+c", "9") for domain, *_ in MAIL_PROVIDERS],
    }
    rows = [
        {"account_id": "acc_1", "kind": kind, "value": value, "seen_at": NOW.isoformat()}
        for kind, rules in Policy().kinds.items()
        for value in edges.get(rules.normaliser, [])
    ]
    assert {Policy().kinds[row["kind"]].normaliser for row in rows} == set(edges)
    _assert_equal(_judge(Policy()), rows)


def test_addresses_in_every_alphabet_are_judged_as_a_load_would_judge_them() -> None:
    """Every character that can be printed and has a code below 2**17, within a word and as one."""
    every = [chr(code) for code in range(0x80, 1 << 17) if chr(code).isprintable()]
    values = [" ".join(f"a{one}e {one}" for one in every[at : at + 500]) for at in range(0, len(every), 500)]
    values += ["Straße 5, Malmö", "ул. Ленина 5", "東京都千代田区1-1", "12 Rue de l’Église"]
    rows = [{"account_id": "a", "kind": "address", "value": each, "seen_at": NOW.isoformat()} for each in values]
    _assert_equal(_judge(Policy()), rows)


words_of_the_world = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x1FFF) | st.characters(min_codepoint=0xAC00, max_codepoint=0xD7FF),
    max_size=12,
)


@settings(max_examples=20, phases=(Phase.explicit, Phase.reuse, Phase.generate), deadline=None)
@given(st.lists(words_of_the_world, min_size=50, max_size=100))
def test_addresses_of_letters_beside_any_others_are_judged_as_a_load_would_judge_them(words: list[str]) -> None:
    rows = [{"account_id": "a", "kind": "address", "value": each, "seen_at": NOW.isoformat()} for each in words]
    _assert_equal(_judge(Policy()), rows)


def test_an_address_in_letters_beyond_ascii_needs_no_statement_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took 70 ms to be judged, and so did every call about an account in a Straße or an Église."""
    judge = _judge(Policy())
    monkeypatch.setattr(judge, "judge_by_sql", None)
    row = {"account_id": "a", "kind": "address", "value": "12 Rue de l’Église, Malmö", "seen_at": NOW.isoformat()}
    (told,) = judge.judge([row], microseconds(NOW))
    plain = {**row, "value": "12 rue de l eglise malmo"}
    assert told == judge.judge([plain], microseconds(NOW))[0]


def _assert_equal(judge: DirectJudge, rows: Sequence[Mapping[str, str | None]]) -> None:
    now = microseconds(NOW)
    for row, told, wanted in zip(rows, judge.judge(rows, now), judge.judge_by_sql(rows, now), strict=True):
        assert (row, told["reason"]) == (row, wanted["reason"])
        if wanted["reason"] is None:
            assert (row, [told[name] for name in ASKED]) == (row, [wanted[name] for name in ASKED])


def test_letters_beyond_ascii_are_left_to_the_statement() -> None:
    assert all(judged(normaliser, "Straße 5", None) is None for normaliser in get_args(Normaliser))
    assert judged("address", "Main Street 5", None) is not None
