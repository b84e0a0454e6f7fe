"""A server of one's own through the command line: started, found again, killed, dumped, and shown read-only."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import neo4j
import pytest
from neo4j.exceptions import ClientError

from graphrisk.graph.connection import graph_address
from graphrisk.graph.distribution import GDS_VERSION
from graphrisk.graph.server import LocalServer
from graphrisk.graph.server_files import USER, is_free
from graphrisk.graph.server_process import process_of
from tests.support import call_cli, run_cli

MEMORY = ("--heap-mib", "512", "--page-cache-mib", "64")
COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"


def launch(home: Path, *words: str) -> subprocess.Popen[str]:
    """The command line as a terminal starts it, in a locale that knows only ASCII."""
    return subprocess.Popen(
        [sys.executable, "-m", "graphrisk", "--home", str(home), "neo4j", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"LC_ALL": "C"},
    )


@contextmanager
def driver_of(folder: Path) -> Generator[neo4j.Driver]:
    server = LocalServer(folder)
    running = server.running()
    assert running, f"no server runs in {folder}"
    with neo4j.GraphDatabase.driver(running.url, auth=(USER, server.password)) as driver:
        yield driver


def ids(folder: Path) -> list[str]:
    with driver_of(folder) as driver:
        found = driver.execute_query("MATCH (a:Account) RETURN a.accountId AS id ORDER BY id")
        return [record["id"] for record in found.records]


def state(home: Path, *words: str) -> dict[str, object]:
    return json.loads(call_cli("neo4j", *words, "status", "--json", home=home).stdout)


@pytest.fixture(scope="module")
def home(spare_home: Path) -> Path:
    """A home whose server runs and holds one account; it was started twice at once."""
    LocalServer(spare_home / "neo4j").stop()
    starts = [launch(spare_home, "start", *MEMORY) for _ in range(2)]
    told = [start.communicate(timeout=300) for start in starts]
    assert [start.returncode for start in starts] == [0, 0], told
    assert sorted(out.splitlines()[0] for out, _ in told) == ["Neo4j runs already.", "Neo4j runs."]
    with driver_of(spare_home / "neo4j") as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")
        driver.execute_query("CREATE (:Account {accountId: 'acc_1'})")
    return spare_home


def test_start_says_how_to_get_in(home: Path) -> None:
    server = LocalServer(home / "neo4j")
    running = server.running()
    assert running
    said = call_cli("neo4j", "start", home=home).stdout
    for expected in (running.browser, running.url, server.password, str(server.password_file), "Open the Browser"):
        assert expected in said
    with urlopen(running.browser, timeout=30) as page:
        assert "Neo4j Browser" in page.read().decode()
    assert server.password_file.stat().st_mode & 0o777 == 0o600
    assert server.folder.stat().st_mode & 0o777 == 0o700
    assert server.has_data


def test_graph_data_science_is_there(home: Path) -> None:
    with driver_of(home / "neo4j") as driver:
        assert driver.execute_query("RETURN gds.version() AS version").records[0]["version"] == GDS_VERSION


def test_status_tells_people_and_programs(home: Path) -> None:
    told = call_cli("neo4j", "status", home=home)
    assert (told.returncode, told.stdout.split(":")[0]) == (0, "Running")
    found = state(home)
    assert found["running"] is True
    assert found["problem"] is None
    assert (found["heap_mib"], found["page_cache_mib"]) == (512, 64)
    assert "password" not in found


def test_log_is_the_servers_own(home: Path) -> None:
    ends = time.monotonic() + 30
    while not call_cli("neo4j", "log", "--lines", "1", home=home).stdout.endswith("Started.\n"):
        assert time.monotonic() < ends
        time.sleep(0.2)
    assert len(call_cli("neo4j", "log", "--lines", "5", home=home).stdout.splitlines()) == 5


def test_commands_find_the_server_of_their_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAPHRISK_NEO4J_URL", raising=False)
    assert graph_address() is None
    assert call_cli("graph", "status", home=home).stdout.startswith(f"Graph {state(home)['url']}")


def test_what_the_compose_file_sets_is_known_to_the_server(home: Path) -> None:
    """The image turns NEO4J_a_b__c into the setting a.b_c, and the server refuses to start with one it does not know."""
    own = {"AUTH_FILE", "PLUGINS"}  # what the image reads itself
    names = set(re.findall(r"^  +NEO4J_(\w+):", COMPOSE.read_text(encoding="utf-8"), re.MULTILINE)) - own
    settings = {name.replace("__", "\0").replace("_", ".").replace("\0", "_") for name in names}
    with driver_of(home / "neo4j") as driver:
        known = {record["name"] for record in driver.execute_query("SHOW SETTINGS YIELD name").records}
    assert "dbms.security.procedures.allowlist" in settings
    assert settings <= known


def test_a_killed_server_is_seen_and_starts_again_on_other_ports_if_its_own_are_taken(home: Path) -> None:
    before = state(home)
    os.kill(int(str(before["pid"])), signal.SIGKILL)
    while process_of((home / "neo4j").resolve()):
        time.sleep(0.05)
    told = call_cli("neo4j", "status", home=home)
    assert (told.returncode, told.stdout) == (6, "Not running; `graphrisk neo4j start` starts it.\n")
    port = int(str(before["url"]).rpartition(":")[2])
    while not is_free(port):  # the kernel closes it a moment after the process is gone
        time.sleep(0.05)
    with socket.create_server(("127.0.0.1", port)):
        started = json.loads(call_cli("neo4j", "start", "--json", home=home).stdout)
    assert started["started"] is True
    assert started["url"] != before["url"]
    assert started["heap_mib"] == 512
    assert ids(home / "neo4j") == ["acc_1"]


def test_a_replica_shows_a_dump_and_refuses_writes(home: Path, tmp_path: Path) -> None:
    before = state(home)
    dumped = json.loads(call_cli("neo4j", "dump", tmp_path, "--json", home=home).stdout)
    assert dumped["restarted"] is True
    assert [path.name for path in tmp_path.iterdir()] == ["neo4j.dump"]
    after = state(home)
    assert after["pid"] != before["pid"]
    assert {**after, "pid": 0} == {**before, "pid": 0}

    assert state(home, "replica") == {"running": False}
    assert call_cli("neo4j", "replica", "start", tmp_path, *MEMORY, home=home).returncode == 0
    replica = home / "neo4j-replica"
    assert ids(replica) == ["acc_1"]
    assert LocalServer(replica).password != LocalServer(home / "neo4j").password
    with driver_of(replica) as driver, pytest.raises(ClientError, match="read-only mode"):
        driver.execute_query("CREATE (:Account {accountId: 'acc_2'})")

    with driver_of(home / "neo4j") as driver:  # the primary is up and takes writes, which the replica does not show
        driver.execute_query("CREATE (:Account {accountId: 'acc_3'}) WITH * MATCH (a {accountId: 'acc_3'}) DELETE a")
    assert ids(home / "neo4j") == ["acc_1"]

    cut = tmp_path / "cut.dump"
    cut.write_bytes((tmp_path / "neo4j.dump").read_bytes()[:3000])
    refused = call_cli("neo4j", "replica", "start", cut, home=home)
    assert refused.returncode == 3
    assert "nothing was changed" in refused.stderr
    assert ids(replica) == ["acc_1"]
    assert not list(replica.glob("restore-*"))
    assert call_cli("neo4j", "replica", "stop", home=home).stdout == "The read-only replica is stopped.\n"
    assert state(home, "replica") == {"running": False}


@pytest.mark.slow
def test_a_lost_password_is_replaced(home: Path) -> None:
    server = LocalServer(home / "neo4j")
    lost = server.password
    server.password_file.write_text("something-else")
    told = call_cli("neo4j", "status", home=home)
    assert told.returncode == 4
    assert "graphrisk neo4j password --reset" in told.stdout
    started = call_cli("neo4j", "start", home=home)
    assert (started.returncode, "graphrisk neo4j password --reset" in started.stderr) == (2, True)
    assert call_cli("neo4j", "password", "--reset", home=home).returncode == 0
    assert server.password not in (lost, "something-else")
    assert ids(server.folder) == ["acc_1"]
    with pytest.raises(ClientError), neo4j.GraphDatabase.driver(str(state(home)["url"])) as driver:
        driver.execute_query("RETURN 1")  # it does not stay open to everybody


@pytest.mark.slow
def test_an_interrupted_start_leaves_no_server(tmp_path: Path) -> None:
    folder = (tmp_path / "neo4j").resolve()
    start = launch(tmp_path, "start", *MEMORY)
    while process_of(folder) is None:
        assert start.poll() is None, start.communicate()
        time.sleep(0.05)
    start.send_signal(signal.SIGINT)
    out, err = start.communicate(timeout=120)
    assert (start.returncode, out) == (130, "")
    assert err.endswith("graphrisk: Stopped; nothing was left half done.\n")
    assert process_of(folder) is None


def test_memory_with_which_it_cannot_start_is_told_and_not_remembered(tmp_path: Path) -> None:
    told = call_cli("neo4j", "start", "--heap-mib", "99999999", home=tmp_path)
    assert told.returncode == 4
    assert "Could not reserve enough space" in told.stderr
    assert not (tmp_path / "neo4j" / "server.json").exists()


def test_without_java_one_sentence_says_what_is_needed(tmp_path: Path) -> None:
    told = run_cli("neo4j", "start", home=tmp_path, env={"PATH": str(tmp_path)})
    assert told.returncode == 2
    assert told.stderr.splitlines()[-1].startswith("graphrisk: A local Neo4j needs Java 17 or newer (there is none)")
    assert len(told.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["stop"], 0, "Neo4j did not run."),
        (["status"], 6, "Not running"),
        (["log"], 6, "There is no log"),
        (["password"], 2, "start the server"),
        (["password", "--reset"], 2, "No Neo4j was ever started"),
        (["dump", "out.dump"], 2, "No Neo4j was ever started"),
        (["replica", "start"], 2, "nothing to show yet"),
        (["replica", "start", "absent.dump"], 3, "There is no dump absent.dump"),
        (["replica", "stop"], 0, "The read-only replica did not run."),
        (["replica", "status"], 6, "Not running; `graphrisk neo4j replica start`"),
    ],
)
def test_a_home_without_a_server_is_told(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    told = call_cli("neo4j", *words, home=tmp_path)
    assert told.returncode == code
    assert said in told.stdout + told.stderr
    assert not (tmp_path / "neo4j" / "data").exists()
