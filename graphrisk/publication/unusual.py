"""What is unusual about news and drift: figures outside of what the last published runs had, each with its cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graphrisk.policy import GuardPolicy
from graphrisk.publication.limits import Figure, Usual, is_above, is_below, usual
from graphrisk.publication.rules import RULES, Rule
from graphrisk.publication.telling import figure_text, loads_text, usual_text, value_text, verdicts_text

BRINGS, BREAKS = "brings", "breaks"
ONE_SIDED = {"links_won": (BRINGS,), "largest_component": (BRINGS,), "links_lost": (BREAKS,), "members_lost": (BREAKS,)}
BEHIND = 0.2
"""The share of the links won or lost from which one value is told as their cause."""

Told = dict[str, Any] | None
"""``news`` or ``drift`` of a manifest; None where a run was made before they were told, or without a live run."""


class Compared(NamedTuple):
    """A figure, and what is usual for it where that is known."""

    figure: Figure
    usual: Usual | None

    def told(self) -> dict[str, float | None]:
        """As plain values; what is usual is null where it is not known."""
        usually = self.usual._asdict() if self.usual else dict.fromkeys(Usual._fields)
        return {"value": self.figure[0], "of": self.figure[1], **usually}


def figures_of(news: Told, drift: Told) -> dict[str, Figure]:
    """All figures of news and drift by name."""
    return {**(news or {}).get("figures", {}), **(drift or {}).get("figures", {})}


def compared(news: Told, drift: Told, past: list[dict[str, Figure]], policy: GuardPolicy) -> dict[str, Compared]:
    """Each figure beside what is usual for it; ``past`` has the figures of the last published runs, oldest first."""
    return {
        name: Compared(now, usual(name, now, [each[name] for each in past if name in each], policy))
        for name, now in figures_of(news, drift).items()
    }


def unusual(news: Told, drift: Told, figures: Mapping[str, Compared], policy: GuardPolicy) -> Iterator[str]:
    """One sentence for each figure that is outside of what is usual, with its cause."""
    alarmed = {name: meaning for name, each in figures.items() if (meaning := _alarm(name, each, policy)) is not None}
    for name, meaning in sorted(alarmed.items(), key=lambda each: _rank(each[0])):
        figure, _, kind = name.partition(".")
        if figure == "kept" and any(f"{other}.{kind}" in alarmed for other in ("spread", "distinct", "known_values")):
            continue  # it follows from what is told of the kind already
        now, limits = figures[name]
        if limits:
            where = f" in {loads_text(news)}" if name in figures_of(news, None) else ""
            cause = _cause(figure, kind, news, drift)
            yield (
                f"{RULES[figure].what.format(kind=kind)}: {figure_text(figure, now)}{where}, "
                f"{usual_text(figure, now, limits)}{f'; {cause}' if cause else ''}{f' ({meaning})' if meaning else ''}"
            )


def because(drift: Told, *parts: str) -> str:
    """The value behind most of the links that are new (``brings``) or lost (``breaks``), if it is behind many of them,
    after ": "; else nothing."""
    cause = _by_value(drift, parts)
    return f": {cause}" if cause else ""


def _by_value(drift: Told, parts: tuple[str, ...]) -> str:
    found = [((drift or {})[part], part) for part in parts if part in (drift or {})]
    if not found:
        return ""
    value, part = max(found, key=lambda each: each[0]["links"])
    if value["links"] < BEHIND * value["of"]:
        return ""
    links = f"{value['links']:,} of the {value['of']:,} {'new' if part == BRINGS else 'lost'} links"
    return f"{value_text(value['kind'], value)} and is behind {links}"


def _rank(name: str) -> tuple[int, str]:
    """The order in which rules are written: values first, what follows from them last."""
    return list(RULES).index(name.partition(".")[0]), name


def _alarm(name: str, each: Compared, policy: GuardPolicy) -> str | None:
    """What it means that a figure is outside of what is usual; None while it is inside."""
    rule: Rule | None = RULES.get(name.partition(".")[0])
    now, limits = each
    if rule is None or limits is None:
        return None
    least = getattr(policy, rule.small) if rule.small else rule.least
    if now[1] is None and abs((now[0] or 0) - limits.middle) <= least:
        return None
    if rule.side != "below" and is_above(now, limits):
        return rule.above
    return rule.below if rule.side != "above" and is_below(now, limits) else None


def _cause(figure: str, kind: str, news: Told, drift: Told) -> str:
    if figure == "spread" and news:
        return value_text(kind, news["values"][kind])
    if figure == "rejected" and news:
        reason, count = news["rejected"][kind]
        return f"{count:,} for {reason}"
    if figure == "turned_over" and news:
        return verdicts_text(news["turned_over"])
    if figure == "moved" and news and news["moved"]:
        before, now, count = news["moved"]
        return f"{count:,} from {before} to {now}"
    if drift and figure in drift["figures"]:
        return _by_value(drift, ONE_SIDED.get(figure, (BRINGS, BREAKS)))
    return ""
