"""What docs/cli.md says of commands, taken from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from graphrisk.cli import app
from tests.markdown import as_code, table


def commands() -> dict[str, Any]:
    """Every command by its whole name (``show ring``), in the order of the help."""

    def below(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        children: dict[str, Any] = getattr(command, "commands", {})
        if not children:
            yield name, command
        for child, each in children.items():
            yield from below(each, f"{name} {child}".strip())

    return dict(below(typer.main.get_command(app), ""))


def commands_text() -> str:
    """All commands with their options, as Markdown."""
    parts = [_options("Options that stand before any command", typer.main.get_command(app))]
    for name, command in commands().items():
        arguments = [each.metavar for each in command.params if not each.opts[0].startswith("-")]
        usage = " ".join(["graphrisk", name, *arguments, "[OPTIONS]"])
        parts.append(f"### {name}\n\n{command.help}\n\n```text\n{usage}\n```\n\n{_options('', command)}")
    return "\n".join(parts)


def _options(title: str, command: Any) -> str:
    rows: list[list[str]] = []
    for each in command.params:
        is_option = each.opts[0].startswith("-")
        value = each.metavar or ("" if getattr(each, "is_flag", False) else "VALUE")
        shown = f"{each.opts[0]} {value}".strip() if is_option else value
        default = f" (default {as_code(each.default)})" if each.default not in (None, False) else ""
        rows.append([as_code(shown), f"{each.help}{default}"])
    head = "options" if all(row[0].startswith("`-") for row in rows) else "arguments and options"
    return table((title or head, ""), rows)
