"""The commands that explain: why two accounts are tied, why an account is in its ring, how a ring holds together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from graphrisk import pipeline
from graphrisk.cli.application import OUT, Home, Json, Run, print_json, settings_of
from graphrisk.cli.render import MEMBERS_SHOWN, evidence_text, print_links, say, table
from graphrisk.errors import SettingsError
from graphrisk.evidence.disclosable import Audience
from graphrisk.evidence.wording import kind_name, prices_text

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder that pack.json and pack.html go into.")]
For = Annotated[
    str,
    typer.Option("--audience", metavar="WHO", help="investigator, or disclosable: what may be shown to the account."),
]
AUDIENCES: tuple[Audience, ...] = ("investigator", "disclosable")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(why)
    pack = typer.Typer(help="Write an evidence pack: a page and a JSON file.", no_args_is_help=True)
    pack.command("account")(pack_account)
    pack.command("ring")(pack_ring)
    app.add_typer(pack, name="pack")


def why(
    asked: Annotated[str, typer.Argument(metavar="ID", help="An account, or a ring of the run.")],
    other: Annotated[
        str | None, typer.Argument(metavar="[OTHER]", help="A second account: why the two are tied.")
    ] = None,
    run_id: Run = None,
    audience: For = "investigator",
    json: Json = False,
    home: Home = None,
) -> None:
    """Why two accounts are tied or not, why an account is in its ring or in none, how a ring holds together."""
    settings = settings_of(home)
    found = pipeline.why(settings, asked, other, run_id, audience_of(audience))
    if json:
        print_json(found)
        return
    say(found["text"])
    if audience == "disclosable":
        _print_disclosable(found)
    else:
        {"pair": _print_pair, "account": _print_account, "ring": _print_ring}[found["about"]](found)
        if found["about"] == "account" and not found["ring"]:
            _print_its_links(pipeline.account(settings, asked, run_id)["strongest_links"])


def pack_account(
    account_id: Annotated[str, typer.Argument(metavar="ID", help="The account id, as it was loaded.")],
    out: Out,
    run_id: Run = None,
    audience: For = "investigator",
    home: Home = None,
) -> None:
    """Write all that explains an account into a folder, as a page that needs no network and as JSON."""
    _say_written(pipeline.pack_account(settings_of(home), account_id, out, run_id, audience_of(audience)))


def pack_ring(
    ring_id: Annotated[str, typer.Argument(metavar="ID", help="A ring of the run.")],
    out: Out,
    run_id: Run = None,
    home: Home = None,
) -> None:
    """Write all that explains a ring into a folder, as a page that needs no network and as JSON."""
    _say_written(pipeline.pack_ring(settings_of(home), ring_id, out, run_id))


def _say_written(paths: list[Path]) -> None:
    for path in paths:
        say(f"{path}  {path.stat().st_size:,} bytes")


def audience_of(text: str) -> Audience:
    """Who an answer is for. Raises ``SettingsError``."""
    for audience in AUDIENCES:
        if text == audience:
            return audience
    raise SettingsError(f"The audience {text!r} is not known; choose one of {', '.join(AUDIENCES)}.")


def _print_pair(found: dict[str, Any]) -> None:
    if found["shared"]:
        _print_shared(
            f"What they share (milli-nats; {found['threshold']:,} make a link)",
            found["shared"],
            (found["account_a"], found["account_b"]),
        )
        say("What else each could be worth (milli-nats)")
        for each in found["shared"]:
            say(f"  {_value(each)} {prices_text(each)}")
    if found["path"]:
        _print_links("The strongest way from one to the other", [(1, each) for each in found["path"]["links"]])


def _print_shared(title: str, shared: list[dict[str, Any]], accounts: tuple[str, str]) -> None:
    """A waterfall: what each value adds, and the sum so far."""
    used = [(f"used by {account}", "left") for account in accounts]
    rows = table(title, ("adds", "right"), ("sum so far", "right"), ("value", "left"), *used, ("", "left"))
    total = 0
    for each in shared:
        total += each["milli_nats"]
        spans = (_span(each[uses]) for uses in ("uses_a", "uses_b"))
        rows.add_row(f"{each['milli_nats']:,}", f"{total:,}", _value(each), *spans, each["text"])
    OUT.print(rows)


def _print_account(found: dict[str, Any]) -> None:
    if found["paths"]:
        chains = [(place, link) for place, path in enumerate(found["paths"], 1) for link in _in_order(found, path)]
        _print_links("Chains to core members that share no evidence (milli-nats; 693 are even odds)", chains)
        weakest = found["bottleneck"]
        if len(found["paths"][0]["links"]) > 1:
            say(f"The strongest chain is as strong as its weakest link: {weakest['strength']:,} milli-nats.")
    if found["frees"]:
        say(found["frees"]["text"])
        rows = table(
            "What must not be shared (milli-nats that it gives the link it helps most)", ("gives", "right"), ("value", "left"),
            ("accounts that use it", "right"), ("links of the ring with it", "right"), (f"used by {found['account_id']}", "left"),
        )  # fmt: skip
        for each in found["frees"]["pieces"]:
            own = "yes" if each["held"] else "no, by others"
            rows.add_row(f"{each['milli_nats']:,}", _value(each), f"{each['accounts']:,}", f"{each['links']:,}", own)
        OUT.print(rows)
    if found["nearest"]:
        _print_nearest(found["nearest"], found["account_id"])


def _print_its_links(links: list[dict[str, Any]]) -> None:
    """The links of an account that is in no ring."""
    if links:
        print_links("Its links, which make no ring (`graphrisk why ID OTHER` says how each adds up)", links)


def _in_order(found: dict[str, Any], path: dict[str, Any]) -> list[dict[str, Any]]:
    """The links of a chain, each from the account where the one before ended."""
    at, told = found["account_id"], list[dict[str, Any]]()
    for link in path["links"]:
        other = link["account_b"] if link["account_a"] == at else link["account_a"]
        told.append({**link, "account_a": at, "account_b": other})
        at = other
    return told


def _print_nearest(nearest: dict[str, Any], account_id: str) -> None:
    for short in nearest["short"]:
        title = f"Shared with {short['account_id']} of {short['ring_id']}: {short['strength']:,} of {nearest['threshold']:,} milli-nats"
        _print_shared(title, short["shared"], (account_id, short["account_id"]))
        enough = [f"{kind_name(each['kind'])} ({each['milli_nats']:,})" for each in short["enough"] if each["enough"]]
        if enough:
            say(
                f"  {short['missing']:,} are missing. Any one of these would be enough, if only these two used it, at one time: {', '.join(enough)}."
            )


def _print_ring(found: dict[str, Any]) -> None:
    cut = found["weakest_cut"]
    _print_links("The links of the weakest cut", [(1, each) for each in cut["links"]])
    if len(cut["accounts"]) > 1:
        say(f"On the smaller side: {_some(cut['accounts'])}")
    formed = found["formed"]
    rows = table(
        f"How it formed ({min(MEMBERS_SHOWN, len(formed))} of {len(formed):,})", ("first link", "left"), ("account", "left"),
        ("to", "left"), ("milli-nats", "right"), ("in the campaign", "left"),
    )  # fmt: skip
    for each in formed[:MEMBERS_SHOWN]:
        inside = "yes" if each["in_campaign"] else "no"
        rows.add_row(_moment(each["at"]), each["account_id"], each["by_link_to"], f"{each['strength']:,}", inside)
    OUT.print(rows)


def _print_disclosable(found: dict[str, Any]) -> None:
    for title, parts in (("Why", found["reasons"]), ("What would change it", found["would_change"])):
        if parts:
            say(title)
            for each in parts:
                say(f"  {each['text']}")
    if found["enough"]:
        say(found["enough"])
    say(found["appeal"])


def _print_links(title: str, links: list[tuple[int, dict[str, Any]]]) -> None:
    rows = table(
        title, ("chain", "right"), ("milli-nats", "right"), ("from", "left"), ("to", "left"), ("linked since", "left"), ("evidence", "left"),
    )  # fmt: skip
    for chain, link in links[:MEMBERS_SHOWN]:
        evidence = "; ".join(map(evidence_text, link["evidence"]))
        rows.add_row(
            str(chain), f"{link['strength']:,}", link["account_a"], link["account_b"], link["onset"][:10], evidence
        )
    OUT.print(rows)
    if len(links) > MEMBERS_SHOWN:
        say(f"  and {len(links) - MEMBERS_SHOWN:,} more (--json has them)")


def _some(ids: list[str]) -> str:
    more = len(ids) - MEMBERS_SHOWN
    return ", ".join(ids[:MEMBERS_SHOWN]) + (f" and {more:,} more (--json has them)" if more > 0 else "")


def _value(each: dict[str, Any]) -> str:
    """A value as an investigator knows it again: its kind, its hint, the end of its token."""
    hint = f" {each['hint']}" if each["hint"] else ""
    return f"{each['kind']}{hint} {each['token'][-6:]}"


def _span(uses: dict[str, str]) -> str:
    first, last = uses["first"][:10], uses["last"][:10]
    return first if first == last else f"{first} – {last}"


def _moment(text: str) -> str:
    return text[:16].replace("T", " ")
