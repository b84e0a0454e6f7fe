"""The Java process of a local server: starting it, finding it again, and Neo4j's admin commands.

A server is found by its folder on its command line, not by a number in a file: so it is found also when whoever
started it was stopped before any note could be made.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from graphrisk.errors import StoreError
from graphrisk.graph.distribution import java

_MAIN = "org.neo4j.server.CommunityEntryPoint"
_JAVA_OPTIONS = (
    *("-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError", "--enable-native-access=ALL-UNNAMED"),
    *(f"--add-opens=java.base/{each}=ALL-UNNAMED" for each in ("java.nio", "java.io", "sun.nio.ch")),
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    *("-XX:+UnlockExperimentalVMOptions", "-XX:+TrustFinalNonStaticFields"),
    *("-Dio.netty.tryReflectionSetAccessible=true", "-Djdk.nio.maxCachedBufferSize=1024"),
    *("-Dlog4j2.disable.jmx=true", "-Djol.skipHotspotSAAttach=true", "-Dfile.encoding=UTF-8"),
)


_UTF8 = {"LC_ALL": "C.UTF-8"}  # Java takes the letters of file names from the locale

_started: list[subprocess.Popen[bytes]] = []


def launch(home: Path, jars: Path, heap_mib: int, log: Path) -> int:
    """Start the server of a prepared folder, in a session of its own, so that Ctrl-C in the terminal spares it.

    Returns the process id.
    """
    classes = f"{jars}/plugins/*:{home}/conf:{jars}/lib/*"
    command = [java(), *_JAVA_OPTIONS, f"-Xms{heap_mib}m", f"-Xmx{heap_mib}m", "-cp", classes, _MAIN]
    command += [_home(home), f"--config-dir={home}/conf", "--console-mode"]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own words
            command,
            cwd=home,
            env=os.environ | _UTF8,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    _started.append(process)
    while process_of(home) is None and process.poll() is None:  # its command line shows a moment later
        time.sleep(0.01)
    return process.pid


def process_of(home: Path) -> int | None:
    """The process id of the server of a folder, if it runs."""
    for pid, command in _processes():
        if f" {_MAIN} " in command and f" {_home(home)} " in command:
            return pid
    return None


def reap(gone: int | None = None) -> None:
    """Take note of the end of servers that this very process started; else they stay as zombies.

    ``gone`` is one of which nothing shows any more, though its end may take some milliseconds yet.
    """
    for each in _started:
        if each.pid == gone:
            each.wait()
    _started[:] = [each for each in _started if each.poll() is None]


def run_admin(home: Path, jars: Path, heap_mib: int, *arguments: str) -> str:
    """Run a ``neo4j-admin`` command on the files of a folder; what it printed. Raises ``StoreError`` when it failed."""
    command = [java(), f"-Xmx{heap_mib}m", *_JAVA_OPTIONS, "-cp", f"{jars}/lib/*", "org.neo4j.cli.AdminTool"]
    environment = {**os.environ, **_UTF8, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    done = subprocess.run(  # noqa: S603 - our own words
        [*command, *arguments], env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        causes = [line for line in said if line.startswith(("Failed ", "Unable "))]
        raise StoreError(f"neo4j-admin {' '.join(arguments[:2])} failed: {' '.join(causes or said[-3:])[:600]}")
    return done.stdout


def _home(home: Path) -> str:
    return f"--home-dir={home}"


def _processes() -> Iterator[tuple[int, str]]:
    """(process id, command line between blanks) of every process that may be seen."""
    if not Path("/proc/self").exists():  # not Linux
        listed = subprocess.run(["ps", "-axww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout  # noqa: S607 - ps
        for line in listed.splitlines():
            pid, _, command = line.strip().partition(" ")
            yield int(pid), f" {command} "
        return
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:  # ended meanwhile
            continue
        yield int(folder.name), f" {command} "
