"""Drawings of evidence as SVG text: a ring around what it shares, how it came about in time, and bars that add up.

Everything is placed by order alone, so that the same values give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from math import atan2, cos, pi, sin
from typing import Any

from graphrisk.evidence.wording import kind_name

CORE, ASSOCIATE, ASKED = "#d9333f", "#6b7a99", "#1c1f26"
KIND_COLOURS = {
    "device": "#569480",
    "card": "#d1a123",
    "bank_account": "#b49c75",
    "email": "#a35f98",
    "phone": "#23b3d7",
    "address": "#d68ba8",
    "ip": "#5db665",
    "cohort": "#f79767",
}
OTHER_KIND = "#8a919e"
LABELLED = 64
"""With more accounts their names would run into one another."""
NAMED_VALUES = 12
LONGEST_LABEL, LONGEST_VALUE = 18, 30
DAY = 86_400_000_000

Point = tuple[float, float]


def ring_picture(drawing: Mapping[str, Any], order: Sequence[str], asked: str | None = None) -> str:
    """A ring as SVG: accounts around it in ``order`` (core members first), values inside near those that use them.

    ``drawing`` is what ``runs.drawing`` gives; ``asked`` is an account to mark.
    """
    place_of = {account: place for place, account in enumerate(order)}
    accounts = [node for node in drawing["nodes"] if node["type"] == "account"]
    accounts.sort(key=lambda node: (node["role"] != "core", place_of.get(node["label"], len(order)), node["label"]))
    values = [node for node in drawing["nodes"] if node["type"] == "attribute"]
    radius = max(190.0, 15 * len(accounts) / (2 * pi))
    at = {node["id"]: _on_circle(radius, place, len(accounts)) for place, node in enumerate(accounts)}
    users = _users(drawing["edges"])
    ranked = sorted(values, key=lambda node: (_angle([at[each] for each in users.get(node["id"], [])]), node["id"]))
    inner = radius * (0.32 if len(values) <= 4 else 0.55)
    at |= {
        node["id"]: _on_circle(inner if len(values) > 1 else 0, place, len(values)) for place, node in enumerate(ranked)
    }
    side = max(4.0, min(14.0, 2 * pi * inner / max(len(values), 1) - 2))
    parts = [*_lines(drawing["edges"], at, {node["id"]: node for node in values})]
    parts += [_value(node, at[node["id"]], side, len(values) <= NAMED_VALUES) for node in ranked]
    parts += [_account(node, at[node["id"]], len(accounts) <= LABELLED, node["label"] == asked) for node in accounts]
    half = radius + (120 if len(accounts) <= LABELLED or asked is not None else 24)
    box = f"{-half:.0f} {-half:.0f} {2 * half:.0f} {2 * half:.0f}"
    return (
        f'<svg class="ring" viewBox="{box}" role="img" aria-label="The ring and what it shares">{"".join(parts)}</svg>'
    )


def _on_circle(radius: float, place: int, count: int) -> Point:
    angle = 2 * pi * place / max(count, 1) - pi / 2
    return radius * cos(angle), radius * sin(angle)


def _angle(points: Sequence[Point]) -> float:
    """Where around the circle points lie on the whole, from the top clockwise."""
    x, y = (sum(each[axis] for each in points) for axis in (0, 1))
    return round((atan2(y, x) + pi / 2) % (2 * pi), 6)


def _users(edges: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for edge in edges:
        if edge["type"] == "uses":
            users.setdefault(edge["target"], []).append(edge["source"])
    return users


def _lines(edges: Sequence[Mapping[str, Any]], at: Mapping[str, Point], values: Mapping[str, Any]) -> list[str]:
    """A line for each use; a link only where no drawn use says what it rests on."""
    users = _users(edges)
    told = {frozenset((a, b)) for each in users.values() for a in each for b in each}
    parts: list[str] = []
    for edge in edges:
        ends = (at[edge["source"]], at[edge["target"]])
        if edge["type"] == "uses":
            colour = kind_colour(values[edge["target"]]["kind"])
            parts.append(_line(*ends, f'stroke="{colour}" stroke-opacity="0.55"'))
        elif frozenset((edge["source"], edge["target"])) not in told:
            parts.append(_line(*ends, 'stroke="#9aa1ad" stroke-opacity="0.35" stroke-dasharray="3 3"'))
    return parts


def _line(start: Point, end: Point, style: str) -> str:
    return f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" {style}/>'


def _value(node: Mapping[str, Any], at: Point, side: float, named: bool) -> str:
    x, y = at
    side = side + 6 if node["collapsed"] else side
    hint = f" {node['label']}" if node["label"] != node["kind"] else ""
    title = f"{kind_name(node['kind'])}{hint}, used by {node['members']:,} members shown, {node['accounts']:,} accounts in all"
    shape = (
        f'<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" height="{side:.1f}" rx="3" '
        f'fill="{kind_colour(node["kind"])}" stroke="#fff"><title>{escape(title)}</title></rect>'
    )
    if not named and not node["collapsed"]:
        return shape
    label = _short(f"{kind_name(node['kind'])}{hint} ×{node['members']:,}", LONGEST_VALUE)
    # Among many the name stands further inside, where no other value is.
    left, top, anchor = (
        (x, y + side / 2 + 12, "middle") if named else (0.9 * x, 0.9 * y + 4, "end" if x > 0 else "start")
    )
    return f'{shape}<text class="halo" x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{escape(label)}</text>'


def _account(node: Mapping[str, Any], at: Point, named: bool, is_asked: bool) -> str:
    x, y = at
    fill = CORE if node["role"] == "core" else ASSOCIATE
    ring = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="10" fill="none" stroke="{ASKED}" stroke-width="2"/>' if is_asked else ""
    )
    title = f"{node['label']}, {node['role']}, score {node['score']:,}"
    dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{fill}" stroke="#fff"><title>{escape(title)}</title></circle>'
    if not named and not is_asked:
        return dot
    turn = atan2(y, x) * 180 / pi
    flipped = abs(turn) > 90
    anchor, shift, turn = ("end", -14, turn + 180) if flipped else ("start", 14, turn)
    weight = ' font-weight="700"' if is_asked else ""
    label = (
        f'<text transform="translate({x:.1f} {y:.1f}) rotate({turn:.1f})" x="{shift}" y="4" text-anchor="{anchor}"{weight}>'
        f"{escape(_short(node['label'], LONGEST_LABEL))}</text>"
    )
    return ring + dot + label


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def kind_colour(kind: str) -> str:
    """The colour of a kind; those of a policy's own share one."""
    return KIND_COLOURS.get(kind, OTHER_KIND)


