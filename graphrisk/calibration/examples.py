"""Reviewed rings: the features of the rings of a run, and what each ring truly is, by truth or by labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa

from graphrisk.evaluation.hypotheses import UNKNOWN_HYPOTHESIS, what_rings_are
from graphrisk.evaluation.truth import Truth
from graphrisk.model import Bools, Floats, Ints
from graphrisk.scoring.reference import SIGNS


@dataclass(frozen=True)
class Examples:
    """Reviewed rings as columns, one element a ring.

    ``features`` is one column a feature of ``SIGNS``, ``nan`` where unknown; ``hypothesis`` a position in
    ``HYPOTHESES`` (0: organized) or -1 for a ring that is innocent in a way not told; ``archetype`` what an organized
    ring truly is; ``group`` numbers the ring or innocent group that a found ring is a piece of.
    """

    features: dict[str, Floats]
    organized: Bools
    hypothesis: Ints
    archetype: list[str]
    group: Ints

    def __len__(self) -> int:
        return len(self.organized)

    def take(self, where: Ints | Bools | list[bool]) -> Self:
        """The examples at the given positions, or where the mask is true."""
        places = np.arange(len(self))[where]
        return type(self)(
            {name: values[places] for name, values in self.features.items()},
            self.organized[places],
            self.hypothesis[places],
            [self.archetype[place] for place in places.tolist()],
            self.group[places],
        )


def together(parts: list[Examples]) -> Examples:
    """The examples of several worlds; groups of different worlds stay apart."""
    starts = np.cumsum([0, *(int(part.group.max(initial=-1)) + 1 for part in parts[:-1])])
    return Examples(
        {name: np.concatenate([part.features[name] for part in parts]) for name in SIGNS},
        np.concatenate([part.organized for part in parts]),
        np.concatenate([part.hypothesis for part in parts]),
        [name for part in parts for name in part.archetype],
        np.concatenate([part.group + start for part, start in zip(parts, starts.tolist(), strict=True)]),
    )


def features_of(rings: pa.Table) -> dict[str, Floats]:
    """Feature → values of the rings of a run (its table ``rings``), ``nan`` where the run could not tell."""
    column: Any = rings["features"].combine_chunks()
    lengths = np.diff(column.offsets.to_numpy())
    row = np.repeat(np.arange(rings.num_rows), lengths)
    told = column.flatten()
    codes, values = np.asarray(told.field("code").to_pylist(), object), told.field("value").to_numpy()
    found = {name: np.full(rings.num_rows, np.nan) for name in SIGNS}
    for name, each in found.items():
        each[row[codes == name]] = values[codes == name]
    return found


def by_truth(rings: pa.Table, truth: Truth) -> Examples:
    """The rings of a run as examples: organized when more than half of the core truly belongs to rings.

    Rings with no core account in the truth are left out.
    """
    known, organized, hypothesis, names, usual = what_rings_are(rings, truth)
    groups: dict[str, int] = {}
    group = [groups.setdefault(name or f"found {place}", len(groups)) for place, name in enumerate(names)]
    archetype = [structure if is_organized else "" for structure, is_organized in zip(usual, organized, strict=True)]
    whole = Examples(features_of(rings), organized, hypothesis, archetype, np.array(group, np.int64))
    return whole.take(known)


def by_labels(rings: pa.Table, labels: pa.Table) -> Examples:
    """The rings with labelled core accounts as examples: organized when more are labelled bad than good.

    ``labels`` has ``account_id`` and ``label``. Rings with as many bad as good ones are left out.
    """
    with duckdb.connect() as columns:
        columns.register("labels", labels)
        columns.register(
            "rings", rings.select(["members"]).append_column("place", pa.array(range(rings.num_rows), pa.int32()))
        )
        found = columns.sql(
            "WITH core AS (SELECT place, unnest(members).account_id AS account_id, unnest(members).role AS role FROM rings)"
            " SELECT place, count(*) FILTER (label = 'bad') - count(*) FILTER (label = 'good') AS excess"
            " FROM core JOIN labels USING (account_id) WHERE role = 'core' GROUP BY place ORDER BY place"
        ).to_arrow_table()
    excess = np.zeros(rings.num_rows, np.int64)
    excess[found["place"].to_numpy()] = found["excess"].to_numpy()
    organized = excess > 0
    hypothesis = np.where(organized, 0, UNKNOWN_HYPOTHESIS)
    whole = Examples(
        features_of(rings), organized, hypothesis, ["" for _ in range(len(organized))], np.arange(len(organized))
    )
    return whole.take(excess != 0)
