"""The documentation: fresh where it is generated, and true where it can be tried."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from graphrisk.cli import app
from graphrisk.policy import KindPolicy
from tests import docs
from tests.docs import ROOT, fresh, main, stale
from tests.docs_commands import commands

README = ROOT / "README.md"
DOCUMENTS = sorted([README, ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
PARSED = [document for document in DOCUMENTS if document.name != "CHANGELOG.md"]
EVERYWHERE = {"--home": True, "--verbose": False, "--help": False}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", document, re.DOTALL | re.MULTILINE)


def prose(document: str) -> str:
    return re.sub(r"^```.*?^```$", "", document, flags=re.DOTALL | re.MULTILINE)


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def written_commands() -> Iterator[tuple[str, str, bool]]:
    """(document, command line, whole) of every command line; those in prose may leave arguments out."""
    for document in PARSED:
        for block in blocks(text(document), "sh"):
            yield from ((name(document), line, True) for line in block.splitlines() if line.startswith("graphrisk "))
        for span in re.findall(r"`(graphrisk [^`\n]*)`", prose(text(document))):
            yield name(document), span, False


def parsed(line: str, whole: bool) -> None:
    """Raises where the command or an option of it does not exist; a whole line also where an argument is missing."""
    words = shlex.split(line, comments=True)[1:]
    while words and words[0].startswith("-"):
        takes_value = EVERYWHERE[words[0]]
        words = words[1 + takes_value :]
    known: dict[str, Any] = commands()
    length = next((count for count in (1, 2, 3) if " ".join(words[:count]) in known), 0)
    assert length, f"{line} is no command"
    command, rest = known[" ".join(words[:length])], words[length:]
    options = {option for each in command.params for option in each.opts if option.startswith("-")}
    for word in rest:
        assert not word.startswith("-") or word in options, f"{word} is no option of {command.name}"
    if whole:
        command.make_context(command.name, list(rest))


@pytest.mark.parametrize("document", docs.GENERATED)
def test_generated_parts_are_fresh(document: str) -> None:
    assert fresh(text(ROOT / document)) == text(ROOT / document), "run `make docs`"


def test_every_part_is_used_once() -> None:
    used = re.findall(r"<!-- generated: (\S+) -->", "".join(text(ROOT / each) for each in docs.GENERATED))
    assert sorted(used) == sorted(docs.PARTS)


def test_check_names_the_stale_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    for each in docs.GENERATED:
        shutil.copy(ROOT / each, tmp_path / each)
    path = tmp_path / "docs" / "policy.md"
    path.write_text(text(path).replace("| `links.threshold` | `693`", "| `links.threshold` | `700`"), encoding="utf-8")
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    assert main(["--check"]) == 1
    assert "docs/policy.md is stale" in capsys.readouterr().err
    assert main([]) == 0
    assert stale() == []
    assert main(["--check"]) == 0


def test_every_parameter_of_a_kind_is_explained() -> None:
    table = text(ROOT / "docs/policy.md").split("In a policy file a kind has these keys:")[1].split("\n## ")[0]
    assert set(re.findall(r"`([a-z_]+)`", table)) >= set(KindPolicy.model_fields)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_relative_links_resolve(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(text(document))):
        if "://" in target:
            continue
        path, _, fragment = target.partition("#")
        found = document.parent / path if path else document
        assert found.exists(), target
        if fragment:
            assert fragment in map(anchor, re.findall(r"^#+ (.+)$", text(found), re.MULTILINE)), target


@pytest.mark.parametrize(("document", "line", "whole"), list(written_commands()))
def test_command_lines_parse(document: str, line: str, whole: bool) -> None:
    parsed(line, whole)


@pytest.mark.parametrize(
    "line",
    [
        "graphrisk lod facts",
        "graphrisk neo4j replica begin",
        "graphrisk rings --size 3",
        "graphrisk show ring",
        "graphrisk --hme x rings",
    ],
)
def test_wrong_command_lines_do_not_parse(line: str) -> None:
    with pytest.raises(Exception, match=r"lod|replica begin|--size|Missing|--hme"):
        parsed(line, True)


def test_options_before_a_command_are_those_of_the_application() -> None:
    given = {option for each in typer.main.get_command(app).params for option in each.opts}
    assert given <= set(EVERYWHERE)


@pytest.mark.parametrize("document", [README, ROOT / "docs/cli.md"], ids=name)
def test_every_environment_variable_is_named(document: Path) -> None:
    code = "".join(text(path) for path in (ROOT / "graphrisk").rglob("*.py"))
    used, named = (set(re.findall(r"GRAPHRISK_[A-Z0-9_]*[A-Z0-9]", each)) for each in (code, text(document)))
    # Code joins GRAPHRISK_NEO4J and _URL itself.
    assert [name for name in used if not any(each.startswith(name) for each in named)] == []
    assert [name for name in named if not any(name.startswith(each) for each in used)] == []


@pytest.mark.parametrize("document", [README, *sorted((ROOT / "docs").rglob("*.md"))], ids=name)
def test_no_path_of_one_machine(document: Path) -> None:
    assert not re.search(r"(?<![\w.])/(work|root|tmp|home|Users|mnt)/", text(document))


@pytest.mark.parametrize("row", re.findall(r"^\| .+ \| (`graphrisk/.+) \|$", text(README), re.MULTILINE))
def test_places_to_open_exist(row: str) -> None:
    for place in re.findall(r"`(graphrisk/[\w/.]+)`", row):
        assert (ROOT / place).exists(), place


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the README's commands print where a demo and a folder of facts are."""
    folder = tmp_path_factory.mktemp("readme")
    made = subprocess.run(
        [sys.executable, "-m", "graphrisk", "demo", "--folder", str(folder / "demo")],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    shutil.copytree(folder / "demo" / "facts-2000-1", folder / "facts")
    lines = [line for block in blocks(text(README), "sh") for line in block.splitlines()]
    script = "\n".join(line for line in lines if not line.startswith("make "))
    assert "graphrisk" in script
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "accounts.parquet",
        "links.parquet",
        "rings.parquet",
        "run.json",
    ]
    return made.stdout + done.stdout


def environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GRAPHRISK_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {"PATH": path, "COLUMNS": "200", "NO_COLOR": "1"}


def comparable(text: str) -> str:
    """Text without what differs from home to home: ids of loads and runs, ends of tokens, seconds, spacing."""
    text = re.sub(r"\b(load|run)_[a-z2-7]+", r"\1_…", text)
    text = re.sub(r"\b[0-9a-f]{6} of\b", "… of", text)
    return " ".join(re.sub(r"\bin [\d.]+ s\b", "in … s", text).split())


def test_readme_shows_what_its_commands_print(tried: str) -> None:
    printed = comparable(tried)
    shown = blocks(text(README).split("## Bring your own data")[0], "text")
    missing = [line for block in shown for line in block.splitlines() if comparable(line) not in printed]
    assert [line for line in missing if line.strip() != "…"] == [], (
        "run `make readme`, and look whether what stands around it is still true"
    )
