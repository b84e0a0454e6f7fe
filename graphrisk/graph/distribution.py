"""Neo4j Community, Graph Data Science and Browser from Maven Central: one pinned set of jars in a cache folder.

Maven takes them by name; their SHA-256 is checked here against the set that the tests ran with.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from graphrisk.errors import SettingsError, StoreError
from graphrisk.files import locked
from graphrisk.logs import LOG

NEO4J_VERSION, GDS_VERSION, BROWSER_VERSION = "5.26.31", "2.13.9", "5.24.0"
POM = Path(__file__).with_name("server.pom.xml")
JARS_SHA256 = "0f17d30361a6d5ace6c6a2053ecaf9df8b07fd48772a448f40ce5cb162c21bb2"
"""Over the lines ``<sha256>  <folder>/<name>`` of all jars, sorted."""

OLDEST_JAVA = 17


def java() -> str:
    """The java command. Raises ``SettingsError`` when there is none, or it is too old for Neo4j 5."""
    command = shutil.which("java")
    told = ""
    if command:
        told = subprocess.run([command, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - java
    version = re.search(r'version "(\d+)', told)
    if not command or not version or int(version[1]) < OLDEST_JAVA:
        found = f"the one here is {version[1]}" if version else "there is none"
        raise SettingsError(
            f"A local Neo4j needs Java {OLDEST_JAVA} or newer ({found}); install it, or set GRAPHRISK_NEO4J_URL."
        )
    return command


def cache_folder() -> Path:
    """Where the jars are kept: ``GRAPHRISK_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("GRAPHRISK_CACHE") or Path.home() / ".cache" / "graphrisk")


def distribution() -> Path:
    """The folder with ``lib`` and ``plugins``, fetched on first use (30 seconds, 150 MB).

    Raises ``SettingsError`` when Maven is missing or cannot fetch, ``StoreError`` when the jars are not the pinned ones.
    """
    folder = cache_folder() / f"neo4j-{NEO4J_VERSION}-gds-{GDS_VERSION}-browser-{BROWSER_VERSION}"
    with locked(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _fetch(folder)
            found = jars_digest(folder)
            if found != JARS_SHA256:
                raise StoreError(
                    f"The jars in {folder} have the digest {found}, not the pinned {JARS_SHA256}; "
                    "delete the folder and try again, or ask who serves your Maven repository."
                )
            (folder / "complete").touch()
    return folder


def jars_digest(folder: Path) -> str:
    """One SHA-256 (hex) over the names and digests of all jars of a distribution."""
    lines: list[str] = []
    for jar in folder.glob("*/*.jar"):
        with jar.open("rb") as handle:
            lines.append(f"{hashlib.file_digest(handle, 'sha256').hexdigest()}  {jar.parent.name}/{jar.name}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise SettingsError("A local Neo4j is put together by Maven (mvn); install it, or set GRAPHRISK_NEO4J_URL.")
    LOG.info("Fetching Neo4j %s with Graph Data Science and Browser (about 150 MB)", NEO4J_VERSION)
    for part, choice in (("lib", "-DexcludeGroupIds"), ("plugins", "-DincludeGroupIds")):
        command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        command += [f"{choice}=org.neo4j.gds", f"-DoutputDirectory={folder / part}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if done.returncode:
            said = next((line for line in done.stdout.splitlines() if "ERROR" in line), done.stdout[-300:])
            raise SettingsError(f"Maven could not fetch Neo4j ({said.strip()}); check the network, then try again.")
