"""The sentence of each reason code: what a contribution means, with the figure behind it."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, expm1

from graphrisk.model import Reason

Sentence = Callable[[float], str]


def _percent(text: str) -> Sentence:
    return lambda share: f"{100 * share:.0f} % {text}"


def _surprise(what: str) -> Sentence:
    return lambda x: (
        f"So many {what} have a chance of 1 in 10^{x:.0f}." if x >= 0.5 else f"There are not unusually many {what}."
    )


RING_SENTENCES: dict[str, Sentence] = {
    "log_n": lambda x: f"The ring has {exp(x):.0f} core accounts.",
    "card_reuse": lambda x: f"Each card or bank account is used by {exp(x):.1f} of the ring's accounts on average.",
    "dev_reuse": lambda x: f"Each device is used by {exp(x):.1f} of the ring's accounts on average.",
    "dev_per": lambda x: f"The ring has {expm1(x):.1f} devices for each account.",
    "ip_div": lambda x: f"{100 * x:.0f} % of the ring's weekly IP addresses are distinct: its accounts {_move(x)}.",
    "ip_coresidence": _percent("of the core's links are between accounts seen on the same IP address."),
    "onset_spread": lambda x: f"The core's links arose over {expm1(x):.0f} days.",
    "burst": _surprise("sign-ups within a week"),
    "raid": _surprise("old accounts that joined within a week (less those that one card explains)"),
    "new_share": _percent("of the core accounts were opened in the 30 days before their first link."),
    "cohort_share": _percent("of the core's links are between accounts that signed up together."),
    "one_off": _percent("of the core accounts signed up in a crowd at a place and never came back to it."),
    "label_enrich": lambda x: (
        f"So many accounts known to be bad have a chance of 1 in 10^{x:.0f}."
        if x
        else "No core account is known to be bad."
    ),
    "closed_inherit": _percent("of the shared values were used by closed accounts before."),
    "given_up": _percent("of the uses of shared values began and ended while the account went on."),
    "own_device": _percent("of the accounts have a device that no other account of the ring uses."),
    "own_payment": _percent("of the accounts have a card or bank account that no other one of the ring uses."),
    "top_value": lambda x: f"One shared value is used by {100 * x:.0f} % of the core accounts.",
    "kinds_linked": lambda x: f"Linked accounts share {x:.1f} kinds of values on average.",
    "active_days": lambda x: f"Half of the accounts were active over {expm1(x):.0f} days or more.",
    "same_address": _percent("of the core accounts have the same postal address."),
    "good_share": _percent("of the core accounts are known to be good."),
    "ip_crowd": lambda x: f"A usual IP address of the ring is shared by {exp(x):.0f} accounts in a week.",
    "use_days": lambda x: f"Half of the uses of shared values lasted {expm1(x):.0f} days or more.",
    "handover": lambda x: f"Half of the linked accounts used what they share {expm1(x):.0f} days apart or more.",
}
"""Feature → sentence over the feature's value."""

SENTENCES: dict[str, str] = {
    "base": "Where it starts: a ring that is average in everything, or an account with nothing against it.",
    "rival": "An innocent explanation is likelier than an organized ring: half of its lead counts against the ring.",
    "membership": "What is left of the ring's risk, given how strong the account's own links inside it are.",
    "near_bad": "Accounts known to be bad are within two links.",
    "near_good": "Accounts known to be good are directly linked.",
}
"""Codes that stand for themselves."""


def explain(parts: list[tuple[str, int]], features: dict[str, float]) -> list[Reason]:
    """Reasons with their sentences, the largest contributions first; ``features`` are those of the account's ring."""
    reasons = [Reason(code, contribution, _sentence(code, features)) for code, contribution in parts]
    return sorted(reasons, key=lambda reason: (-abs(reason.contribution), reason.code))


def _sentence(code: str, features: dict[str, float]) -> str:
    if code not in RING_SENTENCES:
        return SENTENCES[code]
    return (
        RING_SENTENCES[code](features[code])
        if code in features
        else "The facts do not tell; this stands for what is usual."
    )


def _move(share: float) -> str:
    return "rarely meet on one" if share > 0.5 else "are often on the same"