def timeline_picture(
    joined: Sequence[int], onsets: Sequence[int], window: tuple[int, int], days: Sequence[tuple[int, str]]
) -> str:
    """How a ring came about, as SVG: a step for each member, a bar for each day's new links, the campaign shaded.

    All times are microseconds; ``days`` are those to write below, with their text.
    """
    wide, high, bars = 900.0, 130.0, 60.0
    first = min(*joined, *onsets, window[0], *(at for at, _ in days))
    span = max(*joined, *onsets, window[1], *(at for at, _ in days)) - first or 1

    def x(at: int) -> float:
        return 40 + (wide - 60) * (at - first) / span

    shade = f'<rect x="{x(window[0]):.1f}" y="8" width="{x(window[1]) - x(window[0]):.1f}" height="{high + bars:.0f}" fill="#f3e3e4"/>'
    anchor, beside = ("start", 6) if x(window[0]) < wide - 150 else ("end", -6)
    label = f'<text x="{x(window[0]) + beside:.1f}" y="22" class="quiet" text-anchor="{anchor}">campaign window</text>'
    path = [f"M{x(joined[0]):.1f} {high:.1f}"]
    for count, at in enumerate(joined, 1):
        path.append(f"H{x(at):.1f}V{high - (high - 34) * count / len(joined):.1f}")
    steps = f'<path d="{"".join(path)}H{x(first + span):.1f}" fill="none" stroke="{CORE}" stroke-width="2"/>'
    total = f'<text x="34" y="38" text-anchor="end">{len(joined):,}</text><text x="34" y="{high:.0f}" text-anchor="end">0</text>'
    tall = _day_bars(onsets, x, high + bars, bars - 14)
    axis = f'<line x1="40" y1="{high + bars:.0f}" x2="{wide - 20:.0f}" y2="{high + bars:.0f}" stroke="#6b7a99"/>'
    ticks = [
        f'<text x="{min(max(x(at), 40), wide - 40):.1f}" y="{high + bars + 18:.0f}" text-anchor="middle">{escape(text)}</text>'
        for at, text in days
    ]
    inside = "".join([shade, label, steps, total, tall, axis, *ticks])
    return f'<svg class="time" viewBox="0 0 {wide:.0f} {high + bars + 26:.0f}" role="img" aria-label="Members and links over time">{inside}</svg>'


def _day_bars(onsets: Sequence[int], x: Callable[[int], float], bottom: float, tallest: float) -> str:
    """A bar for each day with onsets, as high as it has many."""
    counts: dict[int, int] = {}
    for at in onsets:
        counts[at // DAY] = counts.get(at // DAY, 0) + 1
    most = max(counts.values())
    return "".join(
        f'<rect x="{x(day * DAY + DAY // 2) - 2:.1f}" y="{bottom - tallest * count / most:.1f}" width="4" '
        f'height="{tallest * count / most:.1f}" fill="{ASSOCIATE}"/>'
        for day, count in sorted(counts.items())
    )


def bar(before: int, adds: int, low: int, high: int) -> str:
    """One bar of a waterfall that runs from ``low`` to ``high``: what is added to the sum ``before``."""
    wide = 200.0
    scale = (wide - 4) / max(high - low, 1)
    start, end = sorted((before, before + adds))
    colour = CORE if adds >= 0 else "#569480"
    zero = f'<line x1="{2 - low * scale:.1f}" y1="0" x2="{2 - low * scale:.1f}" y2="16" stroke="#c4c9d2"/>'
    return (
        f'<svg class="bar" viewBox="0 0 {wide:.0f} 16" width="{wide:.0f}" height="16" aria-hidden="true">{zero}<rect x="{2 + (start - low) * scale:.1f}" '
        f'y="3" width="{max((end - start) * scale, 1):.1f}" height="10" fill="{colour}"/></svg>'
    )
