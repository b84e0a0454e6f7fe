"""What stands before every route: a key with the scope, its rate, the size and time of a body; and the audit behind it.

A route without a declared scope cannot be built, so nothing is open by default.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import parse_qsl

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from graphrisk.api.calls import SLASH, Call, call_of
from graphrisk.api.errors import CODES, DETAILS, ApiError, pointer, problem
from graphrisk.api.served import Served, served_by

BODY_BYTES = 1 << 20
BODY_SECONDS = 10.0
BODIES_OF_A_KEY = 25
"""A quarter of the requests that a worker takes at once."""
AUDITED = ("scores:read", "rings:read")
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="graphrisk"'}
Scoped = Literal["scores:read", "rings:read", "signals:read", "ops:read", "assess", "open"]
Direct = Callable[[Request], Awaitable[Response]]


def scoped(scope: Scoped, direct: bool = False) -> Callable[[Any], Any]:
    """Say which scope a route's key needs (``open``: none). ``direct`` calls the function with the request alone.

    A direct route is documented like any other, but FastAPI does not take its parameters apart, which costs more than
    the answer itself.
    """

    def mark(endpoint: Any) -> Any:
        endpoint.scope, endpoint.direct = scope, direct
        return endpoint

    return mark


class GuardedRoute(APIRoute):
    """A route behind the guard."""

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        if not hasattr(endpoint, "scope"):
            raise TypeError(f"The route {path} does not say which scope it needs.")
        self.needed: Scoped = endpoint.scope
        self._direct: Direct | None = endpoint if endpoint.direct else None
        if self.needed != "open":
            options["openapi_extra"] = {"security": [{"key": []}], **(options.get("openapi_extra") or {})}
            options["description"] = f"Needs a key with the scope `{self.needed}`.\n\n{endpoint.__doc__ or ''}"
        super().__init__(path, endpoint, **options)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit the call or answer why not; then the route. The edge writes the audit before the first byte goes out."""
        call, served = call_of(scope), served_by(scope)
        self.note(call, list(map(id_from_path, scope["path_params"].values())))
        try:
            # To a regular expression the end of a text may come before its last line break.
            if scope["path"].endswith("\n") and not self.path.endswith("}"):
                raise ApiError(404, CODES[404], DETAILS[404])
            if self.needed != "open":
                admit(call, served, self.needed)
            methods = self.methods or set()
            if scope["method"] not in methods:
                raise ApiError(405, CODES[405], DETAILS[405], headers={"Allow": ", ".join(sorted(methods))})
            if scope["query_string"]:
                refuse_repeated(scope["query_string"])
            if scope["method"] == "POST":
                with arriving(call, served):
                    receive = await whole_body(scope, receive)
            if self._direct:
                response = await self._direct(Request(scope, receive))
                await response(scope, receive, send)
                return
        except ApiError as error:
            await problem(error, scope["path"], call.request_id)(scope, receive, send)
            return
        await super().handle(scope, receive, send)

    def note(self, call: Call, ids: list[str]) -> None:
        """Say in a call what is asked for, and whether its answer goes into the audit."""
        call.route, call.ids = self.path, ids
        call.audited = self.needed if self.needed in AUDITED else None


def admit(call: Call, served: Served, needed: str) -> None:
    """Find the key of a call and charge it. Raises ``ApiError``: 401, 403 or 429."""
    header = call.sent_headers.get(b"authorization", b"")
    key = served.keyring.find_sent(header)
    if key is None:
        raise _no_key(header)
    call.key = key
    allowed, limit, remaining, reset_seconds, retry_after = served.limits.take(key.prefix, key.rate)
    call.headers += [
        (b"ratelimit-limit", b"%d" % limit),
        (b"ratelimit-remaining", b"%d" % remaining),
        (b"ratelimit-reset", b"%d" % (reset_seconds + 0.999)),
    ]
    if not allowed:
        wait = {"Retry-After": f"{max(1, round(retry_after + 0.499))}"}
        raise ApiError(
            429,
            "rate_limited",
            f"The key may ask {limit} times a second; wait, then ask again.",
            headers=wait,
        )
    if needed not in key.scopes:
        raise ApiError(403, "missing_scope", f"The key does not have the scope {needed}; ask for one that has.")


def _no_key(header: bytes) -> ApiError:
    word, _, text = header.decode("latin-1").partition(" ")
    if word.lower() == "bearer" and text:
        return ApiError(
            401, "invalid_key", "The key is unknown, expired or revoked; ask for a new one.", headers=CHALLENGE
        )
    return ApiError(
        401,
        "missing_key",
        "Send a key as `Authorization: Bearer gr_…`; `graphrisk keys create` makes one.",
        headers=CHALLENGE,
    )


def refuse_repeated(query: bytes) -> None:
    """Raise ``ApiError`` 422 when a query names a parameter twice: one of the two would be ignored."""
    names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)]
    if len(set(names)) == len(names):
        return
    repeated = next(name for place, name in enumerate(names) if name in names[:place])
    detail = f"{repeated} is there more than once; give it once."
    raise ApiError(422, "invalid_request", detail, [{"pointer": pointer("query", repeated), "detail": detail}])


@contextmanager
def arriving(call: Call, served: Served) -> Generator[None]:
    """Around the time that a body takes to arrive. Raises ``ApiError`` 429 when too many of one key's do already.

    Or one caller could hold all the requests that a worker takes at once by sending nothing more.
    """
    prefix = call.key.prefix if call.key else ""
    if served.arriving[prefix] >= BODIES_OF_A_KEY:
        raise ApiError(
            429,
            "rate_limited",
            f"{BODIES_OF_A_KEY} bodies from the key have not arrived whole; finish those first, or send fewer at once.",
            headers={"Retry-After": "1"},
        )
    served.arriving[prefix] += 1
    try:
        yield
    finally:
        served.arriving[prefix] -= 1
        if not served.arriving[prefix]:
            del served.arriving[prefix]


async def whole_body(scope: Scope, receive: Receive) -> Receive:
    """Read a JSON body within its limits of size and time. Raises ``ApiError``: 408, 413 or 415."""
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    if kind.partition(b";")[0].strip().lower() != b"application/json":
        raise ApiError(415, "unsupported_media_type", "The body has to be JSON, with Content-Type: application/json.")
    too_large = ApiError(
        413, "body_too_large", f"The body is larger than {BODY_BYTES:,} bytes; ask in smaller batches."
    )
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if length.isdigit() and (len(length) > 9 or int(length) > BODY_BYTES):
        raise too_large
    held = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                held += message.get("body", b"")
                more = message.get("more_body", False) and message["type"] == "http.request"
                if len(held) > BODY_BYTES:
                    raise too_large
    except TimeoutError:
        raise ApiError(
            408, "slow_body", f"The body did not arrive within {BODY_SECONDS:.0f} s; send it again."
        ) from None
    whole: Message = {"type": "http.request", "body": bytes(held), "more_body": False}

    async def again() -> Message:
        return whole

    return again


def id_from_path(text: Any) -> str:
    """An id as it was before the path was taken apart."""
    return str(text).replace(SLASH, "/")
