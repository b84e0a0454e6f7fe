"""``python -m tests.bench.evaluate``: detection quality on worlds with hidden truth, as a table against the targets.

A world of a (preset, accounts, seed) is written and loaded once into ``--work``; later runs only detect, as long as what
writes and loads it is unchanged. The exit code is 0 however good or bad the rings are.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from graphrisk import pipeline
from graphrisk.evaluation.evaluating import Evaluation, evaluate, stressed
from graphrisk.evaluation.measures import FLAGGED, Case, interval, values
from graphrisk.evaluation.report import (
    ARCHETYPE_HEADINGS,
    INNOCENT_HEADINGS,
    MEASURE_HEADINGS,
    archetype_rows,
    attack_section,
    innocent_rows,
    measures_rows,
)
from graphrisk.evaluation.rivals import RIVALS, Rival, found_by
from graphrisk.evaluation.targets import PRESETS
from graphrisk.policy import Policy, read_policy
from graphrisk.settings import Settings
from tests.bench.hands import OWN, PROGRAMS, write_by

PACKAGE = Path(__file__).parents[2] / "graphrisk"
LOADING = ("sources", "ledger", "schema.py")
TUNING_SEEDS = (101,)
BESIDE = ("ring_jaccard", "account_precision", "account_recall", "account_f1", "ordinary_flagged", "business_flagged")
THRESHOLDS = (3, 5, 8, 12, 20, 30, 50, 80, 120, 200)


@dataclass(frozen=True)
class World:
    """A world on disk: where its facts and truth are, and the home that they were loaded into."""

    preset: str
    seed: int
    facts: Path
    home: Path

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home)


def written_world(work: Path, preset: str, accounts: int, seed: int, policy: Policy, hand: str = OWN) -> World:
    """The world in ``work``, written and loaded unless the code that is there now did both."""
    made_by = _code(PACKAGE / "worlds") if hand == OWN else f"{hand}-{_code(Path(__file__).with_name(f'{hand}world'))}"
    facts = work / f"{preset}-{accounts}-{seed}-{made_by}" / "facts"
    if not (facts.parent / "written").exists():
        shutil.rmtree(facts.parent, ignore_errors=True)
        facts.parent.mkdir(parents=True)
        write_by(hand, facts, preset, accounts, seed)
        (facts.parent / "written").touch()
    home = facts.parent / f"home-{_code(*(PACKAGE / part for part in LOADING))}"
    if not (home / "loaded").exists():
        shutil.rmtree(home, ignore_errors=True)
        pipeline.load(Settings(home=home), policy, [str(facts)])
        (home / "loaded").touch()
    return World(preset, seed, facts, home)


def _code(*paths: Path) -> str:
    """A digest of the code in these files and packages."""
    digest = hashlib.sha256()
    for path in paths:
        for file in [path] if path.is_file() else sorted(path.glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def evaluated(world: World, policy: Policy) -> Evaluation:
    """Detect anew and measure."""
    # A run is named by what went into it, not by the code: one that is there would be taken for the new one.
    shutil.rmtree(world.settings.runs, ignore_errors=True)
    run = pipeline.detect(world.settings, policy)["run_id"]
    return evaluate(world.settings, run, world.facts)


def mean_report(reports: Sequence[dict[str, Any]], samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean of the measures over worlds of one preset, with intervals of that mean; types and archetypes summed up."""
    first = reports[0]
    measures = {name: float(np.mean([each["measures"][name] for each in reports])) for name in first["measures"]}
    drawn = {name: np.mean([each[name] for each in samples], axis=0) for name in samples[0]}
    return {
        "world": first["world"],
        "measures": measures,
        "intervals": {name: interval(each) for name, each in drawn.items()},
        "archetypes": _pooled([each["archetypes"] for each in reports], ("rings", "accounts"), {"recall": "accounts", "jaccard": "rings", "oracle": "rings"}),
        "innocents": _pooled([each["innocents"] for each in reports], ("accounts", "flagged", "acted_on"), {"share_flagged": "accounts"}),
    }  # fmt: skip


