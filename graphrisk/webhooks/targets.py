"""Where a webhook may be sent: hosts that were allowed by name, at addresses that are public unless allowed otherwise."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from graphrisk.errors import InputError

PORTS = {"http": 80, "https": 443}
LONGEST_URL = 2_000
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_PLAIN = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
"""What a URL is written with; what else programs make of other characters, they do not agree on."""

_SHARED = ipaddress.ip_network("100.64.0.0/10")
"""Shared address space: neither public nor counted as private, and used inside of networks."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reach(StrEnum):
    """What the addresses of an allowed host may be: public ones only, or private and loopback ones too."""

    PUBLIC = "public"
    PRIVATE = "private"


def plain_host(host: str) -> str:
    """A host as it is listed: lower case, without a dot at the end. Raises ``InputError`` when it is no host."""
    plain = host.strip().lower().removesuffix(".").removeprefix("[").removesuffix("]")
    if _as_address(plain) or (len(plain) <= 253 and _NAME.fullmatch(plain) and not plain.replace(".", "").isdigit()):
        return plain
    raise InputError(
        f"{host[:60]!r} is not a host; write a name like hooks.example.com, or an address, without a port."
    )


def host_of(url: str, allowed: Mapping[str, Reach], allow_http: bool) -> str:
    """The host of a URL that may be used. Raises ``InputError`` with what is wrong with it."""
    parts = _split(url)
    host = plain_host(parts.hostname or "")
    if host not in allowed:
        raise InputError(f"The host {host} is not allowed; `graphrisk webhooks allow {host}` allows it.")
    if _as_address(host):
        _check_reach(host, host, allowed[host])
    if parts.scheme == "http" and not (allow_http or _is_loopback(host)):
        raise InputError(
            f"The webhook {_shown(url)} is http, which anyone on the way can read; use https, or --allow-http."
        )
    return host


async def addresses_of(url: str, reach: Reach) -> list[str]:
    """The addresses of a URL's host, all of which may be connected to. Raises ``InputError`` when one may not."""
    parts = urlsplit(url)
    host = plain_host(parts.hostname or "")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port_of(parts), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"The host {host} has no address ({type(error).__name__}).") from error
    addresses = list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))
    for text in addresses:
        _check_reach(host, text, reach)
    return addresses


def _check_reach(host: str, text: str, reach: Reach) -> None:
    if not may_connect(text, reach):
        raise InputError(
            f"The host {host} has the address {text}, which is not public; "
            f"if that is meant, `graphrisk webhooks allow {host} --private` (never for link-local ones)."
        )


def may_connect(text: str, reach: Reach) -> bool:
    """Whether a webhook may connect to this address. Link-local, multicast, reserved ones never."""
    address = _as_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if address is None or mapped:
        return mapped is not None and may_connect(str(mapped), reach)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if isinstance(address, ipaddress.IPv6Address) and (address.sixtofour or address.teredo):
        return False  # an IPv4 address, which may be a private one, in other clothes
    if address.is_reserved and not address.is_loopback:
        return False  # NAT64 is among these
    inside = address.is_private or address.is_loopback or address in _SHARED
    return address.is_global or (reach is Reach.PRIVATE and inside)


def port_of(parts: SplitResult) -> int:
    """The port that a URL names, or that of its scheme."""
    return parts.port or PORTS[parts.scheme]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in PORTS and parts.hostname and parts.port != 0 and len(url) <= LONGEST_URL
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable or not _PLAIN.fullmatch(url):
        raise InputError(
            f"{_shown(url)} is not a URL for a webhook; write it like https://hooks.example.com/graphrisk."
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InputError(
            f"The URL for {parts.hostname} has a login or a fragment in it; leave them out, signatures say who sends."
        )
    return parts


def _shown(url: str) -> str:
    """A URL without what may be a secret: login, path and query."""
    rest = url.rpartition("://")[2]
    return repr(re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2][:60])


def _is_loopback(host: str) -> bool:
    address = _as_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _as_address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
