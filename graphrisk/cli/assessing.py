"""The command that asks what if: what the live run would say of accounts that need not exist."""

from __future__ import annotations

import json as text
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from graphrisk import pipeline
from graphrisk.cli.application import Home, Json, Run, print_json, settings_of
from graphrisk.cli.render import print_links, print_reasons, say
from graphrisk.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(assess)


def assess(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="JSON: an account, or a list of up to 100; - reads standard input.")
    ],
    run_id: Run = None,
    json: Json = False,
    home: Home = None,
) -> None:
    """What if: the score, ring and links that accounts with given attributes would have; writes nothing."""
    found = pipeline.assess(settings_of(home), _read(source), run_id)
    if json:
        print_json(found)
        return
    for answer in found:
        _print(answer)


def _read(source: str) -> Any:
    try:
        given = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        return text.loads(given)
    except OSError as error:
        raise InputError(
            f"{source} cannot be read ({error.strerror}); name a file of JSON, or - for standard input."
        ) from None
    except ValueError as error:
        raise InputError(
            f"{source} is not JSON ({error}); see docs/assess.md for what an account looks like."
        ) from None


def _print(answer: dict[str, Any]) -> None:
    known = "known to the run" if answer["known"] else "new"
    say(
        f"Account {answer['account_id']} ({known}) · score {answer['score']} ({answer['band']}) · decision: {answer['decision']}"
    )
    ring = answer["ring"]
    if ring:
        role = "a core member" if ring["role"] == "core" else "an associate"
        name = f"ring {ring['ring_id']}" if ring["ring_id"] else "a ring that does not exist yet"
        if len(ring["touches"]) > 1:
            name += f", which would join {' and '.join(ring['touches'])}"
        say(
            f"It would be {role} of {name}: {ring['size']:,} accounts, {ring['core_size']:,} of them core, score {ring['score']};"
            f" {'recommended' if ring['recommended'] else 'not recommended'} for action."
        )
    else:
        say("It would be in no ring.")
    print_reasons(answer["reasons"], answer["logit"], answer["score"])
    if answer["links"]:
        print_links(f"Strongest of {len(answer['links']):,} links", answer["links"][:5])
    for each in answer["rejected"]:
        say(f"Sighting {each['sighting']} was left out: {each['text']}.")
