"""The commands that take facts and keys away: erase, keys rotate-tokens."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from graphrisk import pipeline
from graphrisk.cli.application import Home, Json, PolicyFile, policy_of, print_json, settings_of
from graphrisk.cli.render import say
from graphrisk.errors import InputError, SettingsError, StoreError
from graphrisk.settings import Settings


def register(app: typer.Typer) -> None:
    """Add ``erase`` to the application."""
    app.command()(erase)


def erase(
    account_id: Annotated[
        list[str] | None, typer.Argument(metavar="ACCOUNT…", help="The accounts, as the sources write them.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="One account a line; so that no shell remembers them.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept in the certificate, so name nobody.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first, as it does in a terminal.")] = False,
    policy: PolicyFile = None,
    json: Json = False,
    home: Home = None,
) -> None:
    """Take all facts of accounts out of the home for good, and keep them out: ledger, runs, graph, signals, log of reads. Prints a certificate that names no account. However it ends, the same command goes on with it."""
    # Few commands need the log of reads and the webhooks.
    from graphrisk.api.redaction import redact_audit  # noqa: PLC0415
    from graphrisk.webhooks.dead import redact_dead  # noqa: PLC0415

    settings = settings_of(home)
    ids = [*(account_id or []), *_listed(file)]
    if not ids:
        raise SettingsError("No account is named; give their ids, or --file with one a line.")
    if sys.stdin.isatty() and not yes:
        _ask(settings, len(ids))
    done = pipeline.erase(settings, policy_of(settings, policy), ids, reason, [redact_dead, redact_audit])
    if json:
        print_json({**done.certificate, "left": done.left, "notes": done.notes})
    else:
        _print_certificate(done.certificate)
        for sentence in done.notes:
            say(f"Note: {sentence}")
    if done.left:
        raise StoreError(f"The erasure is not finished: {' '.join(done.left)}")


def _ask(settings: Settings, count: int) -> None:
    """Raises ``SettingsError`` unless the answer is yes."""
    accounts = "1 account" if count == 1 else f"{count:,} accounts"
    try:
        sure = typer.confirm(f"Erase {accounts} from {settings.home} for good? Nothing brings them back", err=True)
    except typer.Abort:  # the end of what is typed; a line break ends the question
        sure = False
        typer.echo(err=True)
    if not sure:
        raise SettingsError(
            "Nothing was erased, because the answer was not yes; give --yes to erase without a question."
        )


def _listed(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        return [line for line in file.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as UTF-8 text; give a file with one account a line.") from error


def _print_certificate(certificate: dict[str, Any]) -> None:
    removed = certificate["removed"]
    rows = ", ".join(f"{removed[table]:,} of {table}" for table in ("accounts", "sightings", "labels"))
    runs, loads = len(certificate["runs"]), len(certificate["loads"])
    say(f"Erased: {certificate['accounts']:,} accounts; rows removed: {rows} (from {loads:,} loads).")
    say(f"Runs removed: {runs:,}; published without them: {', '.join(certificate['published']) or 'none was needed'}.")
    say(
        f"Signals: {removed['signals']:,}; lines in the log of reads: {removed['audit_lines']:,}; graph: {certificate['graph']}."
    )
    if "audit" in certificate:
        say(f"Anchor of the log of reads, to keep outside the home from now on: {certificate['audit']['anchor_after']}")
    say(f"Certificate: erasures/{certificate['erasure']}.json in the home.")


def rotate_tokens(json: Json = False, home: Home = None) -> None:
    """Give the home a new token key and make all tokens anew, without the sources; no ring changes. A rotation that was cut short is ended."""
    done = pipeline.rotate_tokens(settings_of(home))
    if json:
        print_json(done)
        return
    say(
        f"Tokens are of key {done['to']} now, and were of {done['from']}: {done['sightings']:,} sightings in {done['loads']:,} loads."
    )
    say("Keep a copy of the token key, with all its lines: without it no later fact links to these.")
    say(
        "`graphrisk detect`, then `graphrisk publish`: until then, what if is refused, and older runs keep older tokens."
    )
