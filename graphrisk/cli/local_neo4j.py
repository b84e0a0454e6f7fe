"""The commands around a Neo4j server of one's own, and its read-only replica: neo4j start, stop, status, log, dump, …"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graphrisk.cli.application import Home, Json, print_json, settings_of
from graphrisk.cli.render import say
from graphrisk.errors import InputError, NotFoundError, SettingsError, StoreError
from graphrisk.files import locked
from graphrisk.graph.server_files import DUMP, USER
from graphrisk.settings import Settings

if TYPE_CHECKING:
    from graphrisk.graph.server import LocalServer, Running

NOT_RUNNING, NOT_ANSWERING = NotFoundError.exit_code, StoreError.exit_code
LOG_LINES = 30

Heap = Annotated[
    int | None,
    typer.Option("--heap-mib", metavar="N", min=256, help="Memory of its heap; else that of the last start, or 1024."),
]
PageCache = Annotated[
    int | None,
    typer.Option(
        "--page-cache-mib", metavar="N", min=64, help="Memory of its page cache; else that of the last start, or 512."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group ``neo4j`` to the application."""
    neo4j = typer.Typer(
        help="Run a Neo4j server here, without Docker (Java 17 and Maven needed).", no_args_is_help=True
    )
    for command in (start, stop, status, log, password):
        neo4j.command()(command)
    neo4j.command("dump")(write_dump)
    replica = typer.Typer(help="Run a read-only copy of the graph for investigators.", no_args_is_help=True)
    replica.command("start")(start_replica)
    replica.command("stop")(stop_replica)
    replica.command("status")(replica_status)
    neo4j.add_typer(replica, name="replica")
    app.add_typer(neo4j, name="neo4j")


def start(heap_mib: Heap = None, page_cache_mib: PageCache = None, json: Json = False, home: Home = None) -> None:
    """Start the Neo4j server of this home, unless it runs, and say how to get in."""
    server = _primary(_prepared(home), heap_mib, page_cache_mib)
    _start(server, json)
    if os.environ.get("GRAPHRISK_NEO4J_URL") and not json:
        say("GRAPHRISK_NEO4J_URL is set, so graphrisk itself uses the server there, not this one.")


def stop(json: Json = False, home: Home = None) -> None:
    """Stop the Neo4j server of this home."""
    _stop(_primary(settings_of(home)), json)


def status(json: Json = False, home: Home = None) -> None:
    """Say whether the Neo4j server of this home runs (exit code 0; 6 when not; 4 when it runs but does not answer)."""
    _status(_primary(settings_of(home)), json)


def log(
    lines: Annotated[int, typer.Option("--lines", metavar="N", min=1, help="How many at most.")] = LOG_LINES,
    home: Home = None,
) -> None:
    """Show the end of what the Neo4j server of this home wrote since its last start."""
    file = _primary(settings_of(home)).log
    if not file.exists():
        raise NotFoundError(f"There is no log {file}; `graphrisk neo4j start` begins one.")
    for line in file.read_text(errors="replace").splitlines()[-lines:]:
        say(line)


def password(
    reset: Annotated[bool, typer.Option("--reset", help="Make a new one, and start the server with it.")] = False,
    json: Json = False,
    home: Home = None,
) -> None:
    """Say the user and the password of the Neo4j server of this home, or make a new one when it is lost."""
    server = _primary(settings_of(home))
    if reset:
        _with_data(server).reset_password()
    if json:
        print_json({"user": USER, "password": server.password, "password_file": str(server.password_file)})
    else:
        say(f"User {USER}, password {server.password} (kept in {server.password_file}).")


def write_dump(
    target: Annotated[
        Path, typer.Argument(metavar="FILE_OR_DIR", help=f"A file NAME.dump, or a folder, which gets {DUMP}.")
    ],
    json: Json = False,
    home: Home = None,
) -> None:
    """Write the graph into a file, whole or not at all. A server that runs is stopped for it, and started again."""
    from graphrisk.graph.server_dumps import dump  # noqa: PLC0415 - the driver, which most commands do without

    settings = settings_of(home)
    server = _with_data(_primary(settings))
    file = target if target.suffix == ".dump" and not target.is_dir() else target / DUMP
    with locked(settings.graph_lock):  # a sync that runs is finished first
        ran = dump(server, file)
    if json:
        print_json({"dump": str(file), "bytes": file.stat().st_size, "restarted": ran})
    else:
        say(f"Dumped to {file} ({file.stat().st_size:,} bytes)." + (" Neo4j runs again." if ran else ""))


