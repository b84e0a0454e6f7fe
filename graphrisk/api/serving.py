"""A server of worker processes over one home: they share the listening socket, the pages of the run, and the limits."""

from __future__ import annotations

import ipaddress
import os
import socket
from functools import partial
from importlib import import_module
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from graphrisk.errors import SettingsError
from graphrisk.settings import Settings

STANDARD_OUTPUT = 1
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus-client keeps the figures of several processes; it looks when it is imported."""
HEADER_MILLISECONDS = 10_000
WAITING_A_WORKER = 512


def serve(settings: Settings, host: str, port: int, workers: int, access_log: bool) -> None:
    """Serve until a signal says stop; requests in flight are answered first. A worker that dies is replaced."""
    with settings.scratch("serve") as scratch:
        os.environ[SHARED] = str(scratch)
        import_module("graphrisk.api.app")  # once for all workers, now that the metrics know their folder
        http1 = HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS)
        Granian(
            "graphrisk",
            address=host,
            port=port,
            workers=workers,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            http1_settings=http1,
            websockets=False,
            backpressure=WAITING_A_WORKER,
            respawn_failed_workers=True,
            respawn_interval=0.5,
            workers_kill_timeout=20,
            log_enabled=False,
        ).serve(target_loader=partial(worker_app, settings, access_log), wrap_loader=False)


def worker_app(settings: Settings, access_log: bool) -> Any:
    """The application of a worker process."""
    from graphrisk.api.app import create_app  # noqa: PLC0415 - after the metrics know their folder

    return create_app(settings, access_log=STANDARD_OUTPUT if access_log else None)


def check_address(host: str, port: int) -> None:
    """Raise ``SettingsError`` when nothing can listen on an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
            tried.listen()
        except OSError as error:
            raise SettingsError(
                f"{host}:{port} cannot be listened on: {error.strerror}; choose another --host or --port."
            ) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
