"""A home of several published runs that differ, and what each says by obvious code."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from graphrisk import pipeline
from graphrisk.policy import Policy
from graphrisk.runs.store import publications, read_table
from tests.support import sighting, write_facts
from tests.support_api import publish_facts, settings_at

FARMS = ("first", "second", "third")


def write_town(folder: Path, name: str, number: int) -> Path:
    """Facts about accounts of their own that share devices and an address, in a month of their own."""
    accounts = [f"{name}_{place}" for place in range(8 + number)]
    month = f"2026-{number + 1:02d}"
    rows = [sighting(each, "device", f"dev-{name}-{place // 4}", f"{month}-02") for place, each in enumerate(accounts)]
    rows += [sighting(each, "ip", f"81.2.{number}.7", f"{month}-02") for each in accounts]
    return write_facts(folder, [{"account_id": each, "created_at": f"{month}-01"} for each in accounts], rows)


@lru_cache(1)
def towns(folder: Path) -> Path:
    """A home of three published runs, each with a farm of accounts more than the one before, and one candidate."""
    for number, name in enumerate(FARMS):
        publish_facts(folder / "home", write_town(folder / name, name, number))
    settings = settings_at(folder / "home")
    pipeline.load(settings, Policy(), [str(write_town(folder / "fourth", "fourth", 3))], None)
    pipeline.detect(settings, Policy(), None, "igraph")
    return folder / "home"


def published(home: Path) -> list[str]:
    return list(dict.fromkeys(move.run_id for move in publications(home)))


class Truth:
    """What a run says, read from its files by obvious code."""

    def __init__(self, home: Path, run_id: str) -> None:
        tables = {name: read_table(home / "runs", run_id, name).to_pylist() for name in ("accounts", "rings", "links")}
        self.run_id = run_id
        self.accounts = {row["account_id"]: row for row in tables["accounts"]}
        self.rings = {row["ring_id"]: row for row in tables["rings"]}
        self.links = [(row["account_a"], row["account_b"], row["strength"]) for row in tables["links"]]

    def agrees_about_account(self, answer: dict[str, Any]) -> None:
        row = self.accounts[answer["account_id"]]
        ring = answer["ring"] or {"ring_id": None, "role": None}
        assert (row["score"], row["band"], row["ring_id"], row["role"]) == (
            answer["score"],
            answer["band"],
            ring["ring_id"],
            ring["role"],
        )
        below = sum(other["score"] < row["score"] for other in self.accounts.values())
        assert answer["percentile"] == pytest.approx(100 * below / len(self.accounts), abs=0.006)
