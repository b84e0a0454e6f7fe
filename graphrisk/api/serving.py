"""A server of worker processes over one home: they share the listening socket, the pages of the run, and the limits."""

from __future__ import annotations

import ipaddress
import os
import socket
from importlib import import_module
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from graphrisk.errors import SettingsError
from graphrisk.settings import Settings

HEADER_MILLISECONDS = 10_000
WAITING_A_WORKER = 512
_HOME, _ACCESS_LOG, _METRICS = "GRAPHRISK_SERVED_HOME", "GRAPHRISK_SERVED_ACCESS_LOG", "PROMETHEUS_MULTIPROC_DIR"


def serve(settings: Settings, host: str, port: int, workers: int, access_log: bool) -> None:
    """Serve until a signal says stop; requests in flight are answered first. A worker that dies is replaced."""
    with settings.scratch("serve") as scratch:
        os.environ |= {_HOME: str(settings.home), _ACCESS_LOG: str(int(access_log)), _METRICS: str(scratch)}
        import_module("graphrisk.api.app")  # once for all workers, now that the metrics know their folder
        http1 = HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS)
        Granian(
            "graphrisk.api.serving:served_app",
            factory=True,
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
        ).serve()


def served_app() -> Any:
    """The application of a worker process, over the home that its server was given."""
    from pathlib import Path  # noqa: PLC0415

    from graphrisk import logs  # noqa: PLC0415
    from graphrisk.api.app import create_app  # noqa: PLC0415

    logs.configure(False)
    log = 1 if os.environ[_ACCESS_LOG] == "1" else None
    return create_app(Settings(home=Path(os.environ[_HOME])), access_log=log)


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
