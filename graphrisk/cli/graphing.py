"""The commands that keep the Neo4j graph equal to the ledger: graph sync, verify, status, rebuild."""

from __future__ import annotations

from typing import Any

import typer
from rich.table import Table

from graphrisk import pipeline
from graphrisk.cli.application import OUT, Home, Json, PolicyFile, policy_of, print_json, settings_of

UNEQUAL = 4


def register(app: typer.Typer) -> None:
    """Add the group ``graph`` to the application."""
    graph = typer.Typer(help="Keep the Neo4j graph equal to the ledger and the live run.", no_args_is_help=True)
    for command in (sync, verify, status, rebuild):
        graph.command()(command)
    app.add_typer(graph, name="graph")


def sync(policy: PolicyFile = None, json: Json = False, home: Home = None) -> None:
    """Write to the graph what it does not have yet: loads, then publications, each in order."""
    settings = settings_of(home)
    _tell_written(pipeline.sync(settings, policy_of(settings, policy)), json)


def rebuild(policy: PolicyFile = None, json: Json = False, home: Home = None) -> None:
    """Empty the graph of everything that graphrisk put there, and write it again from the ledger and the runs."""
    settings = settings_of(home)
    _tell_written(pipeline.rebuild(settings, policy_of(settings, policy)), json)


def status(json: Json = False, home: Home = None) -> None:
    """Say what the ledger has and the graph does not."""
    found = pipeline.graph_status(settings_of(home))
    if json:
        print_json(found)
        return
    loads, moves = found["loads"], found["publications"]
    OUT.print(f"Graph {found['graph']}", markup=False)
    OUT.print(
        f"  loads: {loads['graph']:,} of {loads['ledger']:,}; publications: {moves['graph']:,} of {moves['home']:,}"
    )
    if loads["lag"] or moves["lag"]:
        OUT.print("  It lags behind; `graphrisk graph sync` catches up.", markup=False)


def verify(policy: PolicyFile = None, json: Json = False, home: Home = None) -> None:
    """Read the graph back and prove it equal to the ledger and the live run, or name the first difference (exit code 4)."""
    settings = settings_of(home)
    found = pipeline.verify(settings, policy_of(settings, policy))
    if json:
        print_json(found)
    else:
        _print_groups(found)
    if not found["equal"]:
        raise typer.Exit(UNEQUAL)


def _tell_written(written: dict[str, int], json: bool) -> None:
    if json:
        print_json(written)
    elif any(written.values()):
        OUT.print(
            f"Written to the graph: {written['loads']:,} loads in {written['batches']:,} batches, "
            f"{written['publications']:,} publications."
        )
    else:
        OUT.print("The graph has everything already.")


def _print_groups(found: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "rows in the graph", "rows wanted", ""):
        table.add_column(heading, justify="right" if heading.startswith("rows") else "left")
    for group in found["groups"]:
        what = group["table"] if group["group"] == "all" else f"{group['table']}: {group['group']}"
        table.add_row(
            what, f"{group['graph_rows']:,}", f"{group['wanted_rows']:,}", "equal" if group["equal"] else "DIFFERS"
        )
    OUT.print(table)
    if found["equal"]:
        OUT.print("The graph is equal to the ledger and the live run.")
    else:
        OUT.print(f"The graph differs: {found['first_difference']}", markup=False)
        OUT.print(
            "`graphrisk graph sync` catches up with what is missing; `graphrisk graph rebuild` starts over.",
            markup=False,
        )
