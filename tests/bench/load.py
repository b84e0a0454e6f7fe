"""Load on an HTTP server from one process: as much as it takes, or so many requests a second whatever it takes."""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

CONNECTIONS = 16
HOST = "127.0.0.1"


class RefusedError(Exception):
    """The server answered with something else than 200."""


@dataclass(frozen=True)
class Ask:
    """The bytes of one request."""

    content: bytes

    def answer(self, port: int) -> bytes:
        """The body of the answer, over a connection of its own."""
        with socket.create_connection((HOST, port)) as connection:
            return exchange(connection, self.content)

    def is_answered(self, port: int) -> bool:
        """Whether the server answers with 200."""
        try:
            self.answer(port)
        except (OSError, RefusedError):
            return False
        return True


def request(path: str, key: str, body: bytes | None = None) -> Ask:
    """A GET, or a POST of JSON."""
    verb = "GET" if body is None else "POST"
    more = "" if body is None else f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    head = f"{verb} {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n{more}\r\n"
    return Ask(head.encode() + (body or b""))


def exchange(connection: socket.socket, content: bytes) -> bytes:
    """Send a request and read its whole answer. Raises ``RefusedError`` unless it is 200."""
    connection.sendall(content)
    received = connection.recv(1 << 18)
    while not (body := _body(received)) and received:
        more = connection.recv(1 << 20)
        if not more:
            raise OSError("The connection ended.")
        received += more
    if not received.startswith(b"HTTP/1.1 200"):
        raise RefusedError(received[:300])
    return body or b""


def _body(received: bytes) -> bytes | None:
    """The body once all of it is there."""
    split = received.find(b"\r\n\r\n")
    if split < 0:
        return None
    place = received.find(b"content-length: ", 0, split)
    length = int(received[place + 16 : received.find(b"\r\n", place)])
    return received[split + 4 :] if len(received) >= split + 4 + length else None


def closed_loop(port: int, asks: Sequence[Ask], seconds: float, connections: int = CONNECTIONS) -> float:
    """Answers a second when each connection asks again as soon as it is answered."""
    requests = cycle(asks)
    with selectors.DefaultSelector() as selector:
        pending = _connected(selector, port, connections)
        for connection in pending:
            connection.send(next(requests).content)
        answered, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < seconds:
            for connection in _answered(selector, pending):
                answered += 1
                connection.sendall(next(requests).content)
        took = time.perf_counter() - begin
        _close(pending)
    return answered / took


def open_loop(
    port: int, asks: Sequence[Ask], rate: float, seconds: float, connections: int = CONNECTIONS
) -> list[float]:
    """Milliseconds from when each request was due to its answer, at ``rate`` requests a second, whatever is slow."""
    requests = cycle(asks)
    delays: list[float] = []
    with selectors.DefaultSelector() as selector:
        pending = _connected(selector, port, connections)
        free = deque(pending)  # in turn, or the server would close those that are idle for long
        due_of: dict[socket.socket, float] = {}
        begin, sent = time.perf_counter(), 0
        while (now := time.perf_counter()) - begin < seconds or due_of:
            while free and begin + sent / rate <= now and now - begin < seconds:
                connection = free.popleft()
                due_of[connection] = begin + sent / rate
                connection.sendall(next(requests).content)
                sent += 1
            for connection in _answered(selector, pending):
                delays.append(1000 * (time.perf_counter() - due_of.pop(connection)))
                free.append(connection)
        _close(pending)
    return delays


def _connected(selector: selectors.BaseSelector, port: int, count: int) -> dict[socket.socket, bytes]:
    pending: dict[socket.socket, bytes] = {}
    for _ in range(count):
        connection = socket.create_connection((HOST, port))
        selector.register(connection, selectors.EVENT_READ)
        pending[connection] = b""
    return pending


def _answered(selector: selectors.BaseSelector, pending: dict[socket.socket, bytes]) -> list[socket.socket]:
    """The connections whose answer is whole by now."""
    done: list[socket.socket] = []
    for key, _ in selector.select(0.0005):
        connection: socket.socket = key.fileobj  # pyright: ignore[reportAssignmentType]
        more = connection.recv(1 << 20)
        if not more:
            raise OSError("The connection ended.")
        received = pending[connection] + more
        if _body(received) is None:
            pending[connection] = received
            continue
        if not received.startswith(b"HTTP/1.1 200"):
            raise RefusedError(received[:300])
        pending[connection] = b""
        done.append(connection)
    return done


def _close(pending: dict[socket.socket, bytes]) -> None:
    for connection in pending:
        connection.close()
