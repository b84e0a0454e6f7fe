"""Whether a local server answers, and lets its user in; and giving that user a password."""

from __future__ import annotations

from enum import Enum, auto

import neo4j
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graphrisk.graph.server_files import DATABASE, USER

FIRST_PASSWORD = "neo4j"  # noqa: S105 - what every new server begins with, and what is changed first
_TOO_OFTEN = "AuthenticationRateLimit"


class Answer(Enum):
    """What a server says to its user."""

    WELCOME = auto()
    REFUSED = auto()
    NONE = auto()


def knock(url: str, password: str | None) -> Answer:
    """Try a query with the password, or without any (``None``). A new server is given the password."""
    answer = _try(url, password)
    if answer is Answer.REFUSED and password:
        try:
            with neo4j.GraphDatabase.driver(url, auth=(USER, FIRST_PASSWORD)) as driver:
                change = "ALTER CURRENT USER SET PASSWORD FROM $old TO $new"
                driver.execute_query(change, old=FIRST_PASSWORD, new=password, database_="system")
        except (Neo4jError, DriverError, OSError):
            return answer
        return _try(url, password)
    return answer


def set_password(url: str, password: str) -> None:
    """Give the user a password, on a server that lets everybody in."""
    with neo4j.GraphDatabase.driver(url) as driver:
        change = f"ALTER USER {USER} SET PASSWORD $new CHANGE NOT REQUIRED"
        driver.execute_query(change, new=password, database_="system")


def _try(url: str, password: str | None) -> Answer:
    try:
        with (
            neo4j.GraphDatabase.driver(url, auth=(USER, password) if password else None) as driver,
            driver.session(database=DATABASE) as session,
        ):
            session.run("RETURN 1").consume()
    except AuthError:
        return Answer.REFUSED
    except Neo4jError as error:
        return Answer.REFUSED if _TOO_OFTEN in (error.code or "") else Answer.NONE
    except (DriverError, OSError):
        return Answer.NONE
    return Answer.WELCOME
