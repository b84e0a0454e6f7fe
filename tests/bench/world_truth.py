"""What both generators that are not the product's say of a world beside its truth."""

from __future__ import annotations

from typing import Any

from graphrisk.worlds.knobs import GROUPS


def about(preset: str, accounts: int, seed: int, **knobs: Any) -> dict[str, Any]:
    """The contents of ``truth.json``, in the product's form; what neither generator knows of is said to be none."""
    none = {"missing": 0.0, "shared_infrastructure": 0.0, "mix": {}}
    return {"preset": preset, "knobs": {**knobs, **none}, "accounts": accounts, "seed": seed, "structures": GROUPS}
