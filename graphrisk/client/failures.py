# ruff: noqa: N818 - what callers write after "except" reads as what happened
"""What a call can raise: one class for each thing that a caller would do something else about.

ApiError
├── Unauthorized     401   no live key
├── Forbidden        403   the key lacks the scope
├── NotFound         404   an account, ring, run or moment that nothing answers to
├── RingRetired      410   the ring is gone; ``Client.ring`` says what took over
├── RunGone          410   the run is no longer kept
├── InvalidRequest   422   an argument is not one that the API takes
├── RateLimited      429   the key asks too often, also after the retries
└── Unavailable      502, 503, or None when nothing answered, also after the retries
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import httpx


class ApiError(Exception):
    """A call that has no answer.

    ``status`` is that of HTTP, or None when nothing answered; ``code`` is stable and for programs; ``detail`` is one
    sentence; ``request_id`` finds the request in the logs of the server, and is None when nothing answered.
    """

    def __init__(self, status: int | None, code: str, detail: str, request_id: str | None = None) -> None:
        self.status, self.code, self.detail, self.request_id = status, code, detail, request_id
        told = f" (request {request_id})" if request_id else ""
        super().__init__(f"{code}: {detail}{told}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status, self.code, self.detail, self.request_id)


class Unauthorized(ApiError):
    """The key is unknown, expired or revoked."""


class Forbidden(ApiError):
    """The key does not have the scope."""


class NotFound(ApiError):
    """Nothing answers to this id, or no run was live at this moment."""


class RingRetired(ApiError):
    """The ring is gone; ``Client.ring(id).superseded_by`` says what took over."""


class RunGone(ApiError):
    """The run is no longer kept. A list of it that was being read has to begin again, from a run that is."""


class InvalidRequest(ApiError):
    """An argument is not one that the API takes; ``detail`` names it."""


class RateLimited(ApiError):
    """The key asks too often."""


class Unavailable(ApiError):
    """Nothing answers now, or nothing is published."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    422: InvalidRequest,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
}
_BY_CODE: dict[str, type[ApiError]] = {"run_gone": RunGone, "ring_retired": RingRetired}


def failure_of(response: httpx.Response) -> ApiError:
    """What an answer other than 2xx stands for; one that is no problem document may come from a proxy in between."""
    told = _problem(response)
    code, request_id = str(told.get("code", f"http_{response.status_code}")), response.headers.get("x-request-id")
    detail = told.get("detail") or f"{response.request.url.host} answered {response.status_code} without saying why."
    kind = _BY_CODE.get(code) or _BY_STATUS.get(response.status_code, ApiError)
    return kind(response.status_code, code, str(detail), told.get("request_id") or request_id)


def no_answer(url: str, error: Exception) -> Unavailable:
    """What a connection that failed stands for."""
    reason = str(error) or type(error).__name__
    return Unavailable(None, "no_answer", f"{url} did not answer ({reason}); is `graphrisk serve` running there?")


def not_an_answer(response: httpx.Response) -> ApiError:
    """What an answer stands for that is none of this API."""
    detail = f"{response.request.url.host} answered something that is not of this API; look at the url and at proxies."
    return ApiError(response.status_code, "not_an_answer", detail, response.headers.get("x-request-id"))


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        told = response.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}
