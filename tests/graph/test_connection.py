"""Addresses from the environment, and what is said when a server cannot be used; never a password."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import neo4j
import pytest

from graphrisk.errors import GraphriskError, SettingsError, StoreError
from graphrisk.graph.connection import GraphAddress, connect, graph_address, source_address, split_url
from graphrisk.graph.server import USER, LocalServer, Running

URL = "neo4j://graph.example:7687"
SECRET = "c0rrect-h0rse"


def test_address_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{SECRET}\n")
    assert graph_address({}) is None
    assert graph_address({"GRAPHRISK_NEO4J_URL": URL, "GRAPHRISK_NEO4J_PASSWORD": SECRET}) == GraphAddress(
        URL, "neo4j", SECRET, "neo4j"
    )
    every = {"URL": f"{URL}/risk", "USER": "ann", "PASSWORD_FILE": str(tmp_path / "password"), "DATABASE": "risk"}
    found = graph_address({f"GRAPHRISK_NEO4J_{name}": value for name, value in every.items()})
    assert found == GraphAddress(URL, "ann", SECRET, "risk")
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "without a password; set GRAPHRISK_NEO4J_PASSWORD or _PASSWORD_FILE"),
        ({"PASSWORD": SECRET, "PASSWORD_FILE": "x"}, "are both set"),
        ({"PASSWORD_FILE": "/nowhere/at/all"}, "/nowhere/at/all cannot be read: No such file"),
        ({"PASSWORD_FILE": "/dev/null"}, "is empty"),
        ({"URL": f"{URL}/a", "DATABASE": "b", "PASSWORD": SECRET}, "names the database a"),
        ({"URL": f"neo4j://neo4j:{SECRET}@h:1/db"}, "write neo4j://h:1/db, and give them as GRAPHRISK_NEO4J_USER"),
        ({"URL": f"neo4j://neo4j:{SECRET}/x@h"}, "user or password in it"),
        ({"URL": f"neo4j://neo4j:{SECRET}"}, "host or port that is none"),
        ({"URL": "https://h"}, "begins with 'https'; use one of neo4j, neo4j+s"),
        ({"URL": "graph.example:7687"}, "use one of neo4j"),
        ({"URL": "neo4j:///db"}, "not of the form neo4j://host:port/database"),
        ({"URL": f"{URL}/a/b"}, "not of the form"),
    ],
)
def test_a_wrong_environment_is_one_sentence_without_the_password(given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as error:
        graph_address(
            {"GRAPHRISK_NEO4J_URL": URL} | {f"GRAPHRISK_NEO4J_{name}": value for name, value in given.items()}
        )
    assert told in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("scheme", ["neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc"])
def test_url_and_database(scheme: str) -> None:
    assert split_url(f"{scheme}://h:7688", "It") == (f"{scheme}://h:7688", None)
    assert split_url(f"{scheme}://[::1]:7688/people?policy=eu", "It") == (f"{scheme}://[::1]:7688?policy=eu", "people")


def test_a_source_gets_the_password_that_is_meant_for_it() -> None:
    own = {"GRAPHRISK_NEO4J_USER": "risk", "GRAPHRISK_NEO4J_PASSWORD": SECRET}
    theirs = {"GRAPHRISK_SOURCE_USER": "reader", "GRAPHRISK_SOURCE_PASSWORD": "theirs"}
    elsewhere = {"GRAPHRISK_NEO4J_URL": "bolt://other.example:7687"}
    assert source_address(f"{URL}/crm", own) == GraphAddress(URL, "risk", SECRET, "crm")
    assert source_address(URL, own | {"GRAPHRISK_NEO4J_URL": "bolt://graph.example:7687"}).password == SECRET
    assert source_address(URL, own | theirs | elsewhere) == GraphAddress(URL, "reader", "theirs", "neo4j")
    with pytest.raises(SettingsError, match="GRAPHRISK_SOURCE_PASSWORD"):
        source_address(URL, own | elsewhere)


def test_a_driver_that_works(running: Running, server: LocalServer) -> None:
    with connect(running.url, USER, server.password, "neo4j") as driver:
        assert driver.execute_query("RETURN 1 AS one").records[0]["one"] == 1


def told(url: str, user: str, password: str, database: str = "neo4j") -> GraphriskError:
    with pytest.raises(GraphriskError) as error, connect(url, user, password, database):
        pass
    assert password not in str(error.value)
    assert error.value.__cause__ is None
    return error.value


def test_what_a_real_server_refuses(running: Running, server: LocalServer) -> None:
    wrong = told(running.url, USER, SECRET)
    assert isinstance(wrong, SettingsError)
    assert "refuses the user 'neo4j' (Unauthorized)" in str(wrong)
    for url in (running.url, running.url.replace("bolt", "neo4j")):
        missing = told(url, USER, server.password, "nowhere")
        assert isinstance(missing, SettingsError)
        assert "has no database 'nowhere'" in str(missing)
    web = told(f"bolt://127.0.0.1:{running.http_port}", USER, server.password)
    assert "answers as a web server" in str(web)
    assert "no TLS that is trusted" in str(told(running.url.replace("bolt", "bolt+s"), USER, server.password))


def test_a_failure_in_the_block_quotes_no_value(running: Running, server: LocalServer) -> None:
    with pytest.raises(StoreError) as error, connect(running.url, USER, server.password, "neo4j") as driver:
        driver.execute_query("RETURN toInteger($value)", value=["4929 raw value"])
    assert "gave up with Neo.ClientError.Statement" in str(error.value)
    assert "raw value" not in str(error.value)
    with (
        pytest.raises(neo4j.exceptions.CypherSyntaxError),
        connect(running.url, USER, server.password, "neo4j") as driver,
    ):
        driver.execute_query("RETRUN 1")


@pytest.fixture
def old_server() -> Iterator[str]:
    """The URL of something that speaks no Bolt version that we know, as a server of long ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(20)
                    client.sendall(b"\0\0\0\0")

        threading.Thread(target=answer, daemon=True).start()
        yield f"bolt://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_that_is_too_old_or_away(old_server: str) -> None:
    assert "does not speak the Bolt of Neo4j 5.0 or newer" in str(told(old_server, USER, SECRET))
    away = told("neo4j://127.0.0.1:1", USER, SECRET)
    assert isinstance(away, StoreError)
    assert "is away (ServiceUnavailable); start it or check the URL" in str(away)
