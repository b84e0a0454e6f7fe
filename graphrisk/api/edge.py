"""The outermost layer: request ids, encoded slashes, how many requests at once, the deadline, access log and metrics."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphrisk.api.calls import SLASH, Call
from graphrisk.api.errors import DETAILS, STORE_UNAVAILABLE, ApiError, problem
from graphrisk.api.guard import GuardedRoute, admit, id_from_path
from graphrisk.api.routes import accounts
from graphrisk.api.served import Served, served_by
from graphrisk.errors import GraphriskError
from graphrisk.logs import LOG

AT_ONCE = 100
DEADLINE_SECONDS = 15.0
ONE_ACCOUNT = "/v1/accounts/"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,100}")
_SLASH = SLASH.encode()


class Edge:
    """ASGI middleware around everything; ``access_log`` is a file descriptor, or None."""

    def __init__(
        self, app: ASGIApp, access_log: int | None = None, at_once: int = AT_ONCE, deadline: float = DEADLINE_SECONDS
    ) -> None:
        self._app, self._access_log, self._at_once, self._deadline = app, access_log, at_once, deadline
        self._in_flight = 0
        # A random beginning and a number: as good as random throughout, without asking the system at every request.
        self._process, self._asked = os.urandom(12).hex(), itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        call = Call(given.decode() if given and _REQUEST_ID.fullmatch(given) else self._next_id(), headers)
        served: Served = scope["app"].state.served
        scope["graphrisk.call"], scope["graphrisk.served"] = call, served
        raw = scope.get("raw_path")
        if raw and b"%" in raw:
            scope["path"] = path_of(raw)
        status = 499

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                begin(message, call, served)
                status = message["status"]
            await send(message)

        self._in_flight += 1
        try:
            error = await self._answer(scope, receive, marked, call)
            if error and status == 499:
                await problem(error, scope["path"], call.request_id)(scope, receive, marked)
        finally:
            self._in_flight -= 1
            self._note(scope, call, status, served)

    def _next_id(self) -> str:
        return f"{self._process}{next(self._asked):08x}"

    async def _answer(self, scope: Scope, receive: Receive, send: Send, call: Call) -> ApiError | None:
        """Answer, or give the error that is to be the answer if none began."""
        if self._in_flight > self._at_once and scope["path"] not in ("/livez", "/readyz"):
            wait = {"Retry-After": "1"}
            return ApiError(503, "busy", "Too many requests at once; wait, then ask again.", headers=wait)
        try:
            if (account_id := account_asked(scope)) is not None:
                await answer_account(account_id, scope, call)(scope, receive, send)
            else:
                async with asyncio.timeout(self._deadline):
                    await self._app(scope, receive, send)
        except TimeoutError:
            return ApiError(504, "deadline_exceeded", f"No answer within {self._deadline:g} s; ask for less.")
        except Exception as failed:
            # What the audit says while an answer begins to go out comes here inside another exception.
            ours = next((each for each in (failed, failed.__cause__) if isinstance(each, GraphriskError)), None)
            LOG.error("%s: %s", call.request_id, ours or "a request failed", exc_info=ours is None)
            return STORE_UNAVAILABLE if ours else ApiError(500, "internal", DETAILS[500])
        return None

    def _note(self, scope: Scope, call: Call, status: int, served: Served) -> None:
        took = call.took_ms()
        served.metrics.count(scope["method"], call.route, status, took / 1000)
        if self._access_log is not None:
            line = {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "request_id": call.request_id,
                "method": scope["method"][:20],
                "route": call.route,
                "status": status,
                "took_ms": took,
                "key": call.key.prefix if call.key else None,
                "run_id": call.run_id,
            }
            # Whoever read the log may be gone, which is no reason to answer nobody.
            with suppress(OSError):
                os.write(self._access_log, json.dumps(line).encode() + b"\n")


def begin(message: Message, call: Call, served: Served) -> None:
    """The audit of an answer, before its first byte goes out, and the headers that every answer has.

    Raises ``StoreError`` when the audit cannot be written: the answer must not go out.
    """
    scope, call.audited = call.audited, None
    if scope is not None and call.key is not None:  # whoever has no key must not be able to fill the disk
        served.audit.record(
            key=call.key.prefix,
            scope=scope,
            route=call.route,
            ids=call.ids,
            run_id=call.run_id,
            status=message["status"],
            request_id=call.request_id,
        )
    message["headers"] = [*message["headers"], *call.headers, (b"x-request-id", call.request_id.encode())]


def account_asked(scope: Scope) -> str | None:
    """The id, when one account of the live run is asked for: that is asked most, and the router takes longer than it."""
    path: str = scope["path"]
    if scope["method"] != "GET" or scope["query_string"] or not path.startswith(ONE_ACCOUNT):
        return None
    text = path[len(ONE_ACCOUNT) :]
    return None if not text or "/" in text else text


def answer_account(text: str, scope: Scope, call: Call) -> Response:
    """What the guard and the route of one account do, without what the framework puts between them."""
    served = served_by(scope)
    route: GuardedRoute = scope["app"].state.one_account
    account_id = id_from_path(text)
    route.note(call, [account_id])
    try:
        admit(call, served, route.needed)
        return accounts.account_answer(scope, account_id, served.published.live())
    except ApiError as error:
        return problem(error, scope["path"], call.request_id)


def path_of(raw: bytes) -> str:
    """The decoded path, in which an encoded slash is not a slash."""
    path = raw.partition(b"?")[0].replace(b"%2F", _SLASH).replace(b"%2f", _SLASH)
    return unquote_to_bytes(path).decode("utf-8", "surrogateescape")
