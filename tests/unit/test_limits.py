"""Limits of the API: what a key gets, from one process or from several."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrisk.api.limits import SLOTS, RateLimits

SECOND = 1_000_000_000
TICKS = 64
"""Moments of the tests are in 64ths of a second, which floating point and nanoseconds both hold exactly."""
TAKE_ALL = """
import json, sys, time
from pathlib import Path
from graphrisk.api.limits import RateLimits
limits, rate, seconds = RateLimits(Path(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
started, allowed = time.monotonic(), 0
while time.monotonic() < started + seconds:
    allowed += limits.take("ab12cd34", rate).allowed
print(json.dumps([started, time.monotonic(), allowed]))
"""


def taker(home: Path, rate: int, seconds: float) -> subprocess.Popen[str]:
    """A process that takes what it can as soon as it reads a line."""
    words = [sys.executable, "-c", TAKE_ALL, str(home), str(rate), str(seconds)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.parametrize("rate", [1, 7, 200, 5_000])
def test_two_processes_together_get_the_rate_and_one_burst(tmp_path: Path, rate: int) -> None:
    takers = [taker(tmp_path, rate, 1.5) for _ in range(2)]
    for each in takers:
        go(each)
    ended = [json.loads(each.communicate()[0]) for each in takers]
    lasted = max(end for _, end, _ in ended) - min(start for start, _, _ in ended)
    allowed = sum(count for *_, count in ended)
    assert allowed <= rate + int(rate * lasted)
    assert allowed >= int(0.9 * (rate + rate * 1.5))
    if rate >= 200:
        assert all(count > 0 for *_, count in ended)


def test_a_killed_process_leaves_it_unlocked(tmp_path: Path) -> None:
    limits = RateLimits(tmp_path)
    for _ in range(10):
        victim = taker(tmp_path, 1_000_000, 60)
        go(victim)
        time.sleep(0.02)
        victim.kill()
        victim.communicate()
        started = time.monotonic()
        assert limits.take("other", 1).limit == 1
        assert time.monotonic() - started < 0.5


@settings(max_examples=300)
@given(
    rate=st.sampled_from([1, 2, 3, 10, 64, 999, 1_000_000]),
    asks=st.lists(st.tuples(st.integers(0, 3 * TICKS), st.integers(1, 12)), max_size=60),
)
def test_it_answers_as_a_bucket_that_fills_at_the_rate(
    rate: int, asks: list[tuple[int, int]], shared_limits: RateLimits
) -> None:
    key = os.urandom(4).hex()
    interval = -(-SECOND // rate)
    whole = bucket = interval * rate
    tick = 0
    for wait, cost in asks:
        tick += wait
        bucket = min(whole, bucket + wait * SECOND // TICKS)
        price = interval * min(cost, rate)
        got = shared_limits.take(key, rate, tick / TICKS, cost)
        assert got.allowed == (price <= bucket)
        assert got.retry_after_seconds == max(price - bucket, 0) / SECOND
        bucket -= price if got.allowed else 0
        assert (got.limit, got.remaining) == (rate, bucket // interval)
        assert got.reset_seconds == (whole - bucket) / SECOND


@pytest.fixture(scope="module")
def shared_limits(tmp_path_factory: pytest.TempPathFactory) -> RateLimits:
    return RateLimits(tmp_path_factory.mktemp("home"))


def test_who_waits_as_long_as_told_is_allowed_and_not_before(tmp_path: Path) -> None:
    limits, now = RateLimits(tmp_path), 1000.0
    assert [limits.take("a", 10, now).allowed for _ in range(11)] == [True] * 10 + [False]
    told = limits.take("a", 10, now).retry_after_seconds
    assert told == pytest.approx(0.1)
    assert not limits.take("a", 10, now + told - 0.001).allowed
    assert limits.take("a", 10, now + told).allowed


def test_keys_do_not_pay_for_each_other(tmp_path: Path) -> None:
    limits = RateLimits(tmp_path)
    for number in range(200):
        key = f"{number:08x}"
        assert [limits.take(key, 2, 50.0).remaining for _ in range(2)] == [1, 0]
        assert not limits.take(key, 2, 50.0).allowed


def test_more_keys_than_there_is_room_for_take_the_places_of_idle_ones(tmp_path: Path) -> None:
    limits = RateLimits(tmp_path)
    first = [f"{number:08x}" for number in range(SLOTS)]
    assert all(limits.take(key, 1, 10.0).allowed for key in first)
    assert not any(limits.take(key, 1, 10.5).allowed for key in first)
    others = [f"{number:08x}" for number in range(SLOTS, SLOTS + 100)]
    assert all(limits.take(key, 1, 20.0).allowed for key in others)
    assert not any(limits.take(key, 1, 20.5).allowed for key in others)
    # The others took places of the first; these are still answered, each by its own number.
    assert all(limits.take(key, 1, 30.0).allowed for key in first)


@pytest.mark.parametrize("garbage", [b"", b"\xff" * 500, b"\x7f" * 200_000, os.urandom(100_000)])
def test_whatever_the_file_holds_a_key_is_answered_and_waits_a_second_at_most(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "limits").write_bytes(garbage)
    limits = RateLimits(tmp_path)
    assert limits.take("a", 5, 100.0).retry_after_seconds <= 1
    assert limits.take("a", 5, 101.0).allowed


def test_a_clock_that_began_anew_delays_a_key_by_one_burst_at_most(tmp_path: Path) -> None:
    limits = RateLimits(tmp_path)
    assert limits.take("a", 5, 1_000_000.0).allowed
    assert limits.take("a", 5, 3.0).reset_seconds <= 1
    assert limits.take("a", 5, 4.0).allowed


@pytest.mark.parametrize(("rate", "cost"), [(0, 1), (-1, 1), (1, 0), (1, -1)])
def test_a_rate_or_a_cost_below_one_is_refused(tmp_path: Path, rate: int, cost: int) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        RateLimits(tmp_path).take("a", rate, 1.0, cost)


def test_its_file_is_small_and_nobody_elses(tmp_path: Path) -> None:
    RateLimits(tmp_path).take("a", 1)
    state = (tmp_path / "api" / "limits").stat()
    assert stat.S_IMODE(state.st_mode) == 0o600
    assert state.st_size <= 64 * 1024


def test_a_second_opening_goes_on_where_the_first_was(tmp_path: Path) -> None:
    assert [RateLimits(tmp_path).take("a", 2, 5.0).allowed for _ in range(3)] == [True, True, False]
