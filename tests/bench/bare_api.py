"""A bare Starlette route that sends the bytes of a file, on the server that the product uses."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def bare_app(content: bytes | None = None) -> Starlette:
    """The application; without content, the file that the environment names has it."""
    body = Path(os.environ["BARE_BODY"]).read_bytes() if content is None else content

    async def get(request: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/v1/accounts/{account_id}", get)])


if __name__ == "__main__":
    os.environ["BARE_BODY"] = sys.argv[1]
    Granian(
        "tests.bench.bare_api:bare_app",
        factory=True,
        port=int(sys.argv[2]),
        workers=int(sys.argv[3]),
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    ).serve()
