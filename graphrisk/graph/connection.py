"""The way to a Neo4j server: addresses from the environment, and a driver whose errors are one sentence each.

Passwords come from the environment or a file, never from a URL, and stand in no message.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import neo4j
from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    CypherSyntaxError,
    DriverError,
    Neo4jError,
    UnsupportedServerProduct,
)

from graphrisk.errors import SettingsError, StoreError

ENVIRONMENT, SOURCE_ENVIRONMENT = "GRAPHRISK_NEO4J", "GRAPHRISK_SOURCE"
SCHEMES = tuple(f"{protocol}{security}" for protocol in ("neo4j", "bolt") for security in ("", "+s", "+ssc"))
DEFAULT_USER = DEFAULT_DATABASE = "neo4j"
OLDEST_SERVER = 5
SECONDS_TO_CONNECT, SECONDS_OF_RETRIES = 15.0, 30.0

_NO_DATABASE = ("Neo.ClientError.Database.DatabaseNotFound", "Neo.ClientError.General.DatabaseNotFound")
_UNAVAILABLE = "DatabaseUnavailable"
_QUIET = logging.NullHandler()


@dataclass(frozen=True)
class GraphAddress:
    """A database of a server, and who to be there; ``url`` has neither credentials nor a database."""

    url: str
    user: str
    password: str = field(repr=False)
    database: str = DEFAULT_DATABASE

    @property
    def name(self) -> str:
        """How messages and reports call it."""
        return f"{self.url}/{self.database}"


def graph_address(environment: Mapping[str, str] = os.environ) -> GraphAddress | None:
    """The graph that ``GRAPHRISK_NEO4J_URL`` names, with ``_USER``, ``_PASSWORD`` or ``_PASSWORD_FILE``, ``_DATABASE``.

    ``None`` when there is no URL. Raises ``SettingsError`` naming the variable that is missing or wrong.
    """
    text = environment.get(f"{ENVIRONMENT}_URL")
    if not text:
        return None
    url, in_url = split_url(text, f"{ENVIRONMENT}_URL")
    named = environment.get(f"{ENVIRONMENT}_DATABASE") or None
    if in_url and named and in_url != named:
        raise SettingsError(
            f"{ENVIRONMENT}_URL names the database {in_url}, {ENVIRONMENT}_DATABASE names {named}; keep one."
        )
    password = password_from(ENVIRONMENT, environment)
    if password is None:
        raise SettingsError(
            f"{ENVIRONMENT}_URL is set without a password; set {ENVIRONMENT}_PASSWORD or _PASSWORD_FILE."
        )
    user = environment.get(f"{ENVIRONMENT}_USER") or DEFAULT_USER
    return GraphAddress(url, user, password, in_url or named or DEFAULT_DATABASE)


def source_address(text: str, environment: Mapping[str, str] = os.environ) -> GraphAddress:
    """A graph to read facts from, and who to be there: ``GRAPHRISK_SOURCE`` with ``_USER``, ``_PASSWORD`` or ``_PASSWORD_FILE``.

    Without a password there it is who we are in our own graph, unless ``GRAPHRISK_NEO4J_URL`` names another server: a
    password is sent only where it was meant to go. Raises ``SettingsError``.
    """
    url, database = split_url(text, f"The source {text.partition('://')[0]}://…", SOURCE_ENVIRONMENT)
    own = environment.get(f"{ENVIRONMENT}_URL")
    same = not own or urlsplit(own).netloc == urlsplit(url).netloc
    for prefix in (SOURCE_ENVIRONMENT, ENVIRONMENT) if same else (SOURCE_ENVIRONMENT,):
        password = password_from(prefix, environment)
        if password is not None:
            user = environment.get(f"{prefix}_USER") or DEFAULT_USER
            return GraphAddress(url, user, password, database or DEFAULT_DATABASE)
    raise SettingsError(
        f"The source {url} needs a password; set {SOURCE_ENVIRONMENT}_PASSWORD or {SOURCE_ENVIRONMENT}_PASSWORD_FILE."
    )


def password_from(prefix: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The password in ``<prefix>_PASSWORD``, or in the file that ``<prefix>_PASSWORD_FILE`` names; else ``None``."""
    given, path = environment.get(f"{prefix}_PASSWORD"), environment.get(f"{prefix}_PASSWORD_FILE")
    if given and path:
        raise SettingsError(f"{prefix}_PASSWORD and {prefix}_PASSWORD_FILE are both set; keep one.")
    if not path:
        return given or None
    try:
        password = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{prefix}_PASSWORD_FILE {path} cannot be read: {cause}; check the path.") from None
    if not password:
        raise SettingsError(f"{prefix}_PASSWORD_FILE {path} is empty; write the password into it.")
    return password


