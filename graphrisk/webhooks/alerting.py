"""alert(): the report of a job to one webhook, signed as signals are, with a few attempts."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphrisk.webhooks.dead import Batch
from graphrisk.webhooks.registry import known_webhook, read_registry
from graphrisk.webhooks.sending import DeliveryPolicy, client, send

IMPATIENT = DeliveryPolicy(attempts=4, first_wait=1.0)
"""A job waits for this, so it gives up after some seconds."""

TYPE = "job.ended"


def alert(home: Path, name: str, report: Mapping[str, Any], policy: DeliveryPolicy = IMPATIENT) -> str | None:
    """Send ``{"type": "job.ended", …report}`` as one line of JSON. ``None`` when it was acknowledged, else why not.

    Raises ``NotFoundError`` when there is no such webhook.
    """
    webhook = known_webhook(read_registry(home), name)
    body = json.dumps({"type": TYPE, **report}, ensure_ascii=False).encode() + b"\n"
    delivery = f"dlv_{hashlib.sha256(name.encode() + body).hexdigest()[:32]}"
    batch = Batch(name, delivery, "", 1, body)

    async def sent() -> str | None:
        async with client(policy) as http:
            return await send(http, home, webhook, batch, policy)

    return asyncio.run(sent())
