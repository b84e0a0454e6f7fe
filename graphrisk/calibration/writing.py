"""A reference as the TOML file that a person reads, keeps and adopts."""

from __future__ import annotations

from collections.abc import Iterable

from graphrisk.scoring.reference import Reference


def reference_text(reference: Reference, comments: Iterable[str]) -> str:
    """TOML that reads back as the same reference, headed by comments on where it comes from."""
    lines = [*(f"# {line}".rstrip() for line in comments), f'version = "{reference.version}"']
    for name, meaning in (
        ("expected_new_share", "of the accounts seen on one address in a week, those that signed up there"),
        ("bad_rate", "of all accounts, those labelled bad"),
        ("seven_day_share", "of all sign-ups, those in the busiest seven days"),
    ):
        lines.append(f"{name} = {getattr(reference, name)}  # {meaning}")
    lines += [
        f"intercept = {reference.intercept}  # milli-logits at the mean of every feature",
        "",
        "[features]  # below, above: what a standard deviation on that side of the mean weighs",
    ]
    for name, each in reference.features.items():
        unknown = f", unknown = {each.unknown}" if each.unknown else ""
        lines.append(
            f"{name:<14} = {{ below = {each.below:>6}, above = {each.above:>6}, mean = {each.mean}, scale = {each.scale}{unknown} }}"
        )
    for name, rival in reference.rivals.items():
        lines += ["", f"[rivals.{name}]  # log-odds against an organized ring", f"intercept = {rival.intercept}"]
        lines += [f"below = {_inline(rival.below)}", f"above = {_inline(rival.above)}"]
        if rival.unknown:
            lines.append(f"unknown = {_inline(rival.unknown)}")
    for kind, table in reference.evidence.items():
        lines += ["", f"[evidence.{kind}]  # milli-nats: a row for each of accounts, a column for each of gap_hours"]
        lines += [f"accounts = {list(table.accounts)}", f"gap_hours = {list(table.gap_hours)}", "prices = ["]
        lines += [*(f"    {list(row)}," for row in table.prices), "]"]
    return "\n".join(lines) + "\n"


def _inline(numbers: dict[str, float] | dict[str, int]) -> str:
    return "{ " + ", ".join(f"{name} = {number}" for name, number in numbers.items()) + " }"
