"""Webhooks against a real receiver that fails in every way: signed, at least once, in order, nowhere else."""

from __future__ import annotations

import json
import logging
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given
from hypothesis import settings as examples

from graphrisk.errors import StoreError
from graphrisk.files import locked
from graphrisk.logs import LOG
from graphrisk.settings import Settings
from graphrisk.webhooks.dead import dead_letters
from graphrisk.webhooks.delivering import deliver, retry
from graphrisk.webhooks.registry import allow_host, read_cursor, remove_webhook
from tests.support import wait_for
from tests.support_e2e import Launcher
from tests.support_signals import cursors
from tests.support_webhooks import HASTY, LOOPBACK, QUICK, Answer, Receiver, feed, home_with_signals, hooked, start
from tests.unit.test_signals_docs import snippet


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return home_with_signals(tmp_path / "home")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def test_the_feed_arrives_whole_in_order_signed_and_once(settings: Settings, receiver: Receiver) -> None:
    webhook, is_genuine = hooked(settings, receiver), snippet("is_genuine")
    lines = feed(settings)
    delivered = deliver(settings, once=True, policy=QUICK)
    assert receiver.lines() == lines
    assert (delivered.signals, delivered.batches, delivered.dead) == (len(lines), len(receiver.requests), 0)
    assert len(lines) > 3 * QUICK.signals
    for each in receiver.requests:
        assert len(each.lines()) <= QUICK.signals
        assert is_genuine(webhook.secret, each.headers["X-Graphrisk-Signature"], each.body)
        assert each.headers["X-Graphrisk-Cursor"] == cursors(each.lines())[-1]
        assert each.headers["Content-Type"] == "application/x-ndjson"
        assert each.headers["Host"] == f"{LOOPBACK}:{receiver.port}"
        assert each.path == "/signals"
    assert len({each.headers["X-Graphrisk-Delivery"] for each in receiver.requests}) == len(receiver.requests)
    deliver(settings, once=True, policy=QUICK)
    assert receiver.lines() == lines


@pytest.mark.parametrize("failure", [500, 503, 404, "hang", "drop", "drip", "redirect http://127.0.0.1:9/"])
def test_a_batch_that_failed_is_sent_again_before_the_next(settings: Settings, failure: Answer) -> None:
    with Receiver([200, failure, failure]) as receiver:
        hooked(settings, receiver)
        policy = HASTY if failure in ("hang", "drip") else QUICK
        assert deliver(settings, once=True, policy=policy).dead == 0
    assert receiver.lines() == feed(settings)
    first, second, third = (each for each in receiver.requests[1:4])
    assert first.body == second.body == third.body
    assert len({each.headers["X-Graphrisk-Delivery"] for each in (first, second, third)}) == 1


def test_what_is_given_up_is_kept_and_the_feed_goes_on(settings: Settings) -> None:
    lines = feed(settings)
    with Receiver([200, *([500] * QUICK.attempts)]) as receiver:
        hooked(settings, receiver)
        delivered = deliver(settings, once=True, policy=QUICK)
        assert delivered.dead == 1
        (letter,) = dead_letters(settings.home)
        assert letter.batch.body.splitlines(keepends=True) == lines[10:20]
        assert (letter.reason, letter.attempts) == ("It answered 500.", QUICK.attempts)
        assert receiver.lines() == lines[:10] + lines[20:]
        receiver.answers = [503]
        assert retry(settings, "team", QUICK).dead == 1
        assert [each.reason for each in dead_letters(settings.home)] == ["It answered 503."]
        assert retry(settings, None, QUICK).signals == 10
        assert receiver.requests[-1].body == letter.batch.body
        assert receiver.requests[-1].headers["X-Graphrisk-Delivery"] == letter.batch.delivery
    assert dead_letters(settings.home) == []
    assert sorted(receiver.lines()) == lines


def test_retrying_stops_at_the_first_that_fails_again_so_that_order_is_kept(settings: Settings) -> None:
    with Receiver(always=500) as receiver:
        hooked(settings, receiver)
        dead = deliver(settings, once=True, policy=QUICK).dead
        assert dead == len(dead_letters(settings.home)) > 3
        receiver.requests, receiver.answers, receiver.always = [], [200, 500], 200
        assert retry(settings, "team", QUICK).dead == dead - 1
        assert len(receiver.requests) == 2
        assert retry(settings, "team", QUICK).dead == 0
    assert receiver.lines() == feed(settings)


@examples(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([200, 500, "drop"]), max_size=30))
def test_every_signal_is_acknowledged_or_a_dead_letter_and_each_in_order(answers: list[Answer]) -> None:
    with tempfile.TemporaryDirectory() as folder, Receiver(answers) as receiver:
        settings = home_with_signals(Path(folder) / "home")
        hooked(settings, receiver)
        deliver(settings, once=True, policy=QUICK)
        given_up = [line for each in dead_letters(settings.home) for line in each.batch.body.splitlines(keepends=True)]
        acknowledged = receiver.lines()
        assert acknowledged == sorted(acknowledged)
        assert sorted(acknowledged + given_up) == feed(settings)


@pytest.mark.parametrize("at", [1, 2, 4])
def test_a_deliverer_killed_while_a_batch_is_on_its_way_sends_it_again(tmp_path: Path, at: int) -> None:
    settings = home_with_signals(tmp_path / "home", accounts=1200)
    lines = feed(settings)
    with Receiver([*([200] * (at - 1)), "hang"]) as receiver:
        hooked(settings, receiver)
        process = start(settings.home, "deliver", "--once")
        wait_for(lambda: len(receiver.requests) >= at)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert receiver.lines() == lines[: 500 * (at - 1)]
        again = start(settings.home, "deliver", "--once", "--json")
        told, err = again.communicate(timeout=60)
        assert again.returncode == 0, err
        assert json.loads(told)["signals"] == len(lines) - 500 * (at - 1)
    assert receiver.lines() == lines
    assert receiver.requests[at].body == receiver.requests[at - 1].body


