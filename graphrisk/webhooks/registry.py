"""Which webhooks there are, which hosts they may name, and how far each has got; changed by commands alone."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from graphrisk.errors import InputError, NotFoundError, StoreError
from graphrisk.files import locked, write_durably
from graphrisk.runs.feed import feed_folder
from graphrisk.webhooks.dead import drop_dead
from graphrisk.webhooks.targets import Reach, host_of, plain_host

SECRET_BYTES = 32
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Webhook:
    """Where the feed is sent, and the secret that signs it. ``allow_http`` permits http outside of loopback too."""

    name: str
    url: str
    secret: str = field(repr=False)
    allow_http: bool
    added_at: str


@dataclass(frozen=True)
class Registry:
    """The webhooks by name, and the hosts they may name, each with how far it may reach."""

    allowed_hosts: dict[str, Reach]
    webhooks: dict[str, Webhook]


def read_registry(home: Path) -> Registry:
    """The registry of a home; empty where none was made. Raises ``StoreError`` when its file is damaged."""
    path = _path(home)
    try:
        found = json.loads(path.read_text())
        hosts: dict[str, Reach] = {host: Reach(reach) for host, reach in found["allowed_hosts"].items()}
        return Registry(hosts, {each["name"]: Webhook(**each) for each in found["webhooks"]})
    except FileNotFoundError:
        return Registry({}, {})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"The list of webhooks {path} cannot be read; restore it from a backup, or delete it and add them again."
        ) from error


def allow_host(home: Path, host: str, private: bool) -> None:
    """Let webhooks name a host; ``private``: also where its addresses are private or loopback. Raises ``InputError``."""
    with _changing(home) as registry:
        registry.allowed_hosts[plain_host(host)] = Reach.PRIVATE if private else Reach.PUBLIC


def forbid_host(home: Path, host: str) -> None:
    """Take a host off the list: nothing is sent there any more. Raises ``NotFoundError`` when it is not on it."""
    with _changing(home) as registry:
        if registry.allowed_hosts.pop(plain_host(host), None) is None:
            raise NotFoundError(
                f"The host {host!r} is not allowed anyway; `graphrisk webhooks list` shows those that are."
            )


def add_webhook(home: Path, url: str, name: str | None, allow_http: bool) -> Webhook:
    """Add a webhook whose host is allowed, with a new secret of 256 bits; it begins at the first signal.

    Raises ``InputError`` when the URL or the name cannot be used.
    """
    with _changing(home) as registry:
        host = host_of(url, registry.allowed_hosts, allow_http)
        chosen = name or re.sub(r"[^a-z0-9]+", "-", host).strip("-")[:40]
        if not NAME.fullmatch(chosen):
            raise InputError(f"The name {chosen[:60]!r} cannot be used; take 1 to 40 of a–z, 0–9 and -.")
        if chosen in registry.webhooks:
            raise InputError(f"There is a webhook {chosen} already; give another --name, or remove it first.")
        secret = f"whsec_{secrets.token_hex(SECRET_BYTES)}"
        added = Webhook(chosen, url, secret, allow_http, datetime.now(UTC).isoformat(timespec="seconds"))
        cursor_path(home, chosen).unlink(missing_ok=True)
        registry.webhooks[chosen] = added
        return added


def remove_webhook(home: Path, name: str) -> None:
    """Remove a webhook, its secret, its place in the feed and its dead letters. Raises ``NotFoundError``."""
    with _changing(home) as registry:
        known_webhook(registry, name)
        del registry.webhooks[name]
        cursor_path(home, name).unlink(missing_ok=True)
        drop_dead(home, name)


def known_webhook(registry: Registry, name: str) -> Webhook:
    """The webhook of that name. Raises ``NotFoundError``."""
    if name not in registry.webhooks:
        raise NotFoundError(f"There is no webhook {name!r}; `graphrisk webhooks list` shows those there are.")
    return registry.webhooks[name]


def cursor_path(home: Path, name: str) -> Path:
    """The file that holds the cursor of the last signal that a webhook's receiver acknowledged."""
    return feed_folder(home) / "webhooks" / f"{name}.cursor"


def read_cursor(home: Path, name: str) -> str | None:
    """The cursor of the last signal that was acknowledged, or given up; ``None`` before the first."""
    try:
        return cursor_path(home, name).read_text().strip() or None
    except FileNotFoundError:
        return None


def move_cursor(home: Path, name: str, cursor: str) -> None:
    """Record that everything up to the cursor is done with; survives a power loss."""
    path = cursor_path(home, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, cursor.encode())


@contextmanager
def _changing(home: Path) -> Generator[Registry]:
    """The registry to be changed in place; written when the block ends without an error."""
    path = _path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        registry = read_registry(home)
        yield registry
        content = {
            "allowed_hosts": dict(sorted(registry.allowed_hosts.items())),
            "webhooks": [asdict(each) for each in registry.webhooks.values()],
        }
        write_durably(path, json.dumps(content, indent=1).encode(), 0o600)


def _path(home: Path) -> Path:
    return home / "api" / "webhooks.json"
