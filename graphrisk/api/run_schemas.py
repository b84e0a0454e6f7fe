"""The answers of the API about runs and about itself, as OpenAPI documents them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from graphrisk.api.schemas import Count, Digest, Milliseconds, Moment, RunId, Strict


class Run(Strict):
    run_id: RunId
    status: Literal["live", "published", "candidate"]
    as_of: Moment
    engine: Annotated[str, Field(examples=["igraph"])]
    policy_hash: Digest
    output_digest: Digest
    counts: dict[str, int]


class Runs(Strict):
    runs: list[Run]
    took_ms: Milliseconds


class RunManifest(Run):
    reference_hash: Digest
    input_digest: Digest
    made_at: Moment
    seconds: dict[str, float]
    versions: dict[str, str]
    publications: list[dict[str, Any]]
    took_ms: Milliseconds


class Diff(Strict):
    before: RunId
    after: RunId
    counts: Annotated[dict[str, int], Field(description="Changes by type.")]
    objections: Annotated[list[str], Field(description="What the guard says against going from one to the other.")]
    publications: list[dict[str, Any]]
    items: Annotated[
        list[dict[str, Any]], Field(description="Rings by id, then accounts by id, as in the feed of signals.")
    ]
    total: Count
    next: str | None
    took_ms: Milliseconds


class State(Strict):
    status: Literal["ok", "not_ready"]
    run_id: str | None = None
    age_seconds: float | None = None
    problem: str | None = None
