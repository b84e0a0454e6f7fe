"""The commands of a batch that is left alone: run, jobs, tidy."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from graphrisk import pipeline
from graphrisk.cli.application import OUT, Home, Json, PolicyFile, policy_of, print_json, settings_of
from graphrisk.cli.batch import EngineName, MappingFile, Sources
from graphrisk.cli.render import print_detected, print_load, print_published, say, table
from graphrisk.logs import LOG
from graphrisk.settings import Settings

Keep = Annotated[
    int | None, typer.Option("--keep", min=0, metavar="N", help="Then remove all runs but the N published last.")
]
Alert = Annotated[
    str | None, typer.Option("--alert", metavar="WEBHOOK", help="Send the report to this webhook unless all went well.")
]
AlertAlways = Annotated[bool, typer.Option("--alert-always", help="Send it when all went well, too.")]

PRINTED = {"detect": print_detected, "publish": print_published}


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (run, jobs, tidy):
        app.command()(command)


def run(
    source: Sources,
    mapping: MappingFile = None,
    engine: EngineName = "igraph",
    policy: PolicyFile = None,
    keep: Keep = None,
    alert: Alert = None,
    alert_always: AlertAlways = False,
    json: Json = False,
    home: Home = None,
) -> None:
    """Load, detect and publish, in one go; for cron, timers and other schedulers. Killed and run again, it goes on."""
    settings = settings_of(home)
    if alert is not None:
        check_alert(settings, alert)

    def told(stage: str, result: Any) -> None:
        if stage == "load" and not json:
            print_load(result, settings)
        elif stage in PRINTED and not json:
            PRINTED[stage](result)
        elif stage == "end" and alert is not None and (alert_always or result.outcome != "published"):
            send_alert(settings, alert, result)

    job = pipeline.nightly(settings, policy_of(settings, policy), source, mapping, engine, keep, told)
    if json:
        print_json(job.__dict__)


def jobs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most, of the newest.")] = 20,
    json: Json = False,
    home: Home = None,
) -> None:
    """What `graphrisk run` did, night after night."""
    found = pipeline.jobs(settings_of(home))[-limit:]
    if json:
        print_json(found)
        return
    rows = table(None, ("began", "left"), ("outcome", "left"), ("stage", "left"), ("seconds", "right"), ("run", "left"), ("why", "left"))  # fmt: skip
    for each in found:
        run_id = each["run"]["run_id"] if each["run"] else ""
        spent = f"{sum(each['seconds'].values()):,.0f}"
        rows.add_row(each["started_at"][:19], each["outcome"], each["stage"], spent, run_id, each["error"] or "")
    OUT.print(rows if found else "No job yet; `graphrisk run` is one.")


def tidy(
    keep: Annotated[
        int, typer.Option("--keep", min=0, metavar="N", help="How many of those published last to keep.")
    ] = 30,
    json: Json = False,
    home: Home = None,
) -> None:
    """Remove old runs. The live one, the one a rollback would lead to, and newer ones always stay."""
    gone = pipeline.tidy(settings_of(home), keep)
    if json:
        print_json({"removed_runs": gone})
    else:
        say(f"Removed {len(gone):,} runs." if gone else "There is no run to remove.")


def check_alert(settings: Settings, name: str) -> None:
    """Raises ``NotFoundError`` when there is no webhook of that name: better now than when there is something to tell."""
    from graphrisk.webhooks.registry import known_webhook, read_registry  # noqa: PLC0415 - httpx, which few jobs need

    known_webhook(read_registry(settings.home), name)


def send_alert(settings: Settings, name: str, job: pipeline.Job) -> None:
    """Send the report; a warning in the log when nobody took it."""
    from graphrisk.webhooks.alerting import alert  # noqa: PLC0415 - httpx, which few jobs need

    if reason := alert(settings.home, name, job.__dict__):
        LOG.warning("The webhook %s did not take the report of this job: %s", name, reason)
