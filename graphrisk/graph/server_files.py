"""What a local server reads from its folder when it starts: ``conf``, the Browser with our guides, free ports."""

from __future__ import annotations

import hashlib
import os
import socket
import zipfile
from dataclasses import dataclass
from pathlib import Path

from graphrisk.files import write_durably

USER = DATABASE = "neo4j"
DUMP = f"{DATABASE}.dump"
GUIDES = Path(__file__).with_name("guides")
FIRST_GUIDE = "start.html"


@dataclass(frozen=True)
class Setup:
    """What may differ between two starts of one server: loopback ports, memory, who is let in."""

    bolt_port: int
    http_port: int
    heap_mib: int
    page_cache_mib: int
    auth: bool = True
    """Without it the server lets everybody in, for the moment in which a lost password is replaced."""


def prepare_folder(home: Path, jars: Path, setup: Setup, read_only: bool) -> None:
    """Write everything that the server reads."""
    for name in ("conf", "data", "logs", "import", "web"):
        (home / name).mkdir(parents=True, exist_ok=True)
    link = home / "plugins"  # where Neo4j looks by itself: its conf takes no path with other letters than a to z
    if not link.is_symlink() or link.readlink() != jars / "plugins":
        link.unlink(missing_ok=True)
        link.symlink_to(jars / "plugins")
    address = f"127.0.0.1:{setup.http_port}"
    lines = {
        "server.default_listen_address": "127.0.0.1",
        "server.bolt.listen_address": f"127.0.0.1:{setup.bolt_port}",
        "server.bolt.advertised_address": f"127.0.0.1:{setup.bolt_port}",
        "server.http.listen_address": address,
        "server.https.enabled": "false",
        "server.memory.pagecache.size": f"{setup.page_cache_mib}m",
        "dbms.security.auth_enabled": str(setup.auth).lower(),
        "dbms.security.procedures.allowlist": "gds.*",
        "dbms.security.procedures.unrestricted": "gds.*",
        "dbms.security.allow_csv_import_from_file_urls": "false",
        "dbms.usage_report.enabled": "false",
        "client.allow_telemetry": "false",
        "db.transaction.timeout": "600s",
        "db.lock.acquisition.timeout": "60s",
        "db.tx_log.preallocate": "false",
        "db.tx_log.rotation.retention_policy": "keep_none",
        # A full disk cuts the last transaction short, and recovery would refuse it. The ledger is the record: what is
        # cut off here, the watermark with it, is written again by the next sync.
        "internal.dbms.tx_log.fail_on_corrupted_log_files": "false",
        "server.databases.default_to_read_only": str(read_only).lower(),
        # Else Bolt waits twice 5 s for the stragglers of a server whose databases are closed already.
        "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",
        "browser.remote_content_hostname_whitelist": "localhost,127.0.0.1",
        "browser.post_connect_cmd": f"guide http://{address}/browser/guides/{FIRST_GUIDE}",
    }
    write_durably(home / "conf" / "neo4j.conf", "".join(f"{key}={value}\n" for key, value in lines.items()).encode())
    _write_browser(next((jars / "lib").glob("neo4j-browser-*.jar")), home / "web" / "neo4j-browser.zip")


def is_free(port: int) -> bool:
    """Whether nothing listens on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_ports() -> tuple[int, int]:
    """Two loopback ports that nothing listens on."""
    with socket.socket() as first, socket.socket() as second:
        for probe in (first, second):
            probe.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def last_words(log: Path, lines: int = 3) -> str:
    """How a log ends, in one line: what it says of an error if it does, else its last lines."""
    try:
        said = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        said = []
    told = [line for line in said if not line.startswith("at ") and ("ERROR" in line or "Caused by:" in line)]
    return " | ".join(line[:300] for line in (told or said)[-lines:]) or "(nothing)"


def gave_up(log: Path) -> bool:
    """Whether the database of a server stopped writing for good, as it does when its disk is full.

    ``log`` is the server's ``debug.log``, which has all of its starts.
    """
    try:
        said = log.read_text(errors="replace")
    except FileNotFoundError:
        return False
    return said.rfind("Database panic: ") > said.rfind("[ System diagnostics ]")  # the latter at each start


def _write_browser(jar: Path, target: Path) -> None:
    """The Browser as the server serves it, with our guides inside, so that they come from its own origin."""
    guides = [(path, f"browser/guides/{path.relative_to(GUIDES)}") for path in sorted(GUIDES.rglob("*"))]
    digest = hashlib.sha256(jar.name.encode())
    for path, name in guides:
        digest.update(f"{name}\n".encode() + (path.read_bytes() if path.is_file() else b""))
    mark = digest.hexdigest().encode()
    if _comment(target) == mark:
        return
    unfinished = target.with_suffix(".new")
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as web:
        web.comment = mark
        for name in source.namelist():  # the server makes only folders that have an entry of their own
            if name.startswith("browser/"):
                web.writestr(name, source.read(name))
        web.mkdir("browser/guides")
        for path, name in guides:
            web.write(path, name)
    os.replace(unfinished, target)


def _comment(archive: Path) -> bytes | None:
    try:
        with zipfile.ZipFile(archive) as found:
            return found.comment
    except (OSError, zipfile.BadZipFile):
        return None
