"""The application: every route behind the guard, every error a problem document, one run an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from graphrisk.api.audit import AuditLog
from graphrisk.api.edge import AT_ONCE, DEADLINE_SECONDS, Edge
from graphrisk.api.errors import answer_errors
from graphrisk.api.guard import GuardedRoute
from graphrisk.api.keys import Keyring
from graphrisk.api.limits import RateLimits
from graphrisk.api.metrics import Metrics
from graphrisk.api.published import Published
from graphrisk.api.routes import accounts, assessing, explanations, health, rings, runs, signals
from graphrisk.api.schemas import Problem
from graphrisk.api.served import Served
from graphrisk.settings import Settings

DESCRIPTION = """Ring membership and risk for given accounts, and why. Every answer comes from one published run, which it names.

Errors are problem documents (RFC 9457) with a stable `code`. Ids of accounts are your own, URL-encoded in paths."""


@asynccontextmanager
async def serving(app: FastAPI, settings: Settings) -> AsyncGenerator[None]:
    """Hold what a worker needs, and follow the pointer, for as long as it serves."""
    settings.prepare()
    metrics = Metrics()
    published = Published(settings, metrics)
    audit = AuditLog(settings.home)
    app.state.served = Served(settings, published, Keyring(settings.home), RateLimits(settings.home), audit, metrics)
    await published.look()
    watching = asyncio.create_task(published.watch())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        audit.close()


class Application(FastAPI):
    """FastAPI with the edge outermost, before what FastAPI itself puts around an application."""

    def build_middleware_stack(self) -> ASGIApp:
        return Edge(super().build_middleware_stack(), **self.state.edge)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Past FastAPI's own, which looks for telemetry in the environment at every request.
        await Starlette.__call__(self, scope, receive, send)


def create_app(
    settings: Settings, access_log: int | None = None, at_once: int = AT_ONCE, deadline: float = DEADLINE_SECONDS
) -> FastAPI:
    """The ASGI application over a home; ``access_log`` is a file descriptor that gets one JSON line a request.

    ``at_once`` bounds the requests in flight, ``deadline`` the seconds that an answer may take.
    """

    app = Application(
        title="graphrisk",
        version=version("graphrisk"),
        description=DESCRIPTION,
        license_info={"name": "GPL-3.0-or-later"},
        lifespan=partial(serving, settings=settings),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    answer_errors(app)
    failures: Any = {
        code: {"model": Problem, "content": {"application/problem+json": {}}, "description": "A problem."}
        for code in ("4XX", "5XX")
    }
    router = APIRouter(route_class=GuardedRoute, responses=failures)
    for part in (accounts, rings, explanations, assessing, runs, signals, health):
        part.add_routes(router)
    app.include_router(router)
    app.state.one_account = next(route for route in router.routes if route.name == "get_account")  # pyright: ignore[reportAttributeAccessIssue]
    app.state.edge = {"access_log": access_log, "at_once": at_once, "deadline": deadline}
    app.openapi = lambda: openapi(app)
    return app


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            license_info=app.license_info,
            routes=app.routes,
        )
        made["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "A key of `graphrisk keys create`."}
        }
        app.openapi_schema = made
    return app.openapi_schema
