"""The stages as commands: load, detect, publish, rollback, export, ledger compact; and the demo."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from graphrisk import pipeline
from graphrisk.api.keys import create_key
from graphrisk.cli.application import OUT, Home, Json, PolicyFile, Run, policy_of, print_json, settings_of
from graphrisk.cli.comparing import print_difference
from graphrisk.cli.render import print_detected, print_load, print_published
from graphrisk.cli.serving import DEFAULT_PORT
from graphrisk.errors import PublicationRefusedError, SettingsError
from graphrisk.settings import Settings
from graphrisk.spark.session import Cluster

Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE…", help="Facts folders, files or globs (csv, parquet, ndjson; also compressed)."),
]
MappingFile = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="Mapping TOML for other people's tables.")
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="T", help="Only facts accepted, and labels known, by this time (ISO 8601; UTC)."),
]
EngineName = Annotated[str, typer.Option("--engine", metavar="NAME", help="igraph, leidenalg or networkx.")]
DetectingEngine = Annotated[
    str,
    typer.Option(
        "--engine", metavar="NAME", help="igraph, leidenalg or networkx; or spark: igraph's on a Spark cluster."
    ),
]
Master = Annotated[
    str | None,
    typer.Option(
        "--master", metavar="URL", help="With --engine spark: local[2], spark://HOST:7077, yarn or k8s://HOST."
    ),
]
LedgerUrl = Annotated[
    str | None,
    typer.Option(
        "--ledger", metavar="URL", help="With --engine spark: where executors read a copy of the ledger's folder."
    ),
]
WorkUrl = Annotated[
    str | None,
    typer.Option(
        "--work", metavar="URL", help="With --engine spark: a folder for work in progress that all executors reach."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Publish although the guard refuses; needs --reason.")]
Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why; recorded with the move of the pointer.")
]

DEMO_KEY_DAYS = 7


def register(app: typer.Typer) -> None:
    """Add the batch commands to the application."""
    for command in (load, detect, publish, rollback, export, demo):
        app.command()(command)
    ledger = typer.Typer(help="Look after the ledger.", no_args_is_help=True)
    ledger.command()(compact)
    app.add_typer(ledger, name="ledger")


def load(
    source: Sources, mapping: MappingFile = None, policy: PolicyFile = None, json: Json = False, home: Home = None
) -> None:
    """Take facts into the ledger, all or nothing, and report what came in and what was rejected."""
    settings = settings_of(home)
    chosen = policy_of(settings, policy)
    loaded = pipeline.load(settings, chosen, source, mapping)
    pipeline.follow(settings, chosen)
    if json:
        print_json({"new": loaded.new, **loaded.report})
    else:
        print_load(loaded, settings)


def detect(
    as_of: AsOf = None,
    engine: DetectingEngine = "igraph",
    master: Master = None,
    ledger: LedgerUrl = None,
    work: WorkUrl = None,
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="Only say what the live run would say under this policy; cannot be published."),
    ] = False,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Compute everything from the ledger itself; take nothing from the live run."),
    ] = False,
    policy: PolicyFile = None,
    json: Json = False,
    home: Home = None,
) -> None:
    """Compute a run: links, rings, scores. Readers do not see it until it is published."""
    settings = settings_of(home)
    if shadow and as_of is not None:
        raise SettingsError("A shadow run is of the live run's own moment; leave out --as-of or --shadow.")
    cluster = cluster_of(engine, master, ledger, work)
    communities = "igraph" if cluster else engine
    chosen, moment = policy_of(settings, policy), parsed_time(as_of)
    manifest = pipeline.detect(settings, chosen, moment, communities, shadow, anew=anew, cluster=cluster)
    found = pipeline.diff(settings, manifest["live_run"], manifest["run_id"]) if shadow else None
    if json:
        told = without_files(manifest)
        print_json({"run": told, "difference": found.to_json()} if found else told)
        return
    print_detected(manifest)
    if found:
        print_difference(found)


def publish(
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The run to publish; the newest if none is named.")
    ] = None,
    force: Force = False,
    reason: Reason = None,
    policy: PolicyFile = None,
    json: Json = False,
    home: Home = None,
) -> None:
    """Make a run the live one, if the guard agrees. With --json, also all figures that it looked at."""
    settings = settings_of(home)
    chosen = policy_of(settings, policy)
    why = forced(force, reason)
    judged = pipeline.judgement(settings, chosen, run_id) if json else None
    try:
        move = pipeline.publish(settings, chosen, run_id, why)
    except PublicationRefusedError as refused:
        if judged:
            print_json({"run_id": refused.run_id, "published": False, **judged.told(), "objections": refused.reasons})
        raise
    pipeline.follow(settings, chosen)
    if judged:
        print_json({**move.__dict__, "published": True, **judged.told()})
    else:
        print_published(move)


def rollback(reason: Reason = None, json: Json = False, home: Home = None) -> None:
    """Make the run that was live before the current one live again."""
    settings = settings_of(home)
    move = pipeline.rollback(settings, reason)
    pipeline.follow(settings, policy_of(settings, None))
    if json:
        print_json(move.__dict__)
    else:
        print_published(move)


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go.")],
    run_id: Run = None,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="parquet or csv.")] = "parquet",
    json: Json = False,
    home: Home = None,
) -> None:
    """Write the live run (or any run) as files: accounts, rings, links, run.json."""
    if form not in ("parquet", "csv"):
        raise SettingsError(f"The export format {form!r} is not known; choose parquet or csv.")
    paths = pipeline.export(settings_of(home), folder, run_id, form)
    if json:
        print_json({"files": [str(path) for path in paths]})
    else:
        for path in paths:
            OUT.print(f"{path}  {path.stat().st_size:,} bytes", markup=False)


def compact(json: Json = False, home: Home = None) -> None:
    """Rewrite the ledger's small files into large ones. Changes no answer."""
    saved = pipeline.compact(settings_of(home))
    if json:
        print_json({"files_saved": saved})
    else:
        OUT.print("Compacted: " + ", ".join(f"{count} files fewer in {table}" for table, count in saved.items()) + ".")


