"""The command that measures: evaluate."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from graphrisk.cli.application import OUT, Home, settings_of
from graphrisk.cli.render import say, table
from graphrisk.errors import InputError
from graphrisk.files import write_durably


def register(app: typer.Typer) -> None:
    """Add the command that measures to the application."""
    app.command()(evaluate)


def evaluate(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run to measure: its id, or `current`.")],
    truth: Annotated[
        Path,
        typer.Argument(metavar="TRUTH", help="The truth: a world's folder, or a table with account_id and ring."),
    ],
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures as JSON.")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write a report with pictures (.md or .html).")
    ] = None,
    stress: Annotated[
        bool,
        typer.Option(
            "--stress",
            help="Also measure lost sightings and attackers with a budget; TRUTH has to be a world's folder. Detects twenty times.",
        ),
    ] = False,
    home: Home = None,
) -> None:
    """Measure a run against known truth: rings, accounts, innocents by type, and what is visible at all."""
    # Only this command needs the measures and scipy; the others start without them.
    from graphrisk.evaluation import evaluating  # noqa: PLC0415
    from graphrisk.evaluation import report as reports  # noqa: PLC0415

    if report and report.suffix not in reports.SUFFIXES:
        raise InputError(f"The report {report} has to end in .md or .html; choose one of them.")
    settings = settings_of(home)
    measured = evaluating.evaluate(settings, run_id, truth)
    found = evaluating.stressed(settings, measured, truth) if stress else measured.report
    for title, text, headings, lines in reports.sections(found):
        say(f"{title}. {text}")
        rows = table(None, *((heading, "right" if place else "left") for place, heading in enumerate(headings)))
        for line in lines:
            rows.add_row(*line)
        OUT.print(rows)
    if json:
        write_durably(json, dumps(found, indent=1, ensure_ascii=False).encode())
    if report:
        reports.write_report(report, found)
