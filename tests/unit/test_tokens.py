"""What the ledger keeps instead of a raw value: a keyed token that only the holder of the key can make."""

from __future__ import annotations

import hashlib
import hmac
import stat
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from graphrisk import pipeline
from graphrisk.errors import SettingsError
from graphrisk.sources.tokens import token_key
from tests.support import Row, ask, call_cli, load, places_of, settings_at, sighting, tokens, write_facts

KEY, OTHER = "0f" * 32, "a1" * 32
CANONICAL = {
    "device": ("{6F9619FF-8B86-D011-B42D-00CF4FC964FF}", "6f9619ff8b86d011b42d00cf4fc964ff"),
    "ip": ("::ffff:8.8.4.4", "8.8.4.4"),
    "card": ("tok_AbC", "tok_AbC"),
    "bank_account": ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
    "email": ("Ann.Lee+x@Googlemail.com", "annlee@gmail.com"),
    "phone": ("+44 7911 123456", "+447911123456"),
    "address": ("1 Main St., Springfield", "1 main st springfield"),
}


@pytest.fixture(autouse=True)
def no_key_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAPHRISK_TOKEN_KEY", raising=False)


def one_of_each(folder: Path) -> Path:
    return write_facts(folder, sightings=[sighting(kind, kind, raw) for kind, (raw, _) in CANONICAL.items()])


def oracle(master: bytes, kind: str, canonical: str) -> str:
    key_id = hashlib.sha256(b"graphrisk key id" + master).hexdigest()[:8]
    key = hmac.digest(master, f"graphrisk token key of {kind}".encode(), "sha256")
    return f"{key_id}:{hmac.digest(key, canonical.encode(), 'sha256').hex()[:32]}"


def test_tokens_in_the_ledger_are_hmac_sha_256_of_the_canonical_value(tmp_path: Path) -> None:
    load(tmp_path / "home", one_of_each(tmp_path / "facts"))
    master = bytes.fromhex((tmp_path / "home" / "token.key").read_text().strip())
    expected = {kind: oracle(master, kind, canonical) for kind, (_, canonical) in CANONICAL.items()}
    assert tokens(tmp_path / "home") == expected


def test_network_tokens_are_hmac_sha_256_of_the_network(tmp_path: Path) -> None:
    rows = [
        sighting("a", "ip", "8.8.4.4"),
        sighting("b", "ip", "2a00:1450:4001:82a::1"),
        sighting("c", "card", "tok_1"),
    ]
    load(tmp_path / "home", write_facts(tmp_path / "facts", sightings=rows))
    master = bytes.fromhex((tmp_path / "home" / "token.key").read_text().strip())
    four, six, none = ask(tmp_path / "home", "SELECT network FROM fact_sightings ORDER BY account_id")
    assert four[0] == oracle(master, "ip", "8.8.4.0/24")
    assert six[0] == oracle(master, "ip", "/48 of 2a00:1450:4001:")
    assert none[0] is None


def test_the_key_file_is_private_and_made_once(tmp_path: Path) -> None:
    facts = one_of_each(tmp_path / "facts")
    load(tmp_path / "home", facts)
    path = tmp_path / "home" / "token.key"
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    load(tmp_path / "home", facts)
    assert path.read_bytes() == before


def test_processes_that_make_the_key_at_once_agree_on_it(tmp_path: Path) -> None:
    for nth in range(20):
        home = tmp_path / str(nth)
        home.mkdir()
        start, found = threading.Barrier(4), []

        def make(home: Path = home, start: threading.Barrier = start, found: list[str] = found) -> None:
            start.wait()
            found.append(token_key(home).key_id)

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        assert len(set(found)) == 1
        assert [path.name for path in home.iterdir()] == ["token.key"]


def test_the_key_in_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    made_from_file = token_key(home).key_id
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", KEY)
    load(home, one_of_each(tmp_path / "facts"))
    assert tokens(home)["card"] == oracle(bytes.fromhex(KEY), "card", "tok_AbC")
    assert not tokens(home)["card"].startswith(made_from_file)


def test_no_key_file_is_made_when_the_environment_gives_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", KEY)
    load(tmp_path / "home", one_of_each(tmp_path / "facts"))
    assert not (tmp_path / "home" / "token.key").exists()
    assert places_of([KEY], tmp_path / "home") == []


