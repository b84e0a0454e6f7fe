"""The API asked within this process: no socket, so that bytes no HTTP client would send reach it, and quickly."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlencode

from fastapi import FastAPI

from graphrisk.api.app import create_app
from graphrisk.api.keys import HIGHEST_RATE, SCOPES, create_key
from graphrisk.api.published import Published
from graphrisk.settings import Settings

Message = MutableMapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Answered:
    """What a request got."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def ok(self) -> Any:
        """The document of a 200."""
        assert self.status == 200, self.body
        return self.json()

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """The problem document, after checking that it is one, and this one."""
        assert (self.status, self.headers["content-type"]) == (status, "application/problem+json"), self.body
        found = self.json()
        assert set(found) - {"errors"} == {"type", "title", "status", "detail", "instance", "code", "request_id"}
        assert (found["status"], found["code"]) == (status, code), found
        assert found["request_id"] == self.headers["x-request-id"]
        assert found["instance"].isascii()
        for text in ("Traceback", 'File "', os.sep + "graphrisk", "site-packages", "/tmp", "0x"):
            assert text not in found["detail"]
        return found


class Api:
    """A running application over a home, with a key for each scope and one with all (``keys['all']``)."""

    def __init__(self, app: FastAPI, home: Path, loop: asyncio.AbstractEventLoop, keys: Mapping[str, str]) -> None:
        self.app, self.home, self.keys, self._loop = app, home, keys, loop

    @property
    def published(self) -> Published:
        return self.app.state.served.published

    def run(self, awaitable: Awaitable[T]) -> T:
        return self._loop.run_until_complete(awaitable)

    def look(self) -> None:
        """Notice a publication now, rather than within a second."""
        self.run(self.published.look())

    def get(
        self, path: str, key: str | None = "all", headers: Mapping[str, str] | None = None, **query: Any
    ) -> Answered:
        return self.ask(path, key=key, headers=headers, query=urlencode(query).encode())

    def lookup(self, ids: object, **query: Any) -> Answered:
        return self.ask(
            "/v1/accounts:lookup",
            method="POST",
            headers={"content-type": "application/json"},
            body=[json.dumps({"ids": ids}).encode()],
            query=urlencode(query).encode(),
        )

    def ask(self, path: str, **how: Any) -> Answered:
        return self.run(self.asked(path, **how))

    async def asked(
        self,
        path: str | bytes,
        method: str = "GET",
        key: str | None = "all",
        headers: Mapping[str, str] | None = None,
        raw_headers: Iterable[tuple[bytes, bytes]] = (),
        body: Iterable[bytes] = (),
        query: bytes = b"",
        body_later: Callable[[], Awaitable[bytes]] | None = None,
    ) -> Answered:
        """One request. ``path`` is as it is on the wire; ``key`` names one of ``keys`` or is the text of another.
        The body comes in parts as they are asked for, or as a whole when ``body_later`` has it."""
        raw = path.encode() if isinstance(path, str) else path
        given = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        if key is not None:
            given.append((b"authorization", f"Bearer {self.keys.get(key, key)}".encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw.decode("latin-1"), errors="replace"),
            "raw_path": raw,
            "root_path": "",
            "query_string": query,
            "headers": [*given, *raw_headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8600),
        }
        sent: list[Message] = []
        parts = chain(body, [b""])

        async def receive() -> Message:
            if body_later:
                return {"type": "http.request", "body": await body_later(), "more_body": False}
            part = next(parts)
            return {"type": "http.request", "body": part, "more_body": part != b""}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        received = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return Answered(sent[0]["status"], received, b"".join(each.get("body", b"") for each in sent[1:]))


@contextmanager
def api_over(home: Path, **limits: Any) -> Generator[Api]:
    """The application over a home, from its start to its end; ``limits`` as ``create_app`` takes them."""
    keys = {scope: create_key(home, scope, [scope], rate=HIGHEST_RATE)[1] for scope in SCOPES}
    keys["all"] = create_key(home, "all", SCOPES, rate=HIGHEST_RATE)[1]
    loop = asyncio.new_event_loop()
    try:
        app = create_app(Settings(home=home, threads=1, processes=1), **limits)
        lifespan = app.router.lifespan_context(app)
        loop.run_until_complete(lifespan.__aenter__())
        try:
            yield Api(app, home, loop, keys)
        finally:
            loop.run_until_complete(lifespan.__aexit__(None, None, None))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def in_path(text: str) -> str:
    """An id as one segment of a path."""
    return quote(text, safe="")
