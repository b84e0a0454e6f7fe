"""``python -m tests.bench.graph``: what the graph costs on a real Neo4j, each figure beside what it is measured against.

*rates*: rows a second of the product's sync beside the best of several bare driver loops (the same nodes and
relationships, static types, no watermark, rows ready in memory), in turn on one server.
*import*: the first load of a large ledger, at a quarter of the size and at the whole.
*publication*: what a run writes that changes one membership in a hundred.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import graph_import, graph_publication, graph_rates

PARTS: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "rates": lambda folder, given: graph_rates.measure(folder, given.accounts, given.seed),
    "import": lambda folder, given: graph_import.measure(folder, given.import_accounts, given.seed),
    "publication": lambda folder, given: graph_publication.measure(folder, given.rings),
}


def main() -> None:
    """Run the parts that are asked for, each in a folder of its own, and print what they find."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.graph", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="rates, import, publication (default: all)")
    parser.add_argument("--accounts", type=int, default=50_000, help="size of the marketplace of rates")
    parser.add_argument("--import-accounts", type=int, default=1_000_000)
    parser.add_argument("--rings", type=int, default=10_000, help="rings of ten accounts in publication")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    print(f"{os.cpu_count()} cores; load of the machine at the start {os.getloadavg()[0]:.1f}", flush=True)
    for name, measure in PARTS.items():
        if name in (given.parts or PARTS):
            with tempfile.TemporaryDirectory(prefix="graphrisk-bench-") as folder:
                print(f"\n{name}", flush=True)
                measure(Path(folder), given)


if __name__ == "__main__":
    main()
