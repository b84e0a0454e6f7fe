"""A real Neo4j server without Docker, for developers, tests and newcomers: start, stop, admin commands, password.

Everything of one server is in one folder: ``conf``, ``data``, ``logs``, ``web``, its state and its password (0600).
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from graphrisk.errors import SettingsError, StoreError
from graphrisk.files import locked, write_durably
from graphrisk.graph.distribution import cache_folder, distribution, java
from graphrisk.graph.server_files import DATABASE, USER, Setup, free_ports, gave_up, is_free, last_words, prepare_folder
from graphrisk.graph.server_login import Answer, knock, set_password
from graphrisk.graph.server_process import launch, process_of, reap, run_admin
from graphrisk.logs import step

SECONDS_OF_REFUSAL = 8
"""The right password can be refused for a moment after a start, then for 5 s because of too many failures."""
PORTS, REPLICA_PORTS = (7687, 7474), (7688, 7475)
HEAP_MIB, PAGE_CACHE_MIB = 1024, 512
SECONDS_TO_START, SECONDS_TO_STOP, SECONDS_TO_LET_GO = 180, 90, 3


@dataclass(frozen=True)
class Running(Setup):
    """A server that runs: its loopback ports, its memory, its process."""

    pid: int = 0
    new: bool = False
    """Whether it was this call that started it."""

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

    def drop_data(self) -> None:
        """Remove the database's files; the server must not run, and makes an empty database when it starts."""
        for part in ("databases", "transactions"):
            shutil.rmtree(self.folder / "data" / part / DATABASE, ignore_errors=True)

    def running(self) -> Running | None:
        """The server if its process is there."""
        setup = self._last_setup()
        pid = process_of(self._home) if setup else None
        return Running(**asdict(setup), pid=pid) if setup and pid else None

    def problem(self) -> str | None:
        """What is wrong with a server that runs, in a sentence; ``None`` when it lets its user in."""
        found = self.running()
        answer = _answer(found, self._made_password()) if found else Answer.NONE
        if answer is Answer.NONE:
            return f"It does not answer yet, or no longer; {self.log} may say why."
        return self._refused() if answer is Answer.REFUSED else None

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
            reap()
            return False
        # With room on its disk again, a server whose database gave up would write what it could not write once more, behind
        # the part of it that is there already, and the next start would read nonsense. Killed, it leaves the part alone.
        _end(pid, signal.SIGKILL if gave_up(self._home / "logs" / "debug.log") else signal.SIGTERM)
        ends = time.monotonic() + SECONDS_TO_STOP
        while process_of(self._home) is not None:
            reap()
            if time.monotonic() > ends:
                raise StoreError(
                    f"Neo4j (process {pid}) has not stopped in {SECONDS_TO_STOP} s; look at {self.log}, or end it with "
                    f"`kill -9 {pid}`, which loses nothing that was committed, before you free a disk that is full."
                )
            time.sleep(0.2)
        reap(pid)
        self._let_go()
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
                try:
                    self.stop()
                except StoreError:
                    ran = False  # it hangs, so there is nothing to start again
                    raise
                yield ran
            finally:
                if ran:
                    self.stop()  # when the first one was interrupted
                    self._start()

    def reset_password(self) -> Running:
        """Give the server a new password and start it again, whatever the old one was."""
        with self._lock():
            self.stop()
            try:
                opened = self._launched(None)
                new = secrets.token_urlsafe(18)
                set_password(opened.url, new)
                write_durably(self.password_file, new.encode(), 0o600)
            finally:
                self.stop()
            return self._start()

    @property
    def _home(self) -> Path:
        return self.folder.resolve()

    @property
    def _state(self) -> Path:
        return self.folder / "server.json"

    @contextmanager
    def _lock(self) -> Generator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.folder / "start.lock"):
            yield

    def _start(self) -> Running:
        password = self._made_password()
        found = self.running()
        if found and not found.auth:  # left by a reset of the password that was killed
            self.stop()
            found = None
        if found and self._comes_up(found, password):
            return found
        last = self._last_setup()
        try:
            started = self._launched(password)
        except BaseException:
            self.stop()
            if last:  # so that memory with which it cannot start is not remembered
                self._keep(last)
            else:
                self._state.unlink(missing_ok=True)
            raise
        return started

    def _launched(self, password: str | None) -> Running:
        """A new process that lets its user in with ``password``, or everybody (``None``)."""
        with locked(cache_folder() / "starting.lock"):  # two at once could choose the same ports
            started = self._launch(auth=password is not None)
            self._require(started, password)
        return started

    def _launch(self, auth: bool) -> Running:
        java()
        jars, setup = distribution(), replace(self._setup(), auth=auth)
        prepare_folder(self._home, jars, setup, self.replica)
        self._keep(setup)
        return Running(**asdict(setup), pid=launch(self._home, jars, setup.heap_mib, self.log), new=True)

    def _setup(self) -> Setup:
        """What the next start has: the ports of the last one, so that bookmarks stay true, or any that are free."""
        last = self._last_setup() or Setup(*(REPLICA_PORTS if self.replica else PORTS), HEAP_MIB, PAGE_CACHE_MIB)
        ports = (last.bolt_port, last.http_port)
        if not all(map(is_free, ports)):
            ports = free_ports()
        return Setup(*ports, self._heap_mib or last.heap_mib, self._page_cache_mib or last.page_cache_mib)

    def _last_setup(self) -> Setup | None:
        try:
            return Setup(**json.loads(self._state.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _let_go(self) -> None:
        """Wait a moment for the ports, which a process that ended may still have, so that the next start gets them."""
        setup, ends = self._last_setup(), time.monotonic() + SECONDS_TO_LET_GO
        while setup and not (is_free(setup.bolt_port) and is_free(setup.http_port)) and time.monotonic() < ends:
            time.sleep(0.1)

    def _keep(self, setup: Setup) -> None:
        write_durably(self._state, json.dumps(asdict(setup)).encode())

    def _made_password(self) -> str:
        if not self.password_file.exists():
            write_durably(self.password_file, secrets.token_urlsafe(18).encode(), 0o600)
        return self.password

    def _require(self, server: Running, password: str | None) -> None:
        if not self._comes_up(server, password):
            raise StoreError(f"Neo4j did not start; {self.log} ends with: {last_words(self.log)}")

    def _comes_up(self, server: Running, password: str | None) -> bool:
        """Wait until the server lets its user in with ``password``, or everybody (``None``); whether it still runs.

        Raises ``StoreError`` when it runs without answering, ``SettingsError`` when it has another password.
        """
        if (answer := _answer(server, password)) is Answer.WELCOME:
            return True
        ends = time.monotonic() + SECONDS_TO_START
        with step("Waiting for Neo4j"):
            while answer is not Answer.WELCOME:
                if answer is Answer.REFUSED:
                    raise SettingsError(self._refused())
                reap()
                if process_of(self._home) is None:
                    return False
                if time.monotonic() > ends:
                    raise StoreError(
                        f"Neo4j (process {server.pid}) does not answer; {self.log} ends with: {last_words(self.log)}. "
                        "Run `graphrisk neo4j stop`, then start it again."
                    )
                time.sleep(0.5)
                answer = _answer(server, password)
        return True

    def _refused(self) -> str:
        return (
            f"The Neo4j in {self.folder} does not let {USER} in with the password in {self.password_file}; "
            "run `graphrisk neo4j password --reset`."
        )


def _answer(server: Running, password: str | None) -> Answer:
    """What the server says, which is nothing before its Browser is there too: that comes up a moment later."""
    ends = time.monotonic() + SECONDS_OF_REFUSAL
    while (answer := knock(server.url, password)) is Answer.REFUSED and time.monotonic() < ends:
        time.sleep(0.5)
    return Answer.NONE if answer is Answer.WELCOME and is_free(server.http_port) else answer


def _end(pid: int, by: signal.Signals) -> None:
    try:
        os.kill(pid, by)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise StoreError(f"Neo4j (process {pid}) belongs to another user; ask them to stop it.") from error