def demo(
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where the demo's facts and home go.")] = Path(
        "demo"
    ),
    accounts: Annotated[int, typer.Option("--accounts", min=500, help="Size of the marketplace.")] = 2_000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed gives another marketplace.")] = 1,
) -> None:
    """Make a small marketplace with planted rings, find them, and say what to look at."""
    # Only this command needs numpy for its world; the others start without it.
    from graphrisk.worlds import write_world  # noqa: PLC0415

    facts, settings = folder / f"facts-{accounts}-{seed}", settings_of(folder / "home")
    if (facts / "truth.json").exists():
        shutil.rmtree(facts)  # an earlier demo's, perhaps of another version
    write_world(facts, "demo", accounts, seed, format="csv")
    chosen = policy_of(settings, None)
    print_load(pipeline.load(settings, chosen, [str(facts)]), settings)
    manifest = pipeline.detect(settings, chosen)
    print_detected(manifest)
    try:
        move = pipeline.publish(settings, chosen, manifest["run_id"])
    except PublicationRefusedError:
        move = pipeline.publish(settings, chosen, manifest["run_id"], "a demo shows whatever it is")
    print_published(move)
    pipeline.follow(settings, chosen)
    riskiest = pipeline.rings(settings, limit=1)[0]
    member = next(each for each in pipeline.ring(settings, riskiest["ring_id"])["members"] if each["role"] == "core")
    OUT.print("\nLook at it:")
    for words in (
        "rings",
        f"show ring {riskiest['ring_id']}",
        f"show account {member['account_id']}",
        f"why {member['account_id']}",
        "status",
    ):
        OUT.print(f"  .venv/bin/graphrisk --home {settings.home} {words}", markup=False)
    _say_how_to_ask(settings, member["account_id"])
    OUT.print(f"The planted truth is in {facts / 'truth.csv'}; the product never reads it.", markup=False)


def _say_how_to_ask(settings: Settings, account_id: str) -> None:
    expires = datetime.now(UTC) + timedelta(days=DEMO_KEY_DAYS)
    _, key = create_key(settings.home, "demo", ("scores:read", "rings:read"), expires)
    OUT.print(f"\nServe it, and ask over HTTP from another terminal (the key is good for {DEMO_KEY_DAYS} days):")
    OUT.print(f"  .venv/bin/graphrisk --home {settings.home} serve", markup=False)
    url = f"http://127.0.0.1:{DEFAULT_PORT}/v1/accounts/{account_id}"
    OUT.print(f"  curl -H 'Authorization: Bearer {key}' {url}\n", markup=False, soft_wrap=True)


def parsed_time(text: str | None) -> datetime | None:
    """A time in ISO 8601; without a zone it is UTC. Raises ``SettingsError``."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(
            f"--as-of is {text!r}, which is not ISO 8601; write it like 2026-06-30T12:00:00Z."
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def cluster_of(engine: str, master: str | None, ledger: str | None, work: str | None) -> Cluster | None:
    """Where Spark runs, if that is the engine. Raises ``SettingsError`` when it is not and one of the others is given."""
    if engine == "spark":
        return Cluster(master, ledger, work)
    given = next((name for name, value in (("master", master), ("ledger", ledger), ("work", work)) if value), None)
    if given:
        raise SettingsError(f"--{given} goes with --engine spark, and the engine is {engine}.")
    return None


def forced(force: bool, reason: str | None) -> str | None:
    """The reason of a forced publication, or ``None``. Raises ``SettingsError`` when one of the two is missing."""
    if force and not (reason and reason.strip()):
        raise SettingsError('--force needs --reason "…", which is recorded with the publication.')
    if reason and not force:
        raise SettingsError("--reason goes with --force; without it the guard decides.")
    return reason


def without_files(manifest: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key not in ("files", "policy")}
