"""One batch to one receiver: signed, to an address that was checked, again and again until it is acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from graphrisk.errors import InputError
from graphrisk.webhooks.dead import Batch
from graphrisk.webhooks.registry import Webhook, read_registry
from graphrisk.webhooks.targets import addresses_of, host_of

DICE = random.SystemRandom()
LEAST_SHARE_OF_A_WAIT = 0.5


@dataclass(frozen=True)
class DeliveryPolicy:
    """How patient delivery is: seconds, but ``attempts`` at a batch, and ``signals`` in one at most.

    Waits double from ``first_wait`` to ``longest_wait``, each cut by up to a half at random; with these numbers a batch
    is given up after a quarter of an hour. ``timeout`` is for all of one attempt.
    """

    attempts: int = 10
    first_wait: float = 2.0
    longest_wait: float = 600.0
    timeout: float = 10.0
    between_looks: float = 2.0
    signals: int = 500


def signature(secret: str, body: bytes, at: int) -> str:
    """The header ``X-Graphrisk-Signature`` of a body sent at a Unix time."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


def client(policy: DeliveryPolicy) -> httpx.AsyncClient:
    """An HTTP client that follows no redirect, asks no proxy and keeps no connection.

    A kept connection would be one to an address, whatever name its certificate was checked for.
    """
    return httpx.AsyncClient(
        verify=httpx.create_ssl_context(),
        trust_env=False,
        follow_redirects=False,
        timeout=policy.timeout,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


async def send(
    http: httpx.AsyncClient, home: Path, webhook: Webhook, batch: Batch, policy: DeliveryPolicy
) -> str | None:
    """Send a batch until it is acknowledged (``None``) or every attempt failed (why the last one did)."""
    reason = None
    for attempt in range(policy.attempts):
        if attempt:
            longest = min(policy.longest_wait, policy.first_wait * 2 ** (attempt - 1))
            await asyncio.sleep(longest * DICE.uniform(LEAST_SHARE_OF_A_WAIT, 1))
        reason = await _attempt(http, home, webhook, batch, policy)
        if reason is None:
            return None
    return reason


async def _attempt(
    http: httpx.AsyncClient, home: Path, webhook: Webhook, batch: Batch, policy: DeliveryPolicy
) -> str | None:
    """``None`` when the receiver said 2xx, else a sentence."""
    try:
        async with asyncio.timeout(policy.timeout):
            allowed = read_registry(home).allowed_hosts
            host = host_of(webhook.url, allowed, webhook.allow_http)
            status = await _post(http, webhook, batch, host, await addresses_of(webhook.url, allowed[host]))
    except InputError as error:
        return str(error)
    except (TimeoutError, httpx.TimeoutException):
        return f"It did not answer within {policy.timeout:g} s."
    except httpx.HTTPError as error:
        return f"It could not be reached ({type(error).__name__})."
    if 200 <= status < 300:
        return None
    return f"It answered {status}{', and redirects are not followed' if 300 <= status < 400 else ''}."


async def _post(http: httpx.AsyncClient, webhook: Webhook, batch: Batch, host: str, addresses: list[str]) -> int:
    """The status of the answer of the first address that can be connected to. Nothing else of an answer is read."""
    url = httpx.URL(webhook.url)
    headers = {
        "Host": url.netloc.decode(),
        "Content-Type": "application/x-ndjson",
        "User-Agent": "graphrisk",
        "X-Graphrisk-Signature": signature(webhook.secret, batch.body, int(time.time())),
        "X-Graphrisk-Delivery": batch.delivery,
        "X-Graphrisk-Cursor": batch.cursor,
    }
    for left, address in enumerate(addresses, 1 - len(addresses)):
        # The address that was checked is the one that is connected to: a name could lead elsewhere the second time.
        target, extensions = url.copy_with(host=address), {"sni_hostname": host}
        try:
            async with http.stream(
                "POST", target, content=batch.body, headers=headers, extensions=extensions
            ) as answer:
                return answer.status_code
        except httpx.ConnectError:
            if not left:
                raise
    raise InputError(f"The host {host} has no address.")
