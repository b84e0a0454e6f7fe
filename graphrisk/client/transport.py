"""One question and its answer: the key, the retries, and what is raised when there is no answer.

Every question of this API only reads, the POST of ids too, so each may be asked again when a connection fails.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom
from typing import Any
from urllib.parse import quote

import httpx

from graphrisk.client.failures import ApiError, RateLimited, Unavailable, failure_of, no_answer, not_an_answer

LONGEST_WAITS_SECONDS = 60.0
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 8.0
NEEDS_A_PERSON = ("nothing_published", "run_refused")
_DICE = SystemRandom()


class Transport:
    """Asks one server with one key. May be used by several threads.

    A question is asked again after 429, 502 and 503 and when the connection fails, up to ``retries`` times and while
    the waits add up to at most 60 s: as long as ``Retry-After`` says, else doubling from 0.2 s, cut at random.
    """

    def __init__(self, url: str, key: str, timeout: float, retries: int) -> None:
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.userinfo:
            raise ValueError("The url is not that of a server; give one such as http://127.0.0.1:8600.")
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("The key is not one of `graphrisk keys create`; it begins with gr_ and has no spaces.")
        if timeout <= 0 or retries < 0:
            raise ValueError(f"timeout {timeout} must be above 0 (seconds), and retries {retries} not below 0.")
        self.url = url.rstrip("/")
        self._retries = retries
        self._http = httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=timeout)

    def close(self) -> None:
        self._http.close()

    def json(self, path: str, query: Mapping[str, Any], body: Any = None) -> dict[str, Any]:
        """The JSON object that a path answers; POST when there is a body. Raises ``ApiError``."""
        response = self.ask(path, query, body)
        try:
            answer = response.json()
        except ValueError:
            raise not_an_answer(response) from None
        if not isinstance(answer, dict):
            raise not_an_answer(response)
        return answer

    def ask(self, path: str, query: Mapping[str, Any], body: Any = None) -> httpx.Response:
        """The answer of a path. Raises ``ApiError``."""
        params = {name: _text(value) for name, value in query.items() if value is not None}
        left, attempt = LONGEST_WAITS_SECONDS, 0
        while True:
            failure, wait = None, _back_off(attempt)
            try:
                method = "GET" if body is None else "POST"
                response = self._http.request(method, f"{self.url}{path}", params=params, json=body)
                if response.is_success:
                    return response
                failure, wait = failure_of(response), _wait_of(response, wait)
            except httpx.TransportError as error:
                failure = no_answer(self.url, error)
            if attempt >= self._retries or wait > left or not _passes(failure):
                raise failure
            time.sleep(wait)
            left, attempt = left - wait, attempt + 1


def path_of(*parts: str) -> str:
    """The path of parts, each encoded whole: an id may hold slashes, dots, percent signs, anything. Raises ``ValueError``
    for an empty one, which no path can hold."""
    if not all(parts):
        raise ValueError("An id is empty; the API has no path for it.")
    return "".join(f"/{_encoded(part)}" for part in parts)


def _encoded(part: str) -> str:
    # Dots alone are steps of a path to everything on the way, unless they are encoded.
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"The moment {value.isoformat()} has no zone; give one, such as datetime.now(UTC).")
        return value.isoformat()
    return str(value)


def _passes(failure: ApiError) -> bool:
    """Whether what failed may go well when asked again."""
    return isinstance(failure, RateLimited | Unavailable) and failure.code not in NEEDS_A_PERSON


def _back_off(attempt: int) -> float:
    return _DICE.uniform(0.5, 1) * min(FIRST_WAIT_SECONDS * 2**attempt, LONGEST_WAIT_SECONDS)


def _wait_of(response: httpx.Response, otherwise: float) -> float:
    """Seconds that ``Retry-After`` asks for, as a number or a date, and a little more, so that not all come back at once."""
    given = response.headers.get("retry-after", "")
    if given.isascii() and given.isdigit() and len(given) < 10:
        return int(given) + _DICE.uniform(0, 0.25)
    try:
        moment = parsedate_to_datetime(given)
    except ValueError:
        return otherwise
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0) + _DICE.uniform(0, 0.25)
