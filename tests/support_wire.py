"""A server asked byte by byte."""

from __future__ import annotations

import socket

import psutil

from tests.support_api import Served


def workers(served: Served) -> list[psutil.Process]:
    """The processes that hold an open audit chain."""
    return [each for each in psutil.Process(served.process.pid).children(recursive=True) if _holds_a_chain(each)]


def _holds_a_chain(process: psutil.Process) -> bool:
    try:
        return any("/audit/" in held.path for held in process.open_files())
    except psutil.NoSuchProcess:  # killed a moment ago
        return False


LISTED = b'{"ids":["first_0"]}'


def begin_lookup(served: Served) -> socket.socket:
    """A look-up of which all but the last byte was sent."""
    opened = connect(served)
    opened.sendall(
        b"POST /v1/accounts:lookup HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nAuthorization: Bearer %s\r\n\r\n" % (len(LISTED), served.key().encode()) + LISTED[:-1]
    )
    return opened


def connect(served: Served) -> socket.socket:
    host, _, port = served.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def finish(opened: socket.socket, last: bytes = LISTED[-1:]) -> bytes:
    """Send what was missing and return all that comes back."""
    with opened:
        opened.sendall(last)
        return received(opened)


def received(opened: socket.socket) -> bytes:
    parts: list[bytes] = []
    try:
        while part := opened.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)
