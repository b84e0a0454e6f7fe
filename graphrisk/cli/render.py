"""How answers look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from graphrisk.cli.application import OUT
from graphrisk.evidence.wording import evidence_text
from graphrisk.runs.store import Publication
from graphrisk.schema import REJECT_REASONS
from graphrisk.settings import Settings

if TYPE_CHECKING:
    from graphrisk.pipeline import Loaded  # brings in what reads facts, which few commands do

STYLES = {"high": "bold red", "medium": "yellow", "low": "green"}
EVIDENCE_SHOWN = 4
MEMBERS_SHOWN = 12


def say(text: str) -> None:
    """A line of plain text."""
    OUT.print(text, markup=False, soft_wrap=True)


def table(title: str | None, *columns: tuple[str, str]) -> Table:
    """A table with (heading, justification) columns."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading, justify in columns:
        made.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
    return made


def print_load(loaded: Loaded, settings: Settings) -> None:
    """The load report."""
    report = loaded.report
    if not loaded.new:
        say(f"This content is already in the ledger as load {loaded.load.seq} ({loaded.load.load}); nothing changed.")
        return
    say(f"Load {loaded.load.seq} ({loaded.load.load}) is accepted: {report['accounts']:,} accounts.")
    rows = table(None, ("table", "left"), ("rows", "right"), ("accepted", "right"), ("rejected", "right"))
    for name, count in report["rows"].items():
        if count:
            rows.add_row(
                name, f"{count:,}", f"{report['accepted'][name]:,}", f"{sum(report['rejected'][name].values()):,}"
            )
    OUT.print(rows)
    rejected = [(name, *item) for name, reasons in report["rejected"].items() for item in reasons.items()]
    for name, reason, count in rejected:
        say(f"  {name}: {count:,} {reason} ({REJECT_REASONS[reason]})")
    if rejected:
        say(f"  each rejected row is in {settings.loads / loaded.load.load / 'rejects.csv'}")
    complete = ", ".join(f"{kind} {100 * share:.0f} %" for kind, share in report["completeness"].items() if share)
    say(
        f"Accounts that have: {complete or 'no attribute'}; without any: {100 * report['accounts_without_attribute']:.1f} %"
    )
    for kind, values in report["most_shared"].items():
        tops = ", ".join(f"{each['accounts']:,}" + (f" ({each['hint']})" if each["hint"] else "") for each in values)
        say(f"  most shared {kind}: by {tops} accounts")
    for file, ignored in report["ignored_columns"].items():
        say(f"  ignored in {file}: {', '.join(ignored)}")


def _made_from(manifest: dict[str, Any]) -> str:
    made = manifest.get("increment")
    return f" ({made['accounts']:,} accounts computed again, the rest as in {made['base']})" if made else ""


def print_detected(manifest: dict[str, Any]) -> None:
    """What a run found."""
    counts, seconds = manifest["counts"], sum(manifest["seconds"].values())
    say(
        f"Run {manifest['run_id']}: {counts['rings']:,} rings with {counts['members']:,} members, from {counts['links']:,} links "
        f"among {counts['accounts']:,} accounts, in {seconds:.1f} s{_made_from(manifest)}. "
        + ("It is a shadow run and cannot be published." if manifest.get("shadow") else "It is not published yet.")
    )


def print_published(move: Publication) -> None:
    """Where the pointer points now."""
    forced = f" Forced: {move.reason}." if move.reason else ""
    say(
        f"Run {move.run_id} is live (publication {move.seq}, {move.verb}; before it: {move.previous or 'none'}).{forced}"
    )


def print_reasons(reasons: list[dict[str, Any]], logit: int, score: int) -> None:
    """Reasons as a waterfall that adds up to the logit."""
    rows = table("Why this score (milli-logits)", ("adds", "right"), ("sum", "right"), ("reason", "left"), ("", "left"))
    total = 0
    for reason in sorted(reasons, key=lambda each: each["code"] != "base"):
        total += reason["contribution"]
        rows.add_row(f"{reason['contribution']:+,}", f"{total:,}", reason["code"], reason["text"])
    rows.add_row("", f"[bold]{logit:,}[/bold]", "[bold]logit[/bold]", f"score {score} = 1000·σ({logit / 1000:g})")
    OUT.print(rows)


def print_hypotheses(ring: dict[str, Any]) -> None:
    """What a ring may be, and whether it is recommended for action; nothing of a run from before that was told."""
    rival = ring["rival"]
    if rival is None:
        return
    rows = table("What it may be", ("likely", "right"), ("", "left"))
    for each in ring["hypotheses"]:
        rows.add_row(f"{each['permille'] / 10:.1f} %", each["code"])
    OUT.print(rows)
    lead = f"lead {rival['lead']:,} of {rival['needed']:,} milli-logits needed"
    too_low = "" if ring["recommended"] or rival["lead"] < rival["needed"] else " Its score is too low."
    say(
        f"Recommended for action: {'yes' if ring['recommended'] else 'no'}.{too_low} {rival['text'].removesuffix('.')} ({lead})."
    )
    if rival["lead"] < rival["needed"]:
        say(f"What would decide: {rival['decides']}")


def print_links(title: str, links: list[dict[str, Any]]) -> None:
    """Links of an account with the evidence that adds up to each strength."""
    rows = table(title, ("milli-nats", "right"), ("account", "left"), ("since", "left"), ("evidence", "left"))
    for link in links:
        shown = [evidence_text(each) for each in link["evidence"][:EVIDENCE_SHOWN]]
        more = len(link["evidence"]) - EVIDENCE_SHOWN
        rest = sum(each["milli_nats"] for each in link["evidence"][EVIDENCE_SHOWN:])
        shown += [f"and {more} more: {rest:,}"] if more > 0 else []
        rows.add_row(f"{link['strength']:,}", link["account_id"], link["onset"][:10], "; ".join(shown))
    OUT.print(rows)