@pytest.mark.parametrize("text", ["", "secret", KEY[:-2], KEY + "00", KEY[:-1] + "g", " ".join([KEY[:32], KEY[:31]])])
def test_a_key_that_is_not_64_hex_digits_is_a_settings_error(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", text)
    with pytest.raises(SettingsError, match=r"GRAPHRISK_TOKEN_KEY.*64 hex digits") as caught:
        load(tmp_path / "home", one_of_each(tmp_path / "facts"))
    assert not text or text not in str(caught.value)


def test_a_damaged_key_file_is_a_settings_error_that_does_not_quote_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "token.key").touch(0o600)
    (home / "token.key").write_text("not-a-key-at-all\n")
    with pytest.raises(SettingsError, match=r"token\.key") as caught:
        load(home, one_of_each(tmp_path / "facts"))
    assert "not-a-key" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_key_file_that_others_can_touch_is_a_settings_error_that_says_chmod(mode: int, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    token_key(home)
    (home / "token.key").chmod(mode)
    with pytest.raises(SettingsError, match=r"chmod 600 .*token\.key"):
        load(home, one_of_each(tmp_path / "facts"))


def test_a_ledger_made_with_another_key_is_refused_with_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, facts = tmp_path / "home", one_of_each(tmp_path / "facts")
    load(home, facts)
    more = write_facts(tmp_path / "more", sightings=[sighting("z", "card", "tok_Z")])
    monkeypatch.setenv("GRAPHRISK_TOKEN_KEY", OTHER)
    done = call_cli("load", more, home=home)
    assert done.returncode == 2
    assert "another key" in done.stderr or "were made with key" in done.stderr
    assert OTHER not in done.stdout + done.stderr
    assert pipeline.status(settings_at(home))["loads"] == 1


RAW = {
    "device": "canary-Device-7731-xyz",
    "ip": "81.187.203.44",
    "card": "tok_CanaryCard9f3e",
    "bank_account": "DE44 5001 0517 5407 3249 31",
    "email": "Canary.Zoltan@canarymail.example",
    "phone": "+447911987654",
    "address": "77 Canary Wharf Lane, Zzyzx",
}
BAD = {
    "card": "4929 1234 5678 9017",
    "email": "canary-broken-mail",
    "phone": "07700 900987",
    "ip": "10.87.65.43",
    "pigeon": "canary-of-no-kind",
}
TRACES = [
    *RAW.values(), *BAD.values(), "canary-device", "81.187.203", "2a02:8010:64f1", "canarycard", "5001051754073249",
    "canary.zoltan", "canaryzoltan", "canarymail", "447911987654", "7911987654", "canary wharf", "zzyzx",
    "4929123456789017", "7700900987",
]  # fmt: skip
"""Raw and canonical values, and their telling parts; compared without case."""


def facts(folder: Path) -> Path:
    accounts = [{"account_id": f"acc-{nth}", "created_at": "2026-01-04"} for nth in range(6)]
    good: list[Row] = [
        sighting(account["account_id"], kind, value, "2026-01-05T10:00:00Z")
        for account in accounts
        for kind, value in [*RAW.items(), ("ip", "2a02:8010:64f1:9::1")]
    ]
    bad = [sighting(f"acc-{nth}", kind, value) for nth, (kind, value) in enumerate(BAD.items())]
    return write_facts(folder, accounts, [*good, *bad])


@dataclass(frozen=True)
class Flow:
    folder: Path
    printed: str
    codes: list[int]


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """Every command and all its words; the refused load and a failing one included."""
    folder = tmp_path_factory.mktemp("canaries")
    source, home, policy = facts(folder / "facts"), folder / "home", folder / "policy.toml"
    policy.write_text("[load]\nmax_reject_ratio = 0.2\n")
    (folder / "broken").mkdir()
    (folder / "broken" / "sightings.csv").write_bytes(
        (source / "sightings.csv").read_bytes() + b"acc-9,email,caf\xe9@canarymail.example,2026-01-05T10:00:00Z\n"
    )
    commands: list[list[str | Path]] = [
        ["load", source],
        ["load", folder / "broken"],
        ["load", source, "--policy", policy],
        ["run", source, "--policy", policy, "--json"],
        ["export", folder / "out"],
        ["export", folder / "csv", "--format", "csv"],
        ["status"],
        ["rings"],
        ["show", "account", "acc-0"],
        ["show", "account", "acc-0", "--json"],
    ]
    done = [call_cli("--verbose", *command, home=home) for command in commands]
    return Flow(folder, "".join(each.stdout + each.stderr for each in done), [each.returncode for each in done])


def test_the_flow_ran_and_the_two_bad_loads_were_refused(flow: Flow) -> None:
    assert flow.codes == [3, 3, *[0] * 8], flow.printed
    assert {path.name for path in (flow.folder / "out").iterdir()} >= {"rings.parquet", "links.parquet", "run.json"}


def test_no_raw_value_is_in_any_file_of_the_home(flow: Flow) -> None:
    assert places_of(TRACES, flow.folder / "home") == []


@pytest.mark.parametrize("folder", ["out", "csv"])
def test_no_raw_value_is_in_the_export(folder: str, flow: Flow) -> None:
    assert places_of(TRACES, flow.folder / folder) == []


def test_no_raw_value_was_printed_or_logged(flow: Flow) -> None:
    assert [trace for trace in TRACES if trace.lower() in flow.printed.lower()] == []


def test_the_scan_finds_what_is_there(flow: Flow) -> None:
    assert {trace for trace, _ in places_of(["acc-3"], flow.folder / "home", flow.folder / "out")} == {"acc-3"}
    assert places_of(["canary-device"], flow.folder / "facts")
    decoded = [file for _, file in places_of(["acc-3"], flow.folder / "out")]
    assert any(file.endswith("accounts.parquet") for file in decoded)
