"""``python -m tests.bench``: what the product takes from load to export, and how far its detection is above the floor.

Nothing here passes or fails by time: the figures depend on the machine and on whatever else it does. The exit code is 1
when a command fails, with that command's own words.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.processes import CommandError, Cost, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench that the arguments ask for; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Time the product, and its detection against the floor."
    )
    parser.add_argument(
        "--accounts", type=_positive, help="size of the marketplace (default 1000000; 100000 with --end-to-end)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=_positive, default=3, help="how many times floor and detect are run, in turn")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in DIR and leave facts, ledger and runs there")
    parser.add_argument("--end-to-end", action="store_true", help="only time load, detect and publish, as one figure")
    given = parser.parse_args(arguments)
    accounts = given.accounts or (100_000 if given.end_to_end else 1_000_000)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}"
    print(f"{accounts:,} accounts, seed {given.seed}; {machine}\n")
    try:
        with _folder(given.keep) as folder:
            if given.end_to_end:
                _end_to_end(folder, accounts, given.seed)
            else:
                _stages(folder, accounts, given.seed, given.repeat)
    except CommandError as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


@contextmanager
def _folder(keep: Path | None) -> Generator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="graphrisk-bench-") as folder:
            yield Path(folder)
        return
    keep.mkdir(parents=True, exist_ok=True)
    # A ledger that has these facts already would make the load a matter of nothing, so each bench has its own folder.
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=keep.resolve()))
    yield folder
    print(f"\nKept in {folder}")


def _stages(folder: Path, accounts: int, seed: int, repeat: int) -> None:
    facts, home = folder / "facts", folder / "home"
    generated = _generate(facts, accounts, seed)
    sightings = _counted(generated)["sightings"]
    loaded = _product(home, "load", facts)
    floors: list[Cost] = []
    detections: list[Cost] = []
    # In turn, so that a slow minute of the machine falls on both.
    for _ in range(repeat):
        floors.append(run("-m", "tests.bench.floor", home / "ledger"))
        shutil.rmtree(home / "runs", ignore_errors=True)  # or the run would tell of the first time
        detections.append(_product(home, "detect", "--json"))
    published = _product(home, "publish")
    exported = _product(home, "export", folder / "export")
    rows = [
        ("generate", [generated], sightings, "sightings"),
        ("load", [loaded], sightings, "sightings"),
        ("floor", floors, sightings, "sightings"),
        ("detect", detections, sightings, "sightings"),
        ("publish", [published], accounts, "accounts"),
        ("export", [exported], accounts, "accounts"),
    ]
    _print_costs(rows)
    _print_ratios(floors, detections)
    _print_steps("floor", floors)
    _print_steps("detect", detections)


def _end_to_end(folder: Path, accounts: int, seed: int) -> None:
    facts, home = folder / "facts", folder / "home"
    sightings = _counted(_generate(facts, accounts, seed))["sightings"]
    commands = {"load": [facts], "detect": ["--json"], "publish": []}
    costs = {command: _product(home, command, *rest) for command, rest in commands.items()}
    _print_costs([(command, [cost], sightings, "sightings") for command, cost in costs.items()])
    whole = sum(cost.seconds for cost in costs.values())
    print(f"\nload to publish: {whole:.2f} s, peak {max(cost.peak_mib for cost in costs.values()):,.0f} MiB")


def _generate(facts: Path, accounts: int, seed: int) -> Cost:
    # In a process of its own: Linux counts the memory of a process into the peak of those that it starts.
    return run("-m", "tests.bench.marketplace", facts, str(accounts), str(seed))


def _product(home: Path, command: str, *rest: str | Path) -> Cost:
    return run("-m", "graphrisk", "--home", home, command, *rest)


def _counted(cost: Cost) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(cost.output)
    except ValueError as error:
        raise CommandError(f"A command should have printed JSON alone, and printed:\n{cost.output[:2000]}") from error
    return found


def _print_costs(rows: list[tuple[str, list[Cost], int, str]]) -> None:
    print(f"{'stage':<10}{'runs':>5}{'median s':>10}{'min s':>9}{'max s':>9}{'cpu s':>9}{'peak MiB':>10}{'rate':>22}")
    for name, costs, amount, unit in rows:
        seconds = [cost.seconds for cost in costs]
        middle = statistics.median(seconds)
        cpu = statistics.median(cost.cpu for cost in costs)
        peak = max(cost.peak_mib for cost in costs)
        print(
            f"{name:<10}{len(costs):>5}{middle:>10.2f}{min(seconds):>9.2f}{max(seconds):>9.2f}{cpu:>9.2f}{peak:>10,.0f}"
            f"{f'{amount / middle:,.0f} {unit}/s':>22}"
        )


def _print_ratios(floors: list[Cost], detections: list[Cost]) -> None:
    pairs = [detection.seconds / floor.seconds for floor, detection in zip(floors, detections, strict=True)]
    ratio = statistics.median(cost.seconds for cost in detections) / statistics.median(cost.seconds for cost in floors)
    print(f"\ndetect / floor: {ratio:.2f} (medians), pair by pair " + ", ".join(f"{pair:.2f}" for pair in pairs))


def _print_steps(name: str, costs: list[Cost]) -> None:
    """The seconds that a command says each of its stages took (median), and what it says it found."""
    reports = [_counted(cost) for cost in costs]
    print(f"\n{name} by its own account")
    stages: dict[str, float] = reports[0].get("seconds", {})
    for stage in stages:
        print(f"  {stage:<16}{statistics.median(report['seconds'].get(stage, 0.0) for report in reports):>9.2f} s")
    print(f"  {'start and rest':<16}{statistics.median(map(_unaccounted, costs, reports)):>9.2f} s")
    print("  " + ", ".join(f"{count:,} {what}" for what, count in reports[0].get("counts", {}).items()))


def _unaccounted(cost: Cost, report: dict[str, Any]) -> float:
    return cost.seconds - sum(report.get("seconds", {}).values())


if __name__ == "__main__":
    sys.exit(main())
