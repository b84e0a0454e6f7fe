"""Where things are: the home folder, the token key, how much of the machine to use. Never stored in a run."""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from graphrisk.errors import SettingsError, StoreError
from graphrisk.files import is_abandoned, locked, write_durably

HOME_FORMAT = 1
SECONDS_BETWEEN_LOOKS = 0.1
USUAL_MIB = 1536
"""What a million accounts need."""

UNOPENED = "[]^|"
"""Characters in a path of which delta-rs makes an address that it takes for none."""
CONTROL_GROUPS = Path("/sys/fs/cgroup")


def _default_home() -> Path:
    return Path(os.environ.get("GRAPHRISK_HOME") or Path.home() / ".graphrisk")


def _environment_number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise SettingsError(f"{name} is {text!r}; set it to a whole number of 1 or more.")
    return int(text)


def share_of_memory(groups: Path = CONTROL_GROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """MiB for DuckDB when nobody says otherwise: a quarter of what this process may use, by the machine and by the control
    groups that it is in (``own`` names them), or up to 1,536 as long as that is no more than half."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in _limits_of_memory(groups, own):
        with suppress(OSError, ValueError):  # no such file at the root, or "max"
            whole = min(whole, int(limit.read_text()))
    mib = whole >> 20
    return max(mib // 4, min(USUAL_MIB, mib // 2), 1)


def _limits_of_memory(groups: Path, own: Path) -> Generator[Path]:
    """The files that may limit memory: of every control group that a process is in, up to the root (cgroups(7), both versions)."""
    with suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            root, file = (groups / "memory", "memory.limit_in_bytes") if controllers else (groups, "memory.max")
            group = Path(name.lstrip("/"))
            yield from (root / folder / file for folder in (group, *group.parents))


def _environment_browser() -> str | None:
    name = "GRAPHRISK_NEO4J_BROWSER_URL"
    text = os.environ.get(name, "")
    if not text:
        return None
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        parts, is_address = urlsplit(""), False
    if not is_address or "@" in parts.netloc or parts.query or parts.fragment:
        told = "has a user in it" if "@" in text else f"is {text!r}"  # what stands before it can be a password
        raise SettingsError(f"{name} {told}; write it like http://127.0.0.1:7474/browser/.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/browser'}/"


@dataclass(frozen=True)
class Settings:
    """Places and resources. ``threads`` are DuckDB's, ``processes`` work on components; neither changes a result.

    ``browser_url`` is the Neo4j Browser that links lead to, ending in a slash; ``None`` when nobody named one.
    """

    home: Path = field(default_factory=_default_home)
    threads: int = field(default_factory=lambda: _environment_number("GRAPHRISK_THREADS", os.cpu_count() or 1))
    processes: int = field(default_factory=lambda: _environment_number("GRAPHRISK_PROCESSES", os.cpu_count() or 1))
    memory_mib: int = field(default_factory=lambda: _environment_number("GRAPHRISK_MEMORY_MIB", share_of_memory()))
    browser_url: str | None = field(default_factory=_environment_browser)

    @property
    def ledger(self) -> Path:
        return self.home / "ledger"

    @property
    def merged(self) -> Path:
        """The ledger once more, as detection reads it; may be removed whenever nobody detects."""
        return self.home / "merged"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def loads(self) -> Path:
        return self.home / "loads"

    @property
    def local_graph(self) -> Path:
        return self.home / "neo4j"

    @property
    def graph_lock(self) -> Path:
        """Held by whoever writes to the graph, or needs it to stand still."""
        return self.home / "graph.lock"

    @property
    def job_lock(self) -> Path:
        """Held by the one job that is at work, and by whoever must not meet one."""
        return self.home / "job.lock"

    @property
    def may_have_graph(self) -> bool:
        """Whether a graph is named or was ever started here; asked first, since the driver is slow to import."""
        return bool(os.environ.get("GRAPHRISK_NEO4J_URL")) or self.local_graph.exists()

    @property
    def policy_file(self) -> Path:
        return self.home / "policy.toml"

    @property
    def reference_file(self) -> Path:
        """The reference that a person adopted; without it the shipped one holds."""
        return self.home / "reference.toml"

    def prepare(self) -> None:
        """Make the home folder, or check that this version can use the one that is there.

        Raises ``StoreError`` when it cannot be written, was written by a newer version, or has a path that cannot be opened.
        """
        marker = self.home / "home.json"
        if unopened := sorted(set(str(self.home.absolute())) & set(UNOPENED)):
            raise StoreError(
                f"The home folder {self.home.absolute()} has {' and '.join(unopened)} in its path, which the ledger's tables "
                "cannot be opened with; choose another --home."
            )
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            if not marker.exists():
                write_durably(marker, json.dumps({"format": HOME_FORMAT}).encode())
            found = int(json.loads(marker.read_text())["format"])
        except OSError as error:
            raise StoreError(
                f"The home folder {self.home} cannot be used: {error.strerror}; choose another --home."
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{marker} is damaged; restore it from a backup, or write {json.dumps({'format': HOME_FORMAT})} into it."
            ) from error
        if found > HOME_FORMAT:
            raise StoreError(
                f"The home folder {self.home} has format {found}, this graphrisk knows up to {HOME_FORMAT}; update graphrisk."
            )

    @contextmanager
    def scratch(self, name: str) -> Generator[Path]:
        """A folder for work in progress under the home; gone afterwards, swept later if the process was killed."""
        parent = self.home / "tmp"
        folder = parent / f"{name}-{uuid.uuid4().hex[:12]}"
        with ExitStack() as held:
            with locked(parent / "sweep.lock"):
                folder.mkdir()
                held.enter_context(locked(folder / "owner.lock"))
                for other in parent.iterdir():
                    if other.is_dir() and other != folder and is_abandoned(other / "owner.lock"):
                        shutil.rmtree(other, ignore_errors=True)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def wait_for_work(self) -> None:
        """Wait until all work in progress that began before now has ended, but for servers, which read runs alone."""
        owners = [
            path for path in (self.home / "tmp").glob("*/owner.lock") if not path.parent.name.startswith("serve-")
        ]
        while not all(is_abandoned(owner) for owner in owners):
            time.sleep(SECONDS_BETWEEN_LOOKS)

    @contextmanager
    def columns(self, scratch: Path | None) -> Generator[duckdb.DuckDBPyConnection]:
        """A DuckDB connection in UTC that spills to ``scratch``, or that cannot spill at all (None: for raw values).

        Raises ``StoreError`` when its memory or its disk is not enough.
        """
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": self.threads,
            "memory_limit": f"{self.memory_mib}MiB",
            "temp_directory": str(scratch / "spill") if scratch else "",
            "preserve_insertion_order": False,
        }
        connection = duckdb.connect(config=config)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_progress_bar = false")
            yield connection
        except duckdb.OutOfMemoryException as error:
            raise StoreError(
                f"DuckDB's share of memory ({self.memory_mib} MiB) or the room to spill was not enough; raise "
                "GRAPHRISK_MEMORY_MIB or free disk space, then run the command again; what was accepted is kept."
            ) from error
        finally:
            connection.close()
