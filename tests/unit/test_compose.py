"""docker-compose.yml and Dockerfile as far as they can be tried without Docker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from graphrisk.graph.connection import graph_address
from graphrisk.graph.distribution import NEO4J_VERSION
from tests.docs_commands import commands

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
TEXT = COMPOSE.read_text(encoding="utf-8")
FILE: dict[str, Any] = YAML(typ="safe", pure=True).load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
NEO4J = [name for name, service in SERVICES.items() if service["image"].startswith("neo4j:")]
SERVERS = ["neo4j", "replica"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_it_is_valid_by_the_compose_specification() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_file_is_not_valid(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(TEXT.replace("healthcheck:", "health-check:"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(wrong)],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1


def test_neo4j_is_the_version_that_the_tests_run_with() -> None:
    assert {SERVICES[name]["image"] for name in NEO4J} == {f"neo4j:{NEO4J_VERSION}-community"}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_for_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


def test_no_two_services_want_the_same_port() -> None:
    ports = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == len(set(ports)) == 5


def test_passwords_come_from_files_that_are_not_committed() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|AUTH", key):
                assert key.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    for secret in FILE["secrets"].values():
        path = ROOT / secret["file"]
        assert path.parent == ROOT / "secrets"
        ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
        assert f"/{path.parent.name}/" in ignored
        assert not any(line.startswith("!") for line in ignored)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_healthy_when_a_query_is_answered(name: str) -> None:
    kind, line = SERVICES[name]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    command = line.replace("$$", "$")
    assert command.endswith('cypher-shell --format plain "RETURN 1"')
    assert SERVICES[name]["environment"]["NEO4J_AUTH_FILE"].startswith("/run/secrets/")


@pytest.mark.parametrize("password", ["0a1b2c", "with space/and/slashes$(date)"])
def test_the_check_of_health_gives_the_password_to_the_shell_and_not_to_its_command_line(
    tmp_path: Path, password: str
) -> None:
    stub = tmp_path / "cypher-shell"
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$NEO4J_USERNAME" "$NEO4J_PASSWORD" "$@"\n')
    stub.chmod(0o755)
    (tmp_path / "auth").write_text(f"neo4j/{password}")
    line = SERVICES["neo4j"]["healthcheck"]["test"][1].replace("$$", "$")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "NEO4J_AUTH_FILE": str(tmp_path / "auth")}
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["neo4j", password, "--format", "plain", "RETURN 1"]


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_has_memory_and_only_the_procedures_of_graph_data_science(name: str) -> None:
    environment = SERVICES[name]["environment"]
    for key in ("heap_initial__size", "heap_max__size", "pagecache_size"):
        assert environment[f"NEO4J_server_memory_{key}"]
    assert environment["NEO4J_dbms_security_procedures_allowlist"] == "gds.*"
    assert environment.get("NEO4J_server_databases_default__to__read__only") == ("true" if name == "replica" else None)


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if service["image"] == "graphrisk"])
def test_what_graphrisk_is_told_to_do_exists(name: str) -> None:
    words: list[str] = SERVICES[name]["command"]
    command = commands()[words[0]]
    command.make_context(words[0], words[1:])


def test_what_the_comments_tell_to_run_exists() -> None:
    lines = re.findall(r"`docker compose run --rm ([\w -]+)`", TEXT)
    assert lines
    for line in lines:
        service, *words = line.split()
        assert service in SERVICES
        assert not words or " ".join(words) in commands()


def test_graphrisk_understands_its_environment(tmp_path: Path) -> None:
    environment = dict(SERVICES["batch"]["environment"])
    assert environment["GRAPHRISK_NEO4J_PASSWORD_FILE"].startswith("/run/secrets/")
    secret = tmp_path / "neo4j_password"
    secret.write_text("0a1b2c\n")
    environment["GRAPHRISK_NEO4J_PASSWORD_FILE"] = str(secret)
    address = graph_address(environment)
    assert address
    assert (address.url, address.user, address.password) == ("bolt://neo4j:7687", "neo4j", "0a1b2c")


def test_the_dump_that_is_written_is_the_one_that_the_replica_loads() -> None:
    written, loaded = SERVICES["dump"], SERVICES["replica-load"]
    assert written["command"][:4] == ["neo4j-admin", "database", "dump", "neo4j"]
    assert loaded["command"][:4] == ["neo4j-admin", "database", "load", "neo4j"]
    assert "--to-path=/dumps" in written["command"]
    assert "--from-path=/dumps" in loaded["command"]
    assert "dumps:/dumps" in written["volumes"]
    assert "dumps:/dumps:ro" in loaded["volumes"]
    assert "neo4j-data:/data" in written["volumes"]
    assert "replica-data:/data" in loaded["volumes"]
    assert SERVICES["replica"]["depends_on"] == {"replica-load": {"condition": "service_completed_successfully"}}


def test_only_the_graph_starts_by_itself() -> None:
    assert [name for name, service in SERVICES.items() if not service.get("profiles")] == ["neo4j"]


def test_the_image_is_built_from_the_lock_file_and_runs_as_nobody_special() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    version = re.search(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE)
    assert version
    assert f"uv=={version[1]}\n" in DOCKERFILE
    assert all("--frozen" in line for line in re.findall(r"^RUN uv sync.*$", DOCKERFILE, re.MULTILINE))
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", stage) for stage in stages)
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["graphrisk"]
    assert 'ENTRYPOINT ["graphrisk"]' in DOCKERFILE
    assert SERVICES["batch"]["volumes"][0] == "home:/var/lib/graphrisk"
    assert "GRAPHRISK_HOME=/var/lib/graphrisk" in DOCKERFILE


def test_the_image_gets_only_what_it_copies() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert lines[1] == "*"
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    }
    assert copied == kept
    assert all((ROOT / each).exists() for each in kept)
