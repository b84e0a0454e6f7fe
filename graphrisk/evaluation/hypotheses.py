"""What found rings truly are among the hypotheses, and what a run says that they are."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.evaluation.truth import UNSTATED, Truth
from graphrisk.model import Bools, Floats, Ints
from graphrisk.scoring.hypotheses import HYPOTHESES
from graphrisk.scoring.reference import ORGANIZED

UNKNOWN_HYPOTHESIS = -1

RIVAL_OF_STRUCTURE: dict[str, str] = {
    "single": "household",
    "person": "household",
    "household": "household",
    "ring_family": "household",
    "student_house": "household",
    "office": "workplace",
    "campus": "workplace",
    "small_business": "workplace",
    "cafe": "public_network",
    "kiosk": "public_network",
    "charity": "public_network",
    "carrier": "public_network",
    "shared_fingerprint": "public_network",
    "gift_card": "public_network",
    "agency": "agency",
    "sold_business": "resold_device",
    "resold_device": "resold_device",
}
"""What the innocent structures of a world's truth are among the hypotheses; any other innocent structure is a household."""

CORE_TRUTH = """
WITH core AS (
    SELECT place, unnest(members).account_id AS account_id, unnest(members).role AS role FROM rings
), known AS (
    SELECT place, coalesce(ring, '') AS ring, structure FROM core JOIN truth USING (account_id) WHERE role = 'core'
), by_ring AS (SELECT place, ring, count(*) AS accounts FROM known GROUP BY ALL
), by_structure AS (SELECT place, structure, count(*) AS accounts FROM known GROUP BY ALL)
SELECT place, (SELECT count(*) FROM known WHERE known.place = rings.place) AS known,
       (SELECT max((accounts, ring)) FROM by_ring WHERE by_ring.place = rings.place) AS most,
       (SELECT coalesce(sum(accounts), 0)::BIGINT FROM by_ring WHERE by_ring.place = rings.place AND ring <> '') AS inside,
       (SELECT max((accounts, structure)) FROM by_structure WHERE by_structure.place = rings.place) AS usual
FROM rings ORDER BY place
"""


class TrueRings(NamedTuple):
    """What the rings of a run truly are, one element a ring.

    ``known``: some core account is in the truth; ``organized``: more than half of the known core truly belongs to rings;
    ``hypothesis``: a position in ``HYPOTHESES`` (0: organized), or ``UNKNOWN_HYPOTHESIS`` when innocent in a way not
    told; ``ring``: the true ring that an organized one is most of, else empty; ``structure``: the commonest of its core.
    """

    known: Bools
    organized: Bools
    hypothesis: Ints
    ring: list[str]
    structure: list[str]


@dataclass(frozen=True)
class Told:
    """What a run says of its rings, beside what they truly are; one element a ring.

    ``likeliest`` and ``hypothesis`` are positions in ``HYPOTHESES``; ``chance`` is the posterior of an organized ring.
    """

    likeliest: Ints
    hypothesis: Ints
    chance: Floats
    organized: Bools
    recommended: Bools


def what_rings_are(rings: pa.Table, truth: Truth) -> TrueRings:
    """What the rings of a run (its table ``rings``) truly are."""
    with duckdb.connect() as columns:
        columns.register("truth", truth.named())
        numbered = rings.select(["members"]).append_column("place", pa.array(range(rings.num_rows), pa.int32()))
        columns.register("rings", numbered)
        found = columns.sql(CORE_TRUTH).fetchall()
    organized = np.array([2 * row[3] > row[1] for row in found], bool)
    usual = [row[4][1] if row[4] and row[4][1] != UNSTATED else "" for row in found]
    names = [row[2][1] if is_organized else "" for row, is_organized in zip(found, organized, strict=True)]
    hypothesis = [
        0 if is_organized else _rival_of(structure) for structure, is_organized in zip(usual, organized, strict=True)
    ]
    known = np.array([row[1] for row in found], np.int64) > 0
    return TrueRings(known, organized, np.array(hypothesis, np.int64), names, usual)


def told_of(rings: pa.Table, truth: Truth) -> Told | None:
    """What a run says of its rings beside the truth; None for a run from before hypotheses were told."""
    if rings.num_rows and rings["recommended"].null_count:
        return None
    true = what_rings_are(rings, truth)
    each: Any = rings["hypotheses"].combine_chunks().flatten()
    place = pc.index_in(each.field("code"), value_set=pa.array(HYPOTHESES)).to_numpy()
    permille = np.zeros((rings.num_rows, len(HYPOTHESES)))
    permille[np.repeat(np.arange(rings.num_rows), len(HYPOTHESES)), place] = each.field("permille").to_numpy()
    recommended = rings["recommended"].to_numpy().astype(bool)
    # They are listed likeliest first.
    likeliest = place[:: len(HYPOTHESES)].astype(np.int64)
    chance = permille[:, HYPOTHESES.index(ORGANIZED)] / 1000
    return Told(likeliest, true.hypothesis, chance, true.organized, recommended)


def _rival_of(structure: str) -> int:
    return HYPOTHESES.index(RIVAL_OF_STRUCTURE.get(structure, "household")) if structure else UNKNOWN_HYPOTHESIS
