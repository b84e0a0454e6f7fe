"""The log of reads when accounts are erased: whole again, and honest about the change."""

from __future__ import annotations

from pathlib import Path

from graphrisk.api.anchors import parse_anchor
from graphrisk.api.audit import AuditLog, verify_audit
from graphrisk.api.redaction import redact_audit
from tests.support import places_of, write_facts
from tests.support_audit import assert_whole, files_of, read
from tests.support_detection import farm
from tests.support_erasing import (
    erase,
    night,
)


def test_the_log_of_reads_stays_whole_and_old_anchors_tell_of_the_change(tmp_path: Path) -> None:
    home = tmp_path / "home"
    logs = [AuditLog(home) for _ in range(2)]
    for number in range(40):
        read(logs[number % 2], f"acc_{number % 4}", 'odd "],"run": id')
    for log in logs:
        log.close()
    before = verify_audit(home)
    figures, left = redact_audit(home, ["acc_1"])
    assert (figures["audit_lines"], left) == (10, [])
    assert places_of(["acc_1"], home) == []
    assert len(places_of(["acc_3"], home)) == 1
    report = verify_audit(home, parse_anchor(figures["audit"]["anchor_after"]))
    assert_whole(report, 2, 40)
    assert figures["audit"]["anchor_before"] == before.anchor
    assert verify_audit(home, parse_anchor(before.anchor)).problems
    assert redact_audit(home, ["acc_1"]) == ({"audit_lines": 0}, [])


def test_a_log_that_is_written_to_now_is_left_and_the_next_erasure_ends_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    night(home, write_facts(tmp_path / "facts", sightings=farm("crook", 6, 3)))
    log = AuditLog(home)
    read(log, "crook000")
    first = erase(home, "crook000")
    assert "graphrisk serve" in first.left[0]
    assert first.certificate["finished_at"] is None
    read(log, "crook001")
    log.close()
    second = erase(home, "crook000")
    assert second.left == []
    assert second.certificate["erasure"] == first.certificate["erasure"]
    assert second.certificate["removed"]["accounts"] == second.certificate["removed"]["audit_lines"] == 1
    assert_whole(verify_audit(home), 1, 2)
    assert places_of(["crook000"], home) == []


def test_a_log_with_a_problem_keeps_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    log = AuditLog(home)
    read(log, "acc_1")
    log.close()
    (file,) = files_of(home)
    file.write_bytes(file.read_bytes().replace(b"rings:read", b"rings:reaD"))
    _, left = redact_audit(home, ["acc_1"])
    assert "has a problem" in left[0]
    assert verify_audit(home).problems
