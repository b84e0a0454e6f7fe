"""Whether the process lives, whether it can answer, its metrics, and the document of the API itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from graphrisk.api import run_schemas as schemas
from graphrisk.api.guard import scoped
from graphrisk.api.paging import NoQuery
from graphrisk.api.served import served_by

Nothing = Annotated[NoQuery, Query()]


def add_routes(router: APIRouter) -> None:
    """Add the routes of this file."""
    router.get("/livez", response_model=schemas.State)(get_livez)
    router.get("/readyz", response_model=schemas.State, responses={503: {"model": schemas.State}})(get_readyz)
    router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})(get_metrics)
    router.get("/openapi.json", include_in_schema=False)(get_openapi)


@scoped("open")
async def get_livez(request: Request, query: Nothing) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@scoped("open")
async def get_readyz(request: Request, query: Nothing) -> Response:
    """A run is loaded. A newer run that is refused as damaged is named as a problem, and the old one goes on."""
    published = served_by(request.scope).published
    age = published.age_seconds()
    state = {
        "status": "ok" if published.current else "not_ready",
        "run_id": published.current.run_id if published.current else None,
        "age_seconds": None if age is None else round(age, 1),
        "problem": "A newer published run is damaged and refused; the log of the server says how."
        if published.problem
        else None,
    }
    return JSONResponse(state, 200 if published.current else 503)


@scoped("ops:read")
async def get_metrics(request: Request, query: Nothing) -> Response:
    """Prometheus metrics of all worker processes."""
    served = served_by(request.scope)
    return Response(served.metrics.text(served.published.age_seconds()), media_type="text/plain; version=0.0.4")


@scoped("open")
async def get_openapi(request: Request, query: Nothing) -> Response:
    """This document."""
    return JSONResponse(request.app.openapi())