def split_url(text: str, what: str, prefix: str = ENVIRONMENT) -> tuple[str, str | None]:
    """The URL of a server, and the database that its path names. ``what`` is how a message calls the text.

    Raises ``SettingsError``; its message never repeats what could be a password.
    """
    if "@" in text:
        scheme, _, rest = text.partition("://")
        clean = f"{scheme}://{rest.rpartition('@')[2]}"
        raise SettingsError(
            f"{what} has a user or password in it, which logs and shells would keep; write {clean}, "
            f"and give them as {prefix}_USER and {prefix}_PASSWORD or _PASSWORD_FILE."
        )
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SettingsError(f"{what} has a host or port that is none; write it as neo4j://host:7687.") from None
    if parts.scheme not in SCHEMES:
        raise SettingsError(f"{what} begins with {parts.scheme or 'no scheme'!r}; use one of {', '.join(SCHEMES)}.")
    database = unquote(parts.path.removeprefix("/")).removesuffix("/")
    if not host or "/" in database or parts.fragment:
        raise SettingsError(f"{what} is not of the form {parts.scheme}://host:port/database; mend it.")
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{query}", database or None


@contextmanager
def connect(url: str, user: str, password: str, database: str) -> Generator[neo4j.Driver]:
    """A driver whose server, credentials and database were tried, closed afterwards.

    What the driver raises, here or in the block, becomes ``SettingsError`` (credentials, database, URL) or
    ``StoreError`` (the server is away, too old, or gives up).
    """
    # What the driver logs can quote values, and would reach standard error where nobody took its logger.
    logging.getLogger("neo4j").addHandler(_QUIET)
    try:
        with neo4j.GraphDatabase.driver(
            url,
            auth=(user, password),
            connection_timeout=SECONDS_TO_CONNECT,
            connection_acquisition_timeout=2 * SECONDS_TO_CONNECT,
            max_transaction_retry_time=SECONDS_OF_RETRIES,
        ) as driver:
            require_version(driver, (OLDEST_SERVER, 0), f"The server at {url}", "graphrisk")
            with driver.session(database=database, default_access_mode=neo4j.READ_ACCESS) as session:
                session.run("RETURN 1").consume()
            yield driver
    except CypherSyntaxError:
        raise  # a mistake of this program, not of whoever runs it
    except (Neo4jError, DriverError) as error:
        # Without a cause: a server's message can quote raw values.
        raise _told(error, url, user, database) from None


def require_version(driver: neo4j.Driver, oldest: tuple[int, int], what: str, who: str) -> None:
    """Raises ``StoreError`` when the server is older; ``what`` and ``who`` say which server it is, and who needs more."""
    agent = driver.get_server_info().agent
    version = re.match(r"Neo4j/v?(\d+)(?:\.(\d+))?", agent)
    if version and (int(version[1]), int(version[2] or 0)) < oldest:
        needed = ".".join(map(str, oldest))
        raise StoreError(f"{what} is {agent}; {who} needs Neo4j {needed} or newer: update it.")


def _told(error: Neo4jError | DriverError, url: str, user: str, database: str) -> SettingsError | StoreError:
    if isinstance(error, Neo4jError):
        return _answered(error, url, user, database)
    said = str(error).lower()
    if "http" in said:
        return SettingsError(f"{url} answers as a web server; give the Bolt port (Neo4j's own is 7687).")
    if isinstance(error, UnsupportedServerProduct):
        return StoreError(
            f"The server at {url} does not speak the Bolt of Neo4j {OLDEST_SERVER}.0 or newer; check port and version."
        )
    if isinstance(error, ConfigurationError):
        return SettingsError(f"The driver takes no URL like {url}; write it as neo4j://host:7687.")
    if "ssl" in said or "certificate" in said:
        return StoreError(f"The server at {url} gives no TLS that is trusted; check its certificate, or the scheme.")
    return StoreError(f"Neo4j at {url} is away ({type(error).__name__}); start it or check the URL, then try again.")


def _answered(error: Neo4jError, url: str, user: str, database: str) -> SettingsError | StoreError:
    code = error.code or type(error).__name__
    if code in _NO_DATABASE:
        return SettingsError(f"Neo4j at {url} has no database {database!r}; name another one.")
    if isinstance(error, AuthError) or ".Security." in code:  # the latter after too many attempts, or without the right
        return SettingsError(
            f"Neo4j at {url} refuses the user {user!r} ({code.rpartition('.')[2]}); check the user, the password and its rights."
        )
    if _UNAVAILABLE in code:
        return StoreError(f"The database {database!r} of Neo4j at {url} is not online; start it, then try again.")
    return StoreError(f"Neo4j at {url} gave up with {code}; look at its log, then try again.")
