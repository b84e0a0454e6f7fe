"""The commands keys and audit as real processes."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from graphrisk.api.audit import AuditLog, verify_audit
from graphrisk.api.keys import Keyring
from tests.support_audit import files_of, read, write_log
from tests.support_e2e import Launcher


def made(launch: Launcher, home: Path, *words: str) -> dict[str, Any]:
    return launch("--home", home, "keys", "create", *words, "--json").json()


def test_a_key_is_shown_once_and_says_so(launch: Launcher, tmp_path: Path) -> None:
    ended = launch("--home", tmp_path, "keys", "create", "scoring", "--scope", "scores:read", "--scope", "rings:read")
    assert ended.code == 0, ended.err
    text, told, *_ = ended.out.splitlines()
    found = Keyring(tmp_path).find(text)
    assert found
    assert (found.name, found.scopes, found.expires_at) == ("scoring", {"scores:read", "rings:read"}, None)
    assert "shown this once" in told
    assert "rings:read, scores:read" in told
    secret = text.split("_")[2]
    kept = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    assert secret.encode() not in kept
    for words in (["keys", "list"], ["keys", "list", "--json"], ["keys", "revoke", found.prefix]):
        ended = launch("--home", tmp_path, *words)
        assert ended.code == 0, ended.err
        assert found.prefix in ended.out
        assert secret not in ended.out + ended.err


def test_keys_are_listed_with_their_state_and_rotated(launch: Launcher, tmp_path: Path) -> None:
    first = made(launch, tmp_path, "scoring", "--scope", "ops:read", "--expires-in-days", "30", "--rate", "7")
    second = made(launch, tmp_path, "scoring", "--scope", "ops:read")
    assert {"key", "prefix", "name", "scopes", "state", "created_at", "expires_at", "revoked_at", "rate"} == set(first)
    assert (first["state"], first["rate"], second["rate"], second["expires_at"]) == ("live", 7, 100, None)
    days = time.mktime(time.strptime(first["expires_at"], "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(
        time.strptime(first["created_at"], "%Y-%m-%dT%H:%M:%SZ")
    )
    assert days == 30 * 86_400
    ring = Keyring(tmp_path)
    assert ring.find(first["key"])
    revoked = launch("--home", tmp_path, "keys", "revoke", first["prefix"], "--json").json()
    assert (revoked["state"], "key" in revoked) == ("revoked", False)
    listed = launch("--home", tmp_path, "keys", "list", "--json").json()
    assert [(each["prefix"], each["state"]) for each in listed] == [
        (first["prefix"], "revoked"),
        (second["prefix"], "live"),
    ]
    rows = launch("--home", tmp_path, "keys", "list").out.splitlines()
    assert rows[0].split() == ["prefix", "name", "scopes", "state", "created", "expires", "rate"]
    assert rows[2].split()[:4] == [second["prefix"], "scoring", "ops:read", "live"]
    assert rows[2].split()[-2:] == ["never", "100"]
    ring = Keyring(tmp_path)
    assert ring.find(first["key"]) is None
    assert ring.find(second["key"])


def test_a_home_without_keys_says_how_to_make_one(launch: Launcher, tmp_path: Path) -> None:
    assert "graphrisk keys create" in launch("--home", tmp_path, "keys", "list").out
    assert launch("--home", tmp_path, "keys", "list", "--json").json() == []


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["create", "a", "--scope", "rings:write"], 2, "scores:read, rings:read, signals:read, ops:read"),
        (["create", "a"], 2, "scores:read, rings:read, signals:read, ops:read"),
        (["create", " ", "--scope", "ops:read"], 2, "printable"),
        (["revoke", "00000000"], 6, "00000000"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    launch: Launcher, tmp_path: Path, words: list[str], code: int, told: str
) -> None:
    assert told in launch("--home", tmp_path, "keys", *words).sentence(code)
    assert launch("--home", tmp_path, "keys", "list", "--json").json() == []


@pytest.mark.parametrize("words", [["list"], ["create", "a", "--scope", "ops:read"], ["revoke", "00000000"]])
def test_a_damaged_file_of_keys_is_named_and_left_as_it_is(launch: Launcher, tmp_path: Path, words: list[str]) -> None:
    made(launch, tmp_path, "a", "--scope", "ops:read")
    file = tmp_path / "api" / "keys.json"
    file.write_bytes(file.read_bytes()[:-9])
    damaged = file.read_bytes()
    assert "keys.json is damaged" in launch("--home", tmp_path, "keys", *words).sentence(4)
    assert file.read_bytes() == damaged


def test_a_whole_audit_log_is_counted(launch: Launcher, tmp_path: Path) -> None:
    assert launch("--home", tmp_path, "audit", "verify").out == "0 lines in 0 chains: all whole.\n"
    write_log(tmp_path, 3)
    log = AuditLog(tmp_path)
    read(log, "a")
    running = files_of(tmp_path)[1].name
    assert launch("--home", tmp_path, "audit", "verify", "--json").json() == {
        "whole": True,
        "anchor": verify_audit(tmp_path).anchor,
        "chains": 2,
        "lines": 4,
        "running": [running],
        "not_closed": [],
        "problems": [],
    }
    assert f"Written to now: {running}." in launch("--home", tmp_path, "audit", "verify").out
    log.close()
    anchor = verify_audit(tmp_path).anchor
    told = f"4 lines in 2 chains: all whole.\nAnchor, to keep outside the home: {anchor}\n"
    assert launch("--home", tmp_path, "audit", "verify").out == told


def test_a_log_that_was_put_back_from_an_older_copy_ends_with_exit_code_4(launch: Launcher, tmp_path: Path) -> None:
    write_log(tmp_path, 3)
    shutil.copytree(tmp_path / "audit", tmp_path / "copy")
    write_log(tmp_path, 2)
    anchor = launch("--home", tmp_path, "audit", "verify").out.split()[-1]
    assert launch("--home", tmp_path, "audit", "verify", "--anchor", anchor).code == 0
    shutil.rmtree(tmp_path / "audit")
    (tmp_path / "copy").rename(tmp_path / "audit")
    assert launch("--home", tmp_path, "audit", "verify").code == 0
    ended = launch("--home", tmp_path, "audit", "verify", "--anchor", anchor)
    assert ended.code == 4
    assert "the log did not go on from the anchor given: an older copy was put back" in ended.out
    assert "is none; give the whole word" in launch("--home", tmp_path, "audit", "verify", "--anchor", "x").sentence(2)


def test_a_changed_line_is_named_and_ends_with_exit_code_4(launch: Launcher, tmp_path: Path) -> None:
    file = write_log(tmp_path, 3)
    file.write_bytes(re.sub(rb"acc_1", b"acc_7", file.read_bytes()))
    ended = launch("--home", tmp_path, "audit", "verify")
    assert ended.code == 4
    assert ended.out.splitlines() == [
        f"{file.name}, line 3: was changed, moved or put in, or the line before it is missing.",
        "2 lines in 1 chain: 1 problem.",
    ]
    ended = launch("--home", tmp_path, "audit", "verify", "--json")
    assert ended.code == 4
    answer = json.loads(ended.out)
    assert (answer["whole"], [(each["file"], each["line"]) for each in answer["problems"]]) == (False, [(file.name, 3)])


def test_an_audit_log_without_its_key_is_not_checked(launch: Launcher, tmp_path: Path) -> None:
    write_log(tmp_path, 1)
    (tmp_path / "api" / "audit.key").unlink()
    assert "audit.key is gone" in launch("--home", tmp_path, "audit", "verify").sentence(4)
