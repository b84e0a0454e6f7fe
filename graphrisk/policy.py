"""What counts as a link, a ring, a risk: a TOML file over defaults, validated, hashed into every run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from graphrisk.errors import SettingsError
from graphrisk.evidence_tables import EvidenceTable
from graphrisk.schema import COHORT, KINDS, Kind, Normaliser
from graphrisk.toml import read_toml

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KindPolicy(_Section):
    """How values of one kind are made canonical and priced; the fields of ``schema.Kind``.

    ``learned`` is the reference's, not the policy's: no file sets it, and the policy's hash does not know it.
    """

    label: str = Field(pattern=r"^[A-Z][A-Za-z0-9]*$")
    relationship: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    normaliser: Normaliser = "identifier"
    rho: Annotated[float, Field(gt=0, lt=1)]
    kappa: Positive
    alpha: Positive
    half_life_days: Positive
    cap: int = Field(ge=1, le=10_000)
    ceiling: int = Field(ge=1, le=100_000)
    why: str = ""
    typed: bool = False
    backbone: bool = True
    cohorts: bool = False
    gap_hours: int = Field(default=24, ge=1, le=24)
    retention_days: int = Field(default=1095, ge=1, le=36_500)
    _learned: EvidenceTable | None = PrivateAttr(default=None)

    @property
    def learned(self) -> EvidenceTable | None:
        """The prices that hold instead of the formula."""
        return self._learned

    def priced_by(self, table: EvidenceTable) -> Self:
        """The kind with learned prices; cap, ceiling, role and retention stay its own."""
        kind = self.model_copy()
        kind._learned = table
        return kind


class LoadPolicy(_Section):
    """``max_reject_ratio``: above it nothing is accepted. ``phone_region``: ISO 3166 code for numbers without one."""

    max_reject_ratio: Share = 0.05
    phone_region: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")


class CohortPolicy(_Section):
    """Accounts are new on an attribute within ``new_days`` of sign-up; a cohort needs ``min_accounts`` and surprise."""

    new_days: int = Field(default=3, ge=0, le=30)
    min_accounts: int = Field(default=4, ge=2)
    significance: Annotated[float, Field(gt=0, lt=1)] = 1e-4


class LinkPolicy(_Section):
    """Two accounts are linked from this many milli-nats on (693 is probability one half)."""

    threshold: int = Field(default=693, ge=1)


class DetectionPolicy(_Section):
    """CPM ``resolution``, ``restarts`` of the heuristic, and the component size above which a threshold is raised."""

    resolution: Positive = 0.005
    randomness: Positive = 0.01
    restarts: int = Field(default=8, ge=1, le=100)
    oversize: int = Field(default=500, ge=3)


class RingPolicy(_Section):
    """The campaign window holds ``window_percent`` of a community's strength, padded; a ring has ``min_core`` inside."""

    min_core: int = Field(default=3, ge=2)
    window_percent: int = Field(default=80, ge=1, le=100)
    window_padding_days: int = Field(default=14, ge=0)
    min_overlap: Share = 0.3
    remember_days: int = Field(default=180, ge=0)


