"""The generated parts of the Browser guide: the questions and the style, so that they never differ from their files.

``python -m graphrisk.graph.guide`` writes them into ``guides/``; a test says when that was forgotten.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from graphrisk.graph.server_files import FIRST_GUIDE, GUIDES
from graphrisk.graph.statements import names, statement

NUMBERS = ("run", "since")
"""Parameters that are numbers; all others are texts."""

FOLDER = "graphrisk"
DEFAULTS = {"initialNodeDisplay": 300, "autoComplete": True, "allowCrashReports": True, "allowUserStats": True}
SETTINGS = {"initialNodeDisplay": 300, "autoComplete": False, "allowCrashReports": False, "allowUserStats": False}
"""``autoComplete`` draws all relationships between the nodes of an answer: those of other publications too. Reports
and statistics would go to the makers of the Browser."""

_PRE = "text-indent: 14px; height: 62px; white-space: pre-wrap; overflow: hidden auto; resize: vertical"
"""Two lines high, which is the question itself; the statement is below it for who wants to read it."""

_QUESTION = re.compile(r"(<!-- question: (\w+) -->).*?(<!-- end -->)", re.DOTALL)
_STYLE = re.compile(r"(<a data-exec='style ).*?('>)", re.DOTALL)


def generated() -> dict[str, str]:
    """The pages of the guide as they should be: file name → text."""
    start = (GUIDES / FIRST_GUIDE).read_text(encoding="utf-8")
    start = _QUESTION.sub(lambda found: f"{found[1]}\n{_runnable(found[2])}{found[3]}", start)
    start = _STYLE.sub(
        lambda found: found[1] + html.escape(json.dumps(style(), separators=(",", ":"))) + found[2], start
    )
    data = json.dumps(_opening(), indent=1, ensure_ascii=False)
    return {FIRST_GUIDE: start, "setup.js": f"// Written by graphrisk.graph.guide.\nwindow.graphrisk = {data};\n"}


def style() -> dict[str, dict[str, str]]:
    """The style file as the Browser keeps it: selector → property → value."""
    text = (GUIDES / "rings.grass").read_text(encoding="utf-8")
    return {
        selector: dict(re.findall(r'([\w-]+): "?(.*?)"?;', body))
        for selector, body in re.findall(r"(\S+) \{\n(.*?)\n\}", text, re.DOTALL)
    }


def _runnable(question: str) -> str:
    """A question that runs by a click, with what the reader typed in the place of its parameters."""
    found = statement(f"investigate/{question}")

    def typed(name: re.Match[str]) -> str:
        span = f'<span value-key="{name[1]}">{1 if name[1] in NUMBERS else "…"}</span>'
        return span if name[1] in NUMBERS else f"'{span}'"

    text = re.sub(r"\$(\w+)", typed, html.escape(f"// {found.purpose}\n\n\n{found.text}", quote=False))
    return f'<div style="padding-bottom: 8px"><pre class="runnable" style="{_PRE}">{text}</pre></div>\n'


def _opening() -> dict[str, Any]:
    """What ``open.js`` gives the Browser."""
    every = {name.removeprefix("investigate/"): statement(name) for name in names("investigate")}
    parameters = sorted({name for each in every.values() for name in each.params})
    first = ", ".join(f"{name}: {1 if name in NUMBERS else repr('…')}" for name in parameters)
    texts = {"_parameters": f"// Set what the other questions ask about.\n:params {{{first}}}"}
    texts |= {name: f"// {each.purpose}\n{each.text}" for name, each in every.items()}
    return {
        "grass": style(),
        "defaults": DEFAULTS,
        "settings": SETTINGS,
        "folders": [{"id": FOLDER, "name": FOLDER}],
        "documents": [{"id": f"{FOLDER}-{name}", "folder": FOLDER, "content": text} for name, text in texts.items()],
        "questions": {name: texts[name] for name in every},
        "numbers": NUMBERS,
    }


if __name__ == "__main__":
    for name, text in generated().items():
        (GUIDES / name).write_text(text, encoding="utf-8")
