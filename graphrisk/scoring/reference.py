"""The frozen reference: the only global numbers that may enter a ring or a score, shipped with the package."""

from __future__ import annotations

import hashlib
import json
import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SIGNS: dict[str, int] = {
    "log_n": 1,
    "card_reuse": 1,
    "dev_reuse": 1,
    "dev_per": -1,
    "ip_div": 1,
    "ip_coresidence": -1,
    "onset_spread": -1,
    "burst": 1,
    "new_share": 1,
    "cohort_share": 1,
    "label_enrich": 1,
    "closed_inherit": 1,
}
"""Features and the sign that each one's coefficient must have, fixed before any data was seen."""

Share = Annotated[float, Field(gt=0, lt=1)]


class Feature(BaseModel):
    """Coefficient per standard deviation, the mean and scale that a value is standardised by, and the milli-logits
    that a ring gets where the facts cannot tell the value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    coefficient: float
    mean: float
    scale: float = Field(gt=0)
    unknown: int = 0


class Reference(BaseModel):
    """Expected shares, the intercept (milli-logits) and the features' numbers; ``hash`` names this very set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    expected_new_share: Share
    bad_rate: Share
    seven_day_share: Share
    intercept: int
    features: dict[str, Feature]

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if set(self.features) != set(SIGNS):
            raise ValueError(f"features must be exactly {', '.join(SIGNS)}")
        for name, feature in self.features.items():
            if feature.coefficient * SIGNS[name] < 0:
                raise ValueError(f"the coefficient of {name} must not have the other sign")
        return self

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the numbers in canonical JSON."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


@cache
def shipped_reference() -> Reference:
    """The reference that comes with the package."""
    text = (files("graphrisk.scoring") / "reference.toml").read_text(encoding="utf-8")
    return Reference.model_validate(tomllib.loads(text))
