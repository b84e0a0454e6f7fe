"""The audit log while it is written: kills, full disks, full files, several writers and a reader at once."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from graphrisk.api.audit import FULL_BYTES, AuditLog, AuditReport, verify_audit
from graphrisk.errors import StoreError
from tests.support_audit import assert_whole, files_of, read, register_of, write_log

HEADS_WRITTEN = 1.6
"""Seconds after which the register knows of a line: one, and some for a machine that is busy."""
WRITE = """
import os, sys
from pathlib import Path
from graphrisk.api.audit import AuditLog
log, name = AuditLog(Path(sys.argv[1])), sys.argv[2]
for number in range(10**9):
    log.record(key="ab12cd34", scope="scores:read", route="/v1/accounts/{account_id}", ids=[f"acc_{number}"],
               run_id="run_1", status=200, request_id=f"{name}-{number}")
    os.write(1, f"{name}-{number}\\n".encode())
"""


def writer(home: Path, name: str) -> subprocess.Popen[bytes]:
    """A process that writes lines and prints the request id of each one that it was told is kept."""
    return subprocess.Popen([sys.executable, "-c", WRITE, str(home), name], stdout=subprocess.PIPE)


def acknowledged(process: subprocess.Popen[bytes], seconds: float) -> list[str]:
    """Let it write, kill it, and give the request ids that it had printed."""
    assert process.stdout
    said = [process.stdout.readline()]
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    said += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    return [line.decode().strip() for line in said if line.endswith(b"\n")]


OPEN = """
import os, sys
from pathlib import Path
from graphrisk.api.audit import AuditLog
os.write(1, b"ready")
while True:
    AuditLog(Path(sys.argv[1]))
"""


def kept(home: Path) -> set[str]:
    """The request ids of every whole line."""
    lines = [line for file in files_of(home) for line in file.read_bytes().split(b"\n")[:-1]]
    return {json.loads(line)["request_id"] for line in lines if b'"request_id"' in line}


def test_every_line_that_a_killed_process_acknowledged_is_there_and_its_chain_is_not_closed(tmp_path: Path) -> None:
    said: list[str] = []
    for number in range(5):
        two = [writer(tmp_path, f"{number}{name}") for name in "ab"]
        for process in two:
            said += acknowledged(process, 0.05 * number)
        report = verify_audit(tmp_path)
        assert report.problems == []
        assert (report.chains, report.running) == (2 * (number + 1), [])
        assert sorted(report.not_closed) == sorted(file.name for file in files_of(tmp_path))
    there = kept(tmp_path)
    assert len(said) > 1000
    assert set(said) <= there
    assert len(there) == verify_audit(tmp_path).lines


def test_a_process_that_is_killed_while_it_opens_a_chain_leaves_nothing_that_looks_changed(tmp_path: Path) -> None:
    for number in range(24):
        home = tmp_path / f"home{number // 2}"  # half of the kills meet the first start of a home
        process = subprocess.Popen([sys.executable, "-c", OPEN, str(home)], stdout=subprocess.PIPE)
        assert process.stdout
        process.stdout.read(5)
        time.sleep(number % 8 * 0.0015)
        process.kill()
        process.communicate()
        assert verify_audit(home).problems == []
        write_log(home, 2)
        report = verify_audit(home)
        assert (report.problems, report.running, report.lines) == ([], [], 2 * (1 + number % 2))


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the chain of a killed process, of which the register knew some lines."""
    home = tmp_path_factory.mktemp("home")
    acknowledged(writer(home, "a"), HEADS_WRITTEN)
    assert verify_audit(home).problems == []
    return home


def with_chain(killed: Path, home: Path, raw: bytes) -> AuditReport:
    """What a check says when the chain of the killed process is ``raw``."""
    shutil.copytree(killed, home)
    files_of(home)[0].write_bytes(raw)
    return verify_audit(home)


def test_a_torn_last_line_is_not_taken_for_a_change(killed: Path, tmp_path: Path) -> None:
    whole = files_of(killed)[0].read_bytes()
    report = with_chain(killed, tmp_path / "home", whole + whole.splitlines()[1][:50])
    assert_whole(report, 1, verify_audit(killed).lines)
    assert report.not_closed == [files_of(killed)[0].name]


