"""The feed as other teams' programs read it: real processes that follow, are cut off, and are killed at bad moments."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from graphrisk.runs.store import current_run, publications, read_table
from graphrisk.signals import SIGNALS
from tests.support import wait_for
from tests.support_e2e import ROOT, Launcher, Town
from tests.support_signals import Reader, cursors

PATIENCE_SECONDS = 30.0
KILLS = 12
COMMON = {"cursor", "seq", "at", "type", "run_id", "previous_run_id"}
# fmt: off
FIELDS = {
    "run": {"verb"},
    "ring": {"ring_id", "size", "core_size", "score", "band", "related", "superseded_by"},
    "account": {"account_id", "ring_id", "from", "to", "role", "score"},
}
# fmt: on


def start(home: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "graphrisk", "--home", str(home), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"GRAPHRISK_PROCESSES": "1"},
    )


def feed(launch: Launcher, home: Path, *words: str) -> list[bytes]:
    ended = launch("--home", home, "signals", *words)
    assert ended.code == 0, ended.err
    return ended.out.encode().splitlines(keepends=True)


def parsed(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def written_anew(launch: Launcher, home: Path, folder: Path) -> list[bytes]:
    """The feed of a copy of the home in which nothing of it was there."""
    copy = shutil.copytree(home, folder)
    shutil.rmtree(copy / "signals")
    return feed(launch, copy)


def test_a_reader_knows_the_live_run_after_each_publication(launch: Launcher, town: Town, home: Path) -> None:
    reader, after = Reader(), list[str]()
    for words in ([], ["publish", town.candidate], ["rollback"]):
        if words:
            launch("--home", home, *words, "--json").json()
        lines = feed(launch, home, *after)
        assert lines
        reader.take(lines)
        after = ["--after", cursors(lines)[-1]]
        live = str(current_run(home))
        assert reader.live == live
        accounts = read_table(home / "runs", live, "accounts").to_pylist()
        for row in accounts:
            known = reader.accounts.get(row["account_id"], (None, None, "low"))
            assert known == (row["ring_id"], row["role"], row["band"])
        rings = read_table(home / "runs", live, "rings")
        assert reader.rings == dict(zip(*(rings[name].to_pylist() for name in ("ring_id", "core_size")), strict=True))
    assert feed(launch, home, *after) == []
    kinds = [each["type"] for each in parsed(feed(launch, home))]
    assert kinds.count("run.published") == 3
    assert {"ring.born", "ring.withdrawn", "account.ring_changed", "account.band_changed"} <= set(kinds) <= set(SIGNALS)


def test_signals_hold_ids_and_no_token_or_hint(launch: Launcher, town: Town, home: Path) -> None:
    launch("--home", home, "publish", town.candidate, "--json").json()
    lines = feed(launch, home)
    for each in parsed(lines):
        assert each.keys() - COMMON <= FIELDS[each["type"].split(".")[0]], each["type"]
    whole = b"".join(lines).decode()
    evidence = read_table(home / "runs", town.candidate, "links")["evidence"].to_pylist()
    tokens = {each["token"] for row in evidence for each in row}
    assert len(tokens) > 100
    assert [token for token in tokens if token in whole] == []


def test_pages_put_together_are_the_feed(launch: Launcher, home: Path) -> None:
    lines, paged = feed(launch, home), feed(launch, home, "--limit", "7")
    assert len(paged) == 7
    paged += feed(launch, home, "--after", cursors(paged)[-1], "--limit", "1500")
    paged += feed(launch, home, "--after", cursors(paged)[-1])
    assert paged == lines


@pytest.mark.parametrize("cursor", ["yesterday", "0" * 24, "", "../current.json"])
def test_a_cursor_of_another_feed_is_refused_in_one_sentence(launch: Launcher, home: Path, cursor: str) -> None:
    assert repr(cursor) in launch("--home", home, "signals", "--after", cursor).sentence(3)


def test_a_home_without_publications_has_no_signals_and_stays_as_it_is(launch: Launcher, tmp_path: Path) -> None:
    ended = launch("--home", tmp_path / "nothing", "signals")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert not (tmp_path / "nothing").exists()


def test_a_publication_killed_before_its_signals_loses_none(
    launch: Launcher, town: Town, home: Path, tmp_path: Path
) -> None:
    before = feed(launch, home)
    with (home / "signals.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # so that the command stops between the pointer and the signals
        publishing = start(home, "publish", town.candidate)
        wait_for(lambda: current_run(home) == town.candidate or publishing.poll() is not None)
        time.sleep(0.2)
        publishing.kill()
        assert publishing.wait(PATIENCE_SECONDS) == -signal.SIGKILL
        publishing.communicate()
    assert not (home / "signals" / "0000000002.ndjson").exists()
    after = feed(launch, home)
    assert after[: len(before)] == before
    assert {each["seq"] for each in parsed(after[len(before) :])} == {2}
    assert after == written_anew(launch, home, tmp_path / "anew")


def test_publications_killed_at_any_moment_leave_a_whole_feed(
    launch: Launcher, town: Town, home: Path, tmp_path: Path
) -> None:
    longest, killed = launch("--home", town.copy(tmp_path / "measured"), "publish", town.candidate).seconds, 0
    for number in range(KILLS):
        words = ["publish", town.candidate] if current_run(home) == town.live else ["rollback"]
        ended = launch("--home", home, *words, after=longest * (0.4 + 0.6 * number / KILLS))
        killed += ended.code == -9
        copy = shutil.copytree(home, tmp_path / f"copy{number}")
        lines = feed(launch, copy)
        assert lines == written_anew(launch, copy, tmp_path / f"anew{number}")
        assert max(each["seq"] for each in parsed(lines)) == len(publications(copy))
    assert killed > 0


def test_following_shows_a_publication_as_it_happens_and_ends_on_ctrl_c(
    launch: Launcher, town: Town, home: Path
) -> None:
    following = start(home, "signals", "--follow")
    assert following.stdout
    seen = [following.stdout.readline() for _ in feed(launch, home)]
    launch("--home", home, "publish", town.candidate, "--json").json()
    lines = feed(launch, home)
    # All of them are read before the end is asked for, or it could come in the middle of what is being told.
    seen += [following.stdout.readline() for _ in lines[len(seen) :]]
    assert seen == lines
    assert [each["run_id"] for each in parsed(lines) if each["type"] == "run.published"][-1] == town.candidate
    following.send_signal(signal.SIGINT)
    rest, told = following.communicate(timeout=PATIENCE_SECONDS)
    assert rest == b""
    assert following.returncode == 130
    assert told.decode().strip() == "graphrisk: Stopped; nothing was left half done."


@pytest.mark.parametrize("words", [["signals"], ["signals", "--follow"]])
def test_a_reader_that_has_enough_ends_it_without_a_word(town: Town, home: Path, words: list[str]) -> None:
    path = home / "signals" / "0000000001.ndjson"
    assert path.stat().st_size > 65_536  # more than a pipe holds, so that it is cut off while it writes
    reading = start(home, *words)
    assert reading.stdout
    assert reading.stderr
    assert json.loads(reading.stdout.readline())["seq"] == 1
    reading.stdout.close()
    assert reading.stderr.read() == b""
    assert reading.wait(PATIENCE_SECONDS) == 0
    reading.stderr.close()


def test_signals_that_cannot_be_written_do_not_fail_the_publication(
    launch: Launcher, town: Town, home: Path, tmp_path: Path
) -> None:
    shutil.move(home / "signals", tmp_path / "aside")
    (home / "signals").write_text("in the way")
    published = launch("--home", home, "publish", town.candidate, "--json")
    assert published.json()["run_id"] == town.candidate
    assert "signals lags behind" in published.err
    assert "`graphrisk signals`" in published.err
    (home / "signals").unlink()
    assert {each["seq"] for each in parsed(feed(launch, home))} == {1, 2}


def test_the_feed_of_a_newer_home_is_read_and_not_written(launch: Launcher, home: Path) -> None:
    lines = feed(launch, home)
    (home / "home.json").write_text('{"format": 99}')
    assert feed(launch, home) == lines
    shutil.rmtree(home / "signals")
    ended = launch("--home", home, "signals")
    assert "update graphrisk" in ended.err
    assert not (home / "signals").exists()
