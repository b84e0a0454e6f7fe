# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Effects: which accounts another run would put into another ring or band, or recommend another action on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NOTHING = {"role": "", "band": "low", "decision": "none"}
"""What is said of an account that a run does not have."""

WHAT = ("ring", "role", "band", "decision")
"""What may differ of an account."""

NO_KIND, NO_MARKETPLACE = "(no ring)", "(not told)"


class Effects(NamedTuple):
    """``accounts`` has one row an account that differs, by id: ``account_id``, ``marketplace``, ``sharing`` (the kinds under
    its ring's links, after or else before, joined by ``+``), and of each of ``WHAT`` the columns ``*_before``, ``*_after``
    and the bool ``*_differs``; ``score_before``, ``score_after`` (null where a run does not have the account).

    The counts are of accounts: ``total`` of all in either run, ``changed`` of each of ``WHAT``; ``decisions`` from each
    decision to each other; and what of ``WHAT`` changed by marketplace and by sharing.
    """

    accounts: pa.Table
    total: int
    changed: dict[str, int]
    decisions: dict[tuple[str, str], int]
    by_marketplace: dict[str, dict[str, int]]
    by_sharing: dict[str, dict[str, int]]


def effects(before: pa.Table, after: pa.Table) -> Effects:
    """What differs between what two runs say of accounts: tables of ``account_id``, ``marketplace``, ``ring``, ``role``,
    ``score``, ``band``, ``decision`` and ``sharing``, null where there is no ring."""
    ids = pa.chunked_array([*before["account_id"].chunks, *after["account_id"].chunks]).unique()
    old, new = (told.take(pc.index_in(ids, value_set=told["account_id"].combine_chunks())) for told in (before, after))
    columns: dict[str, Any] = {
        "account_id": ids,
        "marketplace": pc.coalesce(new["marketplace"], old["marketplace"], pa.scalar(NO_MARKETPLACE)),
        "sharing": pc.coalesce(new["sharing"], old["sharing"], pa.scalar(NO_KIND)),
        "score_before": old["score"],
        "score_after": new["score"],
    }
    for name in WHAT:
        was, now = (pc.fill_null(told[name], NOTHING.get(name, "")) for told in (old, new))
        columns |= {f"{name}_before": was, f"{name}_after": now, f"{name}_differs": pc.not_equal(was, now)}
    table = pa.table(columns)
    differs = np.logical_or.reduce([table[f"{name}_differs"].to_numpy() for name in WHAT])
    found = table.filter(pa.array(differs))
    found = found.take(pc.sort_indices(found["account_id"])).combine_chunks()
    moved = found.filter(found["decision_differs"]).group_by(["decision_before", "decision_after"])
    decisions = {
        (row["decision_before"], row["decision_after"]): row["account_id_count"]
        for row in moved.aggregate([("account_id", "count")]).to_pylist()
    }
    return Effects(
        found,
        len(ids),
        {name: pc.sum(found[f"{name}_differs"]).as_py() or 0 for name in WHAT},
        dict(sorted(decisions.items(), key=lambda each: (-each[1], each[0]))),
        _counted(found, "marketplace"),
        _counted(found, "sharing"),
    )


def _counted(found: pa.Table, by: str) -> dict[str, dict[str, int]]:
    """For each value of a column, most accounts first: how many accounts changed, and in what."""
    sums = found.group_by(by).aggregate([("account_id", "count"), *((f"{name}_differs", "sum") for name in WHAT)])
    rows = sorted(sums.to_pylist(), key=lambda row: (-row["account_id_count"], row[by]))
    return {
        row[by]: {"accounts": row["account_id_count"], **{name: row[f"{name}_differs_sum"] for name in WHAT}}
        for row in rows
    }
