"""An anchor kept outside the home: it finds a log that did not go on from there, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrisk.api.anchors import parse_anchor
from graphrisk.api.audit import AuditLog, AuditReport, verify_audit
from graphrisk.errors import SettingsError
from tests.support_audit import assert_whole, files_of, read, register_of, write_log


def since(home: Path, anchor: str) -> AuditReport:
    return verify_audit(home, parse_anchor(anchor))


def assert_found(report: AuditReport) -> None:
    (problem,) = report.problems
    assert "did not go on from the anchor" in problem.text


@settings(max_examples=40, deadline=None)
@given(before=st.lists(st.integers(0, 3), max_size=3), more=st.lists(st.sampled_from("rnc"), max_size=8))
def test_a_log_that_goes_on_agrees_with_every_anchor_it_ever_had(
    before: list[int], more: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    anchors = [verify_audit(home).anchor]
    for lines in before:
        write_log(home, lines)
        anchors.append(verify_audit(home).anchor)
    logs: list[AuditLog] = [AuditLog(home)]
    for step in more:
        if step == "n":
            logs.append(AuditLog(home))
        elif step == "c" and len(logs) > 1:
            logs.pop(0).close()
        else:
            read(logs[-1], "a")
        anchors.append(verify_audit(home).anchor)
    for log in logs:
        log.close()
    for anchor in anchors:
        assert since(home, anchor).problems == []


def test_an_older_copy_put_back_whole_is_found_by_an_anchor_only(tmp_path: Path) -> None:
    write_log(tmp_path, 3)
    shutil.copytree(tmp_path / "audit", tmp_path / "copy")
    write_log(tmp_path, 2)
    anchor = verify_audit(tmp_path).anchor
    shutil.rmtree(tmp_path / "audit")
    (tmp_path / "copy").rename(tmp_path / "audit")
    assert_whole(verify_audit(tmp_path), 1, 3)
    assert_found(since(tmp_path, anchor))


def test_an_older_copy_of_a_chain_that_was_open_is_found(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    read(log, "a")
    shutil.copytree(tmp_path / "audit", tmp_path / "copy")
    read(log, "b")
    anchor = verify_audit(tmp_path).anchor
    log.close()
    assert since(tmp_path, anchor).problems == []
    shutil.rmtree(tmp_path / "audit")
    (tmp_path / "copy").rename(tmp_path / "audit")
    assert verify_audit(tmp_path).problems == []
    assert_found(since(tmp_path, anchor))


def begun_anew(home: Path) -> None:
    shutil.rmtree(home / "audit")
    (home / "api" / "audit.key").unlink()
    write_log(home, 3)


def newest_removed(home: Path) -> None:
    register = register_of(home).read_bytes()
    files_of(home)[-1].unlink()
    register_of(home).write_bytes(register[:-128])


def all_removed(home: Path) -> None:
    shutil.rmtree(home / "audit")
    (home / "api" / "audit.key").unlink()


@pytest.mark.parametrize("change", [begun_anew, newest_removed, all_removed])
def test_what_no_check_inside_the_home_finds_an_anchor_finds(tmp_path: Path, change: Callable[[Path], None]) -> None:
    write_log(tmp_path, 3)
    if change is not begun_anew:
        write_log(tmp_path, 3)
    anchor = verify_audit(tmp_path).anchor
    change(tmp_path)
    assert verify_audit(tmp_path).problems == []
    assert_found(since(tmp_path, anchor))


@pytest.mark.parametrize("text", ["", "1", "1::" + "0" * 63, "1:1@:" + "0" * 64, "-1::" + "0" * 64, "x" * 10_000])
def test_a_word_that_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is none; give the whole word") as told:
        parse_anchor(text)
    assert len(str(told.value)) < 300
