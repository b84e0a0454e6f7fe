"""The report of an evaluation: Markdown with pictures beside it, or one HTML page with the pictures inside."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from graphrisk.errors import InputError, StoreError
from graphrisk.evaluation.plots import pictures
from graphrisk.evaluation.targets import Measure, judged

Rows = Sequence[Sequence[str]]
Section = tuple[str, str, Sequence[str], Rows]
"""A title, a sentence, the headings of a table, and its rows."""

VERDICTS = {True: "met", False: "missed", None: ""}
SUFFIXES = (".md", ".html")

HONESTY = (
    "These figures are about one synthetic marketplace. They compare methods and find weak spots; they are no forecast of "
    "what is found among real accounts, where the rings are others' inventions."
)


def measures_rows(report: Mapping[str, Any], name: Callable[[Measure], str] = attrgetter("says")) -> Rows:
    """A row a measure: its name or what it says, value, 95 % interval, target, verdict."""
    preset = report["world"].get("preset")
    rows: list[list[str]] = []
    for measure, value, met in judged(report["measures"], preset):
        ends = report["intervals"].get(measure.name)
        target = measure.target(preset)
        sign = "≤" if measure.smaller else "≥"
        rows.append(
            [
                name(measure),
                measure.written(value),
                " – ".join(measure.written(end) for end in ends) if ends else "",
                f"{sign} {measure.written(target)}" if target is not None else "",
                VERDICTS[met],
            ]
        )
    return rows


def archetype_rows(archetypes: Mapping[str, Mapping[str, float]]) -> Rows:
    """A row an archetype: rings, accounts, recall, Jaccard, what is visible."""
    return [
        [name, f"{row['rings']:,.0f}", f"{row['accounts']:,.0f}", f"{row['recall']:.3f}", f"{row['jaccard']:.3f}",
         f"{row['oracle']:.3f}" if "oracle" in row else ""]
        for name, row in archetypes.items()
    ]  # fmt: skip


def innocent_rows(innocents: Mapping[str, Mapping[str, Any]]) -> Rows:
    """A row an innocent type: group, accounts, flagged, share, over the action line."""
    return [
        [name, row["group"], f"{row['accounts']:,}", f"{row['flagged']:,}", f"{100 * row['share_flagged']:.2f} %",
         f"{row['acted_on']:,}"]
        for name, row in innocents.items()
    ]  # fmt: skip


ARCHETYPE_HEADINGS = ("archetype", "rings", "accounts", "account recall", "ring Jaccard", "visible")
INNOCENT_HEADINGS = ("innocent type", "group", "accounts", "flagged", "share", "over the action line")
MEASURE_HEADINGS = ("measure", "value", "95 % interval", "target", "")


def sections(report: Mapping[str, Any]) -> list[Section]:
    """The tables of a report, in order."""
    world = report["world"]
    named = f"{world['preset']}, seed {world['seed']}" if world.get("preset") else "without a preset"
    about = (
        f"Run {report['run_id']} on {report['accounts']:,} accounts (world {named}), of which {report['true_members']:,} are "
        f"in {report['true_rings']:,} true rings; {report['found_rings']:,} rings were found. {HONESTY}"
    )
    return [
        ("Measures", about, MEASURE_HEADINGS, measures_rows(report)),
        ("Rings by archetype", "What is found of each way to build a ring.", ARCHETYPE_HEADINGS, archetype_rows(report["archetypes"])),
        *attack_section(report),
        ("Innocents by type", "Who is flagged (score 500 or more) without being in a ring.", INNOCENT_HEADINGS, innocent_rows(report["innocents"])),
    ]  # fmt: skip


def attack_section(report: Mapping[str, Any]) -> list[Section]:
    """Recall by an attacker's budget, where it was measured."""
    attack = report.get("attack")
    if not attack:
        return []
    first = sorted(attack["chosen_first"].items(), key=lambda each: -each[1])
    chosen = ", ".join(f"{move} {100 * share:.0f} %" for move, share in first if share)
    rows = [[f"{budget}", f"{recall:.3f}"] for budget, recall in zip(attack["budgets"], attack["recall"], strict=True)]
    text = (
        f"Recall at score 500 when every ring account adds sightings that lower its score most. First choice: {chosen}."
    )
    return [("Attackers with a budget", text, ("sightings an account", "account recall"), rows)]


def markdown_table(headings: Iterable[str], rows: Rows) -> str:
    """A Markdown table."""
    head = list(headings)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write the report as Markdown (pictures go into a folder beside it) or HTML, as the path's ending says.

    Raises ``InputError`` for another ending, ``StoreError`` when it cannot be written.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"The report {path} has to end in .md or .html; choose one of them.")
    drawn = pictures(report)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".html":
            path.write_text(_page(report, drawn), encoding="utf-8")
            return
        beside = path.with_name(f"{path.stem}-pictures")
        beside.mkdir(exist_ok=True)
        for name, svg in drawn.items():
            (beside / f"{name}.svg").write_text(svg, encoding="utf-8")
        path.write_text(_markdown(report, drawn, beside.name), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"The report {path} cannot be written: {error.strerror}; choose another path.") from error


def _markdown(report: Mapping[str, Any], drawn: Mapping[str, str], folder: str) -> str:
    parts = ["# Evaluation\n"]
    for title, text, headings, rows in sections(report):
        parts.append(f"## {title}\n\n{text}\n\n{markdown_table(headings, rows)}")
    parts.append("## Pictures\n")
    parts += [f"![{name.replace('_', ' ')}]({folder}/{name}.svg)\n" for name in drawn]
    return "\n".join(parts)


def _page(report: Mapping[str, Any], drawn: Mapping[str, str]) -> str:
    parts: list[str] = []
    for title, text, headings, rows in sections(report):
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in headings)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        parts.append(f"<h2>{title}</h2><p>{html.escape(text)}</p><table><tr>{head}</tr>{body}</table>")
    style = "body{font:15px sans-serif;margin:2em;max-width:60em}td,th{padding:.2em .8em;text-align:left}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title><style>{style}</style>'
        f"<h1>Evaluation</h1>{''.join(parts)}<h2>Pictures</h2>{''.join(drawn.values())}</html>\n"
    )
