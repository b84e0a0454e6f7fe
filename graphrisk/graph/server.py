"""A real Neo4j server without Docker, for developers, tests and newcomers: start, stop, admin commands.

Everything of one server is in one folder: ``conf``, ``data``, ``logs``, ``web``, its state and its password (0600).
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import neo4j
from neo4j.exceptions import AuthError, Neo4jError, ServiceUnavailable

from graphrisk.errors import SettingsError, StoreError
from graphrisk.files import locked, write_durably
from graphrisk.graph.distribution import distribution, java
from graphrisk.logs import step

USER = "neo4j"
BOLT_PORT, HTTP_PORT = 7687, 7474
SECONDS_TO_START, SECONDS_TO_STOP = 180, 90
GUIDES = Path(__file__).with_name("guides")
FIRST_GUIDE = "start.html"

_JAVA_OPTIONS = (
    *("-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError", "--enable-native-access=ALL-UNNAMED"),
    *(f"--add-opens=java.base/{each}=ALL-UNNAMED" for each in ("java.nio", "java.io", "sun.nio.ch")),
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    *("-XX:+UnlockExperimentalVMOptions", "-XX:+TrustFinalNonStaticFields"),
    *("-Dio.netty.tryReflectionSetAccessible=true", "-Djdk.nio.maxCachedBufferSize=1024"),
    *("-Dlog4j2.disable.jmx=true", "-Djol.skipHotspotSAAttach=true", "-Dfile.encoding=UTF-8"),
)


@dataclass(frozen=True)
class Running:
    """A server that runs: its process and its loopback ports."""

    pid: int
    bolt_port: int
    http_port: int

    @property
    def url(self) -> str:
        return f"bolt://127.0.0.1:{self.bolt_port}"

    @property
    def browser(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/browser/"


class LocalServer:
    """The server of one folder; ``heap_mib`` and ``page_cache_mib`` are its memory, ``read_only`` refuses all writes."""

    def __init__(self, folder: Path, heap_mib: int = 1024, page_cache_mib: int = 512, read_only: bool = False) -> None:
        self.folder = folder
        self._heap_mib, self._page_cache_mib, self._read_only = heap_mib, page_cache_mib, read_only

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "console.log"

    @property
    def password(self) -> str:
        """The generated password. Raises ``SettingsError`` when the server was never started."""
        try:
            return (self.folder / "password").read_text()
        except FileNotFoundError as error:
            raise SettingsError("No local Neo4j was ever started here; run `graphrisk neo4j start`.") from error

    def running(self) -> Running | None:
        """The server if its process is there."""
        try:
            found = Running(**json.loads((self.folder / "server.json").read_text()))
            command = Path(f"/proc/{found.pid}/cmdline").read_bytes()
        except (OSError, ValueError, TypeError):
            return None
        return found if f"--home-dir={self.folder.resolve()}".encode() in command.split(b"\0") else None

    def start(self) -> Running:
        """Start the server unless it runs, and wait until it answers.

        Raises ``SettingsError`` when Java, Maven or the jars are missing, ``StoreError`` when it does not come up.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "start.lock"):
            if found := self.running():
                return found
            jars = distribution()
            starting = self._launch(jars, *self._ports())
            write_durably(self.folder / "server.json", json.dumps(asdict(starting)).encode())
            try:
                self._wait(starting)
            except BaseException:
                self.stop()
                raise
            return starting

    def stop(self) -> bool:
        """Stop the server; whether there was one. Raises ``StoreError`` when it does not end."""
        found = self.running()
        if found is None:
            return False
        os.kill(found.pid, signal.SIGTERM)
        ends = time.monotonic() + SECONDS_TO_STOP
        while self.running():
            _reap(found.pid)
            if time.monotonic() > ends:
                raise StoreError(f"Neo4j (process {found.pid}) has not stopped; look at {self.log}, or kill it.")
            time.sleep(0.2)
        return True

    def admin(self, *arguments: str) -> str:
        """Run a ``neo4j-admin`` command on this server's files; what it printed. The server must not run for most.

        Raises ``StoreError`` with what the command said when it failed.
        """
        jars = distribution()
        if not (self.folder / "conf" / "neo4j.conf").exists():
            self._configure(jars, BOLT_PORT, HTTP_PORT)
        command = [java(), f"-Xmx{self._heap_mib}m", *_JAVA_OPTIONS, "-cp", f"{jars}/lib/*", "org.neo4j.cli.AdminTool"]
        environment = {**os.environ, "NEO4J_HOME": str(self.folder), "NEO4J_CONF": str(self.folder / "conf")}
        done = subprocess.run(  # noqa: S603 - our own words
            [*command, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise StoreError(f"neo4j-admin {' '.join(arguments[:2])} failed: {' '.join(said[-3:])[:600]}")
        return done.stdout

    def _launch(self, jars: Path, bolt_port: int, http_port: int) -> Running:
        self._configure(jars, bolt_port, http_port)
        home, options = self.folder.resolve(), [*_JAVA_OPTIONS, f"-Xms{self._heap_mib}m", f"-Xmx{self._heap_mib}m"]
        classes = f"{jars}/plugins/*:{home}/conf:{jars}/lib/*"
        command = [java(), *options, "-cp", classes, "org.neo4j.server.CommunityEntryPoint"]
        command += [f"--home-dir={home}", f"--config-dir={home}/conf", "--console-mode"]
        with self.log.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own words
                command,
                cwd=home,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return Running(process.pid, bolt_port, http_port)

    def _configure(self, jars: Path, bolt_port: int, http_port: int) -> None:
        home = self.folder.resolve()
        for name in ("conf", "data", "logs", "import", "web"):
            (home / name).mkdir(exist_ok=True)
        address = f"127.0.0.1:{http_port}"
        lines = {
            "server.default_listen_address": "127.0.0.1",
            "server.bolt.listen_address": f"127.0.0.1:{bolt_port}",
            "server.bolt.advertised_address": f"127.0.0.1:{bolt_port}",
            "server.http.listen_address": address,
            "server.https.enabled": "false",
            "server.directories.data": f"{home}/data",
            "server.directories.plugins": f"{jars}/plugins",
            "server.directories.import": f"{home}/import",
            "server.memory.pagecache.size": f"{self._page_cache_mib}m",
            "dbms.security.procedures.allowlist": "gds.*",
            "dbms.security.procedures.unrestricted": "gds.*",
            "dbms.security.allow_csv_import_from_file_urls": "false",
            "dbms.usage_report.enabled": "false",
            "client.allow_telemetry": "false",
            "db.transaction.timeout": "600s",
            "db.lock.acquisition.timeout": "60s",
            "db.tx_log.preallocate": "false",
            "db.tx_log.rotation.retention_policy": "keep_none",
            "server.databases.default_to_read_only": str(self._read_only).lower(),
            "browser.remote_content_hostname_whitelist": "localhost,127.0.0.1",
            "browser.post_connect_cmd": f"guide http://{address}/browser/guides/{FIRST_GUIDE}",
        }
        (home / "conf" / "neo4j.conf").write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        _write_browser(next((jars / "lib").glob("neo4j-browser-*.jar")), home / "web" / "neo4j-browser.zip")

    def _ports(self) -> tuple[int, int]:
        """The ports of the last start, so that bookmarks stay true, or Neo4j's own, or any that are free."""
        try:
            last = Running(**json.loads((self.folder / "server.json").read_text()))
            wanted = (last.bolt_port, last.http_port)
        except (OSError, ValueError, TypeError):
            wanted = (BOLT_PORT, HTTP_PORT)
        return wanted if all(map(_is_free, wanted)) else (_free_port(), _free_port())

    def _wait(self, server: Running) -> None:
        file = self.folder / "password"
        if not file.exists():
            write_durably(file, secrets.token_urlsafe(18).encode(), 0o600)
        ends = time.monotonic() + SECONDS_TO_START
        with step("Starting Neo4j"):
            while not self._answers(server):
                _reap(server.pid)
                if time.monotonic() > ends or self.running() is None:
                    said = self.log.read_text(errors="replace").strip().splitlines()[-3:]
                    raise StoreError(f"Neo4j did not start; {self.log} ends with: {' | '.join(said)}")
                time.sleep(0.5)

    def _answers(self, server: Running) -> bool:
        for password in (self.password, "neo4j"):
            try:
                with neo4j.GraphDatabase.driver(server.url, auth=(USER, password)) as driver:
                    driver.verify_connectivity()
                    if password == "neo4j":  # noqa: S105 - what every new server begins with
                        driver.execute_query(
                            "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $new",
                            new=self.password,
                            database_="system",
                        )
                return True
            except AuthError:
                continue
            except (ServiceUnavailable, Neo4jError, OSError):
                return False
        return False


def _write_browser(jar: Path, target: Path) -> None:
    """The Browser as the server serves it, with our guides inside, so that they come from its own origin."""
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as web:
        for name in source.namelist():  # the server makes only folders that have an entry of their own
            if name.startswith("browser/"):
                web.writestr(name, source.read(name))
        web.mkdir("browser/guides")
        for path in sorted(GUIDES.rglob("*")):
            web.write(path, f"browser/guides/{path.relative_to(GUIDES)}")


def _reap(pid: int) -> None:
    """Take note of the end of a server that this very process started; else it stays as a zombie that looks alive."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
