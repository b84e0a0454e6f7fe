"""The commands that explain: why two accounts are tied, why an account is in its ring, how a ring holds together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from graphrisk import pipeline
from graphrisk.cli.application import OUT, Home, Json, Run, print_json, settings_of
from graphrisk.cli.render import MEMBERS_SHOWN, print_links, say, table
from graphrisk.errors import SettingsError
from graphrisk.evidence.disclosable import Audience
from graphrisk.evidence.rows import Listing, chains, cut_links, formed, must_not_be_shared, rests_on, way
from graphrisk.evidence.wording import bottleneck_text, enough_text, prices_text, short_title, value_text

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
            say(f"  {value_text(each)} {prices_text(each)}")
    if found["path"]:
        _print_listing(way(found))


def _print_shared(title: str, shared: list[dict[str, Any]], accounts: tuple[str, str]) -> None:
    """A waterfall: what each value adds, and the sum so far."""
    used = [(f"used by {account}", "left") for account in accounts]
    rows = table(title, ("adds", "right"), ("sum so far", "right"), ("value", "left"), *used, ("", "left"))
    total = 0
    for each in shared:
        total += each["milli_nats"]
        spans = (_span(each[uses]) for uses in ("uses_a", "uses_b"))
        rows.add_row(f"{each['milli_nats']:,}", f"{total:,}", value_text(each), *spans, each["text"])
    OUT.print(rows)


def _print_account(found: dict[str, Any]) -> None:
    if found["paths"]:
        _print_listing(chains(found))
        weakest = bottleneck_text(found)
        if weakest:
            say(weakest)
    if found["frees"]:
        say(found["frees"]["text"])
        _print_listing(must_not_be_shared(found["frees"], found["account_id"]))
    if found["nearest"]:
        _print_nearest(found["nearest"], found["account_id"])


def _print_its_links(links: list[dict[str, Any]]) -> None:
    """The links of an account that is in no ring."""
    if links:
        print_links("Its links, which make no ring (`graphrisk why ID OTHER` says how each adds up)", links)


def _print_nearest(nearest: dict[str, Any], account_id: str) -> None:
    for short in nearest["short"]:
        title = short_title(short, nearest["threshold"])
        _print_shared(title, short["shared"], (account_id, short["account_id"]))
        enough = enough_text(short)
        if enough:
            say(f"  {enough}")


def _print_ring(found: dict[str, Any]) -> None:
    cut = found["weakest_cut"]
    _print_listing(cut_links(cut))
    if len(cut["accounts"]) > 1:
        say(f"On the smaller side: {_some(cut['accounts'])}")
    say(found["rests_on"]["text"])
    _print_listing(rests_on(found["rests_on"]["values"]))
    _print_listing(formed(found["formed"]))


def _print_disclosable(found: dict[str, Any]) -> None:
    for title, parts in (("Why", found["reasons"]), ("What would change it", found["would_change"])):
        if parts:
            say(title)
            for each in parts:
                say(f"  {each['text']}")
    for told in (found["enough"], found["holds_group"]):
        if told:
            say(told)
    say(found["appeal"])


def _print_listing(listing: Listing) -> None:
    rows = table(listing.title, *((name, "right" if number else "left") for name, number in listing.columns))
    for row in listing.rows[:MEMBERS_SHOWN]:
        rows.add_row(*row)
    OUT.print(rows)
    if len(listing.rows) > MEMBERS_SHOWN:
        say(f"  and {len(listing.rows) - MEMBERS_SHOWN:,} more (--json has them)")


def _some(ids: list[str]) -> str:
    more = len(ids) - MEMBERS_SHOWN
    return ", ".join(ids[:MEMBERS_SHOWN]) + (f" and {more:,} more (--json has them)" if more > 0 else "")


def _span(uses: dict[str, str]) -> str:
    first, last = uses["first"][:10], uses["last"][:10]
    return first if first == last else f"{first} – {last}"
