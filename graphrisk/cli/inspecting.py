"""The commands that look: status, rings, runs, show account, show ring, policy show, policy check."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from graphrisk import pipeline
from graphrisk.cli.application import OUT, Home, Json, PolicyFile, Run, policy_of, print_json, settings_of
from graphrisk.cli.render import MEMBERS_SHOWN, STYLES, print_hypotheses, print_links, print_reasons, say, table
from graphrisk.errors import SettingsError
from graphrisk.policy import read_policy
from graphrisk.schema import BANDS


def register(app: typer.Typer) -> None:
    """Add the commands that look to the application."""
    for command in (status, rings, runs):
        app.command()(command)
    show = typer.Typer(help="Show an account or a ring, and why.", no_args_is_help=True)
    show.command("account")(show_account)
    show.command("ring")(show_ring)
    app.add_typer(show, name="show")
    policy = typer.Typer(help="Look at a policy.", no_args_is_help=True)
    policy.command("show")(show_policy)
    policy.command("check")(check_policy)
    app.add_typer(policy, name="policy")


def status(json: Json = False, home: Home = None) -> None:
    """What the home holds: accounts, attributes by kind, loads, runs, the live run."""
    state = pipeline.status(settings_of(home))
    if json:
        print_json(state)
        return
    say(f"Home {state['home']}: {state['accounts']:,} accounts, loads: {state['loads']:,}, runs: {state['runs']:,}.")
    say(f"Live run: {state['current_run'] or 'none; `graphrisk detect` and `graphrisk publish` make one'}")
    rows = table(
        None,
        ("kind", "left"),
        ("sightings", "right"),
        ("attributes", "right"),
        ("shared", "right"),
        ("most accounts", "right"),
    )
    for kind, counts in state["kinds"].items():
        numbers = (counts[key] for key in ("sightings", "attributes", "shared_attributes", "max_accounts"))
        rows.add_row(kind, *(f"{number:,}" for number in numbers))
    OUT.print(rows)


def rings(
    run_id: Run = None,
    band: Annotated[str | None, typer.Option("--band", help="Only rings of this band: high, medium or low.")] = None,
    recommended: Annotated[bool, typer.Option("--recommended", help="Only rings recommended for action.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 20,
    json: Json = False,
    home: Home = None,
) -> None:
    """The riskiest rings first."""
    if band is not None and band not in BANDS:
        raise SettingsError(f"The band {band!r} is not known; choose one of {', '.join(BANDS)}.")
    found = pipeline.rings(settings_of(home), run_id, band, limit, recommended)
    if json:
        print_json(found)
        return
    rows = table(
        None, ("ring", "left"), ("score", "right"), ("band", "left"), ("core", "right"), ("members", "right"), ("kinds", "left"),
        ("links", "left"), ("flags", "left"),
    )  # fmt: skip
    for ring in found:
        span = f"{ring['first_link_at'][:10]} – {ring['last_link_at'][:10]}"
        style = STYLES[ring["band"]]
        rows.add_row(
            ring["ring_id"], str(ring["score"]), f"[{style}]{ring['band']}[/]", f"{ring['core_size']:,}", f"{ring['size']:,}",
            ", ".join(ring["kinds"]), span, ", ".join(ring["flags"]),
        )  # fmt: skip
    OUT.print(rows if found else "No rings.")


def runs(json: Json = False, home: Home = None) -> None:
    """All runs that are kept, oldest first."""
    found = pipeline.runs(settings_of(home))
    if json:
        print_json(found)
        return
    rows = table(
        None,
        ("run", "left"),
        ("as of", "left"),
        ("status", "left"),
        ("rings", "right"),
        ("members", "right"),
        ("links", "right"),
    )
    for each in found:
        counts = each["counts"]
        numbers = (f"{counts[key]:,}" for key in ("rings", "members", "links"))
        rows.add_row(each["run_id"], each["as_of"][:19], each["status"], *numbers)
    OUT.print(rows if found else "No runs yet; `graphrisk detect` computes one.")


def show_account(
    account_id: Annotated[str, typer.Argument(metavar="ID", help="The account id, as it was loaded.")],
    run_id: Run = None,
    json: Json = False,
    home: Home = None,
) -> None:
    """An account: its ring, its role, its strongest links, and the reasons of its score."""
    found = pipeline.account(settings_of(home), account_id, run_id)
    if json:
        print_json(found)
        return
    say(f"Account {account_id} · score {found['score']} ({found['band']}) · {found['status']} · run {found['run_id']}")
    ring = found["ring"]
    if ring:
        say(
            f"It is {_role(found['role'])} of ring {ring['ring_id']} ({ring['size']:,} accounts, {ring['core_size']:,} of them core, "
            f"score {ring['score']}), which shares {', '.join(ring['kinds'])}; {_recommendation(ring)}."
        )
    else:
        say(
            "It is in no ring."
            + (" It is linked, but not to a ring." if found["links"] else " It is linked to no account.")
        )
    print_reasons(found["reasons"], found["logit"], found["score"])
    if found["links"]:
        print_links(f"Strongest of {found['links']:,} links", found["strongest_links"])
    _say_link(found)


def show_ring(
    ring_id: Annotated[str, typer.Argument(metavar="ID", help="The ring id; retired ones answer too.")],
    run_id: Run = None,
    json: Json = False,
    home: Home = None,
) -> None:
    """A ring: its window, its members, the reasons of its score; or what superseded it."""
    found = pipeline.ring(settings_of(home), ring_id, run_id)
    if json:
        print_json(found)
        return
    lineage = found["lineage"]
    if found["status"] == "retired":
        heirs = ", ".join(lineage["superseded_by"])
        say(
            f"Ring {ring_id} is retired ({lineage['event']} in {lineage['event_run']}); "
            + (f"superseded by {heirs}." if heirs else "nothing superseded it.")
        )
        _say_link(found)
        return
    say(
        f"Ring {ring_id} · score {found['score']} ({found['band']}) · {found['core_size']:,} core of {found['size']:,} · run {found['run_id']}"
    )
    say(
        f"Shares {', '.join(found['kinds'])}; campaign {found['window_start'][:10]} – {found['window_end'][:10]}; {lineage['event']} in {lineage['event_run']}."
    )
    if found["flags"]:
        say(f"Flags: {', '.join(found['flags'])}")
    print_reasons(found["reasons"], found["logit"], found["score"])
    print_hypotheses(found)
    _print_members(found)
    _say_link(found)


def show_policy(policy: PolicyFile = None, json: Json = False, home: Home = None) -> None:
    """The policy in force, every parameter, and its hash."""
    settings = settings_of(home)
    shown = pipeline.policy_shown(policy_of(settings, policy))
    if json:
        print_json(shown)
        return
    say(f"# hash {shown.pop('hash')}")
    for line in _toml(shown):
        say(line)


def check_policy(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy TOML to check.")], json: Json = False
) -> None:
    """Check a policy file, and say its hash."""
    checked = read_policy(file)
    if json:
        print_json({"policy": str(file), "hash": checked.hash})
    else:
        say(f"{file} is a valid policy, hash {checked.hash}.")


def _role(role: str) -> str:
    return "a core member" if role == "core" else "an associate (tied to it, but nothing shows that it took part)"


def _recommendation(ring: dict[str, Any]) -> str:
    if ring["recommended"]:
        return "the ring is recommended for action"
    return "the ring is not recommended for action" + (f" (rival: {ring['rival']})" if ring["rival"] else "")


def _say_link(found: dict[str, Any]) -> None:
    if found["browser_url"]:
        say(f"In the graph: {found['browser_url']}")


def _print_members(found: dict[str, Any]) -> None:
    rows = table(
        f"Members ({min(MEMBERS_SHOWN, found['size'])} of {found['size']:,})", ("account", "left"), ("role", "left")
    )
    for member in sorted(found["members"], key=lambda each: each["role"] != "core")[:MEMBERS_SHOWN]:
        rows.add_row(member["account_id"], member["role"])
    OUT.print(rows)


def _toml(fields: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Parameters as TOML that can be kept as a policy; those without a value are comments."""
    for name, value in fields.items():
        if not isinstance(value, dict):
            yield f"# {name} is not set" if value is None else f"{name} = {dumps(value, ensure_ascii=False)}"
    for name, value in fields.items():
        if isinstance(value, dict):
            yield f"\n[{prefix}{name}]"
            yield from _toml(cast("dict[str, Any]", value), f"{prefix}{name}.")
