"""A whole world: planned from its seed, made district by district in worker processes, written with the truth beside it."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from graphrisk.errors import InputError, SettingsError
from graphrisk.logs import Step, step
from graphrisk.worlds.campaigns import Planned, plan
from graphrisk.worlds.knobs import GROUPS, Knobs
from graphrisk.worlds.making import Order, World, make
from graphrisk.worlds.writing import Layout, gather_truth, write_district

FEWEST_ACCOUNTS, MOST_ACCOUNTS = 500, 12_000_000
DISTRICT = 40_000
MOST_DAYS = 90
FORMATS = ("parquet", "csv")


def write_world(
    folder: Path,
    preset: str = "medium",
    accounts: int = 31_000,
    seed: int = 1,
    *,
    days: int = 0,
    format: str = "parquet",
    processes: int | None = None,
    **knobs: Any,
) -> None:
    """Write a marketplace of ``accounts`` accounts into the new ``folder``: a facts folder with the truth beside the facts.

    ``knobs`` change the preset (``Knobs``). With ``days``, ``folder`` holds the whole in ``whole/``, and beside it the
    same facts as they became known: ``history/``, then a folder for each of the last days. The same arguments give the
    same bytes, whatever the number of ``processes`` (the machine's if it is not given). Raises ``SettingsError`` for
    knobs that are not possible, and ``InputError`` for a number of accounts that is not, or a folder that is not empty.
    """
    chosen = Knobs.of(preset, **knobs)
    _check(folder, accounts, seed, days, format)
    layout = Layout(format, days)
    orders = _orders(chosen, accounts, seed)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        with step("Accounts", accounts) as progress:
            _make_all(
                unfinished, World(chosen, accounts, seed, layout), orders, processes or os.cpu_count() or 1, progress
            )
        whole = gather_truth(unfinished, layout, [order.number for order in orders])
        about = {"preset": preset, "knobs": chosen.as_json(), "accounts": accounts, "seed": seed, "structures": GROUPS}
        (whole / "truth.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _check(folder: Path, accounts: int, seed: int, days: int, format: str) -> None:
    if not FEWEST_ACCOUNTS <= accounts <= MOST_ACCOUNTS:
        raise InputError(
            f"A world of {accounts} accounts is not possible; ask for {FEWEST_ACCOUNTS:,} to {MOST_ACCOUNTS:,} accounts."
        )
    if seed < 0:
        raise SettingsError(f"The seed is {seed}; give 0 or a greater whole number.")
    if not 0 <= days <= MOST_DAYS:
        raise SettingsError(f"days is {days}; give 0 (no folders by day) to {MOST_DAYS}.")
    if format not in FORMATS:
        raise SettingsError(f"The format is {format!r}; take one of {', '.join(FORMATS)}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already and is not an empty folder; name a new one, or remove it.")


def _orders(knobs: Knobs, accounts: int, seed: int) -> list[Order]:
    """Districts of about the same size, and the rings dealt out among them."""
    rng = np.random.default_rng([seed, MOST_ACCOUNTS])
    count = -(-accounts // DISTRICT)
    ends = [accounts * (number + 1) // count for number in range(count)]
    dealt: list[list[Planned]] = [[] for _ in range(count)]
    for place, ring in enumerate(plan(rng, knobs, accounts)):
        dealt[place % count].append(ring)
    begins = [0, *ends[:-1]]
    return [
        Order(number, ends[number] - begins[number], begins[number], tuple(dealt[number])) for number in range(count)
    ]


def _make_all(folder: Path, world: World, orders: list[Order], processes: int, progress: Step) -> None:
    processes = min(processes, len(orders))
    if processes == 1:
        for order in orders:
            write_district(folder, world.layout, order.number, make(world, order))
            progress.advance(order.accounts)
        return
    workers = [_started() for _ in range(processes)]
    try:
        with ThreadPoolExecutor(processes) as pool:
            shares = [orders[nth::processes] for nth in range(processes)]
            list(pool.map(lambda worker, share: _drive(worker, folder, world, share, progress), workers, shares))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _started() -> subprocess.Popen[bytes]:
    # A plain process, so that any script may call this without a main guard.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "graphrisk.worlds.making"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603 - our own


def _drive(worker: subprocess.Popen[bytes], folder: Path, world: World, orders: list[Order], progress: Step) -> None:
    if worker.stdin is None or worker.stdout is None:
        return
    with worker.stdin as order, worker.stdout as made:
        pickle.dump((folder, world, orders), order)
        order.close()
        for line in made:
            progress.advance(int(line))
    if worker.wait() != 0:
        raise InputError(f"A process that made part of {folder} ended early; free some memory or disk, then try again.")
