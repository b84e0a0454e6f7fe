"""The examples for schedulers start a command that exists, as the image has it."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.main import get_command

from graphrisk.cli import app

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def unit(name: str) -> ConfigParser:
    parsed = ConfigParser(interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    parsed.read(EXAMPLES / name)
    return parsed


def commands() -> dict[str, str]:
    container = container_of(YAML(typ="safe").load((EXAMPLES / "cronjob.yaml").read_text()))
    (cron,) = re.findall(r"`15 2 \* \* \*.*?(graphrisk run [^`]*)`", (ROOT / "docs" / "runbook.md").read_text())
    return {
        "cronjob.yaml": container["command"][-1],
        "graphrisk.service": unit("graphrisk.service")["Service"]["ExecStart"],
        "runbook.md": cron,
    }


def container_of(cronjob: dict) -> dict:  # type: ignore[type-arg]
    (container,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return container


@pytest.mark.parametrize("name", ["cronjob.yaml", "graphrisk.service", "runbook.md"])
def test_what_a_scheduler_starts_are_options_that_run_has(name: str) -> None:
    words = commands()[name]
    options = re.findall(r"--[a-z-]+", words)
    known = {option for each in get_command(app).commands["run"].params for option in each.opts}  # type: ignore[attr-defined]
    assert "graphrisk run" in words
    assert options
    assert set(options) <= known


def test_the_cronjob_has_the_home_and_the_user_of_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    cronjob = YAML(typ="safe").load((EXAMPLES / "cronjob.yaml").read_text())
    container = container_of(cronjob)
    (home,) = (each["value"] for each in container["env"] if each["name"] == "GRAPHRISK_HOME")
    assert f"GRAPHRISK_HOME={home} " in dockerfile
    assert home in [each["mountPath"] for each in container["volumeMounts"]]
    pod = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert f"--uid {pod['securityContext']['runAsUser']} " in dockerfile
    assert cronjob["spec"]["concurrencyPolicy"] == "Forbid"


def test_the_timer_has_its_service_and_makes_up_for_a_night_that_was_missed() -> None:
    assert unit("graphrisk.timer")["Timer"]["Persistent"] == "true"
    assert unit("graphrisk.service")["Service"]["Type"] == "oneshot"
