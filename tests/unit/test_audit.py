"""The audit log: every line that was acknowledged is there, and every later change is found."""

from __future__ import annotations

import hmac
import json
import os
import re
import stat
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrisk.api.audit import AuditLog, verify_audit
from graphrisk.api.register import open_register
from graphrisk.errors import StoreError
from tests.support_audit import RECORD_BYTES, assert_whole, files_of, read, register_of, write_log


def test_a_line_says_all_that_is_known_of_a_read_and_its_chain_value_is_an_hmac(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.record(key="ab12cd34", scope="scores:read", route="/v1/accounts:lookup", ids=["a", "b"], run_id="run_1", status=200, request_id="q1")  # fmt: skip
    log.close()
    (file,) = files_of(tmp_path)
    key, before = bytes.fromhex((tmp_path / "api" / "audit.key").read_text()), "0" * 64
    parsed: list[dict[str, Any]] = []
    for line in file.read_text().splitlines():
        body, _, stated = line.rpartition(',"chain":"')
        assert stated == hmac.digest(key, (before + body).encode(), "sha256").hex() + '"}'
        before = stated[:64]
        parsed.append(json.loads(line))
    opening, one, closing = parsed
    assert (opening["n"], opening["opened"], opening["after"], closing["closed"]) == (0, file.name, None, True)
    assert [key for key in one if key != "chain"] == [
        "time",
        "n",
        "key",
        "scope",
        "route",
        "ids",
        "run",
        "status",
        "request_id",
    ]
    assert (one["n"], one["key"], one["scope"], one["route"]) == (1, "ab12cd34", "scores:read", "/v1/accounts:lookup")
    assert (one["ids"], one["run"], one["status"], one["request_id"]) == (["a", "b"], "run_1", 200, "q1")
    assert (one["time"][10], one["time"][19], one["time"][26:]) == ("T", ".", "Z")
    assert_whole(verify_audit(tmp_path), 1, 1)


def test_no_file_of_it_can_be_read_by_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_log(tmp_path, 1)
    finally:
        os.umask(before)
    for file in (*files_of(tmp_path), register_of(tmp_path), tmp_path / "api" / "audit.key"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE((tmp_path / "audit").stat().st_mode) == 0o700


@settings(max_examples=60)
@given(ids=st.lists(st.text(), max_size=5), request_id=st.text())
def test_whatever_an_id_holds_a_read_is_one_line(
    ids: list[str], request_id: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    log = AuditLog(home)
    read(log, *ids, request_id=request_id)
    log.close()
    lines = files_of(home)[0].read_bytes().decode("ascii").splitlines()
    assert len(lines) == 3
    assert (json.loads(lines[1])["ids"], json.loads(lines[1])["request_id"]) == (ids, request_id)
    assert_whole(verify_audit(home), 1, 1)


@pytest.fixture(scope="module")
def two_chains(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, Path, bytes]:
    """Home, the bytes of a chain, the file of another, and its bytes."""
    home = tmp_path_factory.mktemp("home")
    first, second = write_log(home, 10), write_log(home, 10)
    assert_whole(verify_audit(home), 2, 20)
    return home, first.read_bytes(), second, second.read_bytes()


def change(lines: list[bytes], data: st.DataObject, foreign: list[bytes]) -> list[bytes]:
    """The lines after one edit, deletion, insertion or move."""
    at = data.draw(st.integers(0, len(lines) - 1))
    what = data.draw(st.sampled_from(["edit", "delete", "cut", "insert", "copy", "foreign", "swap", "blank"]))
    if what == "edit":
        byte = data.draw(st.integers(0, len(lines[at]) - 1))
        new = bytes([data.draw(st.integers(0, 255))])
        return [*lines[:at], lines[at][:byte] + new + lines[at][byte + 1 :], *lines[at + 1 :]]
    if what == "delete":
        return lines[:at] + lines[at + data.draw(st.integers(1, 3)) :]
    if what == "cut":
        return lines[:at]
    if what == "swap":
        other = data.draw(st.integers(0, len(lines) - 1))
        swapped = list(lines)
        swapped[at], swapped[other] = lines[other], lines[at]
        return swapped
    choices = {"insert": [data.draw(st.binary(max_size=300)) + b"\n"], "copy": lines, "foreign": foreign, "blank": [b"\n"]}  # fmt: skip
    at = data.draw(st.integers(0, len(lines)))
    return [*lines[:at], data.draw(st.sampled_from(choices[what])), *lines[at:]]


@settings(max_examples=600)
@given(data=st.data(), times=st.integers(1, 3))
def test_any_edit_deletion_insertion_or_move_is_found_where_it_begins(
    data: st.DataObject, times: int, two_chains: tuple[Path, bytes, Path, bytes]
) -> None:
    home, other, file, whole = two_chains
    lines = whole.splitlines(keepends=True)
    for _ in range(times):
        lines = change(lines, data, other.splitlines(keepends=True)) if lines and all(lines) else lines
    changed = b"".join(lines)
    if changed == whole:
        return
    file.write_bytes(changed)
    try:
        report = verify_audit(home)
    finally:
        file.write_bytes(whole)
    assert {each.file for each in report.problems} == {file.name}
    pairs = zip_longest(*(re.findall(rb"[^\n]*\n|[^\n]+$", each) for each in (changed, whole)))
    begins = next(number for number, (one, other) in enumerate(pairs, 1) if one != other)
    assert report.problems[0].line in (begins, None)
    assert report.not_closed == []
    if report.problems[0].line is None:
        assert changed.count(b"\n") < whole.count(b"\n")


@settings(max_examples=150)
@given(byte=st.integers(0, 3 * RECORD_BYTES - 1), new=st.integers(0, 255))
def test_any_edit_of_the_register_is_found(byte: int, new: int, two_chains: tuple[Path, bytes, Path, bytes]) -> None:
    home, *_ = two_chains
    whole = register_of(home).read_bytes()
    assert len(whole) == 3 * RECORD_BYTES
    register_of(home).write_bytes(whole[:byte] + bytes([new]) + whole[byte + 1 :])
    try:
        found = bool(verify_audit(home).problems)
    finally:
        register_of(home).write_bytes(whole)
    assert found == (new != whole[byte])


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_chain_that_is_gone_is_named(tmp_path: Path, gone: int) -> None:
    files = [write_log(tmp_path, 2) for _ in range(3)]
    files[gone].unlink()
    (problem,) = verify_audit(tmp_path).problems
    assert (problem.file, problem.text) == (files[gone].name, "it is gone, with its 4 lines or more")


def test_the_newest_chain_removed_with_its_record_is_found_when_another_was_written_to_since(tmp_path: Path) -> None:
    older = AuditLog(tmp_path)
    newest = write_log(tmp_path, 2)
    older.close()
    newest.unlink()
    os.truncate(register_of(tmp_path), 2 * RECORD_BYTES)
    (problem,) = verify_audit(tmp_path).problems
    assert (problem.file, "had" in problem.text or "at least 2" in problem.text) == ("register", True)


def chains_swapped(home: Path) -> None:
    one, other = files_of(home)[:2]
    one.rename(home / "aside")
    other.rename(one)
    (home / "aside").rename(other)


def chain_copied(home: Path) -> None:
    (home / "audit" / "20260101T000000Z-1-7.ndjson").write_bytes(files_of(home)[0].read_bytes())


def records_swapped(home: Path) -> None:
    raw = register_of(home).read_bytes()
    register_of(home).write_bytes(raw[:128] + raw[256:384] + raw[128:256])


CHANGES: list[Callable[[Path], object]] = [
    chains_swapped,
    chain_copied,
    records_swapped,
    lambda home: (home / "audit" / "mine.ndjson").write_text("{}\n"),
    lambda home: os.truncate(register_of(home), 2 * RECORD_BYTES),
    lambda home: os.truncate(register_of(home), 3 * RECORD_BYTES - 1),
    lambda home: register_of(home).write_bytes(register_of(home).read_bytes() + bytes(RECORD_BYTES)),
]


@pytest.mark.parametrize("change", CHANGES)
def test_files_that_were_swapped_put_in_or_cut_are_found(tmp_path: Path, change: Callable[[Path], object]) -> None:
    write_log(tmp_path, 2)
    write_log(tmp_path, 2)
    change(tmp_path)
    assert verify_audit(tmp_path).problems


@pytest.mark.parametrize("added", [b"\n", b"{", b'{"time":"2026-01-01T00:00:00.000000Z","n":4', b"\0" * 100])
def test_what_stands_after_the_closing_line_is_found(tmp_path: Path, added: bytes) -> None:
    file = write_log(tmp_path, 2)
    file.write_bytes(file.read_bytes() + added)
    (problem,) = verify_audit(tmp_path).problems
    assert (problem.file, problem.line) == (file.name, 5)


def test_a_chain_that_was_never_written_is_no_problem_and_another_in_its_place_is(tmp_path: Path) -> None:
    file = write_log(tmp_path, 2)
    announced = tmp_path / "audit" / open_register(tmp_path).announce().file_name
    assert_whole(verify_audit(tmp_path), 2, 2)
    announced.write_bytes(file.read_bytes())
    (problem,) = verify_audit(tmp_path).problems
    assert (problem.file, problem.line, problem.text) == (announced.name, 1, f"is the first line of {file.name}")


def remove_key(home: Path) -> None:
    (home / "api" / "audit.key").unlink()


def empty_all(home: Path) -> None:
    for file in files_of(home):
        file.unlink()
    register_of(home).write_bytes(b"")


@pytest.mark.parametrize(
    "change",
    [
        remove_key,
        empty_all,
        lambda home: register_of(home).unlink(),
        lambda home: (home / "api" / "audit.key").write_text("00\n"),
        lambda home: (home / "api" / "audit.key").chmod(0o640),
    ],
)
def test_without_its_key_or_register_nothing_is_checked_and_nothing_begun(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    write_log(tmp_path, 2)
    change(tmp_path)
    for use in (verify_audit, AuditLog):
        with pytest.raises(StoreError, match=r"audit (key|register)"):
            use(tmp_path)


def test_a_home_that_never_served_has_nothing_to_check(tmp_path: Path) -> None:
    assert_whole(verify_audit(tmp_path / "none"), 0, 0)
    assert not (tmp_path / "none").exists()


def test_a_first_start_that_was_killed_before_its_key_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    register_of(tmp_path).write_bytes(bytes(RECORD_BYTES))
    write_log(tmp_path, 3)
    assert_whole(verify_audit(tmp_path), 1, 3)
