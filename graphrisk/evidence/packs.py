"""The pages of evidence packs: what is known of a ring or an account, in the order in which somebody reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphrisk.evidence.charts import ASSOCIATE, CORE, kind_colour, ring_picture, timeline_picture
from graphrisk.evidence.page import (
    bullets,
    definitions,
    figures,
    legend,
    page,
    paragraph,
    section,
    table,
    waterfall,
)
from graphrisk.evidence.rows import Listing, chains, cut_links, formed, moment, must_not_be_shared, rests_on
from graphrisk.evidence.wording import bottleneck_text, enough_text, kind_name, prices_text, short_title, value_text

FOR = {
    "investigator": "For investigators and those who review their work. It names other accounts and what they share: show it to none of them.",
    "disclosable": "For the person whose account this is, and for whoever judges an appeal. It holds nothing of anybody else.",
}
"""Who a pack is for."""


def ring_page(pack: Mapping[str, Any]) -> str:
    """The page of a ring's pack."""
    ring, why = pack["ring"], pack["explanation"]
    cut, how = why["weakest_cut"], formed(why["formed"])
    return page(
        f"Ring {ring['ring_id']}",
        [
            f"<h1>{_text('Ring ' + ring['ring_id'])}</h1>",
            paragraph(pack["for"], "for"),
            _ring_figures(ring),
            section("What it shares", *_picture(pack)),
            section(how.title, _timeline(pack), table(how.columns, how.rows, 40)),
            section("Why it has its score", _reasons(ring["reasons"], f"logit of the score {ring['score']:,}, in milli-logits")),
            section("What else it may be", *_rival(ring)),
            section(
                "What would split it",
                paragraph(why["text"], "lead"),
                *_listing(cut_links(cut)),
                *_smaller_side(cut["accounts"]),
                paragraph(why["rests_on"]["text"], "lead"),
                *_listing(rests_on(why["rests_on"]["values"])),
            ),
            section("Its history", *_lineage(ring["lineage"])),
            section("Members", table((("account", False), ("role", False)), [(m["account_id"], m["role"]) for m in ring["members"]], 300)),
            _run(pack),
        ],
    )  # fmt: skip


def account_page(pack: Mapping[str, Any]) -> str:
    """The page of an account's pack for investigators."""
    account, why = pack["account"], pack["explanation"]
    parts = [
        f"<h1>{_text('Account ' + account['account_id'])}</h1>",
        paragraph(pack["for"], "for"),
        _account_figures(account),
        paragraph(why["text"], "lead"),
    ]
    if why["frees"]:
        shared = must_not_be_shared(why["frees"], why["account_id"])
        parts.append(section("What would free it", paragraph(why["frees"]["text"], "lead"), *_listing(shared)))
    if why["paths"]:
        weakest = bottleneck_text(why)
        held = [*_listing(chains(why)), paragraph(weakest) if weakest else ""]
        parts.append(section("What holds it in its ring", *held))
    parts.append(section("Its strongest links", *(_pair(each) for each in pack["waterfalls"])))
    parts.append(section("Why it has its score", _reasons(account["reasons"], f"logit of the score {account['score']:,}, in milli-logits")))  # fmt: skip
    if why["nearest"]:
        parts.append(
            section(
                "The nearest ring", *(_short(each, why["nearest"]["threshold"]) for each in why["nearest"]["short"])
            )
        )
    if pack["drawing"]:
        parts.append(section("Its ring", *_picture(pack, account["account_id"])))
        how = formed(pack["formed"], account["account_id"])
        parts.append(section("How the ring formed", _timeline(pack), table(how.columns, how.rows)))
    return page(f"Account {account['account_id']}", [*parts, _run(pack)])


def disclosable_page(pack: Mapping[str, Any]) -> str:
    """The page that may be shown to whoever an account belongs to."""
    said = pack["explanation"]
    return page(
        "About your account",
        [
            f"<h1>{_text('About account ' + said['account_id'])}</h1>",
            paragraph(pack["for"], "for"),
            paragraph(said["text"], "lead"),
            section("Why", bullets(each["text"] for each in said["reasons"])),
            section("How it came about", bullets(pack["timeline"])),
            section(
                "What would change it",
                bullets(each["text"] for each in said["would_change"]),
                *(paragraph(told) for told in (said["enough"], said["holds_group"]) if told),
            ),
            section("What you can do", paragraph(said["appeal"])),
            definitions([("reference", pack["reference"])]),
        ],
    )


def _text(text: str) -> str:
    return paragraph(text).removeprefix("<p>").removesuffix("</p>")


def _ring_figures(ring: Mapping[str, Any]) -> str:
    told = {True: "yes", False: "no", None: "not told"}
    return figures(
        [
            ("score", f"{ring['score']:,}", ring["band"]),
            ("band", ring["band"], ring["band"]),
            ("core accounts", f"{ring['core_size']:,}", ""),
            ("members", f"{ring['size']:,}", ""),
            ("campaign", f"{ring['window_start'][:10]} – {ring['window_end'][:10]}", ""),
            ("recommended for action", told[ring["recommended"]], ""),
        ]
    )


