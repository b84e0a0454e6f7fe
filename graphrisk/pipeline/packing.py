"""Evidence packs: all that is known of a ring or an account in two files, for investigators or for the account itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from graphrisk.errors import StoreError
from graphrisk.evidence.disclosable import Audience, disclosable, timeline_words
from graphrisk.evidence.packs import FOR, account_page, disclosable_page, ring_page
from graphrisk.files import write_durably
from graphrisk.model import DAY_US, iso, microseconds, moment_of
from graphrisk.pipeline import asking
from graphrisk.pipeline.explaining import Explainer, explainer
from graphrisk.runs.drawing import drawing
from graphrisk.settings import Settings

WATERFALLS, TICKS = 5, 6
_OF_RUN = (
    "run_id",
    "as_of",
    "engine",
    "policy_hash",
    "reference_hash",
    "input_digest",
    "output_digest",
    "versions",
    "counts",
)


def pack_ring(settings: Settings, ring_id: str, folder: Path, run_id: str | None = None) -> list[Path]:
    """Write ``pack.json`` and ``pack.html`` about a ring into a folder; returns their paths. The same run gives the same
    bytes. Raises ``NotFoundError`` or ``StoreError``."""
    run = explainer(settings, run_id)
    told = run.ring(ring_id)
    ring = asking.ring(settings, ring_id, run.snapshot.run_id)
    for name in ("run_id", "browser_url", "links"):
        del ring[name]
    lineage = {**ring["lineage"], **{name: iso(ring["lineage"][name]) for name in ("event_at", "born_at")}}
    content = {
        **_head(run, "ring", "investigator"),
        "ring": {**ring, "lineage": lineage},
        "explanation": told,
        **_of_ring(run, ring_id, told["formed"]),
    }
    return _written(folder, content, ring_page(content))


def pack_account(
    settings: Settings, account_id: str, folder: Path, run_id: str | None = None, audience: Audience = "investigator"
) -> list[Path]:
    """The same about an account; the ``disclosable`` one may be shown to whoever it belongs to."""
    run = explainer(settings, run_id)
    told = run.account(account_id)
    if audience == "disclosable":
        words = {"explanation": disclosable(told), "timeline": timeline_words(_own_uses(run, told))}
        content = {"pack": "account", "for": FOR[audience], "reference": run.snapshot.run_id, **words}
        return _written(folder, content, disclosable_page(content))
    account = asking.account(settings, account_id, run.snapshot.run_id)
    for name in ("run_id", "browser_url"):
        del account[name]
    strongest = [link["account_id"] for link in account["strongest_links"][:WATERFALLS]]
    of_ring: dict[str, Any] = {"drawing": None, "formed": [], "timeline": None}
    if told["ring"]:
        ring_id = told["ring"]["ring_id"]
        of_ring = _of_ring(run, ring_id, run.ring(ring_id)["formed"])
    content = {
        **_head(run, "account", audience),
        "account": account,
        "explanation": told,
        "waterfalls": [run.why(account_id, other) for other in strongest],
        **of_ring,
    }
    return _written(folder, content, account_page(content))


def _head(run: Explainer, about: str, audience: Audience) -> dict[str, Any]:
    manifest = run.snapshot.manifest
    return {
        "pack": about,
        "audience": audience,
        "for": FOR[audience],
        "run": {name: manifest[name] for name in _OF_RUN},
    }


def _of_ring(run: Explainer, ring_id: str, formed: list[dict[str, Any]]) -> dict[str, Any]:
    """The drawing of a ring, the order in which its members came, and its times in microseconds."""
    snapshot = run.snapshot
    row = snapshot.ring_row(ring_id) or 0
    ring = snapshot.rings.select(["window_start", "window_end"]).slice(row, 1).to_pylist()[0]
    window = [microseconds(ring["window_start"]), microseconds(ring["window_end"])]
    links = snapshot.links_at(snapshot.links_inside(row))
    joined = [_at(each["at"]) for each in formed]
    onsets = sorted(_at(each["onset"]) for each in links)
    days = _days(min(joined[0], onsets[0], window[0]), max(joined[-1], onsets[-1], window[1]))
    return {
        "drawing": drawing(snapshot, row),
        "formed": formed,
        "timeline": {"joined": joined, "onsets": onsets, "window": window, "days": days},
    }


def _days(first: int, last: int) -> list[tuple[int, str]]:
    """A few days between two moments, with their names."""
    found = sorted({int(at) // DAY_US * DAY_US for at in np.linspace(first, last, TICKS)})
    return [(at, moment_of(at).date().isoformat()) for at in found]


def _at(text: str) -> int:
    return microseconds(datetime.fromisoformat(text))


def _own_uses(run: Explainer, told: Mapping[str, Any]) -> list[tuple[str, int | None]]:
    """The kinds of what ties an account and it uses itself, by its first use: days after its sign-up, if that is known."""
    row = run.snapshot.account_row(told["account_id"]) or 0
    ties = {each["token"] for path in told["paths"] for each in path["links"][0]["evidence"]}
    ties |= {each["token"] for each in (told["frees"]["pieces"] if told["frees"] else []) if each["held"]}
    uses = run.facts.uses_of(np.array([row]))
    created = run.facts.created(np.array([row]))[0].as_py()
    names = list(run.policy.priced())
    first: dict[str, int] = {}
    for attribute, at in zip(uses.row.tolist(), uses.first.tolist(), strict=True):
        if run.facts.token(attribute) in ties:
            kind = names[run.facts.kind[attribute]]
            first[kind] = min(at, first.get(kind, at))
    ordered = sorted(first, key=lambda kind: (first[kind], kind))
    return [(kind, None if created is None else (first[kind] - created) // DAY_US) for kind in ordered]


def _written(folder: Path, content: Mapping[str, Any], page: str) -> list[Path]:
    files = {"pack.json": json.dumps(content, indent=1, ensure_ascii=False) + "\n", "pack.html": page}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_durably(folder / name, text.encode())
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be written: {error.strerror or error}; choose another folder."
        ) from error
    return [folder / name for name in files]
