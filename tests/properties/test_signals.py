"""Signals: whatever is published and rolled back, a reader of the feed knows the live run, from wherever it reads on."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from graphrisk import pipeline
from graphrisk.errors import InputError, NotFoundError, StoreError
from graphrisk.runs.feed import cursor_of, read_signals, write_signals
from graphrisk.runs.store import Publication
from graphrisk.signals import SIGNALS
from tests.support_signals import BANDS, History, Reader, Standing, cursors, history_at

ACCOUNTS = ["a", "b", "c", "d", "é", "f g", 'h"', "i\\", "k😀", "K", "m:,{}"]

standings = st.one_of(
    st.builds(Standing, st.none(), st.none(), st.sampled_from(BANDS), st.integers(0, 1000)),
    st.builds(
        Standing,
        st.integers(0, 2),
        st.sampled_from(("core", "core", "associate")),
        st.sampled_from(BANDS),
        st.integers(0, 1000),
    ),
)


@st.composite
def findings(draw: st.DrawFn) -> dict[str, Standing]:
    """Accounts and where they are; a ring without a core account is none."""
    found = draw(st.dictionaries(st.sampled_from(ACCOUNTS), standings, min_size=1))
    real = {each.ring for each in found.values() if each.role == "core"}
    return {
        account_id: each if each.ring in real else each._replace(ring=None, role=None)
        for account_id, each in found.items()
    }


steps = st.lists(
    st.one_of(findings(), st.just("rollback"), st.integers(0, 5)), min_size=1, max_size=7
)  # an integer publishes an older run again


def lived(home: Path, moves: list[dict[str, Standing] | str | int]) -> tuple[History, list[int]]:
    """A home with this history, and how many signals there were after each publication."""
    history, counts = history_at(home), list[int]()
    history.publish(history.detect({"a": Standing(None, None, "low", 0)}))
    for move in moves:
        if move == "rollback":
            try:
                history.rollback()
            except NotFoundError:
                continue
        elif isinstance(move, int):
            history.publish(history.made[move % len(history.made)])
        elif not isinstance(move, str):
            history.publish(history.detect(move))
        reader = Reader()
        lines = history.lines()
        reader.take(lines)
        assert_knows(reader, history)
        counts.append(len(lines))
    return history, counts


def assert_knows(reader: Reader, history: History) -> None:
    accounts = history.live_accounts()
    assert {account_id: reader.accounts.get(account_id, (None, None, "low")) for account_id in accounts} == accounts
    others = {known for account_id, known in reader.accounts.items() if account_id not in accounts}
    assert others <= {(None, None, "low")}
    assert reader.rings == history.live_rings()


@settings(max_examples=60, deadline=None)
@given(steps)
def test_a_reader_of_the_feed_knows_ring_role_and_band_of_every_account(
    moves: list[dict[str, Standing] | str | int],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history, _ = lived(Path(folder) / "home", moves)
        assert {json.loads(line)["type"] for line in history.lines()} <= SIGNALS.keys()


@settings(max_examples=25, deadline=None)
@given(steps, st.integers(1, 9))
def test_reading_on_from_any_cursor_gives_exactly_the_rest(
    moves: list[dict[str, Standing] | str | int], limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history, _ = lived(Path(folder) / "home", moves)
        lines = history.lines()
        assert cursors(lines) == sorted(set(cursors(lines)))
        for place, line in enumerate(lines):
            assert history.lines(cursor_of(line)) == lines[place + 1 :]
        paged, after = list[bytes](), None
        while True:
            page, after = read_signals(history.settings.home, after, limit)
            if not page:
                break
            assert len(page) == limit or history.lines(after) == []
            paged += page
        assert paged == lines
        assert read_signals(history.settings.home, after, limit) == ([], after)


@settings(max_examples=15, deadline=None)
@given(steps)
def test_the_feed_written_anew_is_the_same_byte_for_byte(moves: list[dict[str, Standing] | str | int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history, _ = lived(Path(folder) / "home", moves)
        lines = history.lines()
        shutil.rmtree(history.settings.home / "signals")
        assert history.lines() == []
        pipeline.ensure_signals(history.settings)
        assert history.lines() == lines


@settings(max_examples=25, deadline=None)
@given(steps)
def test_a_publication_tells_its_run_then_rings_then_accounts_each_by_id(
    moves: list[dict[str, Standing] | str | int],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history, _ = lived(Path(folder) / "home", moves)
        order = [
            (
                each["seq"],
                ("run", "ring", "account").index(each["type"].split(".")[0]),
                each.get("account_id", each.get("ring_id", "")).encode(),
            )
            for each in map(json.loads, history.lines())
        ]
        assert order == sorted(order)


def ring(*accounts: str, number: int = 0) -> dict[str, Standing]:
    return {account_id: Standing(number, "core", "medium", 500) for account_id in accounts}


def told(history: History, seq: int) -> dict[str, str]:
    """Ring id → type, of one publication."""
    signals = [json.loads(line) for line in history.lines()]
    return {each["ring_id"]: each["type"] for each in signals if each["seq"] == seq and each["type"][:5] == "ring."}


def named(size: int, first: int = 0) -> list[str]:
    return [f"n{number:03d}" for number in range(first, first + size)]


def test_rings_are_told_by_their_lineage_and_on_a_rollback_by_coming_and_going(tmp_path: Path) -> None:
    history = history_at(tmp_path / "home")
    history.publish(history.detect(ring(*named(10)) | ring(*named(6, 20), number=1)))
    large, small = sorted(history.live_rings(), key=lambda each: -history.live_rings()[each])
    assert told(history, 1) == {large: "ring.born", small: "ring.born"}
    history.publish(history.detect(ring(*named(10), *named(6, 20))))
    assert told(history, 2) == {large: "ring.merged", small: "ring.merged"}
    merged = {each["ring_id"]: each for each in map(json.loads, history.lines()) if each.get("ring_id")}
    assert (merged[large]["related"], merged[large]["core_size"]) == ([small], 16)
    assert (merged[small]["superseded_by"], merged[small]["size"]) == ([large], None)
    history.rollback()
    assert told(history, 3) == {large: "ring.shrank", small: "ring.returned"}
    history.publish(history.detect(ring(*named(12)) | ring(*named(6, 40), number=1)))
    (other,) = history.live_rings().keys() - {large}
    assert told(history, 4) == {large: "ring.grew", small: "ring.dissolved", other: "ring.born"}
    history.rollback()
    assert told(history, 5) == {large: "ring.shrank", small: "ring.returned", other: "ring.withdrawn"}
    history.publish(history.detect(ring(*named(10)) | ring(*named(6, 20), number=1)))
    assert told(history, 6) == {}


def test_a_run_forced_over_another_than_it_was_made_against_is_compared_with_what_was_live(tmp_path: Path) -> None:
    history = history_at(tmp_path / "home")
    history.publish(history.detect(ring(*named(5))))
    (first,) = history.live_rings()
    late = history.detect(ring(*named(8)) | ring(*named(4, 50), number=1))
    history.publish(history.detect(ring(*named(9, 20))))
    (second,) = history.live_rings()
    history.publish(late)
    (third,) = history.live_rings().keys() - {first}
    assert told(history, 3) == {first: "ring.returned", second: "ring.withdrawn", third: "ring.born"}


def test_a_deleted_run_leaves_a_gap_that_is_told_and_the_feed_goes_on(tmp_path: Path) -> None:
    history = history_at(tmp_path / "home")
    for size in (5, 6, 7):
        history.publish(history.detect(ring(*named(size))))
    shutil.rmtree(history.settings.home / "signals")
    shutil.rmtree(history.settings.runs / history.made[0])
    assert pipeline.ensure_signals(history.settings) == [1, 2, 3]
    signals = [json.loads(line) for line in history.lines()]
    gaps = [(each["seq"], each["type"], each.get("missing")) for each in signals if each["seq"] < 3]
    assert gaps == [
        (1, "run.published", None),
        (1, "feed.gap", [history.made[0]]),
        (2, "run.published", None),
        (2, "feed.gap", [history.made[0]]),
    ]
    assert "account.ring_changed" in {each["type"] for each in signals if each["seq"] == 3}


def test_a_damaged_run_holds_up_the_feed_but_not_the_publication(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    history = history_at(tmp_path / "home")
    history.publish(history.detect(ring(*named(5))))
    first, second = history.made[0], history.detect(ring(*named(6)))
    table = history.settings.runs / first / "accounts.arrow"
    whole = table.read_bytes()
    table.write_bytes(whole[:-1])
    with pytest.raises(StoreError, match=f"{first} is damaged"):
        history.publish(second)  # the guard compares with it
    table.write_bytes(whole)
    broken = history.settings.runs / first / "lineage.arrow"
    kept = broken.read_bytes()
    broken.write_bytes(kept[:-1])
    history.publish(second)
    assert "signals lags behind" in caplog.text
    assert "graphrisk signals" in caplog.text
    assert sorted(path.name for path in (history.settings.home / "signals").glob("*.ndjson")) == ["0000000001.ndjson"]
    broken.write_bytes(kept)
    assert pipeline.ensure_signals(history.settings) == [2]


def test_a_history_that_begins_anew_replaces_the_feed_and_ends_its_cursors(tmp_path: Path) -> None:
    history = history_at(tmp_path / "home")
    history.publish(history.detect(ring(*named(5))))
    history.publish(history.detect(ring(*named(6))))
    old = history.lines()
    (history.settings.home / "current.json").unlink()
    history.publish(history.made[0])
    signals = [json.loads(line) for line in history.lines()]
    assert {(each["seq"], each["run_id"]) for each in signals} == {(1, history.made[0])}
    for line in old:
        with pytest.raises(InputError, match="none of this feed"):
            history.lines(cursor_of(line))
    kept = b"".join(path.read_bytes() for path in sorted((history.settings.home / "signals/replaced").iterdir()))
    assert kept == b"".join(old)


def test_cursors_that_no_signal_carries_are_refused(tmp_path: Path) -> None:
    history = history_at(tmp_path / "home")
    history.publish(history.detect(ring(*named(5))))
    good = cursors(history.lines())
    edited = [each[:place] + char + each[place + 1 :] for each in good for place in range(24) for char in "0v8"]
    odd = ["", " ", "0", "z" * 24, good[0].upper(), good[0] + "0", "../../etc/passwd", "é" * 24, "0" * 24, "x" * 9999]
    refused = 0
    for cursor in [*odd, *(each for each in edited if each not in good)]:
        with pytest.raises(InputError, match="none of this feed") as told:
            history.lines(cursor)
        assert len(str(told.value)) < 250
        refused += 1
    assert refused > 300


def test_a_cursor_that_leads_into_the_middle_of_a_line_is_refused(tmp_path: Path) -> None:
    move = Publication(1, "run_x", "2026-01-01", None, "publish")
    for home, text in (("here", "x" * 100), ("there", "x" * 70)):
        write_signals(tmp_path / home, move, pa.array([f'"text":"{text}"'] * 5, pa.large_string()))
    lines, _ = read_signals(tmp_path / "there", None, 10)
    for cursor in cursors(lines):
        with pytest.raises(InputError, match="none of this feed"):
            read_signals(tmp_path / "here", cursor, 10)


def test_reading_near_the_end_of_a_long_feed_reads_little(tmp_path: Path) -> None:
    members = pa.array([f'"seq":1,"place":{place}' for place in range(300_000)], pa.large_string())
    path = write_signals(tmp_path, Publication(1, "run_x", "2026-01-01", None, "publish"), members)
    with path.open("rb") as handle:
        after = cursor_of(next(line for place, line in enumerate(handle) if place == 299_000))
    counters = Path("/proc/self/io")
    before = int(counters.read_text().split()[1])
    lines, _ = read_signals(tmp_path, after, 100)
    read = int(counters.read_text().split()[1]) - before
    assert [json.loads(line)["place"] for line in lines] == list(range(299_001, 299_101))
    assert read < path.stat().st_size / 50
