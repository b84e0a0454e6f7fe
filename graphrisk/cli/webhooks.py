"""The commands that send signals to other teams' servers: webhooks allow, add, list, remove, deliver, dead, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from graphrisk.cli.application import OUT, Home, Json, print_json, settings_of

if TYPE_CHECKING:
    from graphrisk.webhooks.delivering import Delivered

Name = Annotated[str, typer.Argument(metavar="NAME", help="The webhook.")]


def register(app: typer.Typer) -> None:
    """Add the group ``webhooks`` to the application."""
    webhooks = typer.Typer(help="Send signals to other teams' servers, signed.", no_args_is_help=True)
    for command in (allow, add, remove, deliver, dead, retry):
        webhooks.command()(command)
    webhooks.command("list")(list_webhooks)
    app.add_typer(webhooks, name="webhooks")


def allow(
    host: Annotated[str, typer.Argument(metavar="HOST", help="A name or an address, without a port.")],
    private: Annotated[
        bool, typer.Option("--private", help="Also where its addresses are private or loopback ones.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take it off the list: nothing is sent there any more.")
    ] = False,
    home: Home = None,
) -> None:
    """Let webhooks name a host; no other host is ever sent anything."""
    from graphrisk.webhooks.registry import allow_host, forbid_host  # noqa: PLC0415 - few commands need it

    settings = settings_of(home)
    settings.prepare()
    if remove:
        forbid_host(settings.home, host)
        OUT.print(f"{host} is not allowed any more.", markup=False)
    else:
        allow_host(settings.home, host, private)
        OUT.print(f"{host} is allowed{', at private addresses too' if private else ''}.", markup=False)


def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the signals are posted to.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What to call it; else after its host.")
    ] = None,
    allow_http: Annotated[bool, typer.Option("--allow-http", help="Send over http, readable on the way.")] = False,
    json: Json = False,
    home: Home = None,
) -> None:
    """Add a webhook and print its secret, which is shown this once. It begins at the first signal."""
    from graphrisk.webhooks.registry import add_webhook  # noqa: PLC0415

    settings = settings_of(home)
    settings.prepare()
    added = add_webhook(settings.home, url, name, allow_http)
    if json:
        print_json({"name": added.name, "url": added.url, "secret": added.secret})
        return
    OUT.print(f"Webhook {added.name} is added. Its secret, shown this once:\n{added.secret}", markup=False)
    OUT.print("`graphrisk webhooks deliver` sends to it.", markup=False)


def remove(name: Name, home: Home = None) -> None:
    """Remove a webhook with its secret, its place in the feed and its dead letters."""
    from graphrisk.webhooks.registry import remove_webhook  # noqa: PLC0415

    remove_webhook(settings_of(home).home, name)
    OUT.print(f"Webhook {name} is removed.", markup=False)


def list_webhooks(json: Json = False, home: Home = None) -> None:
    """Show the webhooks, how far each has got, and the hosts that are allowed."""
    from graphrisk.webhooks.dead import dead_letters  # noqa: PLC0415
    from graphrisk.webhooks.registry import read_cursor, read_registry  # noqa: PLC0415

    settings = settings_of(home)
    registry = read_registry(settings.home)
    rows = [
        {
            "name": each.name,
            "url": each.url,
            "cursor": read_cursor(settings.home, each.name),
            "dead": len(dead_letters(settings.home, each.name)),
        }
        for each in registry.webhooks.values()
    ]
    if json:
        print_json({"allowed_hosts": registry.allowed_hosts, "webhooks": rows})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("webhook", "url", "acknowledged up to", "dead letters"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            *(str(row[name]) for name in ("name", "url")), str(row["cursor"] or "nothing yet"), str(row["dead"])
        )
    OUT.print(table)
    hosts = ", ".join(f"{host} ({reach})" for host, reach in registry.allowed_hosts.items())
    OUT.print(f"Allowed hosts: {hosts or 'none'}", markup=False)


def deliver(
    once: Annotated[bool, typer.Option("--once", help="Until there is nothing left to send; else for ever.")] = False,
    json: Json = False,
    home: Home = None,
) -> None:
    """Send each webhook the signals that it has not acknowledged yet."""
    from graphrisk.webhooks.delivering import deliver as send_all  # noqa: PLC0415 - httpx is slow to import

    _tell(send_all(settings_of(home), once), json)


def dead(json: Json = False, home: Home = None) -> None:
    """Show the batches that were given up, and why."""
    from graphrisk.webhooks.dead import dead_letters  # noqa: PLC0415

    letters = dead_letters(settings_of(home).home)
    if json:
        print_json([each.described() for each in letters])
        return
    for each in letters:
        OUT.print(
            f"{each.failed_at}  {each.batch.webhook}  {each.batch.signals:,} signals up to {each.batch.cursor}: "
            f"{each.reason} ({each.attempts} attempts)",
            markup=False,
        )
    OUT.print("`graphrisk webhooks retry` sends them again." if letters else "There are none.", markup=False)


def retry(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The webhook; all if none is named.")] = None,
    json: Json = False,
    home: Home = None,
) -> None:
    """Send dead letters once more. They arrive late: their cursors say where they belong."""
    from graphrisk.webhooks.delivering import retry as send_again  # noqa: PLC0415 - httpx is slow to import

    _tell(send_again(settings_of(home), name), json)


def _tell(delivered: Delivered, json: bool) -> None:
    if json:
        print_json(delivered.__dict__)
        return
    OUT.print(f"{delivered.signals:,} signals in {delivered.batches:,} batches were acknowledged.")
    if delivered.dead:
        OUT.print(f"{delivered.dead:,} batches are dead letters; `graphrisk webhooks dead` says why.", markup=False)