class BandPolicy(_Section):
    """Scores (0–1000) from which a band begins; below ``medium`` the band is ``low``."""

    high: int = Field(default=700, ge=1, le=1000)
    medium: int = Field(default=400, ge=1, le=1000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.medium > self.high:
            raise ValueError("bands.medium must not be above bands.high")
        return self

    def of(self, score: int) -> str:
        """The band of a score."""
        return "high" if score >= self.high else "medium" if score >= self.medium else "low"

    def start(self, band: Literal["high", "medium"]) -> int:
        """The score from which a band begins."""
        return self.high if band == "high" else self.medium


class RecommendationPolicy(_Section):
    """A ring is recommended for action from the score on at which ``band`` begins, if "organized ring" beats the likeliest
    innocent rival by ``margin`` milli-logits (1000 are odds of e to 1)."""

    band: Literal["high", "medium"] = "high"
    margin: int = Field(default=1000, ge=0, le=100_000)


class GuardPolicy(_Section):
    """Limits of a publication; those that compare need a live run. Up to ``small_component`` accounts in a component or
    new at one value, ``small_change`` accounts that change and ``small_links`` links are never too many, whatever their
    share of a small ledger. The rest say how far a figure may be from those of the last ``learn_from`` published runs."""

    max_ring_accounts: int = Field(default=5_000, ge=3)
    max_component_share: Share = 0.05
    max_changed_share: Share = 0.10
    max_kind_shrink: Share = 0.20
    small_component: int = Field(default=500, ge=0)
    small_change: int = Field(default=20, ge=0)
    max_value_share: Share = 0.05
    max_link_growth: float = Field(default=0.5, ge=0)
    small_links: int = Field(default=2_000, ge=0)
    learn_from: int = Field(default=20, ge=0, le=200)
    deviations: float = Field(default=6.0, ge=1)
    min_odds: float = Field(default=8.0, gt=1)
    min_ratio: float = Field(default=4.0, gt=1)
    min_change: Share = 0.05
    min_clock_minutes: int = Field(default=45, ge=1)


def _default_kinds() -> dict[str, KindPolicy]:
    return {kind.name: _kind_policy(kind) for kind in KINDS}


def _kind_policy(kind: Kind) -> KindPolicy:
    fields = asdict(kind)
    del fields["name"]
    return KindPolicy(**fields)


class Policy(_Section):
    """All parameters that decide what is found; ``hash`` names this very set."""

    load: LoadPolicy = LoadPolicy()
    kinds: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")], KindPolicy] = Field(
        default_factory=_default_kinds
    )
    cohort: KindPolicy = _kind_policy(COHORT)
    cohorts: CohortPolicy = CohortPolicy()
    links: LinkPolicy = LinkPolicy()
    detection: DetectionPolicy = DetectionPolicy()
    rings: RingPolicy = RingPolicy()
    bands: BandPolicy = BandPolicy()
    recommendation: RecommendationPolicy = RecommendationPolicy()
    guard: GuardPolicy = GuardPolicy()

    @model_validator(mode="after")
    def _one_kind_of_address(self) -> Self:
        addresses = [name for name, kind in self.kinds.items() if kind.normaliser == "ip"]
        if len(addresses) > 1:
            raise ValueError(f"kinds {' and '.join(addresses)} are both IP addresses; only one kind may be")
        return self

    @model_validator(mode="after")
    def _no_cohort_kind(self) -> Self:
        if "cohort" in self.kinds:
            raise ValueError("kinds.cohort is derived by linkage; set its price under [cohort]")
        return self

    def priced(self) -> dict[str, KindPolicy]:
        """Kinds in alphabetical order, cohorts included: the position is the code used inside linkage."""
        return dict(sorted({**self.kinds, "cohort": self.cohort}.items()))

    def codes(self) -> dict[str, int]:
        """Kind → its code inside linkage."""
        return {name: code for code, name in enumerate(self.priced())}

    def priced_by(self, tables: Mapping[str, EvidenceTable]) -> Policy:
        """The policy whose kinds are priced by a reference's evidence tables where it has one; its hash is the same.

        Raises ``SettingsError`` for a table of a kind that the policy does not declare.
        """
        if stray := sorted(set(tables) - set(self.priced())):
            raise SettingsError(
                f"The reference prices {', '.join(stray)}, which the policy does not declare; take the table out of the "
                "reference, or declare the kind."
            )
        kinds = {name: kind.priced_by(tables[name]) if name in tables else kind for name, kind in self.priced().items()}
        cohort = kinds.pop(COHORT.name)
        return self.model_copy(update={"kinds": {name: kinds[name] for name in self.kinds}, "cohort": cohort})

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of all parameters in canonical JSON; texts that explain are left out."""
        fields = self.model_dump(mode="json")
        for kind in [*fields["kinds"].values(), fields["cohort"]]:
            del kind["why"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def read_policy(path: Path | None) -> Policy:
    """The policy in the TOML file ``path``, laid over the defaults; ``None`` gives the defaults.

    Raises ``SettingsError`` that names the file, the key and what is wrong with it.
    """
    if path is None:
        return Policy()
    return read_toml("policy", path, _over_the_defaults, "see `graphrisk policy show`")


def _over_the_defaults(given: dict[str, Any]) -> Policy:
    return Policy.model_validate(_laid_over(Policy().model_dump(), given))


def _laid_over(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in given.items():
        below = merged.get(key)
        merged[key] = _laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
