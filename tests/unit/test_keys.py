"""Keys of the API: who gets in, who does not, and what is on disk."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrisk.api.keys import SCOPES, Keyring, create_key, list_keys, revoke_key
from graphrisk.errors import NotFoundError, SettingsError, StoreError
from graphrisk.logs import LOG

WITHIN_SECONDS = 1.2
"""A second, and some for a machine that is busy."""
MAKE_KEYS = """
import sys
from pathlib import Path
from graphrisk.api.keys import create_key
for number in range(int(sys.argv[2])):
    print(create_key(Path(sys.argv[1]), f"key {number}", ["ops:read"])[1], flush=True)
"""


def file_of(home: Path) -> Path:
    return home / "api" / "keys.json"


def make_keys(home: Path, count: int) -> subprocess.Popen[str]:
    """A process that makes keys and prints each."""
    return subprocess.Popen([sys.executable, "-c", MAKE_KEYS, home, str(count)], stdout=subprocess.PIPE, text=True)


def seconds_until(answer: Callable[[], bool]) -> float:
    started = time.monotonic()
    while not answer():
        assert time.monotonic() - started < 10
        time.sleep(0.005)
    return time.monotonic() - started


def changed(text: str, at: int) -> str:
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]


def test_a_key_that_is_created_is_found_with_all_that_was_said_of_it(tmp_path: Path) -> None:
    end = datetime.now(UTC) + timedelta(days=1)
    key, text = create_key(tmp_path, "scoring", ["rings:read", "ops:read"], end, rate=7)
    assert text.startswith(f"gr_{key.prefix}_")
    assert len(bytes.fromhex(text.split("_")[2])) == 32
    assert (key.name, key.scopes, key.rate) == ("scoring", {"rings:read", "ops:read"}, 7)
    assert (key.expires_at, key.revoked_at) == (end, None)
    assert Keyring(tmp_path).find(text) == key
    assert list_keys(tmp_path) == [key]


def test_no_secret_is_on_disk_and_no_file_can_be_read_by_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        texts = [create_key(tmp_path, f"key {number}", SCOPES)[1] for number in range(3)]
        revoke_key(tmp_path, texts[0].split("_")[1])
    finally:
        os.umask(before)
    kept = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    for text in texts:
        secret = text.split("_")[2]
        assert secret.encode() not in kept
        assert bytes.fromhex(secret) not in kept
        assert hashlib.sha256(text.encode()).hexdigest().encode() in kept
    assert stat.S_IMODE(file_of(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(file_of(tmp_path).parent.stat().st_mode) == 0o700


@settings(max_examples=200)
@given(at=st.integers(0, 75), other=st.characters())
def test_a_text_that_differs_in_one_character_is_nobodys(at: int, other: str, shared_key: tuple[Keyring, str]) -> None:
    ring, text = shared_key
    near = text[:at] + other + text[at + 1 :]
    assert (ring.find(near) is not None) == (near == text)


@pytest.fixture(scope="module")
def shared_key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Keyring, str]:
    home = tmp_path_factory.mktemp("home")
    text = create_key(home, "one", SCOPES)[1]
    return Keyring(home), text


@pytest.mark.parametrize("text", ["", "gr_", "gr__", "Bearer", "gr_00000000_", "é" * 76, "\ud800", "\0", "_" * 100_000])
def test_what_is_no_key_is_nobodys(shared_key: tuple[Keyring, str], text: str) -> None:
    assert shared_key[0].find(text) is None


@pytest.mark.parametrize("added", [" ", "\n", "0", "_"])
def test_a_key_with_something_added_is_nobodys(shared_key: tuple[Keyring, str], added: str) -> None:
    ring, text = shared_key
    assert ring.find(text + added) is None
    assert ring.find(added + text) is None


def test_every_answer_costs_one_comparison_of_whole_digests_which_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=60)
    live, revoked = (create_key(tmp_path, "a", ["ops:read"]) for _ in range(2))
    expiring = create_key(tmp_path, "a", ["ops:read"], soon)
    revoke_key(tmp_path, revoked[0].prefix)
    first, last, unknown = changed(live[1], 12), changed(live[1], 75), changed(live[1], 3)
    presented = [live[1], first, last, unknown, "gr_", revoked[1], expiring[1]]
    compared: list[tuple[int, int]] = []
    honest = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return honest(one, other)

    ring, later = Keyring(tmp_path), soon.timestamp()
    monkeypatch.setattr(hmac, "compare_digest", counting)
    assert [ring.find(text, later) for text in presented] == [live[0], *[None] * 6]
    assert compared == [(32, 32)] * len(presented)
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: False)
    assert [ring.find(text, later) for text in presented] == [None] * 7
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: True)
    assert [ring.find(text, later) for text in presented] == [live[0]] * 3 + [None] * 4


def test_a_key_ends_at_its_expiry(tmp_path: Path) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    key, text = create_key(tmp_path, "a", ["ops:read"], end)
    ring = Keyring(tmp_path)
    assert ring.find(text, end.timestamp() - 0.001) == key
    assert ring.find(text, end.timestamp()) is None
    assert (key.state(), key.state(end.timestamp())) == ("live", "expired")
    assert ring.find(text, end.timestamp() - 0.001) == key


def test_two_keys_of_one_name_are_good_at_once_until_the_first_is_revoked(tmp_path: Path) -> None:
    (first, old), (second, new) = (create_key(tmp_path, "scoring", ["ops:read"]) for _ in range(2))
    ring = Keyring(tmp_path)
    assert (ring.find(old), ring.find(new)) == (first, second)
    revoke_key(tmp_path, first.prefix)
    assert seconds_until(lambda: ring.find(old) is None) < WITHIN_SECONDS
    assert ring.find(new) == second
    assert [each.state() for each in list_keys(tmp_path)] == ["revoked", "live"]


def test_a_running_keyring_sees_new_keys_revocations_and_the_loss_of_the_file_within_a_second(tmp_path: Path) -> None:
    ring = Keyring(tmp_path)
    assert not ring.any_key()
    key, text = create_key(tmp_path, "a", ["ops:read"])
    assert seconds_until(lambda: ring.find(text) == key) < WITHIN_SECONDS
    assert ring.any_key()
    revoke_key(tmp_path, key.prefix)
    assert seconds_until(lambda: ring.find(text) is None) < WITHIN_SECONDS
    assert not ring.any_key()
    _, another = create_key(tmp_path, "a", ["ops:read"])
    assert seconds_until(lambda: ring.find(another) is not None) < WITHIN_SECONDS
    file_of(tmp_path).unlink()
    assert seconds_until(lambda: ring.find(another) is None) < WITHIN_SECONDS


def test_revoking_twice_keeps_the_first_time_and_an_unknown_prefix_is_named(tmp_path: Path) -> None:
    key, text = create_key(tmp_path, "a", ["ops:read"])
    first = revoke_key(tmp_path, key.prefix)
    assert first.revoked_at
    assert revoke_key(tmp_path, key.prefix) == first == list_keys(tmp_path)[0]
    with pytest.raises(NotFoundError, match="'0000'"):
        revoke_key(tmp_path, "0000")
    with pytest.raises(NotFoundError) as told:
        revoke_key(tmp_path, text)
    assert text.split("_")[2][:4] not in str(told.value)


@pytest.mark.parametrize(
    ("name", "scopes", "days", "rate", "told"),
    [
        ("a", ["rings:write"], 1, 1, "'rings:write' is no scope; the scopes are scores:read, rings:read"),
        ("a", [], 1, 1, "needs a scope"),
        (" ", ["ops:read"], 1, 1, "' '"),
        ("a\nb", ["ops:read"], 1, 1, "printable"),
        ("a" * 101, ["ops:read"], 1, 1, "1 to 100"),
        ("a", ["ops:read"], -1, 1, "would expire"),
        ("a", ["ops:read"], 1, 0, "The rate 0 "),
    ],
)
def test_what_cannot_be_is_refused_and_makes_no_key(
    tmp_path: Path, name: str, scopes: list[str], days: int, rate: int, told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        create_key(tmp_path, name, scopes, datetime.now(UTC) + timedelta(days=days), rate)
    assert list_keys(tmp_path) == []


def edited(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    """A damage that keeps the file JSON; ``change`` gets its list of keys."""

    def damage(raw: bytes) -> bytes:
        document = json.loads(raw)
        change(document["keys"])
        return json.dumps(document).encode()

    return damage


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda raw: b"",
    "cut": lambda raw: raw[: len(raw) // 2],
    "no JSON": lambda raw: b"\xff" + raw,
    "deep": lambda raw: b"[" * 100_000,
    "a list": lambda raw: b"[]",
    "another format": lambda raw: raw.replace(b'"format": 1', b'"format": 2'),
    "a key twice": edited(lambda keys: keys.append(keys[0])),
    "no revocation": edited(lambda keys: keys[0].pop("revoked_at")),
    "no expiry": edited(lambda keys: keys[0].pop("expires_at")),
    "a time without its zone": edited(lambda keys: keys[0].update(expires_at="2999-01-01T00:00:00")),
    "an unknown scope": edited(lambda keys: keys[0].update(scopes=["everything"])),
    "a short digest": edited(lambda keys: keys[0].update(sha256="00")),
    "no rate": edited(lambda keys: keys[0].update(rate=None)),
    "a key that is a number": edited(lambda keys: keys.append(7)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_lets_nobody_in_and_is_not_overwritten(tmp_path: Path, damage: str) -> None:
    key, text = create_key(tmp_path, "a", ["ops:read"])
    whole = file_of(tmp_path).read_bytes()
    damaged = DAMAGES[damage](whole)
    assert damaged != whole
    file_of(tmp_path).write_bytes(damaged)
    ring = Keyring(tmp_path)
    assert ring.find(text) is None
    assert not ring.any_key()
    for command in (lambda: list_keys(tmp_path), lambda: create_key(tmp_path, "b", ["ops:read"]), lambda: revoke_key(tmp_path, key.prefix)):  # fmt: skip
        with pytest.raises(StoreError, match=r"keys\.json"):
            command()
    assert file_of(tmp_path).read_bytes() == damaged


def test_a_running_keyring_lets_nobody_in_while_the_file_is_damaged_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOG, "handlers", [caplog.handler])
    monkeypatch.setattr(LOG, "propagate", False)
    key, text = create_key(tmp_path, "a", ["ops:read"])
    whole, ring = file_of(tmp_path).read_bytes(), Keyring(tmp_path)
    assert ring.find(text) == key
    file_of(tmp_path).write_bytes(whole[:-5])
    assert seconds_until(lambda: ring.find(text) is None) < WITHIN_SECONDS
    time.sleep(WITHIN_SECONDS)
    assert ring.find(text) is None
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "keys.json is damaged" in caplog.text
    file_of(tmp_path).write_bytes(whole)
    assert seconds_until(lambda: ring.find(text) == key) < WITHIN_SECONDS
    file_of(tmp_path).chmod(0o640)
    assert seconds_until(lambda: ring.find(text) is None) < WITHIN_SECONDS


def test_keys_made_by_processes_at_once_are_all_kept(tmp_path: Path) -> None:
    makers = [make_keys(tmp_path, 20) for _ in range(2)]
    texts = [line for maker in makers for line in maker.communicate()[0].split()]
    assert len(texts) == 40
    assert all(map(Keyring(tmp_path).find, texts))


def test_a_key_that_was_shown_survives_a_kill_and_nothing_is_left_over(tmp_path: Path) -> None:
    shown: list[str] = []
    for _ in range(5):
        with make_keys(tmp_path, 1_000_000) as maker:
            assert maker.stdout
            shown += [maker.stdout.readline().strip() for _ in range(5)]
            maker.kill()
            shown += [line for line in maker.stdout.read().split("\n") if len(line) == len(shown[0])]
    shown.append(create_key(tmp_path, "last", ["ops:read"])[1])
    assert all(map(Keyring(tmp_path).find, shown))
    assert sorted(each.name for each in file_of(tmp_path).parent.iterdir()) == ["keys.json", "keys.lock"]
