"""Where webhooks may go: which addresses, which hosts, which URLs; and that no message quotes what may be a secret."""

from __future__ import annotations

import pytest

from graphrisk.errors import InputError
from graphrisk.webhooks.targets import Reach, host_of, may_connect, plain_host

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
INSIDE = ["127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.5.4", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"]  # fmt: skip
NEVER = [
    "169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255",
    "240.0.0.1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b::7f00:1", "::7f00:1", "nonsense", "",
]  # fmt: skip
ALLOWED = {
    "hooks.example.com": Reach.PUBLIC,
    "localhost": Reach.PRIVATE,
    "127.0.0.1": Reach.PRIVATE,
    "::1": Reach.PRIVATE,
    "10.0.0.1": Reach.PUBLIC,
    "169.254.169.254": Reach.PRIVATE,
}


@pytest.mark.parametrize(
    ("addresses", "public", "private"), [(PUBLIC, True, True), (INSIDE, False, True), (NEVER, False, False)]
)
def test_which_addresses_may_be_connected_to(addresses: list[str], public: bool, private: bool) -> None:
    assert {each: may_connect(each, Reach.PUBLIC) for each in addresses} == dict.fromkeys(addresses, public)
    assert {each: may_connect(each, Reach.PRIVATE) for each in addresses} == dict.fromkeys(addresses, private)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.example.com", "hooks.example.com"),
        ("https://HOOKS.example.com.:8443/a?b=c", "hooks.example.com"),
        ("http://localhost:1/x", "localhost"),
        ("http://127.0.0.1/x", "127.0.0.1"),
        ("http://[::1]:80/x", "::1"),
    ],
)
def test_urls_that_can_be_used(url: str, host: str) -> None:
    assert host_of(url, ALLOWED, allow_http=False) == host


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/SECRET", "--allow-http"),
        ("https://other.example.com/SECRET", "webhooks allow other.example.com"),
        ("https://hooks.example.com.evil.com/SECRET", "not allowed"),
        ("https://evilhooks.example.com/SECRET", "not allowed"),
        ("https://hooks.example.com@evil.com/SECRET", "login"),
        ("https://SECRET:SECRET@hooks.example.com/", "login"),
        ("https://hooks.example.com/#SECRET", "fragment"),
        ("https://10.0.0.1/SECRET", "--private"),
        ("https://169.254.169.254/SECRET", "never for link-local"),
        ("https://2130706433/SECRET", "not a host"),
        ("https://127.1/SECRET", "not a host"),
        ("https://hooks.example.com:99999/SECRET", "not a URL"),
        ("https://hooks.example.com:0/SECRET", "not a URL"),
        ("https://hooks.example.com\\@evil.com/SECRET", "not a"),
        ("https://hooks.example.com /SECRET", "not a"),
        ("https://hooks.example.com/SECRET\r\nX: y", "not a URL"),
        ("https://hööks.example.com/SECRET", "not a URL"),
        ("https://[::1/SECRET", "not a URL"),
        ("https:///SECRET", "not a URL"),
        ("ftp://hooks.example.com/SECRET", "not a URL"),
        ("file:///etc/SECRET", "not a URL"),
        ("hooks.example.com", "not a URL"),
        ("https://hooks.example.com/" + "SECRET" * 999, "not a URL"),
        ("", "not a URL"),
    ],
)
def test_urls_that_cannot_be_used_are_refused_without_quoting_their_secrets(url: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as told:
        host_of(url, ALLOWED, allow_http=False)
    assert "SECRET" not in str(told.value)
    assert len(str(told.value)) < 300


def test_http_can_be_allowed() -> None:
    assert host_of("http://hooks.example.com/x", ALLOWED, allow_http=True) == "hooks.example.com"


@pytest.mark.parametrize(
    "host",
    ["", "*", "*.example.com", "a b", "https://x.com", "x.com:443", "x.com/", "-a.com", "a..b", "a" * 64, "127.1"],
)
def test_what_is_no_host_cannot_be_allowed(host: str) -> None:
    with pytest.raises(InputError, match="not a host"):
        plain_host(host)
