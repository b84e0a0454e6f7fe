"""What docs/explanations.md shows of the demo, written anew: ``python -m tests.explanations`` (or ``make readme``).

Each command of the document stands before the text block that has what it prints.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from graphrisk.worlds import write_world
from tests.docs import ROOT
from tests.support import call_cli
from tests.support_api import publish_facts

DOCUMENT = ROOT / "docs" / "explanations.md"
TOKEN_KEY = "7" * 64
"""Ends of tokens, and the order of what is equal otherwise, are those of this key."""
_SHOWN = re.compile(
    r"(```sh\ngraphrisk --home demo/home ([^\n]+)\n```\n\n```text\n).*?(^```$)", re.DOTALL | re.MULTILINE
)


def fresh(text: str, folder: Path) -> str:
    """The text of the document with what its commands print now; a demo is made in ``folder``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAPHRISK_TOKEN_KEY", TOKEN_KEY)
        write_world(folder / "facts", "demo", 2_000)
        publish_facts(folder / "home", folder / "facts")
        return _SHOWN.sub(lambda part: f"{part[1]}{_printed(part[2].split(), folder / 'home')}{part[3]}", text)


def _printed(words: list[str], home: Path) -> str:
    done = call_cli(*words, home=home)
    assert done.returncode == 0, done.stderr
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        DOCUMENT.write_text(fresh(DOCUMENT.read_text(encoding="utf-8"), Path(made)), encoding="utf-8")
