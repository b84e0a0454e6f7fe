"""What is measured in which order, how it is written, and which value is wanted on each preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PRESETS = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Measure:
    """A measure by name: what it says, and the values wanted on easy, medium and hard worlds (None: none is set).

    ``smaller`` says that less is better. ``percent`` measures are written as percentages.
    """

    name: str
    says: str
    wanted: tuple[float, float, float] | None = None
    smaller: bool = False
    percent: bool = False

    def target(self, preset: str | None) -> float | None:
        """The value wanted on a preset; a preset without targets of its own has none."""
        if self.wanted is None or preset not in PRESETS:
            return None
        return self.wanted[PRESETS.index(preset)]

    def met(self, value: float, preset: str | None) -> bool | None:
        """Whether a value is as wanted; None without a target."""
        target = self.target(preset)
        if target is None:
            return None
        return value <= target if self.smaller else value >= target

    def written(self, value: float) -> str:
        """The value for a reader: three digits, or a percentage with as many as it needs."""
        if not self.percent:
            return f"{value:.3f}"
        return f"{100 * value:.3f} %" if 0 < abs(value) < 0.001 else f"{100 * value:.2f} %"


def _same(value: float) -> tuple[float, float, float]:
    return value, value, value


MEASURES = (
    Measure("ring_jaccard", "mean Jaccard of a true ring and the found ring matched to it", (0.90, 0.83, 0.72)),
    Measure("oracle_jaccard", "the same for the largest piece that is visible (oracle)"),
    Measure("ring_jaccard_of_oracle", "found / visible", _same(0.96)),
    Measure("rings_half", "true rings with Jaccard ≥ .5", (0.95, 0.86, 0.75)),
    Measure("member_precision", "member precision of matched rings", _same(0.98)),
    Measure("bcubed_precision", "B-cubed precision"),
    Measure("bcubed_recall", "B-cubed recall"),
    Measure("bcubed_f1", "B-cubed F1"),
    Measure("ami", "adjusted mutual information"),
    Measure("ari", "adjusted Rand index"),
    Measure("ring_pr_auc", "area under precision–recall of found rings", _same(0.98)),
    Measure("ring_ece", "calibration error of ring scores (ECE)", _same(0.02), smaller=True),
    Measure("hypothesis_accuracy", "found rings whose likeliest hypothesis is what they truly are"),
    Measure("organized_ece", "calibration error of the posterior of an organized ring (ECE)"),
    Measure("recommended_precision", "rings recommended for action that are organized"),
    Measure("recommended_recall", "true rings of which a found ring is recommended for action"),
    Measure("account_precision", "precision of accounts at score 500", (0.98, 0.97, 0.95)),
    Measure("account_recall", "recall of accounts at score 500", (0.93, 0.92, 0.82)),
    Measure("account_f1", "F1 of accounts at score 500"),
    Measure("account_recall_at_95", "recall of accounts at 95 % precision", (0.95, 0.95, 0.85)),
    Measure("ordinary_flagged", "ordinary innocents flagged", _same(3e-4), smaller=True, percent=True),
    Measure("business_flagged", "business-like innocents flagged", _same(0.005), smaller=True, percent=True),
    Measure("family_flagged", "families of ring members flagged", smaller=True, percent=True),
    Measure("framed_acted_on", "framed innocents over the action line", _same(0.001), smaller=True, percent=True),
    Measure("largest_component", "largest component / accounts", _same(0.02), smaller=True, percent=True),
    Measure("ari_dropped_1", "ARI on ring accounts after dropping 1 % of sightings", _same(0.98)),
    Measure("ari_dropped_5", "ARI on ring accounts after dropping 5 % of sightings", _same(0.92)),
)
"""In the order in which they are reported."""


def judged(found: Mapping[str, float], preset: str | None) -> list[tuple[Measure, float, bool | None]]:
    """The measures that are there, with their value and whether it is as wanted (None: no target)."""
    return [(each, found[each.name], each.met(found[each.name], preset)) for each in MEASURES if each.name in found]
