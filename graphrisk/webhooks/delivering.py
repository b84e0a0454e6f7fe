"""deliver() and retry(): every webhook gets the feed in order, each at its own pace, and none holds up another."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from graphrisk.errors import InputError, StoreError
from graphrisk.files import BusyError, only_one
from graphrisk.logs import LOG
from graphrisk.pipeline.signalling import catch_up
from graphrisk.runs.feed import cursor_of, feed_folder, read_signals
from graphrisk.settings import Settings
from graphrisk.webhooks.dead import Batch, bury, dead_letters, unbury
from graphrisk.webhooks.registry import Webhook, known_webhook, move_cursor, read_cursor, read_registry
from graphrisk.webhooks.sending import DeliveryPolicy, client, send

PATIENCE = DeliveryPolicy()


@dataclass
class Delivered:
    """How many batches, and signals in them, were acknowledged, and how many batches became (or stayed) dead letters."""

    batches: int = 0
    signals: int = 0
    dead: int = 0

    def count(self, batch: Batch, reason: str | None) -> None:
        """Record how a batch ended."""
        self.batches += reason is None
        self.signals += batch.signals if reason is None else 0
        self.dead += reason is not None


def deliver(settings: Settings, once: bool = False, policy: DeliveryPolicy = PATIENCE) -> Delivered:
    """Send each webhook the signals it has not acknowledged yet; ``once``: until there are no more, else for ever.

    A webhook's place in the feed moves durably after an answer of 2xx, or after its batch became a dead letter, so
    however this ends, nothing is skipped. Raises ``StoreError`` when another process delivers for this home.
    """
    delivered = Delivered()
    with _alone(settings.home):
        asyncio.run(_deliver(settings, once, policy, delivered))
    return delivered


def retry(settings: Settings, name: str | None = None, policy: DeliveryPolicy = PATIENCE) -> Delivered:
    """Send the dead letters of a webhook (``None``: of all) once more, in the order of the feed.

    Those that are acknowledged are gone; at the first that is not, a webhook's others wait. Raises ``NotFoundError``.
    """
    registry, delivered = read_registry(settings.home), Delivered()
    chosen = [known_webhook(registry, name)] if name else list(registry.webhooks.values())

    async def all_of_them() -> None:
        async with client(policy) as http:
            sending = (_retry(http, settings.home, each, replace(policy, attempts=1), delivered) for each in chosen)
            await asyncio.gather(*sending)

    asyncio.run(all_of_them())
    return delivered


async def _deliver(settings: Settings, once: bool, policy: DeliveryPolicy, delivered: Delivered) -> None:
    told: str | None = None
    sending: dict[str, asyncio.Task[None]] = {}
    async with client(policy) as http:
        while True:
            lag = await asyncio.to_thread(catch_up, settings)
            if lag and lag != told:
                LOG.warning("%s", lag)
            told = lag
            for name in read_registry(settings.home).webhooks:
                if name not in sending or sending[name].done():
                    if name in sending:
                        sending[name].result()  # what failed here fails the whole, aloud
                    sending[name] = asyncio.create_task(_drain(http, settings.home, name, policy, delivered))
            if once:
                await asyncio.gather(*sending.values())
                return
            await asyncio.sleep(policy.between_looks)


async def _drain(http: httpx.AsyncClient, home: Path, name: str, policy: DeliveryPolicy, delivered: Delivered) -> None:
    """Send a webhook everything there is for it, batch after batch."""
    while webhook := read_registry(home).webhooks.get(name):
        batch = _next_batch(home, webhook, policy.signals)
        if batch is None:
            return
        reason = await send(http, home, webhook, batch, policy)
        if read_registry(home).webhooks.get(name) != webhook:
            continue  # it was removed, or is another one now, whose place in the feed is its own
        if reason is not None:
            bury(home, _as_it_is_now(home, webhook, batch), reason, policy.attempts)
            LOG.warning(
                "Webhook %s: a batch of %d signals is a dead letter after %d attempts: %s",
                name,
                batch.signals,
                policy.attempts,
                reason,
            )
        move_cursor(home, name, batch.cursor)
        delivered.count(batch, reason)


def _next_batch(home: Path, webhook: Webhook, signals: int) -> Batch | None:
    after = read_cursor(home, webhook.name)
    try:
        lines, _ = read_signals(home, after, signals)
    except InputError:
        LOG.warning(
            "Webhook %s: its place is in a feed that was replaced; it begins at the first signal.", webhook.name
        )
        lines, _ = read_signals(home, None, signals)
    if not lines:
        return None
    body = b"".join(lines)
    digest = hashlib.sha256(f"{webhook.name} {webhook.added_at} ".encode() + body).hexdigest()[:32]
    return Batch(webhook.name, f"dlv_{digest}", cursor_of(lines[-1]), len(lines), body)


def _as_it_is_now(home: Path, webhook: Webhook, batch: Batch) -> Batch:
    """The batch as the feed has it: an account may have been erased while it was tried."""
    now = _next_batch(home, webhook, batch.signals)
    return replace(batch, body=now.body) if now and now.cursor == batch.cursor else batch


async def _retry(
    http: httpx.AsyncClient, home: Path, webhook: Webhook, policy: DeliveryPolicy, delivered: Delivered
) -> None:
    letters = dead_letters(home, webhook.name)
    for place, letter in enumerate(letters):
        reason = await send(http, home, webhook, letter.batch, policy)
        if reason is not None:
            # Read again, since an account may have been erased while it was tried.
            now = next(
                (each for each in dead_letters(home, webhook.name) if each.batch.cursor == letter.batch.cursor), letter
            )
            bury(home, now.batch, reason, letter.attempts + policy.attempts)
            delivered.dead += len(letters) - place
            return
        delivered.count(letter.batch, None)
        unbury(home, letter)


@contextmanager
def _alone(home: Path) -> Generator[None]:
    try:
        with only_one(feed_folder(home) / "deliver.lock"):
            yield
    except BusyError:
        raise StoreError(f"Another process delivers the signals of {home} already; let it, or stop it first.") from None