def test_an_answer_that_was_lost_with_the_deliverer_brings_the_batch_again(settings: Settings) -> None:
    with Receiver([200]) as receiver:
        hooked(settings, receiver)
        lines = feed(settings)
        deliver(settings, once=True, policy=QUICK)
        (settings.home / "signals" / "webhooks" / "team.cursor").write_text(cursors(lines)[9])
        deliver(settings, once=True, policy=QUICK)
    assert receiver.lines() == lines + lines[10:]


def test_a_receiver_that_hangs_holds_up_no_other(settings: Settings, receiver: Receiver) -> None:
    with Receiver(always="hang") as stuck:
        hooked(settings, stuck, "stuck")
        hooked(settings, receiver, "quick")
        delivering = threading.Thread(target=deliver, args=(settings, True, HASTY))
        delivering.start()
        wait_for(lambda: len(receiver.requests) > len(feed(settings)) // HASTY.signals)
        assert len({each.body for each in stuck.requests}) < 4, "the quick one waits for the one that hangs"
        remove_webhook(settings.home, "stuck")
        delivering.join()
        assert read_cursor(settings.home, "stuck") is None
        assert dead_letters(settings.home) == []


def test_two_deliverers_for_one_home_are_refused(settings: Settings, receiver: Receiver) -> None:
    hooked(settings, receiver)
    with (
        locked(settings.home / "signals" / "deliver.lock"),
        pytest.raises(StoreError, match="Another process delivers"),
    ):
        deliver(settings, once=True, policy=QUICK)
    assert receiver.requests == []


def test_a_feed_that_began_anew_is_sent_from_its_beginning(
    settings: Settings, receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOG, "propagate", True)
    hooked(settings, receiver)
    deliver(settings, once=True, policy=QUICK)
    moves = json.loads((settings.home / "current.json").read_text())
    moves["publications"][0]["published_at"] = "2026-02-02T00:00:00+00:00"
    (settings.home / "current.json").write_text(json.dumps(moves))
    receiver.requests = []
    with caplog.at_level(logging.WARNING):
        deliver(settings, once=True, policy=QUICK)
    assert "it begins at the first signal" in caplog.text
    assert receiver.lines() == feed(settings)


def test_nothing_is_sent_and_nothing_is_there_without_a_webhook(settings: Settings, receiver: Receiver) -> None:
    allow_host(settings.home, LOOPBACK, private=True)
    assert deliver(settings, once=True, policy=QUICK).batches == 0
    assert receiver.requests == []


def test_the_commands_from_allow_to_retry(launch: Launcher, settings: Settings) -> None:
    home, lines = settings.home, feed(settings)

    def webhooks(*words: str) -> str:
        ended = launch("--home", home, "webhooks", *words)
        assert ended.code == 0, ended.err
        return ended.out

    with Receiver(always=410) as receiver:
        add = ("--home", home, "webhooks", "add", receiver.url, "--name", "desk")
        assert "webhooks allow 127.0.0.1" in launch(*add).sentence(3)
        webhooks("allow", LOOPBACK)
        assert "--private" in launch(*add).sentence(3)
        webhooks("allow", LOOPBACK, "--private")
        secret = launch(*add, "--json").json()["secret"]
        assert len(bytes.fromhex(secret.removeprefix("whsec_"))) == 32
        assert "remove it first" in launch(*add).sentence(3)
        assert secret not in webhooks("list") + webhooks("list", "--json")
        stored = home / "api" / "webhooks.json"
        assert secret in stored.read_text()
        assert stat.S_IMODE(stored.stat().st_mode) == 0o600
        assert webhooks("dead") == "There are none.\n"
        with Receiver(always=200) as other:
            added = launch("--home", home, "webhooks", "add", other.url, "--json").json()
            assert added["name"] == "127-0-0-1"
            webhooks("remove", "desk")
            webhooks("deliver", "--once")
            assert other.lines() == lines
            assert receiver.requests == []
        assert {each["name"]: each["cursor"] for each in json.loads(webhooks("list", "--json"))["webhooks"]} == {
            "127-0-0-1": cursors(lines)[-1]
        }
    assert "'desk'" in launch("--home", home, "webhooks", "remove", "desk").sentence(6)
    assert "'desk'" in launch("--home", home, "webhooks", "retry", "desk").sentence(6)
    webhooks("allow", LOOPBACK, "--remove")
    assert LOOPBACK in launch("--home", home, "webhooks", "allow", LOOPBACK, "--remove").sentence(6)


def test_delivering_goes_on_with_new_publications_and_webhooks_until_it_is_stopped(
    settings: Settings, receiver: Receiver
) -> None:
    process = start(settings.home, "deliver")
    time.sleep(1.5)
    assert process.poll() is None
    hooked(settings, receiver)
    wait_for(lambda: len(receiver.requests) >= 1)
    before = feed(settings)
    run_id = json.loads((settings.home / "current.json").read_text())["run_id"]
    moves = json.loads((settings.home / "current.json").read_text())
    moves["publications"].append({**moves["publications"][0], "seq": 2, "previous": run_id})
    (settings.home / "current.json").write_text(json.dumps(moves))
    wait_for(lambda: len(receiver.requests) >= 2)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.splitlines()[-1] == "graphrisk: Stopped; nothing was left half done."
    assert receiver.lines() == feed(settings)
    assert len(feed(settings)) == len(before) + 1
