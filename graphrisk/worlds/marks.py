"""Marks: what a device, a card or a mailbox shows of itself to strangers, and what many of them have in common.

A device is of a family of browsers, a card comes from an issuer, a mailbox is named in a style at a provider. The mark is
written into the value's number, so that whoever uses the value shows its mark.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
SHIFT = 40
"""Numbers of values are below; the mark is above."""

MAIL_DOMAINS = {
    "gmail.com": 0.44, "outlook.com": 0.13, "icloud.com": 0.11, "yahoo.com": 0.1, "gmx.de": 0.08, "web.de": 0.07,
    "hotmail.com": 0.05, "proton.me": 0.02,
}  # fmt: skip
MAIL_STYLES = {
    "{first}.{last}": 0.28, "{first}{last}": 0.22, "{first}_{last}": 0.08, "{f}.{last}": 0.1, "{last}.{first}": 0.1,
    "{first}{l}": 0.09, "{last}{first}": 0.07, "{first}-{last}": 0.06,
}  # fmt: skip
MAIL_DIGITS = {0: 0.32, 2: 0.33, 3: 0.1, 4: 0.25}
"""Digits at the end of a name, and how common they are."""

MAILBOXES = list(itertools.product(MAIL_STYLES, MAIL_DIGITS, MAIL_DOMAINS))
"""Mark of a mailbox → its style, digits and domain."""

ISSUERS = 160
PLATFORMS = {
    "iPhone; CPU iPhone OS {minor} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{major}.1 Mobile/15E148 Safari/604.1": 20,
    "Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Mobile Safari/537.36": 17,
    "Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36": 15,
    "Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36 Edg/{major}.0.0.0": 6,
    "Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{major}.4 Safari/605.1.15": 5,
    "Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36": 4,
    "Windows NT 10.0; Win64; x64; rv:{major}.0) Gecko/20100101 Firefox/{major}.0": 3,
    "Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/{major}.0 Chrome/{major}.0.0.0 Mobile Safari/537.36": 3,
    "iPad; CPU OS {minor} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{major}.1 Mobile/15E148 Safari/604.1": 2,
    "X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36": 1,
}  # fmt: skip
"""Browsers and how many of a hundred devices have them; the rest are apps, which tell the model of the telephone."""

MODELS = 240
FAMILIES = len(PLATFORMS) + MODELS
DRIFT = 0.8
"""Standard deviation of the growth (natural logarithm) of a family's share over the period."""

PROMOTIONS, PROMOTED_SHARE = 3, 0.25
"""So many weeks of the period in which a bank pays its customers for signing up, and how many of the newcomers come by it."""

Shares = npt.NDArray[np.float64]


def _zipf(count: int) -> Shares:
    weights = 1 / np.arange(1, count + 1)
    return weights / weights.sum()


_KNOWN = np.array(list(PLATFORMS.values())) / 100
SHARES: dict[str, Shares] = {
    "device": np.concatenate((_KNOWN, (1 - _KNOWN.sum()) * _zipf(MODELS))),
    "card": _zipf(ISSUERS),
    "email": np.array([MAIL_STYLES[style] * MAIL_DIGITS[digits] * MAIL_DOMAINS[at] for style, digits, at in MAILBOXES]),
}
"""Kind of value → how common each of its marks is."""


def drawn(rng: np.random.Generator, kind: str, count: int, evenness: float = 0.0) -> Integers:
    """Marks as common as among honest people; with ``evenness`` rare ones are more common than that (1: all alike)."""
    shares = SHARES[kind] ** (1 - evenness)
    return _chosen(rng, shares[None, :], np.zeros(count, np.int64))


def browsers(rng: np.random.Generator, part: Shares) -> Integers:
    """Marks of devices that are new at these parts of the period (0 to 1): families come and go."""
    growth = np.random.default_rng(FAMILIES).standard_normal(FAMILIES) * DRIFT
    steps = np.linspace(-0.5, 0.5, 26)
    shares = SHARES["device"][None, :] * np.exp(growth[None, :] * steps[:, None])
    return _chosen(rng, shares, np.clip((part * 26).astype(np.int64), 0, 25))


def _chosen(rng: np.random.Generator, shares: Shares, row: Integers) -> Integers:
    ends = np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)
    found = np.empty(len(row), np.int64)
    for each in range(len(shares)):
        mine = np.flatnonzero(row == each)
        found[mine] = np.searchsorted(ends[each][:-1], rng.random(len(mine)), side="right")
    return found


def marked(values: Integers, marks: Integers) -> Integers:
    """The values with these marks."""
    return values | (marks << SHIFT)


def mark_of(values: Integers) -> Integers:
    """The marks of values. Fingerprints that many devices report have negative numbers and a browser each."""
    return np.where(values < 0, -values % len(PLATFORMS), values >> SHIFT)


def number_of(values: Integers) -> Integers:
    """The values without their marks."""
    return values & ((1 << SHIFT) - 1)
