"""What both generators that are not the product's take from the description of worlds, and say of one beside its truth."""

from __future__ import annotations

from typing import Any, Protocol

from graphrisk.worlds.knobs import GROUPS

PREVALENCE = 0.03
LABELLED_RINGS, LABELLED_MEMBERS, FALSE_LABELS = 0.4, 0.25, 0.001
LABEL_DELAY = (7, 60)


class Knobs(Protocol):
    """What the presets of both have."""

    @property
    def sharing(self) -> float: ...
    @property
    def camouflage(self) -> float: ...
    @property
    def isolates(self) -> float: ...


def about(preset: str, accounts: int, seed: int, knobs: Knobs, clock_skew: float = 0.0) -> dict[str, Any]:
    """The contents of ``truth.json``, in the product's form; what neither generator knows of is said to be none."""
    told = {
        "sharing": knobs.sharing,
        "camouflage": knobs.camouflage,
        "isolates": knobs.isolates,
        "prevalence": PREVALENCE,
        "labelled_rings": LABELLED_RINGS,
        "labelled_members": LABELLED_MEMBERS,
        "label_delay": list(LABEL_DELAY),
        "false_labels": FALSE_LABELS,
        "clock_skew": clock_skew,
        "missing": 0.0,
        "shared_infrastructure": 0.0,
        "mix": {},
    }
    return {"preset": preset, "knobs": told, "accounts": accounts, "seed": seed, "structures": GROUPS}
