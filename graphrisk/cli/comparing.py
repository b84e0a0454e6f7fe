"""The commands that compare: diff, what another run would change for accounts; replay, whether a run says the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphrisk import pipeline
from graphrisk.cli.application import OUT, Home, Json, print_json, settings_of
from graphrisk.cli.render import say, table
from graphrisk.effects import WHAT
from graphrisk.files import write_durably
from graphrisk.pipeline.diffing import Difference, told

SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(diff)
    app.command()(replay)


def diff(
    before: Annotated[str, typer.Argument(metavar="RUN", help="The run as it was.")],
    after: Annotated[str, typer.Argument(metavar="RUN", help="The run to compare with it.")],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page too.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many accounts at most; --json has all.")] = SHOWN,
    json: Json = False,
    home: Home = None,
) -> None:
    """Which accounts are in another ring, role or band in one run than in another, and where another action is recommended."""
    found = pipeline.diff(settings_of(home), before, after)
    if html is not None:
        write_durably(html, found.to_html().encode())
    if json:
        print_json(found.to_json())
        return
    print_difference(found, limit)
    if html is not None:
        say(f"The page is {html}.")


def replay(
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The run to compute again; the live one if none is named.")
    ] = None,
    json: Json = False,
    home: Home = None,
) -> None:
    """Compute a run again from what was known as of its moment, and say whether it says the same. Writes nothing."""
    settings = settings_of(home)
    found = pipeline.replay(settings, pipeline.chosen_run(settings, run_id))
    if json:
        print_json(found._asdict())
        return
    say(
        f"Run {found.run_id} says the same again from what was known as of {found.as_of}: digest {found.output_digest}."
    )


def print_difference(found: Difference, limit: int = SHOWN) -> None:
    """What differs, counted by marketplace and by what is shared, and some of the accounts."""
    say(f"{found.before} → {found.after}: {found.summary()}")
    for (before, after), count in found.effects.decisions.items():
        say(f"  {before} → {after}: {count:,} accounts")
    for title, counts in (
        ("marketplace", found.effects.by_marketplace),
        ("what is shared", found.effects.by_sharing),
    ):
        if counts:
            rows = table(None, (title, "left"), ("accounts", "right"), *((name, "right") for name in WHAT))
            for name, each in counts.items():
                rows.add_row(name, *(f"{count:,}" for count in each.values()))
            OUT.print(rows)
    accounts = found.foremost(limit)
    if accounts:
        rows = table(None, ("account", "left"), *((name, "left") for name in (*WHAT, "score")))
        for row in accounts:
            rows.add_row(row["account_id"], *told(row))
        OUT.print(rows)
    if left := found.effects.accounts.num_rows - len(accounts):
        say(f"and {left:,} accounts more; `graphrisk diff {found.before} {found.after} --json` has all.")