def start_replica(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="[DUMP]", help="The dump it shows from now on; without one, what it showed before."),
    ] = None,
    heap_mib: Heap = None,
    page_cache_mib: PageCache = None,
    json: Json = False,
    home: Home = None,
) -> None:
    """Start a second server that shows a dump and refuses writes, with ports and a password of its own."""
    from graphrisk.graph.server_dumps import restore  # noqa: PLC0415 - as above

    server = _replica(_prepared(home), heap_mib, page_cache_mib)
    if source is not None:
        file = source / DUMP if source.is_dir() else source
        if not file.is_file():
            raise InputError(f"There is no dump {file}; `graphrisk neo4j dump` makes one.")
        restore(server, file)
    elif not server.has_data:
        raise SettingsError("The replica has nothing to show yet; name a dump that `graphrisk neo4j dump` made.")
    _start(server, json, source is not None)


def stop_replica(json: Json = False, home: Home = None) -> None:
    """Stop the replica."""
    _stop(_replica(settings_of(home)), json)


def replica_status(json: Json = False, home: Home = None) -> None:
    """Say whether the replica runs (exit code 0; 6 when not; 4 when it runs but does not answer)."""
    _status(_replica(settings_of(home)), json)


def _prepared(home: Path | None) -> Settings:
    settings = settings_of(home)
    settings.prepare()
    return settings


def _primary(settings: Settings, heap_mib: int | None = None, page_cache_mib: int | None = None) -> LocalServer:
    from graphrisk.graph.server import LocalServer  # noqa: PLC0415 - the driver, which most commands do without

    return LocalServer(settings.local_graph, heap_mib, page_cache_mib)


def _replica(settings: Settings, heap_mib: int | None = None, page_cache_mib: int | None = None) -> LocalServer:
    from graphrisk.graph.server import LocalServer  # noqa: PLC0415 - as above

    return LocalServer(settings.home / "neo4j-replica", heap_mib, page_cache_mib, replica=True)


def _with_data(server: LocalServer) -> LocalServer:
    if not server.has_data:
        raise SettingsError(f"No Neo4j was ever started in {server.folder}; run `graphrisk neo4j start`.")
    return server


def _start(server: LocalServer, json: bool, restored: bool = False) -> None:
    running = server.start()
    ran = not running.new and not restored
    if json:
        print_json({**_described(server, running), "started": not ran})
        return
    what = "The read-only replica" if server.replica else "Neo4j"
    say(f"{what} runs already." if ran else f"{what} runs.")
    say(f"  Browser   {running.browser}")
    say(f"  User      {USER}")
    say(f"  Password  {server.password}   (kept in {server.password_file})")
    say(f"  Bolt      {running.url}")
    say(
        "Open the Browser address, put in user and password, press Connect; then click the first query of the guide that opens."
    )
    if not server.replica:
        say("`graphrisk graph sync` fills the graph; `graphrisk neo4j stop` stops the server.")


def _stop(server: LocalServer, json: bool) -> None:
    stopped = server.stop()
    if json:
        print_json({"stopped": stopped})
    else:
        what = "The read-only replica" if server.replica else "Neo4j"
        say(f"{what} is stopped." if stopped else f"{what} did not run.")


def _status(server: LocalServer, json: bool) -> None:
    running = server.running()
    problem = server.problem() if running else None
    if json:
        more = {**_described(server, running), "problem": problem} if running else {}
        print_json({"running": running is not None, **more})
    elif running:
        memory = f"{running.heap_mib:,} MiB heap, {running.page_cache_mib:,} MiB page cache"
        say(f"Running: {running.browser} and {running.url}, process {running.pid}, {memory}.")
        say(f"User {USER}, password in {server.password_file}.")
        if problem:
            say(problem)
    else:
        say(f"Not running; `graphrisk neo4j {'replica ' if server.replica else ''}start` starts it.")
    if not running:
        raise typer.Exit(NOT_RUNNING)
    if problem:
        raise typer.Exit(NOT_ANSWERING)


def _described(server: LocalServer, running: Running) -> dict[str, Any]:
    return {
        "url": running.url,
        "browser": running.browser,
        "user": USER,
        "password_file": str(server.password_file),
        "pid": running.pid,
        "heap_mib": running.heap_mib,
        "page_cache_mib": running.page_cache_mib,
    }
