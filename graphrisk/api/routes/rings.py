"""Rings: lists of them, one and why, its members, links and lineage, and a drawing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from graphrisk import pipeline
from graphrisk.api import schemas
from graphrisk.api.answers import answer, page, snapshot_for, unchanged
from graphrisk.api.calls import call_of
from graphrisk.api.errors import ApiError
from graphrisk.api.guard import id_from_path, scoped
from graphrisk.api.paging import PageQuery, RunQuery
from graphrisk.api.served import served_by
from graphrisk.graph.links import BrowserLinks
from graphrisk.model import iso, microseconds
from graphrisk.runs.drawing import drawing
from graphrisk.runs.snapshot import Snapshot, plain
from graphrisk.runs.store import current_run
from graphrisk.scoring.hypotheses import with_rival
from graphrisk.settings import Settings

RingId = Annotated[str, Path(description="An id that was ever issued; a retired one resolves too.")]
OnePage = Annotated[PageQuery, Query()]
_LISTED = (
    "ring_id", "size", "core_size", "score", "band", "first_link_at", "last_link_at", "window_start", "window_end", "kinds", "flags",
    "recommended", "hypotheses", "rival", "lead",
)  # fmt: skip


class RingsQuery(PageQuery):
    """Which rings. ``band`` to ``recommended`` are about live rings; ``updated_since`` about what last happened to one."""

    status: Literal["live", "retired"] = "live"
    band: schemas.Band | None = None
    min_score: Annotated[int | None, Field(ge=0, le=1000)] = None
    min_size: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    kind: Annotated[str | None, Field(max_length=64, description="A kind of attribute under the ring's links.")] = None
    marketplace: Annotated[str | None, Field(max_length=128, description="Where some member trades.")] = None
    recommended: Annotated[
        bool | None, Field(description="Whether action is recommended; a run from before that was told has neither.")
    ] = None
    updated_since: AwareDatetime | None = None
    ordering: Literal["-score", "-size", "-updated"] = "-score"


def add_routes(router: APIRouter) -> None:
    """Add the routes of this file."""
    router.get("/v1/rings", response_model=schemas.RingPage)(list_rings)
    router.get("/v1/rings/{ring_id}", response_model=schemas.OneLiveRing | schemas.OneRetiredRing)(get_ring)
    router.get("/v1/rings/{ring_id}/members", response_model=schemas.Members)(get_members)
    router.get("/v1/rings/{ring_id}/links", response_model=schemas.Links)(get_links)
    router.get("/v1/rings/{ring_id}/lineage", response_model=schemas.LineagePage)(get_lineage)
    router.get("/v1/rings/{ring_id}/graph", response_model=schemas.Drawing)(get_graph)


@scoped("rings:read")
async def list_rings(request: Request, query: Annotated[RingsQuery, Query()]) -> Response:
    """Rings, riskiest first unless ordered otherwise; of equals the smaller id first."""
    filters = {"band", "min_score", "min_size", "kind", "marketplace", "recommended"} & query.model_fields_set
    if query.status == "retired" and filters:
        name = min(filters)
        detail = f"{name} is about live rings; leave it out or ask for status=live."
        raise ApiError(422, "invalid_request", detail, [{"pointer": f"/query/{name}", "detail": detail}])
    links = served_by(request.scope).published.links
    return await page(request, query, lambda snapshot: _chosen(snapshot, query, links))


@scoped("rings:read")
async def get_ring(request: Request, ring_id: RingId, query: Annotated[RunQuery, Query()]) -> Response:
    """A ring and why it has its score. A retired id answers too, with what became of it in ``superseded_by``."""
    snapshot = await snapshot_for(request, query)
    lineage = await _lineage(request, snapshot, id_from_path(ring_id))
    if same := unchanged(call_of(request.scope), snapshot):
        return same
    published = served_by(request.scope).published
    row = snapshot.ring_row(lineage["ring_id"])
    if row is None:
        return answer(request, snapshot, {**_retired(lineage, published.links), "lineage": lineage})
    why = plain(snapshot.rings.select(["reasons", "lead_reasons", "bridge"]).slice(row, 1))[0]
    for name in ("reasons", "lead_reasons"):
        parts = [(each["code"], each["contribution"]) for each in why[name] or []]
        why[name] = published.answers(snapshot).reasons(row, parts)
    (shown,) = _live(snapshot, [row], published.links)
    return answer(request, snapshot, {**shown, **why, "lineage": lineage})


@scoped("rings:read")
async def get_members(request: Request, ring_id: RingId, query: OnePage) -> Response:
    """The members of a ring by id, each with its role and its own score."""

    def items(snapshot: Snapshot) -> Any:
        members = snapshot.members_of(live_ring(snapshot, id_from_path(ring_id)))

        def render(some: Sequence[Any]) -> list[Any]:
            rows = snapshot.account_rows([each["account_id"] for each in some])
            risks = snapshot.accounts.select(["score", "band"]).take(rows).to_pylist()
            return [{**each, **risk} for each, risk in zip(some, risks, strict=True)]

        return members, render

    return await page(request, query, items)


@scoped("rings:read")
async def get_links(request: Request, ring_id: RingId, query: OnePage) -> Response:
    """The links between the members of a ring, strongest first, each with its evidence."""

    def items(snapshot: Snapshot) -> Any:
        links = snapshot.links_inside(live_ring(snapshot, id_from_path(ring_id)))
        return links, lambda some: snapshot.links_at(np.array(some, np.int64))

    return await page(request, query, items)


@scoped("rings:read")
async def get_lineage(request: Request, ring_id: RingId, query: OnePage) -> Response:
    """What happened to a ring id, and to every id that took over from it or is related to it."""
    snapshot = await snapshot_for(request, RunQuery(run=query.run, as_of=query.as_of))
    first = await _lineage(request, snapshot, id_from_path(ring_id))
    found = {first["ring_id"]: first}
    waiting = [*first["superseded_by"], *first["related"]]
    while waiting:
        other = waiting.pop(0)
        row = None if other in found else snapshot.lineage_of(other)
        if row is not None:
            found[other] = told(row)
            waiting += row["superseded_by"]
    return await page(request, query, lambda _: (list(found.values()), list))


@scoped("rings:read")
async def get_graph(request: Request, ring_id: RingId, query: Annotated[RunQuery, Query()]) -> Response:
    """A ring ready to draw: accounts, what they share, and the strongest links; bounded, with the true counts."""
    snapshot = await snapshot_for(request, query)
    row = live_ring(snapshot, id_from_path(ring_id))
    if same := unchanged(call_of(request.scope), snapshot):
        return same
    return answer(request, snapshot, await asyncio.to_thread(drawing, snapshot, row))


def live_ring(snapshot: Snapshot, ring_id: str) -> int:
    """The row of a live ring. Raises ``ApiError``: 404, or 410 for a retired id."""
    row = snapshot.ring_row(ring_id)
    if row is not None:
        return row
    if snapshot.lineage_of(ring_id):
        raise ApiError(410, "ring_retired", f"The ring is retired; GET /v1/rings/{ring_id} says what took over.")
    raise _unknown_ring(ring_id, snapshot)


def told(row: dict[str, Any]) -> dict[str, Any]:
    """A row of lineage with its moments as ISO 8601."""
    kept = {name: row[name] for name in schemas.Lineage.model_fields}
    return {**kept, "event_at": iso(row["event_at"]), "born_at": iso(row["born_at"])}


async def _lineage(request: Request, snapshot: Snapshot, ring_id: str) -> dict[str, Any]:
    found = snapshot.lineage_of(ring_id)
    if found is None:
        found = await asyncio.to_thread(_rolled_back, served_by(request.scope).settings, snapshot, ring_id)
    if found is None:
        raise _unknown_ring(ring_id, snapshot)
    return told(found)


def _rolled_back(settings: Settings, snapshot: Snapshot, ring_id: str) -> dict[str, Any] | None:
    """The lineage of an id that a run gave before it was rolled back. An older run, or one that is about to be replaced,
    does not know what was published after it."""
    found = pipeline.lineage_elsewhere(settings, ring_id)
    return found if current_run(settings.home) == snapshot.run_id else None


def _unknown_ring(ring_id: str, snapshot: Snapshot) -> ApiError:
    shown = ring_id if len(ring_id) <= 64 else f"{ring_id[:64]}…"
    return ApiError(
        404, "unknown_ring", f"No ring was ever called {shown!r} up to run {snapshot.run_id}; GET /v1/rings lists them."
    )


def _chosen(snapshot: Snapshot, query: RingsQuery, links: BrowserLinks) -> Any:
    since = microseconds(query.updated_since) if query.updated_since else None
    if query.status == "retired":
        return _chosen_retired(snapshot, since, query.ordering, links)
    columns = snapshot.ring_facts
    keep = np.ones(snapshot.rings.num_rows, bool)
    if query.band:
        keep &= columns["band"] == query.band
    if query.min_score is not None:
        keep &= columns["score"] >= query.min_score
    if query.min_size is not None:
        keep &= columns["size"] >= query.min_size
    if query.kind is not None:
        keep &= np.array([query.kind in each for each in columns["kinds"]], bool)
    if query.marketplace is not None:
        keep &= np.array([query.marketplace in each for each in snapshot.marketplaces], bool)
    if query.recommended is not None:
        keep &= columns["recommended"] == query.recommended
    if since is not None:
        keep &= columns["updated"] >= since
    rows = np.flatnonzero(keep)
    by = columns[query.ordering.removeprefix("-")]
    return rows[np.argsort(-by[rows].astype(np.int64), kind="stable")].tolist(), lambda some: _live(
        snapshot, some, links
    )


def _chosen_retired(snapshot: Snapshot, since: int | None, ordering: str, links: BrowserLinks) -> Any:
    retired = [row for row in snapshot.retired if since is None or row["event_at"] >= since]
    if ordering == "-updated":
        retired.sort(key=lambda row: (-row["event_at"], row["ring_id"]))
    return retired, lambda some: [_retired(told(row), links) for row in some]


def _live(snapshot: Snapshot, rows: Sequence[int], links: BrowserLinks) -> list[dict[str, Any]]:
    columns = snapshot.ring_facts
    shown = plain(snapshot.rings.select(list(_LISTED)).take(np.array(rows, np.int64)))
    return [
        {
            **with_rival(ring, snapshot.margin),
            "browser_url": links.ring(ring["ring_id"]),
            "status": "live",
            "marketplaces": sorted(snapshot.marketplaces[row]),
            "event": columns["event"][row],
            "updated_at": iso(int(columns["updated"][row])),
        }
        for row, ring in zip(rows, shown, strict=True)
    ]


def _retired(lineage: dict[str, Any], links: BrowserLinks) -> dict[str, Any]:
    kept = {name: lineage[name] for name in ("ring_id", "event", "superseded_by")}
    link = links.retired_ring(lineage["ring_id"])
    return {**kept, "browser_url": link, "status": "retired", "updated_at": lineage["event_at"]}
