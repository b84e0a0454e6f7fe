"""Two spellings of one thing link accounts, two things do not; and what stands for nothing never gets in."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphrisk.policy import LoadPolicy, Policy
from graphrisk.schema import REJECT_REASONS
from tests.support import LENIENT, ask, call_cli, load, places_of, rejects, sighting, tokens, write_csv, write_facts

SAME = [
    ("ip", "8.8.4.4", " 8.8.4.4 "),
    ("ip", "8.8.4.4", "::ffff:8.8.4.4"),
    ("ip", "8.8.4.4", "::FFFF:0808:0404"),
    ("ip", "2a00:1450:4001:82a::1", "2a00:1450:4001:82a:ffff:1:2:3"),
    ("ip", "2a00:1450:4001:082A:0:0:0:1", "2a00:1450:4001:82a::"),
    ("ip", "[2a00:1450::1]", "2a00:1450::2%eth0"),
    ("email", "Ann.Lee@Example.org", "ann.lee@example.ORG"),
    ("email", "annlee@gmail.com", "Ann.Lee+shop@gmail.com"),
    ("email", "annlee@gmail.com", "ann.lee@googlemail.com"),
    ("email", "ann.lee@outlook.com", "ann.lee+news@outlook.com"),
    ("phone", "+447911123456", "+44 7911 123456"),
    ("phone", "+447911123456", "+44 (0)7911-123-456"),
    ("device", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "{6F9619FF-8B86-D011-B42D-00CF4FC964FF}"),
    ("device", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "6F9619FF8B86D011B42D00CF4FC964FF"),
    ("device", "00:1B:44:11:3A:B7", "001b44113ab7"),
    ("bank_account", "DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
    ("address", "1 Main St., Springfield", "1  MAIN ST springfield"),
    ("address", "Rue de l'Église 5", "rue de l eglise 5"),
    ("card", "1234 5678 9012 3456", "1234-5678-9012-3456"),
    ("bin", "40123456", "4012 3456"),
    ("bin", "401234", "4012-34"),
    (
        "user_agent",
        "Mozilla/5.0 (X11; Linux) Chrome/118.0.0.0 Safari/537.36",
        "Mozilla/5.0 (X11; Linux) Chrome/131.0.1.7 Safari/537.36",
    ),
    (
        "user_agent",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)",
        "mozilla/5.0 (iPhone; CPU iPhone OS 18_0_1 like Mac OS X)",
    ),
    (
        "user_agent",
        "Mozilla/5.0 (Windows NT 10.0; rv:126.0) Firefox/126.0",
        "Mozilla/5.0 (Windows NT 10.0; rv:9.0) Firefox/9",
    ),
]
DIFFERENT = [
    ("ip", "8.8.4.4", "8.8.4.5"),
    ("ip", "2a00:1450:4001:82a::1", "2a00:1450:4001:82b::1"),
    ("email", "ann.lee@example.org", "annlee@example.org"),
    ("email", "ann.lee@outlook.com", "annlee@outlook.com"),
    ("email", "ann+shop@example.org", "ann@example.org"),
    ("email", "annlee@gmail.com", "annlee@example.org"),
    ("phone", "+447911123456", "+447911123457"),
    ("device", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "6f9619ff-8b86-d011-b42d-00cf4fc964fe"),
    ("device", "idfa-Zq81-x", "idfa-zq81-x"),
    ("bank_account", "DE89370400440532013000", "DE89370400440532013001"),
    ("card", "tok_AbCdEf", "tok_abcdef"),
    ("address", "1 Main St, Springfield", "11 Main St, Springfield"),
    ("bin", "40123456", "40123457"),
    ("user_agent", "Mozilla/5.0 (Linux; Android 13; SM-A515F)", "Mozilla/5.0 (Linux; Android 13; SM-A525F)"),
    ("user_agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/118.0", "Mozilla/5.0 (X11; Linux aarch64) Chrome/118.0"),
]
VISA, AMEX, LONG = "4111111111111111", "378282246310005", "6304000000000000000"


def both(cases: list[tuple[str, str, str]], folder: Path) -> list[tuple[str, str]]:
    rows = [
        sighting(f"{nth}-{side}", kind, value)
        for nth, (kind, *pair) in enumerate(cases)
        for side, value in zip("ab", pair, strict=True)
    ]
    load(folder / "home", write_facts(folder / "facts", sightings=rows))
    found = tokens(folder / "home")
    return [(found[f"{nth}-a"], found[f"{nth}-b"]) for nth in range(len(cases))]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], tuple[str, str]]:
    cases = SAME + DIFFERENT
    return dict(zip(cases, both(cases, tmp_path_factory.mktemp("spellings")), strict=True))


@pytest.mark.parametrize("case", SAME, ids=str)
def test_two_spellings_of_one_thing_give_one_token(
    case: tuple[str, str, str], pairs: dict[tuple[str, str, str], tuple[str, str]]
) -> None:
    first, second = pairs[case]
    assert first == second


@pytest.mark.parametrize("case", DIFFERENT, ids=str)
def test_two_things_give_two_tokens(
    case: tuple[str, str, str], pairs: dict[tuple[str, str, str], tuple[str, str]]
) -> None:
    first, second = pairs[case]
    assert first != second


def test_the_same_text_in_two_kinds_gives_two_tokens(tmp_path: Path) -> None:
    rows = [sighting("a", "device", "x-123-y"), sighting("b", "card", "x-123-y")]
    load(tmp_path / "home", write_facts(tmp_path / "facts", sightings=rows))
    found = tokens(tmp_path / "home")
    assert found["a"] != found["b"]


def test_a_mapped_ipv4_address_has_the_network_and_the_hint_of_the_plain_one(tmp_path: Path) -> None:
    rows = [sighting("a", "ip", "8.8.4.4"), sighting("b", "ip", "::ffff:8.8.4.4")]
    load(tmp_path / "home", write_facts(tmp_path / "facts", sightings=rows))
    plain, mapped = ask(tmp_path / "home", "SELECT network, hint FROM fact_sightings ORDER BY account_id")
    assert mapped == plain


def test_a_phone_number_without_country_is_read_in_the_region_of_the_policy(tmp_path: Path) -> None:
    spellings = ("+447911123456", "07911 123456", "0044 7911 123456", "+44 7911 123456")
    rows = [sighting(f"a{nth}", "phone", text) for nth, text in enumerate(spellings)]
    policy = Policy(load=LoadPolicy(phone_region="GB"))
    load(tmp_path / "home", write_facts(tmp_path / "facts", sightings=rows), policy=policy)
    assert len(set(tokens(tmp_path / "home").values())) == 1


BAD_SIGHTINGS: list[tuple[str, dict[str, object]]] = [
    ("bad_account_id", sighting(" ", "device", "d-1")),
    ("bad_account_id", sighting("", "device", "d-1")),
    ("bad_account_id", sighting("x" * 129, "device", "d-1")),
    ("bad_account_id", sighting("a\x07b", "device", "d-1")),
    ("bad_count", sighting("a", "device", "d-1", count="0")),
    ("bad_count", sighting("a", "device", "d-1", count="-3")),
    ("bad_count", sighting("a", "device", "d-1", count="1.5")),
    ("bad_count", sighting("a", "device", "d-1", count="many")),
    ("bad_time", sighting("a", "device", "d-1", "")),
    ("bad_time", sighting("a", "device", "d-1", "05/01/2026")),
    ("bad_time", sighting("a", "device", "d-1", "infinity")),
    ("bad_time", sighting("a", "device", "d-1", last_seen="soon")),
    ("last_before_first", sighting("a", "device", "d-1", last_seen="2026-01-05T09:59:59Z")),
    ("malformed_value", sighting("a", "email", "not an address")),
    ("malformed_value", sighting("a", "email", "+tag@gmail.com")),
    ("malformed_value", sighting("a", "ip", "300.1.1.1")),
    ("malformed_value", sighting("a", "ip", "8.8.8")),
    ("malformed_value", sighting("a", "ip", "2a00::g")),
    ("malformed_value", sighting("a", "phone", "+44 12")),
    ("malformed_value", sighting("a", "card", "**** **** **** 1111")),
    ("malformed_value", sighting("a", "bin", "40123")),
    ("malformed_value", sighting("a", "bin", "401234567")),
    ("malformed_value", sighting("a", "bin", "tok_401234")),
    ("phone_without_country", sighting("a", "phone", "07911 123456")),
    ("private_address", sighting("a", "ip", "10.1.2.3")),
    ("private_address", sighting("a", "ip", "172.31.0.1")),
    ("private_address", sighting("a", "ip", "192.168.0.1")),
    ("private_address", sighting("a", "ip", "127.0.0.1")),
    ("private_address", sighting("a", "ip", "169.254.9.9")),
    ("private_address", sighting("a", "ip", "224.0.0.1")),
    ("private_address", sighting("a", "ip", "::1")),
    ("private_address", sighting("a", "ip", "fd00::1")),
    ("private_address", sighting("a", "ip", "fe80::1%eth0")),
    ("private_address", sighting("a", "ip", "::ffff:10.1.2.3")),
    ("private_address", sighting("a", "ip", "::ffff:127.0.0.1")),
    ("raw_card_number", sighting("a", "card", VISA)),
    ("raw_card_number", sighting("a", "bin", VISA)),
    ("raw_card_number", sighting("a", "bin", "4111 1111 1111 1111")),
    ("time_out_of_range", sighting("a", "device", "d-1", "1970-01-01")),
    ("time_out_of_range", sighting("a", "device", "d-1", "2999-01-01")),
    ("time_out_of_range", sighting("a", "device", "d-1", last_seen="2999-01-01")),
    ("unknown_kind", sighting("a", "cookie", "d-1")),
    ("unknown_kind", sighting("a", "", "d-1")),
]
NOTHING = [
    *(("device", text) for text in ("", "  ", "unknown", "NULL", "None", "n/a", "0", "-", "0000000000000000")),
    ("device", "00000000-0000-0000-0000-000000000000"),
    ("device", "02:00:00:00:00:00"),
    ("device", "9774d56d682e549c"),
    ("device", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
    ("ip", "0.0.0.0"),
    ("ip", "::"),
    ("card", "0000 0000 0000 0000"),
    ("bank_account", "null"),
    ("bank_account", "0000000000"),
    ("email", "unknown"),
    ("email", "noreply@example.org"),
    ("phone", "undefined"),
    ("phone", "+0000000000"),
    ("address", "N/A"),
]
BAD_ACCOUNTS: list[tuple[str, dict[str, object]]] = [
    ("bad_account_id", {"account_id": "", "status": "active"}),
    ("bad_status", {"account_id": "a", "status": "asleep"}),
    ("bad_time", {"account_id": "a", "created_at": "yesterday"}),
    ("time_out_of_range", {"account_id": "a", "created_at": "1900-01-01"}),
]
BAD_LABELS: list[tuple[str, dict[str, object]]] = [
    ("bad_account_id", {"account_id": "", "label": "bad", "labelled_at": "2026-01-05"}),
    ("bad_label", {"account_id": "a", "label": "ugly", "labelled_at": "2026-01-05"}),
    ("bad_label", {"account_id": "a", "label": "", "labelled_at": "2026-01-05"}),
    ("bad_time", {"account_id": "a", "label": "bad", "labelled_at": ""}),
    ("time_out_of_range", {"account_id": "a", "label": "bad", "labelled_at": "2999-01-05"}),
]
CASES = [
    *(("sightings", reason, row) for reason, row in BAD_SIGHTINGS),
    *(("sightings", "placeholder", sighting("a", kind, value)) for kind, value in NOTHING),
    *(("accounts", reason, row) for reason, row in BAD_ACCOUNTS),
    *(("labels", reason, row) for reason, row in BAD_LABELS),
]


@pytest.fixture(scope="module")
def rejected(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], str]:
    """All bad rows in one load, each between good ones: (table, row) → reason."""
    folder = tmp_path_factory.mktemp("rejected")
    good = {
        "accounts": {"account_id": "g"},
        "sightings": sighting("g", "device", "good-device", last_seen="", count=""),
        "labels": {"account_id": "g", "label": "good", "labelled_at": "2026-01-05"},
    }
    for table, row in good.items():
        bad = [each for name, _, each in CASES if name == table]
        write_csv(folder / "facts" / f"{table}.csv", [{**row}, *bad, {**row}])
    load(folder / "home", folder / "facts", policy=LENIENT)
    return {(table, row): reason for row, table, reason in rejects(folder / "home")}


@pytest.mark.parametrize("nth", range(len(CASES)), ids=[f"{case[1]}-{list(case[2].values())[:4]}" for case in CASES])
def test_a_bad_row_is_rejected_for_its_reason_and_no_other(nth: int, rejected: dict[tuple[str, int], str]) -> None:
    table, reason, _ = CASES[nth]
    row = 2 + sum(case[0] == table for case in CASES[:nth])
    assert rejected.get((table, row)) == reason


def test_every_reason_is_met_by_some_row() -> None:
    # malformed_row belongs to the formats (tests/contracts/test_source_formats.py), erased_account to erasures
    assert {reason for _, reason, _ in CASES} | {"malformed_row", "erased_account"} == set(REJECT_REASONS)


def test_good_rows_around_bad_ones_are_accepted(rejected: dict[tuple[str, int], str]) -> None:
    for table in ("accounts", "sightings", "labels"):
        assert (table, 1) not in rejected
        assert (table, 2 + sum(case[0] == table for case in CASES)) not in rejected


RAW_CARDS = [
    VISA,
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    f"  {VISA} ",
    AMEX,
    "3782 822463 10005",
    "4222222222222",
    LONG,
    "4111.1111.1111.1111",
    "4111\u00a01111\u00a01111\u00a01111",
    "4111\u20131111\u20131111\u20131111",
    "4111_1111_1111_1111",
]
CARD_TOKENS = ["4111111111111112", "tok_4111111111111111", "411111111111", "41111111111111111111", "X9912345678"]


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """All card values in one load: value → the reason of its rejection, if it was rejected."""
    folder = tmp_path_factory.mktemp("cards")
    values = [*RAW_CARDS, *CARD_TOKENS]
    rows = [sighting(f"a{nth}", "card", value) for nth, value in enumerate(values)]
    load(folder / "home", write_facts(folder / "facts", sightings=rows), policy=LENIENT)
    refused = {row: reason for row, _, reason in rejects(folder / "home")}
    return {value: refused.get(row) for row, value in enumerate(values, 1)}


@pytest.mark.parametrize("number", RAW_CARDS)
def test_a_raw_card_number_is_refused_however_it_is_written(number: str, cards: dict[str, str | None]) -> None:
    assert cards[number] == "raw_card_number"


@pytest.mark.parametrize("token", CARD_TOKENS)
def test_a_card_token_that_is_no_card_number_is_accepted(token: str, cards: dict[str, str | None]) -> None:
    assert cards[token] is None


def test_a_raw_card_number_is_nowhere_afterwards(tmp_path: Path) -> None:
    numbers = [number.strip() for number in RAW_CARDS[:8]]
    rows = [sighting(f"a{nth}", "card", number) for nth, number in enumerate(numbers)]
    policy = tmp_path / "policy.toml"
    policy.write_text("[load]\nmax_reject_ratio = 1.0\n")
    facts = write_facts(tmp_path / "facts", sightings=rows)
    printed = ""
    for extra in (["--policy", policy], ["--policy", policy, "--json"], []):
        done = call_cli("--verbose", "load", facts, *extra, home=tmp_path / "home")
        printed += done.stdout + done.stderr
        assert done.returncode == (0 if extra else 3), done.stderr
    assert not [number for number in numbers if number in printed]
    assert places_of(numbers, tmp_path / "home") == []
