"""How figures, values and limits read in an objection."""

from __future__ import annotations

from typing import Any

from graphrisk.publication.limits import CLOCK, Figure, Usual


def loads_text(news: dict[str, Any] | None) -> str:
    """The loads that the news are of."""
    if not news:
        return "the loads since the live run"
    since, until = news["since"], news["until"]
    return f"load {since}" if since == until else f"loads {since} to {until}"


def value_text(kind: str, value: dict[str, Any]) -> str:
    """One value: its kind, the end of its token, its hint, and how many held it before and hold it now."""
    hint = f" ({value['hint']})" if value["hint"] else ""
    since = f" since load {value['since']}" if value["since"] else ""
    if value["before"] is None:
        return f"{kind} …{value['token'][-6:]}{hint} has {value['after']:,} accounts"
    return f"{kind} …{value['token'][-6:]}{hint} went from {value['before']:,} to {value['after']:,} accounts{since}"


def verdicts_text(turned_over: dict[str, int]) -> str:
    """How many verdicts went which way."""
    return f"{turned_over['to_good']:,} from bad to good, {turned_over['to_bad']:,} from good to bad"


def figure_text(name: str, figure: Figure) -> str:
    """A share with its numbers, or an amount."""
    x, of = figure[0] or 0, figure[1]
    return _amount(name, x) if of is None else f"{x:,.0f} of {of:,.0f} ({_percent(x / of if of else 0)})"


def usual_text(name: str, figure: Figure, limits: Usual) -> str:
    """What is usual, and from where to where it may be."""
    ends = [limits.middle, limits.least, limits.most]
    middle, least, most = (_amount(name, each) if figure[1] is None else _percent(each) for each in ends)
    runs = "the last run" if limits.runs == 1 else f"the last {limits.runs} runs"
    return f"usually {middle} ({least} to {most}, learned from {runs})"


def _amount(name: str, x: float) -> str:
    if name == CLOCK:
        minutes = round(x / 60) % 1440
        return f"{minutes // 60:02d}:{minutes % 60:02d} UTC"
    return f"{x:,.0f}" if x >= 100 else f"{x:,.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