def _account_figures(account: Mapping[str, Any]) -> str:
    ring = account["ring"]
    in_ring = [("ring", ring["ring_id"], ""), ("role", account["role"], "")] if ring else [("ring", "none", "")]
    return figures(
        [
            ("score", f"{account['score']:,}", account["band"]),
            ("band", account["band"], account["band"]),
            ("status", account["status"], ""),
            *in_ring,
            ("links", f"{account['links']:,}", ""),
        ]
    )


def _picture(pack: Mapping[str, Any], asked: str | None = None) -> list[str]:
    drawing = pack["drawing"]
    kinds = sorted({node["kind"] for node in drawing["nodes"] if node["type"] == "attribute"})
    marks = [(CORE, "core member", True), (ASSOCIATE, "associate", True)]
    marks += [(kind_colour(kind), kind_name(kind), False) for kind in kinds]
    words = [
        "Accounts stand clockwise in the order in which they joined, core members first; inside is what they share."
    ]
    if any(node.get("collapsed") for node in drawing["nodes"]):
        words.append("A large square is used by so many that its lines are left out; ×n says by how many.")
    if drawing["truncated"]:
        shown = sum(node["type"] == "account" for node in drawing["nodes"])
        counts = drawing["counts"]
        words.append(f"Drawn are {shown:,} of {counts['members']:,} members; in all there are {counts['attributes']:,} shared values and {counts['links']:,} links.")  # fmt: skip
    order = [each["account_id"] for each in pack["formed"]]
    return [ring_picture(drawing, order, asked), legend(marks), paragraph(" ".join(words), "quiet")]


def _timeline(pack: Mapping[str, Any]) -> str:
    time = pack["timeline"]
    picture = timeline_picture(
        time["joined"], time["onsets"], tuple(time["window"]), [tuple(each) for each in time["days"]]
    )
    return picture + paragraph(
        "The line counts members by their first link to another; a bar is the new links of a day.", "quiet"
    )


def _listing(listing: Listing) -> list[str]:
    return [paragraph(listing.title), table(listing.columns, listing.rows, 30)]


def _smaller_side(accounts: Sequence[str]) -> list[str]:
    shown, more = ", ".join(accounts[:40]), len(accounts) - 40
    rest = f" and {more:,} more in pack.json" if more > 0 else ""
    return [paragraph(f"On the smaller side: {shown}{rest}")] if len(accounts) > 1 else []


def _reasons(reasons: Sequence[Mapping[str, Any]], total: str) -> str:
    ordered = sorted(reasons, key=lambda each: each["code"] != "base")
    return waterfall([(each["contribution"], each["code"], each["text"]) for each in ordered], total)


def _rival(ring: Mapping[str, Any]) -> list[str]:
    rival = ring["rival"]
    if rival is None:
        return []
    likely = [(f"{each['permille'] / 10:.1f} %", each["code"].replace("_", " ")) for each in ring["hypotheses"]]
    lead = f"The lead over it is {rival['lead']:,} milli-logits; {rival['needed']:,} are needed before action is recommended."
    return [
        table((("likely", True), ("", False)), likely),
        paragraph(f"{rival['text']} {lead}"),
        _reasons(ring["lead_reasons"], "lead over the likeliest innocent explanation, in milli-logits"),
        paragraph(f"What would decide: {rival['decides']}"),
    ]


def _pair(pair: Mapping[str, Any]) -> str:
    rows = [
        (each["milli_nats"], value_text(each), f"{each['text']} It {prices_text(each)}.") for each in pair["shared"]
    ]
    return f"<h3>{_text('With ' + pair['account_b'])}</h3>" + waterfall(
        rows, f"milli-nats; {pair['threshold']:,} make a link"
    )


def _short(short: Mapping[str, Any], threshold: int) -> str:
    rows = [(each["milli_nats"], value_text(each), each["text"]) for each in short["shared"]]
    enough = enough_text(short)
    shown = waterfall(rows, f"milli-nats; {short['missing']:,} are missing")
    return f"<h3>{_text(short_title(short, threshold))}</h3>{shown}{paragraph(enough) if enough else ''}"


def _lineage(lineage: Mapping[str, Any]) -> list[str]:
    told = [
        ("last event", f"{lineage['event']} in {lineage['event_run']}, {moment(lineage['event_at'])}"),
        ("born", f"{lineage['born_run']}, {moment(lineage['born_at'])}"),
    ]
    told += [
        (name.replace("_", " "), ", ".join(lineage[name])) for name in ("superseded_by", "related") if lineage[name]
    ]
    return [definitions(told)]


def _run(pack: Mapping[str, Any]) -> str:
    run = pack["run"]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(run["versions"].items()))
    shown = [(name.replace("_", " "), str(run[name])) for name in run if name not in ("versions", "counts")]
    counts = ", ".join(f"{count:,} {name}" for name, count in run["counts"].items() if isinstance(count, int))
    note = "The same facts, policy and versions give the same rings and scores again; the output digest proves it."
    return section(
        "Where this comes from",
        definitions([*shown, ("versions", versions), ("counts", counts)]),
        paragraph(note, "quiet"),
    )
