"""A real Neo4j server without Docker, for developers, tests and newcomers: start, stop, dump, restore, password.

Everything of one server is in one folder: ``conf``, ``data``, ``logs``, ``web``, its state and its password (0600).
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import neo4j
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graphrisk.errors import SettingsError, StoreError
from graphrisk.files import locked, sync_path, write_durably
from graphrisk.graph.distribution import distribution, java
from graphrisk.graph.server_files import Setup, free_ports, is_free, last_words, prepare_folder
from graphrisk.graph.server_process import launch, process_of, reap, run_admin
from graphrisk.logs import step

USER = DATABASE = "neo4j"
FIRST_PASSWORD = "neo4j"  # noqa: S105 - what every new server begins with, and what is changed first
PORTS, REPLICA_PORTS = (7687, 7474), (7688, 7475)
HEAP_MIB, PAGE_CACHE_MIB = 1024, 512
SECONDS_TO_START, SECONDS_TO_STOP = 180, 90
DUMP = f"{DATABASE}.dump"


@dataclass(frozen=True)
class Running(Setup):
    """A server that runs: its process, its loopback ports, its memory."""

    pid: int

    @property
    def url(self) -> str:
        return f"bolt://127.0.0.1:{self.bolt_port}"

    @property
    def browser(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/browser/"


class LocalServer:
    """The server of one folder. Without ``heap_mib`` and ``page_cache_mib`` it has the memory of its last start.

    A ``replica`` refuses all writes to its data, and has ports of its own.
    """

    def __init__(
        self, folder: Path, heap_mib: int | None = None, page_cache_mib: int | None = None, replica: bool = False
    ) -> None:
        self.folder = folder
        self._heap_mib, self._page_cache_mib, self.replica = heap_mib, page_cache_mib, replica

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "console.log"

    @property
    def password_file(self) -> Path:
        return self.folder / "password"

    @property
    def password(self) -> str:
        """The generated password. Raises ``SettingsError`` when there is none."""
        try:
            return self.password_file.read_text()
        except FileNotFoundError as error:
            raise SettingsError(f"{self.password_file} is not there; start the server, which makes it.") from error

    @property
    def has_data(self) -> bool:
        """Whether a database was ever made here."""
        return (self.folder / "data" / "databases" / DATABASE).exists()

    def running(self) -> Running | None:
        """The server if its process is there."""
        setup = self._last_setup()
        pid = process_of(self._home) if setup else None
        return Running(**asdict(setup), pid=pid) if setup and pid else None

    def answers(self) -> bool:
        """Whether the server runs and lets its user in with the password."""
        found = self.running()
        return found is not None and self._lets_in(found, self.password)

    def start(self) -> Running:
        """Start the server unless it runs, and wait until it answers.

        Raises ``SettingsError`` when Java, Maven or the jars are missing, or the password is another, ``StoreError``
        when it does not come up.
        """
        with self._lock():
            return self._start()

    def stop(self) -> bool:
        """Stop the server; whether there was one. Raises ``StoreError`` when it does not end."""
        pid = process_of(self._home)  # without the lock, so that a start that hangs can be stopped
        if pid is None:
            return False
        _terminate(pid)
        ends = time.monotonic() + SECONDS_TO_STOP
        while process_of(self._home) is not None:
            reap()
            if time.monotonic() > ends:
                raise StoreError(f"Neo4j (process {pid}) has not stopped; look at {self.log}, or kill it.")
            time.sleep(0.2)
        return True

    def admin(self, *arguments: str) -> str:
        """Run a ``neo4j-admin`` command on this server's files; what it printed. The server must not run for most.

        Raises ``StoreError`` with what the command said when it failed.
        """
        jars, setup = distribution(), self._setup()
        if not (self.folder / "conf" / "neo4j.conf").exists():
            prepare_folder(self._home, jars, setup, self.replica)
        return run_admin(self._home, jars, setup.heap_mib, *arguments)

    @contextmanager
    def stopped(self) -> Generator[bool]:
        """The server stopped for as long as the block takes, and started again if it ran, which the block is told."""
        with self._lock():
            ran = process_of(self._home) is not None
            try:
                self.stop()
                yield ran
            finally:
                if ran:
                    self.stop()  # when the first one was interrupted
                    self._start()

    def dump(self, target: Path) -> bool:
        """Write the database into the file ``target``, whole or not at all; whether the server was stopped for it.

        Raises ``StoreError`` when that fails; an older file is kept then, and the server started again.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.stopped() as ran, tempfile.TemporaryDirectory(dir=target.parent, prefix=".neo4j-dump-") as scratch:
            self.admin("database", "dump", DATABASE, f"--to-path={scratch}")
            sync_path(Path(scratch) / DUMP)
            os.replace(Path(scratch) / DUMP, target)
            sync_path(target.parent)
        return ran

    def restore(self, dump: Path) -> None:
        """Replace the database by what a dump holds; a server that runs is stopped for it and started again.

        Raises ``StoreError`` when the file is no dump, and changes nothing then, or when it cannot be loaded.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="restore-") as scratch:
            (Path(scratch) / DUMP).symlink_to(dump.resolve())  # the command takes only this name
            words = ("database", "load", DATABASE, f"--from-path={scratch}")
            self.admin(*words, "--info")
            with self.stopped():
                self.admin(*words, "--overwrite-destination=true")

    def reset_password(self) -> Running:
        """Give the server a new password and start it again, whatever the old one was."""
        with self._lock():
            self.stop()
            try:
                opened = self._launch(auth=False)
                self._wait(opened, None)
                new = secrets.token_urlsafe(18)
                with neo4j.GraphDatabase.driver(opened.url) as driver:
                    driver.execute_query(
                        "ALTER USER neo4j SET PASSWORD $new CHANGE NOT REQUIRED", new=new, database_="system"
                    )
                write_durably(self.password_file, new.encode(), 0o600)
            finally:
                self.stop()
            return self._start()

    @property
    def _home(self) -> Path:
        return self.folder.resolve()

    @contextmanager
    def _lock(self) -> Generator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.folder / "start.lock"):
            yield

    def _start(self) -> Running:
        if found := self.running():
            self._wait(found, self._made_password())
            return found
        try:
            started = self._launch()
            self._wait(started, self._made_password())
        except BaseException:
            self.stop()
            raise
        return started

    def _launch(self, auth: bool = True) -> Running:
        java()
        jars, setup = distribution(), self._setup()
        prepare_folder(self._home, jars, setup, self.replica, auth)
        write_durably(self.folder / "server.json", json.dumps(asdict(setup)).encode())
        return Running(**asdict(setup), pid=launch(self._home, jars, setup.heap_mib, self.log))

    def _setup(self) -> Setup:
        """What the next start has: the ports of the last one, so that bookmarks stay true, or any that are free."""
        last = self._last_setup() or Setup(*(REPLICA_PORTS if self.replica else PORTS), HEAP_MIB, PAGE_CACHE_MIB)
        ports = (last.bolt_port, last.http_port)
        if not all(map(is_free, ports)):
            ports = free_ports()
        return Setup(*ports, self._heap_mib or last.heap_mib, self._page_cache_mib or last.page_cache_mib)

    def _last_setup(self) -> Setup | None:
        try:
            return Setup(**json.loads((self.folder / "server.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _made_password(self) -> str:
        if not self.password_file.exists():
            write_durably(self.password_file, secrets.token_urlsafe(18).encode(), 0o600)
        return self.password

    def _wait(self, server: Running, password: str | None) -> None:
        """Wait until the server lets its user in with ``password``, or everybody (``None``)."""
        ends = time.monotonic() + SECONDS_TO_START
        with step("Waiting for Neo4j"):
            while not self._lets_in(server, password):
                reap()
                if time.monotonic() > ends or process_of(self._home) is None:
                    raise StoreError(f"Neo4j did not start; {self.log} ends with: {last_words(self.log)}")
                time.sleep(0.5)

    def _lets_in(self, server: Running, password: str | None) -> bool:
        """Raises ``SettingsError`` when the server answers, but has another password."""
        for tried in (password, FIRST_PASSWORD):
            try:
                with neo4j.GraphDatabase.driver(server.url, auth=(USER, tried) if tried else None) as driver:
                    driver.verify_connectivity()
                    if password and tried == FIRST_PASSWORD:
                        change = "ALTER CURRENT USER SET PASSWORD FROM $old TO $new"
                        driver.execute_query(change, old=tried, new=password, database_="system")
                return True
            except AuthError:
                continue
            except (Neo4jError, DriverError, OSError):
                return False
        raise SettingsError(
            f"The Neo4j in {self.folder} does not take the password in {self.password_file}; "
            "run `graphrisk neo4j password --reset`."
        )


def _terminate(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise StoreError(f"Neo4j (process {pid}) belongs to another user; ask them to stop it.") from error
