"""The command that makes synthetic marketplaces: world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from graphrisk.cli.application import OUT
from graphrisk.cli.render import say
from graphrisk.errors import SettingsError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(world)


def world(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new folder for the facts, with the truth beside them.")
    ],
    preset: Annotated[
        str, typer.Option("--preset", help="How hard: easy, medium, hard or extreme; or demo.")
    ] = "medium",
    accounts: Annotated[int, typer.Option("--accounts", help="From 500 to 12,000,000.")] = 31_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 1,
    format: Annotated[str, typer.Option("--format", help="parquet or csv.")] = "parquet",
    days: Annotated[
        int,
        typer.Option("--days", help="Also write the last days as they became known: history/, then a folder a day."),
    ] = 0,
    knob: Annotated[
        list[str] | None,
        typer.Option(
            "--knob", metavar="NAME=NUMBER", help="Change a knob of the preset, as prevalence=0.003; repeatable."
        ),
    ] = None,
    mix: Annotated[
        list[str] | None,
        typer.Option(
            "--mix", metavar="NAME=WEIGHT", help="How common an archetype or structure is: 0 leaves it out; repeatable."
        ),
    ] = None,
) -> None:
    """Write a synthetic marketplace with planted rings, innocent sharing, and the truth."""
    # Only this command needs numpy for its worlds; the others start without it.
    from graphrisk.worlds import write_world  # noqa: PLC0415

    knobs: dict[str, Any] = _numbers("--knob", knob)
    if mix:
        knobs["mix"] = _numbers("--mix", mix)
    write_world(folder, preset, accounts, seed, days=days, format=format, **knobs)
    facts = folder / "history" if days else folder
    say(
        f"{accounts:,} accounts of the preset {preset}, seed {seed}, are in {folder}; what each truly is, in truth.{format}."
    )
    OUT.print(f"  graphrisk run {facts}", soft_wrap=True)
    OUT.print(f"  graphrisk evaluate current {folder / 'whole' if days else folder}", soft_wrap=True)


def _numbers(option: str, given: list[str] | None) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for each in given or []:
        name, _, value = each.partition("=")
        try:
            numbers[name] = float(value)
        except ValueError:
            raise SettingsError(f"{option} {each!r} is not NAME=NUMBER; write it like prevalence=0.003.") from None
    return numbers
