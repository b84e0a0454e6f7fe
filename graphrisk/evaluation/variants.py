"""What is found when a world's facts are changed a little: sightings lost, or sightings that attackers add."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from graphrisk import pipeline
from graphrisk.errors import InputError
from graphrisk.evaluation.clusters import adjusted_rand
from graphrisk.evaluation.found import found_in
from graphrisk.evaluation.measures import Found
from graphrisk.evaluation.truth import Truth
from graphrisk.model import Ints
from graphrisk.policy import Policy
from graphrisk.runs.store import read_table
from graphrisk.schema import TABLES
from graphrisk.settings import Settings

FORMATS = ("parquet", "csv")
DROPPED_PERCENT = (1, 5)


@dataclass(frozen=True)
class Facts:
    """The tables of a world's folder, as they were written."""

    accounts: pa.Table
    sightings: pa.Table
    labels: pa.Table

    def detected(self, settings: Settings, policy: Policy, truth: Truth) -> Found:
        """What is found in these facts in a home of their own, under the policy and the reference of ``settings``."""
        with tempfile.TemporaryDirectory(prefix="graphrisk-variant-") as scratch:
            folder, home = Path(scratch) / "facts", replace(settings, home=Path(scratch) / "home")
            folder.mkdir()
            for name in TABLES:
                pq.write_table(getattr(self, name), folder / f"{name}.parquet")
            home.prepare()
            if settings.reference_file.exists():
                shutil.copyfile(settings.reference_file, home.reference_file)
            pipeline.load(home, policy, [str(folder)])
            run = pipeline.detect(home, policy)["run_id"]
            accounts, rings = (read_table(home.runs, run, name) for name in ("accounts", "rings"))
        return found_in(accounts, rings, len(truth.ring))


def read_facts(folder: Path) -> Facts:
    """The facts in a world's folder. Raises ``InputError`` where a table is not there."""
    return Facts(*(_table(folder, name) for name in TABLES))


def _table(folder: Path, name: str) -> pa.Table:
    for suffix in FORMATS:
        for path in (folder / name, folder / f"{name}.{suffix}"):
            if path.is_file() or (path.is_dir() and any(path.glob(f"*.{suffix}"))):
                return ds.dataset(path, format=suffix).to_table()
    raise InputError(f"The folder {folder} has no table {name}; name the folder that `graphrisk world` wrote.")


def agreement_after_losses(
    facts: Facts, settings: Settings, policy: Policy, truth: Truth, core: Ints
) -> dict[str, float]:
    """How far the grouping of the true rings' accounts (``core``: the found ring of each account) stays when one and
    five of a hundred sightings are lost: the adjusted Rand index of before and after, by measure name."""
    inside = truth.ring >= 0
    found: dict[str, float] = {}
    for percent in DROPPED_PERCENT:
        kept = np.random.default_rng(percent).random(facts.sightings.num_rows) >= percent / 100
        fewer = replace(facts, sightings=facts.sightings.filter(pa.array(kept)))
        after = fewer.detected(settings, policy, truth).core
        found[f"ari_dropped_{percent}"] = adjusted_rand(core[inside], after[inside])
    return found
