"""docs/explanations.md: what it shows is what its commands print, and its words are those of the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from graphrisk.api.explanation_schemas import DisclosableExplanation, RestsOn, SharedValue
from graphrisk.evidence.cuts import MOST_SEARCHED
from graphrisk.pipeline.membership import MOST_LOADED
from graphrisk.runs.drawing import COLLAPSED_FROM, MOST_ACCOUNTS, MOST_ATTRIBUTES, MOST_LINKS
from tests.explanations import DOCUMENT, fresh

TEXT = DOCUMENT.read_text(encoding="utf-8")


def table_under(heading: str) -> set[str]:
    """The codes in the first column of the first table of a section."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_the_examples_are_what_the_commands_print(tmp_path: Path) -> None:
    assert fresh(TEXT, tmp_path) == TEXT, "run `make readme`"


def test_the_verdicts_are_those_of_the_answers() -> None:
    assert table_under("Two accounts") == set(get_args(SharedValue.model_fields["verdict"].annotation))
    said = set(get_args(DisclosableExplanation.model_fields["verdict"].annotation))
    assert table_under("Shown to the account") == said


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"up to {MOST_SEARCHED} values" in TEXT
    assert f"the {MOST_LOADED} values under most links" in TEXT
    assert f"up to {MOST_LOADED}," in str(RestsOn.model_fields["values"].description)
    assert f"that {COLLAPSED_FROM} or more of them use" in TEXT
    assert f"{MOST_ACCOUNTS} accounts, {MOST_ATTRIBUTES} values and {MOST_LINKS} links" in TEXT
