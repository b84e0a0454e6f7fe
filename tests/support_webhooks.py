"""A receiver of webhooks: a real server on loopback that answers by a script and keeps what it was sent."""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from graphrisk.runs.feed import read_signals
from graphrisk.settings import Settings
from graphrisk.webhooks.registry import Webhook, add_webhook, allow_host
from graphrisk.webhooks.sending import DeliveryPolicy
from tests.support_e2e import ROOT
from tests.support_signals import Standing, history_at

QUICK = DeliveryPolicy(attempts=3, first_wait=0.001, longest_wait=0.002, timeout=8.0, between_looks=0.02, signals=10)
HASTY = replace(QUICK, timeout=1.0)
"""For receivers that do not answer."""

LOOPBACK = "127.0.0.1"
HANG_SECONDS = 30.0

Answer = int | str
"""A status, or what goes wrong: ``hang``, ``drop``, ``drip``; ``redirect URL``."""


@dataclass(frozen=True)
class Request:
    """What one request brought, and how it was answered."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    answer: Answer

    def lines(self) -> list[bytes]:
        return self.body.splitlines(keepends=True)


class Receiver:
    """Answers 200 once its script of answers is through; a context manager. ``requests`` are those so far, in order."""

    def __init__(
        self, answers: Iterable[Answer] = (), always: Answer = 200, tls: tuple[Path, Path] | None = None
    ) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = list(answers)
        self.always: Answer = always
        self._ended = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            do_GET = do_POST  # noqa: N815 - how http.server names it

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = _Quiet((LOOPBACK, 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/signals"

    def lines(self) -> list[bytes]:
        """The signals of all requests that were acknowledged, in the order in which they came."""
        return [line for each in self.requests if each.answer == 200 for line in each.lines()]

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        answer = self.answers.pop(0) if self.answers else self.always
        self.requests.append(Request(handler.path, dict(handler.headers.items()), body, answer))
        with contextlib.suppress(OSError):  # whoever asked may have gone
            self._give(handler, answer)

    def _give(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.close_connection = True
        if isinstance(answer, int):
            handler.send_response(answer)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        elif answer.startswith("redirect "):
            handler.send_response(302)
            handler.send_header("Location", answer.removeprefix("redirect "))
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        elif answer == "hang":
            self._ended.wait(HANG_SECONDS)
        elif answer == "drip":
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 1000:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                if self._ended.wait(0.05):
                    return


class _Quiet(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away, or gives up a handshake, is what these tests do."""


def home_with_signals(folder: Path, accounts: int = 40) -> Settings:
    """A home with one publication, of about two signals an account."""
    history = history_at(folder)
    history.publish(history.detect({f"acc_{n:04d}": Standing(n // 8, "core", "high", 900) for n in range(accounts)}))
    return history.settings


def hooked(settings: Settings, receiver: Receiver, name: str = "team") -> Webhook:
    """A webhook to a receiver on loopback, which is allowed."""
    allow_host(settings.home, LOOPBACK, private=True)
    return add_webhook(settings.home, receiver.url, name, allow_http=False)


def feed(settings: Settings) -> list[bytes]:
    """Every signal of a home."""
    return read_signals(settings.home, None, 10**6)[0]


def start(home: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """``graphrisk webhooks words…`` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "graphrisk", "--home", str(home), "webhooks", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
    )
