"""networkx: Louvain on the accounts, linked by how many values they share."""

from __future__ import annotations

from pathlib import Path

import networkx

from tests.bench.peers.shared import PAIRS, answered, held_by_few, write_groups


def find(sightings: Path, groups: Path) -> None:
    """Louvain with modularity, networkx's own defaults."""
    graph = networkx.Graph()
    graph.add_weighted_edges_from(held_by_few(sightings).execute(PAIRS).fetchall())
    write_groups(groups, networkx.community.louvain_communities(graph, seed=1))


if __name__ == "__main__":
    answered(find)
