"""Errors as RFC 9457 problem documents: one shape for everything that goes wrong, and nothing internal in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from graphrisk.api.calls import SLASH, call_of
from graphrisk.errors import GraphriskError
from graphrisk.logs import LOG

TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    410: "Gone",
    413: "Content too large",
    415: "Unsupported media type",
    422: "Unprocessable content",
    429: "Too many requests",
    500: "Internal server error",
    503: "Service unavailable",
    504: "Gateway timeout",
}
_IN_PATHS = "/:@!$&'()*+,;=-._~"
CODES = {404: "no_such_route", 405: "method_not_allowed"}
DETAILS = {
    404: "Nothing is served under this path; /openapi.json lists the routes.",
    405: "This path does not take that method; the Allow header lists those that it takes.",
    500: "The request failed for a reason that is ours; the log has it under the request id.",
}


class ApiError(Exception):
    """An answer that is a problem: HTTP status, a stable code for programs, one sentence for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.errors, self.headers = status, code, detail, errors, headers or {}


STORE_UNAVAILABLE = ApiError(
    503, "store_unavailable", "What is stored cannot be read or written now; the log of the server says why."
)


def problem(error: ApiError, instance: str, request_id: str) -> Response:
    """The problem document of an error."""
    body: dict[str, Any] = {
        "type": f"urn:graphrisk:problem:{error.code}",
        "title": TITLES[error.status],
        "status": error.status,
        "detail": error.detail,
        "instance": quote(instance, _IN_PATHS, errors="surrogateescape").replace(quote(SLASH), "%2F"),
        "code": error.code,
        "request_id": request_id,
    }
    if error.errors:
        body["errors"] = list(error.errors)
    content = json.dumps(body, ensure_ascii=True).encode()
    return Response(content, error.status, dict(error.headers), media_type="application/problem+json")


def invalid(errors: Sequence[Any]) -> ApiError:
    """What pydantic found wrong, each with a pointer to the part of the request that it is about."""
    listed = [{"pointer": pointer(*each["loc"]), "detail": str(each["msg"])} for each in errors]
    first = listed[0]
    more = f" (and {len(listed) - 1} more)" if len(listed) > 1 else ""
    return ApiError(422, "invalid_request", f"{first['pointer']}: {first['detail']}{more}.", listed[:100])


def pointer(*places: str | int) -> str:
    """A JSON Pointer (RFC 6901) to a part of a request."""
    return "".join(f"/{str(place).replace('~', '~0').replace('/', '~1')}" for place in places)


def answer_errors(app: FastAPI) -> None:
    """Answer every exception of an application with a problem document."""

    def render(request: Request, error: ApiError) -> Response:
        return problem(error, request.scope["path"], call_of(request.scope).request_id)

    async def on_api_error(request: Request, error: Any) -> Response:
        return render(request, error)

    async def on_invalid(request: Request, error: Any) -> Response:
        return render(request, invalid(error.errors()))

    async def on_http(request: Request, error: Any) -> Response:
        code, detail = CODES.get(error.status_code, "bad_request"), DETAILS.get(error.status_code, str(error.detail))
        return render(request, ApiError(error.status_code, code, detail, headers=error.headers))

    async def on_graphrisk(request: Request, error: Any) -> Response:
        LOG.error("%s: %s", call_of(request.scope).request_id, error)
        return render(request, STORE_UNAVAILABLE)

    async def on_failure(request: Request, error: Any) -> Response:
        return render(request, ApiError(500, "internal", DETAILS[500]))

    app.add_exception_handler(Exception, on_failure)
    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(GraphriskError, on_graphrisk)
