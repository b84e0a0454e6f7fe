"""The frozen reference: the only global numbers that may enter a ring or a score.

One is shipped with the package. ``graphrisk calibrate`` proposes another; a person adopts it by putting it into the home
as ``reference.toml``. Its hash names every run that was made with it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graphrisk.evidence_tables import EvidenceTable
from graphrisk.toml import read_toml

SIGNS: dict[str, int] = {
    "log_n": 1,
    "card_reuse": 1,
    "dev_reuse": 1,
    "dev_per": -1,
    "ip_div": 1,
    "ip_coresidence": -1,
    "onset_spread": -1,
    "burst": 1,
    "raid": 1,
    "new_share": 1,
    "cohort_share": 1,
    "one_off": -1,
    "label_enrich": 1,
    "closed_inherit": 1,
    "given_up": 1,
    "own_device": -1,
    "own_payment": -1,
    "top_value": -1,
    "kinds_linked": 1,
    "active_days": -1,
    "good_share": -1,
    "same_address": 0,
    "ip_crowd": 0,
    "use_days": 0,
    "handover": 0,
}
"""Features and the sign that each one's coefficient must have, fixed before any data was seen. Those with 0 are no
evidence for or against an organized ring; they only tell its innocent rivals apart."""

ORGANIZED = "organized_ring"
_AGAINST_ALL = {
    "raid": -1, "given_up": -1, "label_enrich": -1, "good_share": 1, "own_device": 1, "own_payment": 1, "active_days": 1,
}  # fmt: skip
RIVALS: dict[str, dict[str, int]] = {
    "household": {
        **_AGAINST_ALL, "log_n": -1, "card_reuse": -1, "ip_div": -1, "ip_coresidence": 1, "same_address": 1, "burst": -1,
        "new_share": -1, "cohort_share": -1, "closed_inherit": -1, "ip_crowd": -1, "handover": -1,
    },
    "workplace": {
        **_AGAINST_ALL, "ip_div": -1, "ip_coresidence": 1, "same_address": 1, "top_value": 1, "onset_spread": 1,
        "cohort_share": -1, "closed_inherit": -1, "use_days": 1, "handover": -1,
    },
    "public_network": {
        **_AGAINST_ALL, "card_reuse": -1, "kinds_linked": -1, "top_value": 1, "ip_crowd": 1, "use_days": -1,
        "closed_inherit": -1, "one_off": 1,
    },
    "agency": {
        **_AGAINST_ALL, "top_value": 1, "onset_spread": 1, "new_share": -1, "burst": -1, "cohort_share": -1, "use_days": 1,
        "handover": -1,
    },
    "resold_device": {
        **_AGAINST_ALL, "log_n": -1, "card_reuse": -1, "kinds_linked": -1, "cohort_share": -1, "burst": -1, "handover": 1,
    },
}  # fmt: skip
"""Innocent explanations of a ring: feature → the sign it must have *for the rival, against an organized ring*.

