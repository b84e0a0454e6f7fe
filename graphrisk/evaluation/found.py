# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""What a run found, as columns to measure."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.evaluation.measures import Found


def found_in(accounts: pa.Table, rings: pa.Table, known: int) -> Found:
    """What the tables of a run say, for its accounts and then for those (up to ``known`` in all) that it never saw."""
    core = pc.equal(accounts["role"], "core")
    ring_id = pc.if_else(core, accounts["ring_id"], None).combine_chunks()
    place = pc.fill_null(pc.index_in(ring_id, value_set=rings["ring_id"].combine_chunks(), skip_nulls=True), -1)
    unseen = known - len(accounts)
    return Found(
        np.append(place.to_numpy().astype(np.int64), np.full(unseen, -1, np.int64)),
        rings["score"].to_numpy().astype(np.int64),
        np.append(accounts["score"].to_numpy().astype(np.int64), np.zeros(unseen, np.int64)),
    )
