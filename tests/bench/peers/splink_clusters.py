"""Splink: accounts that agree exactly on a value are linked, and what is linked is clustered."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from tests.bench.peers.shared import answered, held_by_few

RECORDS = """
SELECT account_id AS unique_id, {columns} FROM held GROUP BY account_id
"""


def find(sightings: Path, groups: Path) -> None:
    """Deterministic links on every kind of value, then Splink's clusters of them."""
    splink: Any = importlib.import_module("splink")
    duckdb_backend: Any = importlib.import_module("splink.backends.duckdb")
    columns = held_by_few(sightings)
    kinds = [kind for (kind,) in columns.execute("SELECT DISTINCT kind FROM held ORDER BY kind").fetchall()]
    lists = ", ".join(f"coalesce(list(token) FILTER (kind = '{kind}'), []) AS {kind}" for kind in kinds)
    records = columns.sql(RECORDS.format(columns=lists)).to_arrow_table()
    columns.close()
    settings = splink.SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[splink.block_on(kind, arrays_to_explode=[kind]) for kind in kinds],
    )
    given = duckdb_backend.DuckDBAPI().register(records, dataset_display_name="accounts")
    linker = splink.Linker(given, settings, log_level=None)
    links = linker.inference.deterministic_link()
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(links)
    found = clusters.as_duckdbpyrelation().project(
        'unique_id AS account_id, dense_rank() OVER (ORDER BY cluster_id) AS "group"'
    )
    found.write_parquet(str(groups))


if __name__ == "__main__":
    answered(find)
