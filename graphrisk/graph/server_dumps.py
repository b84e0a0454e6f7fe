"""Dumps of a local server's database, whole or not at all: written from one server, shown by another."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from graphrisk.errors import InputError, StoreError
from graphrisk.files import sync_path
from graphrisk.graph.distribution import NEO4J_VERSION
from graphrisk.graph.server import LocalServer
from graphrisk.graph.server_files import DATABASE, DUMP


def dump(server: LocalServer, target: Path) -> bool:
    """Write the database into the file ``target``; whether the server was stopped for it, and started again.

    Raises ``StoreError`` when that fails; an older file is kept then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with server.stopped() as ran, tempfile.TemporaryDirectory(dir=target.parent, prefix=".neo4j-dump-") as scratch:
        server.admin("database", "dump", DATABASE, f"--to-path={scratch}")
        sync_path(Path(scratch) / DUMP)
        os.replace(Path(scratch) / DUMP, target)
        sync_path(target.parent)
    return ran


def restore(server: LocalServer, source: Path) -> None:
    """Replace the database by what a dump holds; a server that runs is stopped shortly, and started again.

    Raises ``InputError`` when the file is no whole dump; nothing is changed then.
    """
    server.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=server.folder, prefix="restore-") as name:
        scratch = Path(name).resolve()
        (scratch / DUMP).symlink_to(source.resolve())  # the command takes only this name
        try:  # into a folder of its own, so that a bad dump does no harm and the server goes on meanwhile
            LocalServer(scratch).admin("database", "load", DATABASE, f"--from-path={scratch}")
        except StoreError as error:
            raise InputError(
                f"The dump {source} could not be loaded, and nothing was changed ({error}); it has to be a whole dump "
                f"of Neo4j {NEO4J_VERSION} or older: `graphrisk neo4j dump` makes one."
            ) from error
        with server.stopped():
            for each in ("databases", "transactions"):
                place = server.folder / "data" / each / DATABASE
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.exists():
                    os.replace(place, scratch / f"old-{each}")
                os.replace(scratch / "data" / each / DATABASE, place)
