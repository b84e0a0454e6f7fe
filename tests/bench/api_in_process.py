"""``python -m tests.bench.api_in_process HOME``: processor time of the application alone, for each answer.

No server and no socket: the ASGI application is called in a loop, in turn with a bare Starlette application that sends
the same bytes, and the time of the thread is counted. So other work on the machine matters little.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from tests.bench.bare_api import bare_app

ACCOUNTS_A_BATCH = 1000
AT_ONCE = 16


def main() -> None:
    """Print the lowest microseconds for one account, and for each account of a batch."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.api_in_process", description=__doc__)
    parser.add_argument("home", type=Path, help="a home with a published run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=9, help="passes of each, in turn")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # as in a server; read when the metrics are imported
        asyncio.run(_measure(given.home, given.seed, given.repeat))


async def _measure(home: Path, seed: int, repeat: int) -> None:
    from graphrisk.api.app import create_app  # noqa: PLC0415 - after the metrics know their folder
    from graphrisk.api.keys import HIGHEST_RATE, create_key  # noqa: PLC0415
    from graphrisk.settings import Settings  # noqa: PLC0415

    app = create_app(Settings(home=home))
    key = create_key(home, "bench", ["scores:read"], rate=HIGHEST_RATE)[1]
    async with app.router.lifespan_context(app):
        served = app.state.served.published.current
        places = random.Random(seed).sample(range(len(served.score)), min(20_000, len(served.score)))
        ids = [served.account_id(place) for place in places]
        singles = [_asked("GET", f"/v1/accounts/{each}", key) for each in ids]
        lots = [ids[at : at + ACCOUNTS_A_BATCH] for at in range(0, len(ids), ACCOUNTS_A_BATCH)]
        batches = [_asked("POST", "/v1/accounts:lookup", key, json.dumps({"ids": lot}).encode()) for lot in lots]
        bare = bare_app(await _answer(app, *singles[0]))
        spent = [
            (await _spent(bare, singles), await _spent(app, singles), await _spent(app, batches)) for _ in range(repeat)
        ]
    # The lowest, since other work on the machine can only add to the time of a thread.
    theirs, ours, batch = (min(each) for each in zip(*spent, strict=True))
    print(f"{len(served.score):,} accounts; processor time in µs, lowest of {repeat} passes")
    print(
        f"one account                   {ours / len(singles):.1f}; bare route {theirs / len(singles):.1f}; ratio {ours / theirs:.2f}"
    )
    print(f"each account of {ACCOUNTS_A_BATCH:,} in a batch {batch / len(ids):.2f}")


Asked = tuple[Scope, bytes]


def _asked(method: str, path: str, key: str, body: bytes = b"") -> Asked:
    headers = [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {key}".encode())]
    if body:
        headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
    }
    scope |= {"path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"", "headers": headers}
    return scope, body


async def _spent(app: ASGIApp, asks: Sequence[Asked]) -> float:
    """Microseconds of this thread to answer every request, a few at once."""

    async def ask(mine: Sequence[Asked]) -> None:
        for scope, body in mine:
            await _answer(app, scope, body)

    began = time.thread_time()
    await asyncio.gather(*(ask(asks[start::AT_ONCE]) for start in range(AT_ONCE)))
    return 1e6 * (time.thread_time() - began)


async def _answer(app: ASGIApp, scope: Scope, body: bytes) -> bytes:
    """The body of a 200."""
    parts: list[Any] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        parts.append(message)

    await app(dict(scope), receive, send)
    if parts[0]["status"] != 200:
        raise SystemExit(f"Answered with {parts[0]['status']}: {parts[1]['body']!r}")
    return parts[1]["body"]


if __name__ == "__main__":
    main()
