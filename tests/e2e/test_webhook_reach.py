"""Where webhooks go and where they never go, tried with real receivers, names, proxies and certificates."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphrisk.settings import Settings
from graphrisk.webhooks.dead import dead_letters
from graphrisk.webhooks.delivering import deliver, retry
from graphrisk.webhooks.registry import add_webhook, allow_host, forbid_host
from tests.support_webhooks import LOOPBACK, QUICK, Receiver, feed, home_with_signals, hooked, start


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return home_with_signals(tmp_path / "home")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def test_a_redirect_is_not_followed(settings: Settings, receiver: Receiver) -> None:
    with Receiver(always=f"redirect {receiver.url}") as front:
        hooked(settings, front)
        deliver(settings, once=True, policy=QUICK)
        assert front.requests
    assert receiver.requests == []
    assert {each.reason for each in dead_letters(settings.home)} == {"It answered 302, and redirects are not followed."}


def test_a_host_taken_off_the_list_is_sent_nothing_more(settings: Settings, receiver: Receiver) -> None:
    hooked(settings, receiver)
    forbid_host(settings.home, LOOPBACK)
    deliver(settings, once=True, policy=QUICK)
    assert receiver.requests == []
    assert {each.reason for each in dead_letters(settings.home)} == {
        f"The host {LOOPBACK} is not allowed; `graphrisk webhooks allow {LOOPBACK}` allows it."
    }


def test_a_name_that_leads_to_a_private_address_is_sent_nothing(settings: Settings, receiver: Receiver) -> None:
    allow_host(settings.home, "localhost", private=False)
    add_webhook(settings.home, receiver.url.replace(LOOPBACK, "localhost"), "inside", allow_http=False)
    deliver(settings, once=True, policy=QUICK)
    assert receiver.requests == []
    assert all("which is not public" in each.reason for each in dead_letters(settings.home))
    allow_host(settings.home, "localhost", private=True)
    assert retry(settings, "inside", QUICK).dead == 0
    assert receiver.requests[0].headers["Host"] == f"localhost:{receiver.port}"
    assert receiver.lines() == feed(settings)


def test_proxies_of_the_environment_are_not_asked(settings: Settings, receiver: Receiver) -> None:
    hooked(settings, receiver)
    with Receiver() as proxy:
        told = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), f"http://{LOOPBACK}:{proxy.port}")
        process = start(settings.home, "deliver", "--once", **told)
        process.communicate(timeout=60)
        assert proxy.requests == []
    assert receiver.lines() == feed(settings)


@pytest.mark.parametrize(("name", "trusted", "arrives"), [("localhost", True, True), ("example.com", True, False), ("localhost", False, False)])  # fmt: skip
def test_a_certificate_is_checked_for_the_name_though_the_address_is_what_is_connected_to(
    settings: Settings, tmp_path: Path, name: str, trusted: bool, arrives: bool
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    made += ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    with Receiver(tls=(certificate, key)) as receiver, pytest.MonkeyPatch.context() as patch:
        allow_host(settings.home, "localhost", private=True)
        add_webhook(settings.home, f"https://localhost:{receiver.port}/x", "tls", allow_http=False)
        if trusted:
            patch.setenv("SSL_CERT_FILE", str(certificate))
        deliver(settings, once=True, policy=QUICK)
    assert receiver.lines() == (feed(settings) if arrives else [])
    assert (dead_letters(settings.home) == []) == arrives
