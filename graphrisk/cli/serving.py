"""The commands around the API: serve; keys create, list, revoke, rotate-tokens; audit verify."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from graphrisk.api.anchors import parse_anchor
from graphrisk.api.audit import AuditProblem, AuditReport, verify_audit
from graphrisk.api.keys import DEFAULT_RATE, HIGHEST_RATE, SCOPES, Key, create_key, list_keys, revoke_key
from graphrisk.cli.application import OUT, Home, Json, print_json, settings_of
from graphrisk.cli.erasing import rotate_tokens
from graphrisk.cli.render import say, table
from graphrisk.errors import StoreError
from graphrisk.runs.store import current_run

DEFAULT_PORT = 8600
LONGEST_DAYS = 36_500
STATE_STYLES = {"live": "green", "expired": "yellow", "revoked": "dim"}


def register(app: typer.Typer) -> None:
    """Add ``serve`` and the groups ``keys`` and ``audit`` to the application."""
    app.command("serve")(serve)
    keys = typer.Typer(help="Say who may ask the API, and what; change the key of tokens.", no_args_is_help=True)
    keys.command("create")(create)
    keys.command("list")(list_all)
    keys.command("revoke")(revoke)
    keys.command("rotate-tokens")(rotate_tokens)
    app.add_typer(keys, name="keys")
    audit = typer.Typer(help="Look after the log of who read what from the API.", no_args_is_help=True)
    audit.command("verify")(verify)
    app.add_typer(audit, name="audit")


def serve(
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=1, max=65_535, help="The port.")] = DEFAULT_PORT,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, max=64, help="Processes that answer; else the cores.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No access log on standard output.")] = False,
    home: Home = None,
) -> None:
    """Answer over HTTP who is in which ring, how risky, and why: the API. Every route but /livez and /readyz needs a key."""
    from graphrisk.api.serving import check_address, is_loopback  # noqa: PLC0415 - a server is slow to import
    from graphrisk.api.serving import serve as serve_until_stopped  # noqa: PLC0415

    settings = settings_of(home)
    settings.prepare()
    check_address(host, port)
    shown = f"[{host}]" if ":" in host else host
    _note(f"Serving {settings.home} on http://{shown}:{port} (what it offers: /openapi.json). Ctrl-C stops.")
    if not any(key.state() == "live" for key in list_keys(settings.home)):
        _note(
            "No key is live, so every question is refused; `graphrisk keys create NAME --scope scores:read` makes one."
        )
    if current_run(settings.home) is None:
        _note("Nothing is published yet, so every answer is 503; `graphrisk run SOURCE` makes and publishes a run.")
    if not is_loopback(host):
        _note("This is plain HTTP and keys travel in it: put a proxy that speaks TLS in front.")
    serve_until_stopped(settings, host, port, workers or os.cpu_count() or 1, access_log=not quiet)


def _note(text: str) -> None:
    typer.echo(text, err=True)


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will use it; two keys may have one name.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help=f"What it may ask, once for each: {', '.join(SCOPES)}."),
    ] = None,
    expires_in_days: Annotated[
        int | None,
        typer.Option(
            "--expires-in-days", metavar="N", min=1, max=LONGEST_DAYS, help="Days it is good for; else for good."
        ),
    ] = None,
    rate: Annotated[
        int,
        typer.Option("--rate", metavar="N", min=1, max=HIGHEST_RATE, help="Requests a second, over all workers."),
    ] = DEFAULT_RATE,
    json: Json = False,
    home: Home = None,
) -> None:
    """Make a key for the API and show it, this once: only its SHA-256 is kept. To rotate a key, create a second one, let the caller switch to it, then revoke the first; both are good in between."""
    settings = settings_of(home)
    settings.prepare()
    end = datetime.now(UTC) + timedelta(days=expires_in_days) if expires_in_days else None
    key, text = create_key(settings.home, name, scope or [], end, rate)
    if json:
        print_json({"key": text, **_described(key)})
        return
    say(text)
    good = f"until {_shown(key.expires_at)}" if key.expires_at else "until it is revoked"
    say(
        f"Keep it now: it is shown this once. It may ask {', '.join(sorted(key.scopes))}, {key.rate:,} times a second, {good}."
    )
    say(f"`graphrisk keys revoke {key.prefix}` ends it.")


def list_all(json: Json = False, home: Home = None) -> None:
    """List every key with its state: live, expired or revoked."""
    keys = list_keys(settings_of(home).home)
    if json:
        print_json([_described(key) for key in keys])
        return
    if not keys:
        say("There is no key yet; `graphrisk keys create NAME --scope scores:read` makes one.")
        return
    headings = ("prefix", "name", "scopes", "state", "created", "expires")
    rows = table(None, *((heading, "left") for heading in headings), ("rate", "right"))
    for key in keys:
        state = key.state()
        shown = f"[{STATE_STYLES[state]}]{state}[/]"
        name = key.name.replace("[", r"\[")
        ends = _shown(key.expires_at) if key.expires_at else "never"
        rows.add_row(
            key.prefix, name, ", ".join(sorted(key.scopes)), shown, _shown(key.created_at), ends, f"{key.rate:,}"
        )
    OUT.print(rows)


def revoke(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="The 8 digits after `gr_`.")],
    json: Json = False,
    home: Home = None,
) -> None:
    """End a key for good. Workers that run refuse it within a second."""
    key = revoke_key(settings_of(home).home, prefix)
    if json:
        print_json(_described(key))
    else:
        say(f"Key {key.prefix} ({key.name}) is revoked; workers that run refuse it within a second.")


def verify(
    anchor: Annotated[
        str | None,
        typer.Option(metavar="ANCHOR", help="What an earlier check printed: the log must have gone on from there."),
    ] = None,
    json: Json = False,
    home: Home = None,
) -> None:
    """Check that no line of the audit log was changed, removed, put in or moved (exit code 4 when one was). The anchor that it prints, kept outside the home, lets a later check find an older copy put back, too."""
    report = verify_audit(settings_of(home).home, parse_anchor(anchor) if anchor is not None else None)
    if json:
        print_json(_as_json(report))
    else:
        _print_report(report)
    if report.problems:
        raise typer.Exit(StoreError.exit_code)


def _print_report(report: AuditReport) -> None:
    for problem in report.problems:
        say(_sentence(problem))
    counts = f"{_counted(report.lines, 'line')} in {_counted(report.chains, 'chain')}"
    say(f"{counts}: {_counted(len(report.problems), 'problem')}." if report.problems else f"{counts}: all whole.")
    if report.chains and not report.problems:
        say(f"Anchor, to keep outside the home: {report.anchor}")
    if report.running:
        say(f"Written to now: {', '.join(report.running)}.")
    if report.not_closed:
        say(f"Not closed, as when a worker is killed: {', '.join(report.not_closed)}.")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _sentence(problem: AuditProblem) -> str:
    return f"{problem.file}{f', line {problem.line}' if problem.line else ''}: {problem.text}."


def _as_json(report: AuditReport) -> dict[str, Any]:
    problems = [{"file": each.file, "line": each.line, "text": each.text} for each in report.problems]
    return {
        "whole": not problems,
        "anchor": report.anchor,
        "chains": report.chains,
        "lines": report.lines,
        "running": report.running,
        "not_closed": report.not_closed,
        "problems": problems,
    }


def _described(key: Key) -> dict[str, Any]:
    return {
        "prefix": key.prefix,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "state": key.state(),
        "created_at": _shown(key.created_at),
        "expires_at": key.expires_at and _shown(key.expires_at),
        "revoked_at": key.revoked_at and _shown(key.revoked_at),
        "rate": key.rate,
    }


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
