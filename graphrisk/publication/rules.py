"""Rules: what each figure of news and drift is called, on which side it alarms, and what it means when it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["above", "below", "both"]

CLOCK_IS_OFF = "a file that was cut short, another time zone, or a clock that is off"


@dataclass(frozen=True)
class Rule:
    """``what`` the figure is (with ``{kind}`` where there is one a kind or a table) and what a figure above or below means.

    Of amounts, a difference of up to ``least`` is never too much, or up to the field of ``GuardPolicy`` that ``small``
    names.
    """

    what: str
    side: Side
    above: str = ""
    below: str = ""
    least: float = 0
    small: str = ""


RULES: dict[str, Rule] = {
    "spread": Rule("accounts won by one value of kind {kind}", "above", "a default, a shared proxy or one actor"),
    "having": Rule(
        "accounts with a value of kind {kind}",
        "below",
        below="the source of this kind is missing, or part of it, or kinds are swapped",
    ),
    "distinct": Rule(
        "distinct values in sightings of kind {kind}",
        "both",
        "values may carry something of the moment, such as a time or a session",
        "values may be cut short, rounded, or a default",
    ),
    "known_values": Rule(
        "values of kind {kind} that were known",
        "below",
        below="values are new: they may be hashed, spelled or tokenised anew, or of another column",
    ),
    "kept": Rule(
        "values of kind {kind} that their accounts had used before",
        "below",
        below="known values at other accounts: rows or columns may be out of line",
    ),
    "sightings": Rule("sightings", "below", below="files are missing or cut short", least=100),
    "sightings_each": Rule("sightings an account", "above", "account ids are cut short or a default", least=20),
    "repeated": Rule(
        "sightings that were known to the last second", "above", "a stale file or one that was loaded before"
    ),
    "folded": Rule("rows of sightings that repeat another row", "above", "rows are there twice in the files"),
    "behind": Rule(
        "sightings that end before the newest known one",
        "above",
        "a stale file, a clock that is slow, or another time zone",
    ),
    "one_moment": Rule(
        "sightings of one and the same second", "above", "a time of export may stand in for the time of use"
    ),
    "clock_seconds": Rule("the time of day of the newest sightings", "both", CLOCK_IS_OFF, CLOCK_IS_OFF),
    "advance_days": Rule(
        "days by which the newest sightings moved on",
        "both",
        "a clock that is fast, or days and months swapped; older sightings may fall out of retention",
        "a stale file, or a clock that is slow",
        least=3,
    ),
    "new": Rule("accounts that were not known", "above", "account ids may be spelled anew, or of another column"),
    "undated": Rule(
        "new accounts without a creation", "above", "accounts are missing, or account ids of another column"
    ),
    "bare": Rule("new accounts without a sighting", "above", "sightings are missing, or their account ids differ"),
    "early": Rule(
        "new accounts seen before their creation", "above", "times of the two tables differ: another time zone"
    ),
    "late": Rule(
        "new accounts seen an hour after it or later", "above", "times of the two tables differ: another time zone"
    ),
    "ended": Rule("known accounts that were closed or suspended", "above", "the column of the status may be wrong"),
    "moved": Rule("known accounts that changed marketplace", "above", "marketplaces may be named anew or swapped"),
    "recreated": Rule("known accounts with an earlier creation", "above", "creations may be a default"),
    "turned_over": Rule("verdicts that were turned over", "above", "labels may be flipped"),
    "bad": Rule("accounts labelled bad", "above", "a rule or a file labels whole groups", least=50),
    "good": Rule("accounts labelled good", "above", "a rule or a file labels whole groups", least=50),
    "rejected": Rule("rejected rows of {kind}", "above", "see rejects.csv of the load"),
    "links_won": Rule("new links", "above", small="small_links"),
    "links_lost": Rule("lost links", "above"),
    "largest_component": Rule("accounts in the largest component", "above", small="small_component"),
    "ring_changed": Rule("accounts that change ring", "above"),
    "band_changed": Rule("accounts that change band", "above"),
    "members_won": Rule("accounts that join a ring", "above"),
    "members_lost": Rule("members that leave every ring", "above"),
    "rings_lost": Rule("lost rings", "above"),
    "accounts_of": Rule("accounts of marketplace {kind}", "both"),
    "members_of": Rule("members of rings in marketplace {kind}", "both"),
    "high_of": Rule("accounts of the band high in marketplace {kind}", "both"),
    "score_shift": Rule("mean change of an account's score", "above", least=20),
}
"""Figure, without the kind after its dot → its rule."""
