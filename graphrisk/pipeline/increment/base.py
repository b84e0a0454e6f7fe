"""The live run as the base of an increment: whether it can be one, and its tables as columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from graphrisk.errors import StoreError
from graphrisk.ledger.store import Load
from graphrisk.logs import LOG
from graphrisk.model import Links
from graphrisk.pipeline.describing import input_digest
from graphrisk.runs.facts import Facts
from graphrisk.runs.store import read_manifest, read_table, verify_run
from graphrisk.runs.tables import FACT_SCHEMAS, SCHEMAS
from graphrisk.settings import Settings

SAME = ("policy_hash", "reference_hash", "method_version", "engine", "versions", "token_key")
"""What an increment must have in common with its base."""

LARGEST_SHARE = 0.25
"""Where more of the rows than this are new, a whole run is quicker."""

SMALL = 200_000
"""Rows below which it does not matter."""


@dataclass(frozen=True)
class Base:
    """The live run: its tables, mapped, the clock that its retention counted from, and the last load that it saw."""

    run_id: str
    tables: dict[str, pa.Table]
    token_key: str
    clock: int
    after: int

    @property
    def accounts(self) -> int:
        return self.tables["accounts"].num_rows

    @cached_property
    def facts(self) -> Facts:
        return Facts(self.tables, self.token_key)

    @cached_property
    def links(self) -> Links:
        """Its links in the order of its table; which corroboration they have is left out."""
        return _links(self.tables["links"], self.tables["neighbours"])


def base_of(settings: Settings, manifest: dict[str, Any], loads: list[Load]) -> Base | None:
    """The live run, if a run that begins like ``manifest`` and sees ``loads`` can be made from it.

    Every byte of it is checked first, since what is wrong in it would be handed on from run to run.
    """
    live = manifest["live_run"]
    if live is None:
        return None
    made = read_manifest(settings.runs, live)
    if (
        "clock" not in made
        or any(made.get(name) != manifest[name] for name in SAME)
        or not {"uses.arrow", "neighbours.arrow"} <= set(made["files"])
    ):
        return None
    seen_by = datetime.fromisoformat(made["as_of"])
    before = [load for load in loads if load.accepted_at <= seen_by]
    if seen_by > datetime.fromisoformat(manifest["as_of"]) or input_digest(before) != made["input_digest"]:
        return None
    rows, fresh = (sum(load.rows for load in part) for part in (loads, loads[len(before) :]))
    if rows > SMALL and fresh > LARGEST_SHARE * rows:
        return None
    try:
        verify_run(settings.runs, live)
    except StoreError as error:
        LOG.warning("Everything is computed anew: %s", error)
        return None
    tables = {name: read_table(settings.runs, live, name) for name in (*SCHEMAS, *FACT_SCHEMAS)}
    return Base(live, tables, made["token_key"], made["clock"], before[-1].seq)


def _links(links: pa.Table, neighbours: pa.Table) -> Links:
    lists = {name: neighbours[name].combine_chunks() for name in neighbours.column_names}
    row = np.repeat(np.arange(len(neighbours)), np.diff(lists["link"].offsets.to_numpy()))
    link, other = (lists[name].values.to_numpy().astype(np.int64) for name in ("link", "account"))
    proves = lists["proves"].values.to_numpy(zero_copy_only=False)
    a, b = np.zeros(len(links), np.int64), np.zeros(len(links), np.int64)
    proves_a, proves_b = np.zeros(len(links), bool), np.zeros(len(links), bool)
    first = row < other
    a[link[first]], b[link[first]], proves_a[link[first]] = row[first], other[first], proves[first]
    proves_b[link[~first]] = proves[~first]
    strength = links["strength"].to_numpy().astype(np.int64)
    onset = links["onset"].cast(pa.int64()).to_numpy()
    unknown = np.zeros(len(links), bool)
    return Links(a, b, strength, onset, proves_a, proves_b, unknown, unknown)
