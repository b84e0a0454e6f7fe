"""Small published histories without detection: run folders with accounts and rings that a test chose, and their feed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from graphrisk import pipeline
from graphrisk.model import DAY_US, Lineage
from graphrisk.policy import Policy
from graphrisk.rings.identity import identify, ring_key
from graphrisk.runs.assembly import lineage_table, read_lineage
from graphrisk.runs.feed import cursor_of, read_signals
from graphrisk.runs.store import current_run, publications, read_table, write_run
from graphrisk.runs.tables import SCHEMAS, build
from graphrisk.settings import Settings

BANDS = ("high", "medium", "low")
MADE_AT = "2026-01-01T00:00:00+00:00"


class Standing(NamedTuple):
    """Where an account is in a run; ``ring`` is a number of the test's own, or None."""

    ring: int | None
    role: str | None
    band: str
    score: int


@dataclass
class History:
    """A home whose runs a test makes up, published for real."""

    settings: Settings
    made: list[str] = field(default_factory=list[str])

    def detect(self, found: Mapping[str, Standing]) -> str:
        """A run that found this, with ring ids and lineage carried over from the live run; not yet published."""
        cores: dict[int, list[str]] = defaultdict(list)
        for account_id, each in found.items():
            if each.ring is not None and each.role == "core":
                cores[each.ring].append(account_id)
        run_id, live = f"run_{len(self.made):016d}", current_run(self.settings.home)
        numbers = sorted(cores)
        alive, known = self._known(live)
        moment = len(self.made) * DAY_US
        identified = identify([cores[n] for n in numbers], alive, known, run_id, moment, Policy().rings)
        ids = dict(zip(numbers, identified.ring_ids, strict=True))
        tables = {name: schema.empty_table() for name, schema in SCHEMAS.items()} | {
            "accounts": _accounts(found, ids),
            "rings": _rings(found, ids, cores),
            "lineage": lineage_table(identified.lineage),
        }
        self.settings.prepare()
        with self.settings.scratch("made") as scratch:
            write_run(scratch, self.settings.runs, tables, _manifest(run_id, live, len(self.made)))
        self.made.append(run_id)
        return run_id

    def publish(self, run_id: str) -> None:
        """Publish a run, whatever the guard says."""
        pipeline.publish(self.settings, Policy(), run_id, "a test says so")

    def rollback(self) -> None:
        pipeline.rollback(self.settings)

    def lines(self, after: str | None = None, limit: int = 10**6) -> list[bytes]:
        return read_signals(self.settings.home, after, limit)[0]

    def live_accounts(self) -> dict[str, tuple[str | None, str | None, str]]:
        live = current_run(self.settings.home)
        assert live
        rows = read_table(self.settings.runs, live, "accounts").to_pylist()
        return {row["account_id"]: (row["ring_id"], row["role"], row["band"]) for row in rows}

    def live_rings(self) -> dict[str, int]:
        live = current_run(self.settings.home)
        assert live
        rows = read_table(self.settings.runs, live, "rings").to_pylist()
        return {row["ring_id"]: row["core_size"] for row in rows}

    def _known(self, live: str | None) -> tuple[set[str], list[Lineage]]:
        known: dict[str, Lineage] = {}
        for run_id in [live, *(move.run_id for move in reversed(publications(self.settings.home)))] if live else []:
            for row in read_lineage(read_table(self.settings.runs, str(run_id), "lineage")):
                known.setdefault(row.ring_id, row)
        alive = read_table(self.settings.runs, live, "rings")["ring_id"].to_pylist() if live else []
        return set(alive), list(known.values())


class Reader:
    """A downstream team: it keeps the standing of accounts and rings by the signals alone, checking each ``from``."""

    def __init__(self) -> None:
        self.accounts: dict[str, tuple[str | None, str | None, str]] = {}
        self.rings: dict[str, int] = {}
        self.live: str | None = None

    def take(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self._apply(json.loads(line))

    def _apply(self, signal: dict[str, Any]) -> None:
        kind = signal["type"]
        if kind == "run.published":
            assert signal["previous_run_id"] == self.live
            self.live = signal["run_id"]
        elif kind.startswith("ring."):
            if signal["size"] is None:
                del self.rings[signal["ring_id"]]
            else:
                self.rings[signal["ring_id"]] = signal["core_size"]
        else:
            self._apply_to_account(kind, signal)

    def _apply_to_account(self, kind: str, signal: dict[str, Any]) -> None:
        ring, role, band = self.accounts.get(signal["account_id"], (None, None, "low"))
        if kind == "account.ring_changed":
            assert signal["from"] == ring != signal["to"]
            ring, role = signal["to"], signal["role"]
        elif kind == "account.role_changed":
            assert (signal["ring_id"], signal["from"]) == (ring, role)
            role = signal["to"]
        else:
            assert kind == "account.band_changed"
            assert signal["from"] == band != signal["to"]
            band = signal["to"]
        self.accounts[signal["account_id"]] = (ring, role, band)


def cursors(lines: Iterable[bytes]) -> list[str]:
    return [cursor_of(line) for line in lines]


def history_at(folder: Path) -> History:
    return History(Settings(home=folder, threads=1, processes=1))


def _accounts(found: Mapping[str, Standing], ids: Mapping[int, str]) -> Any:
    rows = [
        {
            "account_id": account_id,
            "ring_id": None if each.ring is None else ids[each.ring],
            "role": each.role,
            "score": each.score,
            "band": each.band,
            "logit": 0,
            "reasons": [],
            "status": "active",
            "marketplace": "",
        }
        for account_id, each in sorted(found.items(), key=lambda item: item[0].encode())
    ]
    return build("accounts", _columns(rows, tuple(rows[0])))


def _rings(found: Mapping[str, Standing], ids: Mapping[int, str], cores: Mapping[int, list[str]]) -> Any:
    nothing = ("first_link_at", "last_link_at", "window_start", "window_end")
    listed = ("kinds", "flags", "bridge", "reasons", "features", "members", "hypotheses", "lead_reasons")
    untold = ("recommended", "rival", "lead")
    rows = [
        {
            "ring_id": ids[number],
            "ring_key": ring_key(cores[number]),
            "size": sum(each.ring == number for each in found.values()),
            "core_size": len(cores[number]),
            "score": 0,
            "band": "low",
            "logit": 0,
            **dict.fromkeys((*nothing, *untold)),
            **{name: [] for name in listed},
        }
        for number in sorted(cores, key=lambda number: ids[number])
    ]
    names = ("ring_id", "ring_key", "size", "core_size", "score", "band", "logit", *nothing, *untold, *listed)
    return build("rings", _columns(rows, names))


def _columns(rows: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def _manifest(run_id: str, live: str | None, number: int) -> dict[str, Any]:
    texts = ("engine", "policy_hash", "reference_hash", "input_digest", "output_digest")
    counts = {"accounts": 1, "rings": 1, "largest_ring": 1, "largest_component": 1}
    return {
        "run_id": run_id,
        "live_run": live,
        "as_of": MADE_AT,
        "made_at": MADE_AT.replace("00:00:00", f"00:{number // 60:02d}:{number % 60:02d}"),
        **dict.fromkeys(texts, ""),
        "counts": counts,
        **{name: {} for name in ("profile", "seconds", "versions")},
        "lineage_of": [],
        "policy": Policy().model_dump(mode="json"),
    }
