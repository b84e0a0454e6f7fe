"""Tables of explanations: titles, headings and rows, the same in a terminal as on the page of a pack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphrisk.evidence.wording import evidence_text, left_briefly, value_text

_LINK = (("milli-nats", True), ("from", False), ("to", False), ("linked since", False), ("evidence", False))


class Listing(NamedTuple):
    """A table: its title, its columns (heading, whether it holds numbers), its rows of texts."""

    title: str
    columns: tuple[tuple[str, bool], ...]
    rows: list[tuple[str, ...]]


def chains(told: Mapping[str, Any]) -> Listing:
    """The paths of an account's explanation, each link from where the one before ended."""
    rows = [
        (str(place), *_link(link))
        for place, path in enumerate(told["paths"], 1)
        for link in _in_order(told["account_id"], path["links"])
    ]
    title = "Chains to core members that share no evidence (milli-nats; 693 are even odds)"
    return Listing(title, (("chain", True), *_LINK), rows)


def way(told: Mapping[str, Any]) -> Listing:
    """The path of a pair's explanation, from the first account onwards."""
    links = _in_order(told["account_a"], told["path"]["links"])
    return Listing("The strongest way from one to the other", _LINK, [_link(each) for each in links])


def cut_links(cut: Mapping[str, Any]) -> Listing:
    """The links of a ring's weakest cut."""
    return Listing("The links of the weakest cut", _LINK, [_link(each) for each in cut["links"]])


def rests_on(values: Sequence[Mapping[str, Any]]) -> Listing:
    """The values under most of a ring's links, and what would be left of the ring without each."""
    columns = (
        ("links of the ring with it", True),
        ("value", False),
        ("accounts that use it", True),
        ("without it", False),
    )
    rows = [(f"{each['links']:,}", value_text(each), f"{each['accounts']:,}", left_briefly(each)) for each in values]
    return Listing("What it rests on (the values under most of its links, each taken away alone)", columns, rows)


def must_not_be_shared(frees: Mapping[str, Any], account_id: str) -> Listing:
    """The values that free an account."""
    columns = (
        ("gives", True),
        ("value", False),
        ("accounts that use it", True),
        ("links of the ring with it", True),
        (f"used by {account_id}", False),
    )
    rows = [
        (f"{each['milli_nats']:,}", value_text(each), f"{each['accounts']:,}", f"{each['links']:,}", "yes" if each["held"] else "no, by others")
        for each in frees["pieces"]
    ]  # fmt: skip
    return Listing("What must not be shared (milli-nats that it gives the link it helps most)", columns, rows)


def formed(members: Sequence[Mapping[str, Any]], asked: str | None = None) -> Listing:
    """How a ring formed, or how one of its members came to it."""
    columns = (
        ("first link", False),
        ("account", False),
        ("to", False),
        ("milli-nats", True),
        ("in the campaign", False),
    )
    rows = [
        (moment(each["at"]), each["account_id"], each["by_link_to"], f"{each['strength']:,}", "yes" if each["in_campaign"] else "no")
        for each in members
        if asked in (None, each["account_id"])
    ]  # fmt: skip
    return Listing("How it formed", columns, rows)


def moment(text: str) -> str:
    """A moment of an answer to the minute."""
    return text[:16].replace("T", " ")


def _link(link: Mapping[str, Any]) -> tuple[str, ...]:
    evidence = "; ".join(map(evidence_text, link["evidence"]))
    return f"{link['strength']:,}", link["account_a"], link["account_b"], link["onset"][:10], evidence


def _in_order(at: str, links: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The links of a chain that starts at an account, each from the account where the one before ended."""
    told: list[dict[str, Any]] = []
    for link in links:
        other = link["account_b"] if link["account_a"] == at else link["account_a"]
        told.append({**link, "account_a": at, "account_b": other})
        at = other
    return told
