"""The feed of signals: what each publication changed, read on from a cursor."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from graphrisk import pipeline
from graphrisk.api.errors import ApiError
from graphrisk.api.guard import scoped
from graphrisk.api.paging import NoQuery
from graphrisk.api.served import served_by
from graphrisk.errors import InputError
from graphrisk.logs import LOG
from graphrisk.runs.feed import read_signals


class SignalsQuery(NoQuery):
    """Where to read on: behind the last signal that was read; without, from the first."""

    after: Annotated[str | None, Field(max_length=64)] = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000


def add_routes(router: APIRouter) -> None:
    """Add the routes of this file."""
    content = {200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}}
    router.get("/v1/signals", response_class=Response, responses=content)(get_signals)  # pyright: ignore[reportArgumentType]


@scoped("signals:read")
async def get_signals(request: Request, query: Annotated[SignalsQuery, Query()]) -> Response:
    """Signals in order, one JSON object a line, at least once; the header ``X-Next-Cursor`` says where to go on."""
    settings = served_by(request.scope).settings
    try:
        # What is there is served, even while an older run that later signals wait for is damaged.
        if lag := await asyncio.to_thread(pipeline.catch_up, settings):
            LOG.warning("%s", lag)
        lines, cursor = await asyncio.to_thread(read_signals, settings.home, query.after, query.limit)
    except InputError as error:
        detail = str(error)
        raise ApiError(422, "invalid_cursor", detail, [{"pointer": "/query/after", "detail": detail}]) from error
    headers = {"X-Next-Cursor": cursor} if cursor else {}
    return Response(b"".join(lines), headers=headers, media_type="application/x-ndjson")
