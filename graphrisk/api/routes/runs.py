"""Runs: which are kept, what one is made of, and what changed between two."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from graphrisk import pipeline
from graphrisk.api import run_schemas as schemas
from graphrisk.api.calls import call_of
from graphrisk.api.errors import ApiError
from graphrisk.api.guard import scoped
from graphrisk.api.paging import NoQuery, PageQuery, next_cursor, place_of
from graphrisk.api.served import served_by
from graphrisk.errors import NotFoundError
from graphrisk.runs.store import publications, read_manifest
from graphrisk.settings import Settings

RunId = Annotated[str, Path(pattern="^run_[a-z0-9]{1,60}$")]
_SHOWN = ("run_id", "as_of", "engine", "policy_hash", "output_digest", "counts")
_MORE = ("reference_hash", "input_digest", "made_at", "seconds", "versions")


def add_routes(router: APIRouter) -> None:
    """Add the routes of this file."""
    router.get("/v1/runs", response_model=schemas.Runs)(list_runs)
    router.get("/v1/runs/{run_id}", response_model=schemas.RunManifest)(get_run)
    router.get("/v1/runs/{run_id}/diff/{other}", response_model=schemas.Diff)(get_diff)


@scoped("ops:read")
async def list_runs(request: Request, query: Annotated[NoQuery, Query()]) -> Response:
    """All runs that are kept, oldest first, published or not."""
    runs = await asyncio.to_thread(pipeline.runs, served_by(request.scope).settings)
    return JSONResponse({"runs": runs, "took_ms": call_of(request.scope).took_ms()})


@scoped("ops:read")
async def get_run(request: Request, run_id: RunId, query: Annotated[NoQuery, Query()]) -> Response:
    """A run: what went into it, what it found, how long it took, and when it was published."""
    settings = served_by(request.scope).settings
    manifest = await asyncio.to_thread(_manifest, settings, run_id)
    body = {
        **{name: manifest[name] for name in (*_SHOWN, *_MORE)},
        "status": pipeline.run_status(settings, run_id),
        "publications": [asdict(move) for move in publications(settings.home) if move.run_id == run_id],
        "took_ms": call_of(request.scope).took_ms(),
    }
    return JSONResponse(body)


@scoped("ops:read")
async def get_diff(request: Request, run_id: RunId, other: RunId, query: Annotated[PageQuery, Query()]) -> Response:
    """What changes for accounts and rings from the first run to the other, and what the guard says of it."""
    if query.run or query.as_of:
        detail = "The path names both runs; leave out run and as_of."
        raise ApiError(422, "invalid_request", detail, [{"pointer": "/query/run", "detail": detail}])
    settings = served_by(request.scope).settings
    path = request.scope["path"]
    place = place_of(query.model_copy(update={"run": None}), path)
    for each in (run_id, other):
        await asyncio.to_thread(_manifest, settings, each)
    found = await asyncio.to_thread(pipeline.differences, settings, run_id, other)
    end = place.offset + query.limit
    body: dict[str, Any] = {
        "before": run_id,
        "after": other,
        "counts": found.counts(),
        "objections": found.objections,
        "publications": [asdict(move) for move in publications(settings.home) if move.run_id in (run_id, other)],
        "items": found.items(place.offset, end),
        "total": len(found.texts),
        "next": next_cursor(query, path, other, end, len(found.texts)),
        "took_ms": call_of(request.scope).took_ms(),
    }
    return JSONResponse(body)


def _manifest(settings: Settings, run_id: str) -> dict[str, Any]:
    try:
        return read_manifest(settings.runs, run_id)
    except NotFoundError as error:
        gone = any(move.run_id == run_id for move in publications(settings.home))
        code = (410, "run_gone") if gone else (404, "unknown_run")
        raise ApiError(
            *code,
            f"There is no run {run_id} any more." if gone else f"There is no run {run_id}; GET /v1/runs lists them.",
        ) from error
