"""`graphrisk run` left alone: one at a time, killed at any stage and run again, reported, alerted, tidied."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from graphrisk import pipeline
from graphrisk.pipeline.running import jobs  # here, since what it brings in takes seconds that a job does not wait for
from graphrisk.policy import Policy
from graphrisk.runs.store import current_run, publications, read_manifest, run_ids
from graphrisk.webhooks.registry import add_webhook, allow_host
from graphrisk.webhooks.sending import signature
from graphrisk.worlds import write_world
from tests.support import call_cli, run_cli, settings_at
from tests.support_disk import SmallDisk
from tests.support_e2e import accepted_contents, leftovers, write_farm
from tests.support_webhooks import LOOPBACK, Receiver

STAGES = ("load", "detect", "publish")


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Facts of two nights of one marketplace."""
    folder = tmp_path_factory.mktemp("nights")
    write_world(folder / "first", "easy", 1_500, 4, format="csv")
    return [folder / "first", write_farm(folder / "second", "second")]


def started(home: Path, *words: str | Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"GRAPHRISK_THREADS": "1", "GRAPHRISK_PROCESSES": "1"}
    command = [sys.executable, "-m", "graphrisk", "--home", str(home), *map(str, words)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def reports(home: Path) -> list[dict[str, Any]]:
    return jobs(settings_at(home))


def is_caught_at(home: Path, stage: str, process: subprocess.Popen[bytes]) -> bool:
    """Wait until the newest job is at a stage; whether it was seen there before its process had ended."""
    while process.poll() is None:
        if any(each["stage"] == stage for each in reports(home)[-1:]):
            return True
        time.sleep(0.002)
    return False


@pytest.fixture
def job(tmp_path: Path, nights: list[Path]) -> Iterator[subprocess.Popen[bytes]]:
    """A job at work on the home, standing still."""
    process = started(tmp_path / "home", "run", nights[0])
    assert is_caught_at(tmp_path / "home", "load", process)
    process.send_signal(signal.SIGSTOP)
    yield process
    process.kill()
    process.wait()


def test_a_second_job_says_who_is_at_work_and_since_when(
    tmp_path: Path, nights: list[Path], job: subprocess.Popen[bytes]
) -> None:
    second = call_cli("run", nights[1], home=tmp_path / "home")
    assert second.returncode == 4
    assert f": process {job.pid} on " in second.stderr
    assert "since 20" in second.stderr
    assert "(0 min)" in second.stderr
    assert len(reports(tmp_path / "home")) == 1
    job.kill()
    job.wait()
    assert call_cli("run", nights[1], home=tmp_path / "home").returncode == 0


def test_a_job_killed_at_each_stage_goes_on_when_it_is_run_again(tmp_path: Path, nights: list[Path]) -> None:
    home = tmp_path / "home"
    (home / "jobs").mkdir(parents=True)
    killed = 0
    for stage in STAGES:
        process = started(home, "run", nights[0])
        if is_caught_at(home, stage, process):
            process.kill()
            process.wait()
            killed += reports(home)[-1]["outcome"] == "running"  # as it was when it was killed
    assert killed, "a busy machine may miss the short ones"
    assert call_cli("run", nights[0], home=home).returncode == 0
    assert call_cli("run", nights[0], home=tmp_path / "undisturbed").returncode == 0
    live, wanted = current_run(home), current_run(tmp_path / "undisturbed")
    assert live
    assert wanted
    digests = [
        read_manifest(at / "runs", run)["output_digest"]
        for at, run in ((home, live), (tmp_path / "undisturbed", wanted))
    ]
    assert digests[0] == digests[1]
    assert len(accepted_contents(home)) == 1
    assert leftovers(home) == []


def test_a_run_that_a_killed_job_had_finished_is_taken_and_not_computed_again(
    tmp_path: Path, nights: list[Path]
) -> None:
    settings = settings_at(tmp_path / "home")
    pipeline.load(settings, Policy(), [str(nights[0])])
    made = pipeline.detect(settings, Policy())
    assert call_cli("run", nights[0], home=settings.home).returncode == 0
    assert run_ids(settings.runs) == [made["run_id"]]
    assert read_manifest(settings.runs, made["run_id"])["made_at"] == made["made_at"]
    (report,) = reports(settings.home)
    assert report["load"]["new"] is False


def test_a_job_that_was_killed_once_it_had_published_does_not_publish_the_same_facts_again(
    tmp_path: Path, nights: list[Path]
) -> None:
    home = tmp_path / "home"
    for night in nights:
        assert call_cli("run", night, home=home).returncode == 0
    before, live = publications(home), current_run(home)
    again = call_cli("run", nights[1], home=home)
    assert again.returncode == 0
    assert f"Run {live} is live" in again.stdout
    assert "not published yet" not in again.stdout
    assert publications(home) == before
    assert [reports(home)[-1][part]["run_id"] for part in ("run", "publication")] == [live, live]
    # The rollback that a bad night calls for leads to the night before.
    assert call_cli("rollback", home=home).returncode == 0
    assert current_run(home) == before[0].run_id


def test_the_report_and_the_one_line_say_what_happened(tmp_path: Path, nights: list[Path]) -> None:
    home = tmp_path / "home"
    done = call_cli("run", nights[0], "--json", home=home)
    report = json.loads(done.stdout)
    assert [report] == reports(home)
    assert (report["outcome"], report["exit_code"], report["error"]) == ("published", 0, None)
    assert set(report["seconds"]) == {"start", "load", "detect", "publish", "follow"}
    assert report["publication"]["run_id"] == report["run"]["run_id"] == current_run(home)
    assert report["started_at"] <= report["ended_at"]
    failed = call_cli("run", tmp_path / "nothing there", home=home)
    assert failed.returncode == 3
    told = reports(home)[-1]
    assert (told["outcome"], told["stage"], told["exit_code"]) == ("failed", "load", 3)
    assert "does not exist" in told["error"]
    listed = call_cli("jobs", home=home).stdout
    assert "published" in listed
    assert "failed" in listed


def test_a_refused_night_ends_with_7_and_alerts_a_webhook_with_the_signed_reason(
    tmp_path: Path, nights: list[Path]
) -> None:
    home = tmp_path / "home"
    assert call_cli("run", write_farm(tmp_path / "farm", "farm"), home=home).returncode == 0
    live = current_run(home)
    # A day of today moves the data clock, so that all addresses of March are past their retention.
    bad = tmp_path / "bad"
    bad.mkdir()
    today = datetime.now(UTC).date()
    (bad / "sightings.csv").write_text(f"account_id,kind,value,first_seen\nfarm_1,device,a new one,{today}\n")
    with Receiver() as receiver:
        allow_host(home, LOOPBACK, private=True)
        hook = add_webhook(home, receiver.url, "pager", allow_http=False)
        refused = call_cli("run", bad, "--alert", "pager", home=home)
        quiet = call_cli("run", nights[1], "--alert", "pager", "--policy", tmp_path / "no.toml", home=home)
    assert refused.returncode == 7
    assert quiet.returncode == 2, "a policy that is not there stops a job before it begins"
    assert current_run(home) == live
    (request,) = receiver.requests
    told = json.loads(request.body)
    assert told == {"type": "job.ended", **reports(home)[-1]}
    assert (told["outcome"], told["stage"], told["exit_code"]) == ("refused", "publish", 7)
    assert told["error"] in refused.stderr
    at = int(request.headers["X-Graphrisk-Signature"].split(",")[0].removeprefix("t="))
    assert request.headers["X-Graphrisk-Signature"] == signature(hook.secret, request.body, at)


def test_an_alert_that_nobody_takes_changes_no_exit_code_and_an_unknown_webhook_is_told_before_work(
    tmp_path: Path, nights: list[Path]
) -> None:
    home = tmp_path / "home"
    unknown = call_cli("run", nights[1], "--alert", "nobody", home=home)
    assert unknown.returncode == 6
    assert not (home / "jobs").exists()
    allow_host(home, LOOPBACK, private=True)
    with Receiver() as receiver:
        add_webhook(home, receiver.url, "gone", allow_http=False)
    done = call_cli("run", nights[1], "--alert", "gone", "--alert-always", home=home)
    assert done.returncode == 0
    assert current_run(home)


def test_tidy_keeps_what_readers_a_rollback_and_the_next_run_need(tmp_path: Path, nights: list[Path]) -> None:
    home = tmp_path / "home"
    for number in range(5):
        facts = nights[0] if number == 0 else write_farm(tmp_path / f"farm{number}", f"farm{number}", 8)
        arguments = ["--keep", "2"] if number == 4 else []
        done = call_cli("run", facts, *arguments, home=home)
        assert done.returncode == 0, done.stderr
    moves = publications(home)
    assert sorted(run_ids(home / "runs")) == sorted(move.run_id for move in moves[-2:])
    assert reports(home)[-1]["removed_runs"] == [move.run_id for move in moves[:3]]
    signals = [json.loads(line) for line in run_cli("signals", home=home).stdout.splitlines()]
    assert {each["run_id"] for each in signals if each["type"] == "run.published"} == {move.run_id for move in moves}
    assert not [each for each in signals if each["type"] == "feed.gap"]
    assert json.loads(call_cli("tidy", "--keep", "0", "--json", home=home).stdout) == {"removed_runs": []}
    assert call_cli("rollback", home=home).returncode == 0
    assert current_run(home) == moves[-2].run_id
    assert [path.name for path in (home / "runs").iterdir() if path.name.startswith(".")] == []


def test_a_job_that_the_disk_has_no_room_for_says_so_before_it_begins(tmp_path: Path, nights: list[Path]) -> None:
    with SmallDisk(tmp_path / "disk") as disk:
        home = disk.folder / "home"
        home.mkdir()
        disk.leave_free(20 << 10)
        refused = call_cli("run", nights[1], home=home)
        assert refused.returncode == 4
        assert "MiB free, and this job may need" in refused.stderr
        assert "graphrisk tidy" in refused.stderr
        assert not (home / "ledger").exists()
