# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""``python -m tests.bench.peers``: detection beside what a user would pick instead, on the same sightings, in one run.

A world with hidden truth is written and loaded once. Peers see who holds which value of the kinds that link accounts by
themselves (no addresses on the net, which would only harm them), and each group counts from the size and reuse on that is
best for the peer on this very world, which is more than a user could know. graphrisk's detection is timed with all it
does: evidence, scores, ids, writing.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphrisk.evaluation.evaluating import Evaluation, evaluate
from graphrisk.evaluation.facts import Held
from graphrisk.evaluation.measures import FLAGGED, Case, values
from graphrisk.evaluation.rivals import RIVAL_KINDS, SMALLEST, Rival, found_by
from graphrisk.ledger.reading import view_facts
from graphrisk.ledger.store import Ledger
from graphrisk.model import Ints
from graphrisk.settings import Settings
from tests.bench.evaluate import THRESHOLDS
from tests.bench.peers.science import found_by_science
from tests.bench.peers.shared import Answer
from tests.bench.processes import CommandError, run

PEERS = {
    "networkx Louvain": "louvain",
    "Splink exact links": "splink_clusters",
    "Spark GraphX components": "graphx",
}
MEASURES = ("ring_jaccard", "account_precision", "account_recall", "account_f1", "ordinary_flagged", "business_flagged")
STATISTIC = "size_reuse"
SCIENCE = "Neo4j GDS"
SIGHTINGS = "sightings.parquet"
SEEN = "COPY (SELECT DISTINCT account_id, kind, token FROM fact_sightings WHERE kind IN ({kinds})) TO '{file}'"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all that the arguments ask for, and print one table."""
    given = _parser().parse_args(arguments)
    print(f"{given.accounts:,} accounts, preset {given.preset}, seed {given.seed}; {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory(prefix="graphrisk-bench-") as name:
        folder = Path(name)
        world = ("--preset", given.preset, "--accounts", str(given.accounts), "--seed", str(given.seed))
        run("-m", "graphrisk", "world", folder / "facts", *world)
        settings = Settings(home=folder / "home")
        run("-m", "graphrisk", "--home", settings.home, "load", folder / "facts")
        ours = run("-m", "graphrisk", "--home", settings.home, "detect")
        run("-m", "graphrisk", "--home", settings.home, "publish")
        _write_sightings(settings, folder / SIGHTINGS)
        answers = {name: answer for peer in given.peers for name, answer in _answers(peer, folder, settings).items()}
        found = evaluate(settings, "current", folder / "facts")
        print(f"\n{'':<26}{'s':>8}{'ratio':>7}{'peak MiB':>10}" + "".join(f"{each:>18}" for each in MEASURES))
        _tell("graphrisk detect", ours.seconds, 1, ours.peak_mib, found.report["measures"])
        for peer, answer in answers.items():
            measured = _measured(_placed(answer.groups, found.case.truth.account_ids), found)
            _tell(peer, answer.seconds, answer.seconds / ours.seconds, answer.peak_mib, measured)


def _answers(peer: str, folder: Path, settings: Settings) -> dict[str, Answer]:
    """What a peer says, or no answer when it fails."""
    print(f"{peer} …", flush=True)
    if peer == SCIENCE:
        return found_by_science(settings, RIVAL_KINDS)
    groups = folder / f"{PEERS[peer]}.parquet"
    try:
        cost = run("-m", f"tests.bench.peers.{PEERS[peer]}", folder / SIGHTINGS, groups)
    except CommandError as failure:
        print(f"{peer} failed: {str(failure)[-300:]}", flush=True)
        return {}
    return {peer: Answer(pq.read_table(groups), cost.seconds, json.loads(cost.output)["peak_mib"])}


def _write_sightings(settings: Settings, file: Path) -> None:
    """Who holds which value, for peers to read."""
    ledger = Ledger(settings.ledger)
    loads = ledger.loads()
    with settings.columns(None) as columns:
        view_facts(columns, ledger, loads[-1].accepted_at, loads)
        columns.execute(SEEN.format(kinds=", ".join(f"'{kind}'" for kind in RIVAL_KINDS), file=file))


def _placed(groups: pa.Table, ids: pa.Array) -> Ints:
    """The group of each account: −1 for those in none, and in groups that are too small to be a ring."""
    _, number, size = np.unique(groups["group"].to_numpy(), return_inverse=True, return_counts=True)
    kept = size[number] >= SMALLEST
    placed = np.full(len(ids), -1, np.int64)
    place = pc.index_in(groups["account_id"], value_set=ids).to_numpy()
    placed[place[kept]] = np.unique(number[kept], return_inverse=True)[1]
    return placed


def _measured(group: Ints, found: Evaluation) -> dict[str, float]:
    """The measures of a peer's groups, claimed from the statistic on that gives the best account F1 on this world."""
    held = found.held
    rival = Rival("", lambda _: group[: held.accounts], STATISTIC, 0.0)
    tried = [_claimed(replace(rival, threshold=threshold), held, found) for threshold in THRESHOLDS]
    return max(tried, key=lambda each: each["account_f1"])


def _claimed(rival: Rival, held: Held, found: Evaluation) -> dict[str, float]:
    truth = found.case.truth
    case = Case(truth, found_by(rival, held, len(truth.ring)), None, FLAGGED)
    return values(case, case.plain_weights())


def _tell(name: str, seconds: float, ratio: float, peak: float, measured: dict[str, float]) -> None:
    figures = "".join(f"{measured[each]:>18.3f}" for each in MEASURES)
    print(f"{name:<26}{seconds:>8.1f}{ratio:>7.1f}{peak:>10,.0f}{figures}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--seed", type=int, default=1)
    every = [*PEERS, SCIENCE]
    parser.add_argument(
        "--peers", type=lambda text: text.split(","), default=every, metavar="NAME,NAME,…", help=", ".join(every)
    )
    return parser


if __name__ == "__main__":
    main()
