"""What can be set about a world: presets, knobs, and the mix of archetypes and innocent structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from graphrisk.errors import SettingsError

ARCHETYPES = (
    "device_farm",
    "proxy_farm",
    "anti_detect",
    "mule_network",
    "take_over",
    "slow_burn",
    "camouflage",
    "resurrection",
    "framing",
)
ORDINARY = ("single", "household", "second_account", "resold_device", "shared_fingerprint", "gift_card")
BUSINESS_SHARES: dict[str, float] = {
    "office": 0.16,
    "campus": 0.04,
    "small_business": 0.015,
    "agency": 0.008,
    "cafe": 0.006,
    "kiosk": 0.006,
    "student_house": 0.006,
    "charity": 0.004,
    "sold_business": 0.002,
}
"""Business-like structure → its share of the innocent accounts in the standard mix."""

ORDINARY_SHARES: dict[str, float] = {
    "second_account": 0.05,
    "resold_device": 0.03,
    "gift_card": 0.01,
    "shared_fingerprint": 0.005,
}
"""Ordinary structure → its share of the innocent accounts in the standard mix; singles and households are the rest."""

GROUPS: dict[str, str] = {
    **dict.fromkeys(ARCHETYPES, "ring"),
    **dict.fromkeys(ORDINARY, "ordinary"),
    **dict.fromkeys(BUSINESS_SHARES, "business"),
    "framed": "framed",
    "ring_family": "ring_family",
}
"""Structure → the group it is reported in: ring, ordinary, business, framed or ring_family."""

MIXABLE = (*ARCHETYPES, *BUSINESS_SHARES, *ORDINARY_SHARES)


@dataclass(frozen=True)
class Knobs:
    """What a world is made with. Shares are from 0 to 1.

    ``sharing`` (σ) multiplies how many ring accounts share a device or card; ``camouflage`` (κ) is the share of a ring's
    sign-ins from addresses that many innocents use; ``isolates`` (ι) the share of members who use nothing of the ring's
    devices and cards. ``prevalence`` is the share of accounts in rings. ``labelled_rings`` of the rings have labels, on
    ``labelled_members`` of their members, ``label_delay`` (fewest, most days) after the ring's last act; ``false_labels``
    of the innocents are called bad, and ``flipped_labels`` of all labels say the opposite. ``clock_skew`` is in seconds
    (one standard deviation), ``missing`` the share of uses of other kinds than ip that were not recorded,
    ``variety`` is the share of a ring's accounts that do not look as its scripts make them look (browser, mailbox, card
    issuer), and makes for more scripts. ``shared_infrastructure`` is the share of rings that use devices and addresses of another ring. ``activity`` is the mean
    share of weeks in which an innocent signs in. ``mix`` multiplies how common an archetype or a structure is (1 if it
    is not named; 0 leaves it out).
    """

    sharing: float = 1.0
    camouflage: float = 0.3
    isolates: float = 0.1
    prevalence: float = 0.03
    labelled_rings: float = 0.4
    labelled_members: float = 0.25
    label_delay: tuple[int, int] = (7, 60)
    false_labels: float = 0.001
    flipped_labels: float = 0.0
    clock_skew: float = 0.0
    missing: float = 0.0
    shared_infrastructure: float = 0.0
    variety: float = 0.3
    activity: float = 0.4
    mix: Mapping[str, float] = field(default_factory=dict[str, float])

    @staticmethod
    def of(preset: str, **changes: Any) -> Knobs:
        """The knobs of a preset with some of them changed. Raises ``SettingsError`` for what is not known or not possible."""
        if preset not in PRESETS:
            raise SettingsError(f"There is no preset {preset!r}; take one of {', '.join(PRESETS)}.")
        if unknown := sorted(set(changes) - set(Knobs.__dataclass_fields__)):
            raise SettingsError(
                f"A world has no knob {unknown[0]!r}; there are {', '.join(Knobs.__dataclass_fields__)}."
            )
        knobs = replace(PRESETS[preset], **changes)
        _check(knobs)
        return knobs

    def weight(self, name: str) -> float:
        """How common an archetype or a structure is, as a multiple of what it is in the standard mix."""
        return self.mix.get(name, 1.0)

    def as_json(self) -> dict[str, Any]:
        """The knobs as plain values, for ``truth.json``."""
        return {**asdict(self), "label_delay": list(self.label_delay), "mix": dict(sorted(self.mix.items()))}


_EASY = Knobs(sharing=1.5, camouflage=0.1, isolates=0.03, variety=0.1)
_HARD = Knobs(sharing=0.7, camouflage=0.6, isolates=0.2, variety=0.6, clock_skew=120.0)
PRESETS: dict[str, Knobs] = {
    "easy": _EASY,
    "medium": Knobs(clock_skew=30.0),
    "hard": _HARD,
    "extreme": replace(_HARD, clock_skew=300.0, missing=0.1, shared_infrastructure=0.5, flipped_labels=0.01),
    # A few rings among few accounts, of the archetypes that a newcomer can follow by eye.
    "demo": replace(
        _EASY,
        prevalence=0.1,
        labelled_rings=0.8,
        false_labels=0.0,
        mix={"anti_detect": 0, "mule_network": 0, "slow_burn": 0, "camouflage": 0, "gift_card": 0},
    ),
}

_SHARES = (
    *("camouflage", "isolates", "labelled_rings", "labelled_members", "false_labels", "flipped_labels"),
    *("missing", "shared_infrastructure", "variety"),
)
_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(_SHARES, (0.0, 1.0)),
    "sharing": (0.1, 10.0),
    "prevalence": (0.0, 0.2),
    "clock_skew": (0.0, 86_400.0),
    "activity": (0.02, 0.6),
}


def _check(knobs: Knobs) -> None:
    for name, (low, high) in _RANGES.items():
        value = getattr(knobs, name)
        if not low <= value <= high:
            raise SettingsError(f"{name} is {value}; give a number from {low:g} to {high:g}.")
    soonest, latest = knobs.label_delay
    if not 0 <= soonest <= latest:
        raise SettingsError(f"label_delay is {soonest} to {latest} days; give the fewest first, and none below 0.")
    for name, weight in knobs.mix.items():
        if name not in MIXABLE:
            raise SettingsError(f"The mix names {name!r}, which no world has; there are {', '.join(MIXABLE)}.")
        if weight < 0:
            raise SettingsError(f"The mix gives {name} the weight {weight}; give 0 to leave it out, or more.")
    if sum(BUSINESS_SHARES[name] * knobs.weight(name) for name in BUSINESS_SHARES) > 0.6:
        raise SettingsError("The mix makes businesses more than 60 % of the innocents; give them smaller weights.")
    if sum(ORDINARY_SHARES[name] * knobs.weight(name) for name in ORDINARY_SHARES) > 0.3:
        raise SettingsError(
            "The mix makes odd ordinary structures more than 30 % of the innocents; lower their weights."
        )
    if knobs.prevalence and not any(knobs.weight(name) for name in ARCHETYPES):
        raise SettingsError("The mix leaves no archetype of ring; give one a weight, or set prevalence to 0.")
