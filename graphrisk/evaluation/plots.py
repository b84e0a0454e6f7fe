"""Pictures of an evaluation as self-contained SVG: lines and bars with axes, labels and a title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT = 520, 320
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 36, 48
TICKS = 5
COLOURS = ("#1f5fa8", "#c8501e", "#2e7d4f", "#7a4aa0", "#8a6d00", "#b0305c", "#4a6a7a", "#333333", "#999999", "#00838f")
SIZE_EDGES = (3, 5, 10, 20, 40, 80, 160)

Series = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def line_plot(title: str, x_label: str, y_label: str, series: Series, diagonal: bool = False) -> str:
    """One line a series, over x from 0 to the largest value and y from 0 to 1; ``diagonal`` draws where both are equal."""
    widest = max([1.0, *(max(x, default=0.0) for x, _ in series.values())])
    parts = [_frame(title, x_label, y_label, widest, 1.0)]
    if diagonal:
        parts.append(_path([0.0, 1.0], [0.0, 1.0], widest, 1.0, "#bbbbbb"))
    for place, (name, (x, y)) in enumerate(series.items()):
        colour = COLOURS[place % len(COLOURS)]
        parts.append(_path(x, y, widest, 1.0, colour))
        if len(series) > 1:
            parts.append(_text(LEFT + 8, HEIGHT - BOTTOM - 8 - 14 * (len(series) - 1 - place), name, "start", colour))
    return _svg(parts)


def bar_plot(title: str, y_label: str, names: Sequence[str], bars: Mapping[str, Sequence[float]], x_label: str = "") -> str:  # fmt: skip
    """Groups of bars, one group a name and one colour a series; names stand under the axis, slanted if they are long."""
    highest = max([1e-9, *(max(heights, default=0.0) for heights in bars.values())])
    slanted = any(len(name) > 8 for name in names)
    parts = [_frame(title, x_label, y_label, None, highest, 60 if slanted else 0)]
    step = (WIDTH - LEFT - RIGHT) / max(1, len(names))
    width = 0.8 * step / max(1, len(bars))
    floor = HEIGHT - BOTTOM
    for place, (label, heights) in enumerate(bars.items()):
        colour = COLOURS[place % len(COLOURS)]
        for position, height in enumerate(heights):
            tall = height / highest * (floor - TOP)
            x = LEFT + step * position + 0.1 * step + width * place
            parts.append(f'<rect x="{x:.1f}" y="{floor - tall:.1f}" width="{width:.1f}" height="{tall:.1f}" fill="{colour}"/>')  # fmt: skip
        if len(bars) > 1:
            parts.append(_text(WIDTH - RIGHT, TOP + 14 * (place + 1), label, "end", colour))
    for position, name in enumerate(names):
        x = LEFT + step * (position + 0.5)
        turn = f' transform="rotate(-35 {x:.1f} {floor + 14})"' if slanted else ""
        parts.append(_text(x, floor + 14, name, "end" if slanted else "middle", "#333333", turn))
    return _svg(parts, HEIGHT + 60 if slanted else HEIGHT)


def pictures(report: Mapping[str, Any]) -> dict[str, str]:
    """The pictures of a report by name, each an SVG document."""
    curves = report["curves"]
    ranked, chance = curves["precision_recall"], curves["reliability"]
    held = [place for place, mass in enumerate(chance["rings"]) if mass > 0]
    said, came = ([chance[name][place] for place in held] for name in ("said", "came_true"))
    flagged = {name: row for name, row in report["innocents"].items() if row["accounts"]}
    attack = report.get("attack")
    spent = {
        "attack": line_plot(
            "What attackers buy with a budget", "sightings added by each ring account", "account recall",
            {"recall": (attack["budgets"], attack["recall"])},
        )
    } if attack else {}  # fmt: skip
    return {
        **spent,
        "precision_recall": line_plot(
            "Accounts: precision and recall", "recall", "precision", {"accounts": (ranked["recall"], ranked["precision"])}
        ),
        "reliability": line_plot(
            "Found rings: what the score says and what is true", "score / 1000", "share that are true rings",
            {"rings": (said, came)}, diagonal=True,
        ),
        "ring_sizes": bar_plot(
            "Size of rings", "share of rings", _size_names(),
            {"true": _size_shares(curves["true_ring_sizes"]), "found": _size_shares(curves["found_ring_sizes"])}, "accounts",
        ),
        "ring_jaccard": bar_plot(
            "Matched Jaccard of true rings", "rings", [f".{tenth}" for tenth in range(10)],
            {"rings": _tenths(curves["ring_jaccard"])}, "Jaccard from",
        ),
        "innocents": bar_plot(
            "Innocents flagged, by type", "percent flagged", list(flagged),
            {"flagged": [100 * row["share_flagged"] for row in flagged.values()]},
        ),
    }  # fmt: skip


def _size_names() -> list[str]:
    return [f"{low}–{high - 1}" for low, high in pairwise(SIZE_EDGES)] + [f"{SIZE_EDGES[-1]}+"]


def _size_shares(sizes: Sequence[int]) -> list[float]:
    ends = [*SIZE_EDGES[1:], float("inf")]
    counts = [sum(low <= size < high for size in sizes) for low, high in zip(SIZE_EDGES, ends, strict=True)]
    return [count / max(1, len(sizes)) for count in counts]


def _tenths(values: Sequence[float]) -> list[float]:
    return [float(sum(min(9, int(value * 10)) == tenth for value in values)) for tenth in range(10)]


def _svg(parts: Sequence[str], height: int = HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="{WIDTH}" height="{height}" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


def _frame(title: str, x_label: str, y_label: str, widest: float | None, highest: float, lower: int = 0) -> str:
    floor, end = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [
        _text(LEFT, 20, title, "start", "#000000", ' font-weight="bold"'),
        _text((LEFT + end) / 2, HEIGHT - 10 + lower, x_label, "middle"),
        _text(14, (TOP + floor) / 2, y_label, "middle", "#333333", f' transform="rotate(-90 14 {(TOP + floor) / 2})"'),
        f'<path d="M{LEFT} {TOP}V{floor}H{end}" fill="none" stroke="#333333"/>',
    ]
    for tick in range(TICKS + 1):
        y = floor - tick / TICKS * (floor - TOP)
        parts.append(_text(LEFT - 6, y + 4, f"{tick / TICKS * highest:.3g}", "end"))
        parts.append(f'<path d="M{LEFT} {y:.1f}H{end}" stroke="#eeeeee"/>')
        if widest is not None:
            parts.append(
                _text(LEFT + tick / TICKS * (end - LEFT), floor + 16, f"{tick / TICKS * widest:.3g}", "middle")
            )
    return "".join(parts)


def _path(x: Sequence[float], y: Sequence[float], widest: float, highest: float, colour: str) -> str:
    points = [
        f"{LEFT + one / widest * (WIDTH - LEFT - RIGHT):.1f} {HEIGHT - BOTTOM - other / highest * (HEIGHT - BOTTOM - TOP):.1f}"
        for one, other in zip(x, y, strict=True)
    ]
    marks = "".join(f'<circle cx="{point.split()[0]}" cy="{point.split()[1]}" r="3" fill="{colour}"/>' for point in points if len(points) <= 20)  # fmt: skip
    return f'<path d="M{"L".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>{marks}' if points else ""


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333333", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{more}>{escape(text)}</text>'