def test_a_line_of_a_killed_process_that_was_changed_is_found_also_the_last(killed: Path, tmp_path: Path) -> None:
    lines = files_of(killed)[0].read_bytes().splitlines(keepends=True)
    for number, at in enumerate((0, 1, len(lines) // 2, len(lines) - 1)):
        changed = [*lines[:at], lines[at].replace(b"run_1", b"run_2").replace(b"null", b"true"), *lines[at + 1 :]]
        (problem,) = with_chain(killed, tmp_path / f"home{number}", b"".join(changed)).problems
        assert problem.line == at + 1


def test_the_end_of_a_killed_chain_is_missed_as_far_as_the_register_knew_it(killed: Path, tmp_path: Path) -> None:
    lines = files_of(killed)[0].read_bytes().splitlines(keepends=True)
    known = int.from_bytes(register_of(killed).read_bytes()[128 + 32 : 128 + 40], "big")
    assert 100 < known < len(lines) - 1
    assert with_chain(killed, tmp_path / "after", b"".join(lines[: known + 1])).problems == []
    (problem,) = with_chain(killed, tmp_path / "before", b"".join(lines[:known])).problems
    assert problem.text == f"its end was cut off: it has {known} whole lines, and had {known + 1} or more"


def test_a_last_line_is_known_a_second_later_though_nothing_follows(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "home")
    read(log, "a")
    time.sleep(HEADS_WRITTEN)
    shutil.copytree(tmp_path / "home", tmp_path / "copy")
    log.close()
    (file,) = files_of(tmp_path / "copy")
    assert verify_audit(tmp_path / "copy").problems == []
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])
    assert "cut off" in verify_audit(tmp_path / "copy").problems[0].text


def test_a_log_can_be_checked_while_workers_write_to_it(tmp_path: Path) -> None:
    write_log(tmp_path, 1)
    two = [writer(tmp_path, name) for name in "ab"]
    lines: list[int] = []
    try:
        for process in two:
            assert process.stdout
            process.stdout.readline()
        until = time.monotonic() + HEADS_WRITTEN
        while time.monotonic() < until or len(lines) < 3:
            report = verify_audit(tmp_path)
            assert report.problems == []
            assert (report.chains, report.not_closed, len(report.running)) == (3, [], 2)
            lines.append(report.lines)
    finally:
        for process in two:
            acknowledged(process, 0)
    assert sorted(lines) == lines
    assert lines[-1] > lines[0]


def test_threads_of_one_process_share_its_chain(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    threads = [threading.Thread(target=lambda: [read(log, "a") for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert_whole(verify_audit(tmp_path), 1, 2000)


def test_nothing_is_recorded_after_it_is_closed(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.close()
    log.close()
    with pytest.raises(StoreError, match="closed"):
        read(log, "a")
    assert_whole(verify_audit(tmp_path), 1, 0)


def test_a_full_file_is_continued_by_another_and_a_check_keeps_little_in_memory(tmp_path: Path) -> None:
    log, ids = AuditLog(tmp_path), ["a" * 1000] * 1000
    begun = register_of(tmp_path).read_bytes()
    for _ in range(2 * FULL_BYTES // 1_000_000 + 3):
        read(log, *ids)
    log.close()
    first, second, third = files_of(tmp_path)
    assert FULL_BYTES < first.stat().st_size < FULL_BYTES + 2_000_000
    assert_whole(verify_audit(tmp_path), 3, 2 * FULL_BYTES // 1_000_000 + 3)
    tracemalloc.start()
    verify_audit(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20
    # Its record as it once was, and the file cut to that: only the chain that continues it knows better.
    whole, raw = register_of(tmp_path).read_bytes(), first.read_bytes()
    register_of(tmp_path).write_bytes(begun + whole[len(begun) :])
    first.write_bytes(raw[: raw.index(b"\n") + 1])
    assert {(each.file, each.line) for each in verify_audit(tmp_path).problems} == {(second.name, 1)}
    register_of(tmp_path).write_bytes(whole)
    first.write_bytes(raw)
    second.unlink()
    assert {(each.file, each.line) for each in verify_audit(tmp_path).problems} == {(second.name, None)}
    third.write_bytes(third.read_bytes().replace(b'"number":2', b'"number":1', 1))
    assert {(each.file, each.line) for each in verify_audit(tmp_path).problems} == {
        (second.name, None),
        (third.name, 1),
    }


def test_a_line_that_the_disk_has_no_room_for_is_refused_and_leaves_no_half(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    read(log, "a")
    (file,) = files_of(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 100, hard))
    try:
        for _ in range(3):
            with pytest.raises(StoreError, match="cannot be written"):
                read(log, "b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    read(log, "c")
    log.close()
    assert_whole(verify_audit(tmp_path), 1, 2)


def test_a_line_that_no_check_would_read_is_not_written(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    with pytest.raises(StoreError, match="too long"):
        read(log, "a" * 17_000_000)
    read(log, "a")
    log.close()
    assert_whole(verify_audit(tmp_path), 1, 1)
