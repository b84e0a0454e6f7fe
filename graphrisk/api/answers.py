"""What the routes have in common: the head of an answer, its ETag, a page of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from graphrisk.api.calls import Call, call_of
from graphrisk.api.paging import PageQuery, RunQuery, next_cursor, place_of
from graphrisk.api.served import served_by
from graphrisk.runs.snapshot import Snapshot


async def snapshot_for(request: Request, query: RunQuery) -> Snapshot:
    """The run that answers, noted for the audit."""
    snapshot = await served_by(request.scope).published.choose(query.run, query.as_of)
    call_of(request.scope).run_id = snapshot.run_id
    return snapshot


def head(request: Request, snapshot: Snapshot) -> dict[str, Any]:
    """The members that every answer begins with."""
    manifest = snapshot.manifest
    return {
        "run_id": snapshot.run_id,
        "as_of": manifest["as_of"],
        "policy": manifest["policy_hash"],
        "took_ms": call_of(request.scope).took_ms(),
    }


def unchanged(call: Call, snapshot: Snapshot) -> Response | None:
    """304 when the asker has this run's answer already; all that the URL does not say of an answer is its run.

    Asked once it is known that the answer would be 200: nothing else may become 304 (RFC 9110, 13.2.1).
    """
    given = call.sent_headers.get(b"if-none-match")
    if given and (tag := etag(snapshot)) in [each.strip() for each in given.decode("latin-1").split(",")]:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "private, no-cache"})
    return None


def etag(snapshot: Snapshot) -> str:
    return f'W/"{snapshot.run_id}"'


def answer(request: Request, snapshot: Snapshot, body: Mapping[str, Any]) -> Response:
    """An answer from a run as JSON."""
    return rendered(snapshot, json.dumps({**head(request, snapshot), **body}, separators=(",", ":")).encode())


class Rendered(Response):
    """JSON that is whole already; skips what a response else works out of its headers."""

    def __init__(self, content: bytes, raw_headers: list[tuple[bytes, bytes]]) -> None:
        self.status_code, self.body, self.background = 200, content, None
        self.raw_headers = [*raw_headers, (b"content-length", b"%d" % len(content))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def rendered(snapshot: Snapshot, content: bytes) -> Response:
    """An answer from a run that is JSON already."""
    tag = (b"etag", etag(snapshot).encode())
    return Rendered(content, [(b"content-type", b"application/json"), tag, (b"cache-control", b"private, no-cache")])


Items = Callable[[Snapshot], tuple[Sequence[Any], Callable[[Sequence[Any]], list[Any]]]]


async def page(request: Request, query: PageQuery, items: Items) -> Response:
    """One page of a list. ``items`` gives for a run all places of the list and what renders some of them."""
    place = place_of(query, request.scope["path"])
    chosen = query.model_copy(update={"run": place.run_id, "as_of": None if place.run_id else query.as_of})
    snapshot = await snapshot_for(request, chosen)
    places, render = items(snapshot)
    if same := unchanged(call_of(request.scope), snapshot):
        return same
    end = place.offset + query.limit
    following = next_cursor(query, request.scope["path"], snapshot.run_id, end, len(places))
    body = {"total": len(places), "next": following, "items": render(places[place.offset : end])}
    return answer(request, snapshot, body)
