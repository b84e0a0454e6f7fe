"""Evolving weeks of a marketplace: a home in which one after the other was published, and the facts of the next."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

from graphrisk import pipeline
from graphrisk.errors import InputError, PublicationRefusedError
from graphrisk.policy import Policy
from graphrisk.settings import Settings
from graphrisk.worlds import write_world
from tests.faults import Fault
from tests.support_detection import TABLE_NAMES, Facts, load, settings, write_facts

DAYS = 7


@dataclass(frozen=True)
class Weeks:
    """A home whose live run is of the last week but one, the facts of each of its loads, and the facts of the last week."""

    at: Settings
    past: list[Facts]
    last: Facts

    def copy(self, home: Path) -> Settings:
        """A home of its own in the same state."""
        shutil.copytree(self.at.home, home)
        return settings(home)


def days_of(world: Path) -> list[Path]:
    """The folders of whole weeks; the last days are left out, in which a world ends all that still goes on."""
    days = sorted(world.glob("day-*"))
    return days[: len(days) // DAYS * DAYS]


def read_days(folders: list[Path]) -> Facts:
    """The facts of several folders as raw rows."""
    facts: Facts = {name: [] for name in TABLE_NAMES}
    for path in (each for folder in folders for each in sorted(folder.glob("*/*.csv"))):
        with path.open(newline="", encoding="utf-8") as handle:
            facts[path.parent.name] += csv.DictReader(handle)
    return facts


def lived_weeks(folder: Path, accounts: int, seed: int, weeks: int) -> Weeks:
    """A world of so many weeks after its history, published week by week up to the last but one."""
    write_world(folder / "world", accounts=accounts, seed=seed, days=weeks * DAYS + 1, format="csv", processes=1)
    days, at = days_of(folder / "world"), settings(folder / "home")
    parts = [[folder / "world" / "history"], *(days[n : n + DAYS] for n in range(0, len(days), DAYS))]
    for part in parts[:-1]:
        load(at, *part)
        pipeline.publish(at, Policy(), pipeline.detect(at, Policy())["run_id"])
    return Weeks(at, [read_days(part) for part in parts[:-1]], read_days(parts[-1]))


def said_of(weeks: Weeks, facts: Facts, folder: Path) -> str | None:
    """What stops these facts from going live on a copy of the home; None if they go live."""
    at = weeks.copy(folder / "home")
    try:
        loaded = load(at, write_facts(folder / "facts", facts))
        if not loaded.new:
            return "This content is already in the ledger"
        pipeline.publish(at, Policy(), pipeline.detect(at, Policy())["run_id"])
    except (InputError, PublicationRefusedError) as error:
        return str(error)
    finally:
        shutil.rmtree(folder)
    return None


def said_of_fault(weeks: Weeks, fault: Fault, folder: Path) -> str | None:
    """What stops a fault in the last week; None if it goes live."""
    return said_of(weeks, fault.change(weeks.last, weeks.past), folder)