def _pooled(parts: Sequence[dict[str, Any]], summed: Sequence[str], weighted: dict[str, str]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for name in sorted({name for part in parts for name in part}):
        rows = [part[name] for part in parts if name in part]
        whole[name] = {
            **rows[0],
            **{key: sum(row[key] for row in rows) for key in summed},
            **{key: float(np.average([row[key] for row in rows], weights=[row[by] for row in rows])) for key, by in weighted.items()},
        }  # fmt: skip
    return whole


def printed(report: dict[str, Any]) -> None:
    """The tables of one preset."""
    for headings, lines in (
        (MEASURE_HEADINGS, measures_rows(report, attrgetter("name"))),
        (ARCHETYPE_HEADINGS, archetype_rows(report["archetypes"])),
        (INNOCENT_HEADINGS, innocent_rows(report["innocents"])),
    ):
        _print_table(headings, lines)


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = [cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(zip(line, widths, strict=True))]  # fmt: skip
        print("  ".join(cells).rstrip())
    print()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the arguments ask for; the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.hand != OWN and not set(given.presets) <= set(PRESETS):
        parser.error(f"worlds by the {given.hand} hand are {', '.join(PRESETS)}; name some of these as --presets.")
    policy = read_policy(given.policy)
    with ExitStack() as held:
        work: Path = given.work or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="graphrisk-evaluate-")))
        for preset in given.presets:
            started = time.perf_counter()
            worlds = [written_world(work, preset, given.accounts, seed, policy, given.hand) for seed in given.seeds]
            found = [evaluated(world, policy) for world in worlds]
            report = mean_report([each.report for each in found], [each.samples for each in found])
            seconds = time.perf_counter() - started
            seeds = ", ".join(map(str, given.seeds))
            hand = "" if given.hand == OWN else f" by the {given.hand} hand"
            print(f"\n{preset}{hand}: {given.accounts:,} accounts, seeds {seeds}; {seconds:.0f} s\n")
            printed(report)
            beside_rivals(report, found, given.tune_rivals)
            if given.stress:
                under_stress(worlds[0], found[0])
    return 0


def under_stress(world: World, found: Evaluation) -> None:
    """Print what lost sightings and attackers with a budget change in one world."""
    report = stressed(world.settings, found, world.facts)
    lost = {name: value for name, value in report["measures"].items() if name.startswith("ari_dropped")}
    print(f"Under stress, seed {world.seed}: " + ", ".join(f"{name} {value:.3f}" for name, value in lost.items()))
    for _, text, headings, rows in attack_section(report):
        print(text)
        _print_table(headings, rows)


def beside_rivals(report: dict[str, Any], found: Sequence[Evaluation], tune: bool) -> None:
    """Print what the rivals find on the same facts; with ``tune``, each at the threshold that is best for it here."""
    rows = [("graphrisk", *(f"{report['measures'][name]:.3f}" for name in BESIDE), "")]
    for rival in RIVALS:
        tried = [_as_rival(rival, threshold, found) for threshold in (THRESHOLDS if tune else (rival.threshold,))]
        best = max(tried, key=lambda each: each["account_f1"])
        rows.append(
            (rival.name, *(f"{best[name]:.3f}" for name in BESIDE), f"{rival.statistic} ≥ {best['threshold']:g}")
        )
    _print_table(("beside", *BESIDE, "claimed from"), rows)


def _as_rival(rival: Rival, threshold: float, found: Sequence[Evaluation]) -> dict[str, float]:
    """The mean measures of a rival with this threshold over the worlds."""
    each: list[dict[str, float]] = []
    for one in found:
        truth = one.case.truth
        case = Case(truth, found_by(replace(rival, threshold=threshold), one.held, len(truth.ring)), None, FLAGGED)
        each.append(values(case, case.plain_weights()))
    return {"threshold": threshold, **{name: float(np.mean([one[name] for one in each])) for name in BESIDE}}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.evaluate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=_numbers, default=TUNING_SEEDS, metavar="N,N,…")
    parser.add_argument("--presets", type=lambda text: text.split(","), default=PRESETS, metavar="NAME,NAME,…")
    parser.add_argument("--accounts", type=int, default=31_000)
    parser.add_argument("--policy", type=Path, metavar="FILE", help="detect under this policy")
    parser.add_argument(
        "--tune-rivals", action="store_true", help="give each rival the threshold that is best for it here"
    )
    parser.add_argument(
        "--stress", action="store_true", help="also lose sightings and let attackers spend, in the first seed of each"
    )
    parser.add_argument("--hand", choices=tuple(PROGRAMS), default=OWN, help="who wrote the worlds (tests.bench.hands)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep worlds and homes there for the next time")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