No feature speaks for a rival and for an organized ring alike, so that what raises the ring's risk never raises a rival.
"""

SIDES = ("below", "above")
"""A feature weighs differently on the two sides of its mean (decision 0023)."""

LATER = "given_up"
"""The feature that a file from before method 7 does not have: it weighs nothing then."""

Share = Annotated[float, Field(gt=0, lt=1)]


class _Numbers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Feature(_Numbers):
    """What a standard deviation ``below`` and one ``above`` the mean weigh, the mean and scale that a value is standardised
    by, and the milli-logits that a ring gets where the facts cannot tell the value.

    A file from before method 6 has one ``coefficient`` for both.
    """

    below: float
    above: float
    mean: float
    scale: float = Field(gt=0)
    unknown: int = 0

    @model_validator(mode="before")
    @classmethod
    def _one_for_both(cls, told: Any) -> Any:
        return _both_sides(told, "coefficient")


class Rival(_Numbers):
    """The log-odds of a rival against an organized ring: intercept and ``unknown`` in milli-logits, and what a standard
    deviation ``below`` and one ``above`` the mean weigh, of the features in ``RIVALS``.

    A file from before method 6 has ``coefficients`` for both.
    """

    intercept: int
    below: dict[str, float]
    above: dict[str, float]
    unknown: dict[str, int] = {}

    @model_validator(mode="before")
    @classmethod
    def _one_for_both(cls, told: Any) -> Any:
        return _both_sides(told, "coefficients")


def _both_sides(told: Any, before: str) -> Any:
    if not isinstance(told, Mapping) or before not in told or set(SIDES) & set(told):
        return told
    rest = {name: value for name, value in told.items() if name != before}
    return {**dict.fromkeys(SIDES, told[before]), **rest}


def _with_later(rival: Any) -> Any:
    if not isinstance(rival, Mapping):
        return rival
    return {
        name: {LATER: 0.0, **value} if name in (*SIDES, "coefficients") and isinstance(value, Mapping) else value
        for name, value in rival.items()
    }


class Reference(_Numbers):
    """Expected shares, the intercept (milli-logits), the features' and the rivals' numbers, and learned prices by kind, if
    there are any; ``hash`` names this very set. A file may be from before method 7, or from before method 6."""

    version: str
    expected_new_share: Share
    bad_rate: Share
    seven_day_share: Share
    intercept: int
    features: dict[str, Feature]
    rivals: dict[str, Rival]
    evidence: dict[str, EvidenceTable] = {}

    @model_validator(mode="before")
    @classmethod
    def _without_later(cls, told: Any) -> Any:
        parts = [told.get(part) for part in ("features", "rivals")] if isinstance(told, Mapping) else [None]
        if not all(isinstance(part, Mapping) for part in parts) or LATER in told["features"]:
            return told
        later = {LATER: {"below": 0, "above": 0, "mean": 0, "scale": 1}}
        rivals = {name: _with_later(rival) for name, rival in told["rivals"].items()}
        return {**told, "features": {**told["features"], **later}, "rivals": rivals}

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if set(self.features) != set(SIGNS):
            raise ValueError(f"features must be exactly {', '.join(SIGNS)}")
        if set(self.rivals) != set(RIVALS):
            raise ValueError(f"rivals must be exactly {', '.join(RIVALS)}")
        for side in SIDES:
            _check_signs("", side, {name: getattr(feature, side) for name, feature in self.features.items()}, SIGNS)
            for name, rival in self.rivals.items():
                _check_signs(f"rivals.{name}.", side, getattr(rival, side), RIVALS[name])
        for name, rival in self.rivals.items():
            if stray := set(rival.unknown) - set(RIVALS[name]):
                raise ValueError(f"rivals.{name}.unknown must not name {', '.join(sorted(stray))}")
        return self

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the numbers in canonical JSON; prices are in it if any were learned."""
        numbers = self.model_dump(mode="json", exclude=None if self.evidence else {"evidence"})
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()


def _check_signs(prefix: str, side: str, weights: Mapping[str, float], signs: Mapping[str, int]) -> None:
    if set(weights) != set(signs):
        raise ValueError(f"{prefix}{side} must have exactly {', '.join(signs)}")
    for name, weight in weights.items():
        if weight * signs[name] < 0 or (weight and not signs[name]):
            allowed = {1: "0 or above", -1: "0 or below", 0: "0"}[signs[name]]
            raise ValueError(f"{side} of {prefix}{name} is {weight}; it must be {allowed}")


@cache
def shipped_reference() -> Reference:
    """The reference that comes with the package."""
    text = (files("graphrisk.scoring") / "reference.toml").read_text(encoding="utf-8")
    return Reference.model_validate(tomllib.loads(text))


def read_reference(path: Path) -> Reference:
    """The reference that a person adopted into ``path``, or the shipped one if nothing is there.

    Raises ``SettingsError`` that names the file and what is wrong with it.
    """
    if not path.exists():
        return shipped_reference()
    return read_toml("reference", path, Reference.model_validate, "mend it, or remove it to use the shipped one")
