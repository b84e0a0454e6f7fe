"""Whoever erases in a terminal is asked first; a job is not."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ask, call_cli, load, sighting, write_facts


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    load(home, write_facts(tmp_path / "facts", sightings=[sighting("one", "device", "a device of one account")]))
    return home


def accounts(home: Path) -> list[str]:
    return [row[0] for row in ask(home, "SELECT account_id FROM accounts")]


def typed(home: Path, answer: bytes, *words: str) -> tuple[int, str]:
    """Erase the account in a terminal and type an answer; the exit code, and what was said beside the answer."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "graphrisk", "--home", str(home), "erase", "one", *words]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        os.write(ours, answer)
        _, said = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    return process.returncode, said.decode()


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"\x04"])
def test_no_answer_but_yes_erases(home: Path, answer: bytes) -> None:
    code, said = typed(home, answer)
    assert code == 2
    assert f"Erase 1 account from {home} for good?" in said
    assert "graphrisk: Nothing was erased, because the answer was not yes" in said
    assert accounts(home) == ["one"]


@pytest.mark.parametrize(("answer", "words"), [(b"y\n", []), (b"", ["--yes"])])
def test_yes_erases(home: Path, answer: bytes, words: list[str]) -> None:
    code, said = typed(home, answer, *words)
    assert code == 0, said
    assert ("for good?" in said) is not bool(words)
    assert accounts(home) == []


def test_a_job_is_not_asked(home: Path) -> None:
    done = call_cli("erase", "one", home=home)
    assert done.returncode == 0, done.stderr
    assert accounts(home) == []
