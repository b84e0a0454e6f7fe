"""Why: two accounts, an account in its ring or in none, a ring as a whole."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from graphrisk.api import explanation_schemas as schemas
from graphrisk.api.answers import answer, snapshot_for, unchanged
from graphrisk.api.calls import call_of
from graphrisk.api.errors import ApiError
from graphrisk.api.guard import id_from_path, scoped
from graphrisk.api.paging import RunQuery
from graphrisk.api.routes.accounts import AccountId, unknown_account
from graphrisk.api.routes.rings import RingId, live_ring
from graphrisk.api.served import served_by
from graphrisk.evidence.disclosable import REFUSALS, Audience, disclosable


class ExplanationQuery(RunQuery):
    """Whose eyes an answer is for. ``disclosable`` names no other party; only an answer about one account can be so."""

    audience: Audience = "investigator"


class PairQuery(ExplanationQuery):
    """Two accounts."""

    a: Annotated[str, Field(min_length=1, description="An account id.", examples=["acc_00000313"])]
    b: Annotated[str, Field(min_length=1, description="Another account id.", examples=["acc_00001180"])]


def add_routes(router: APIRouter) -> None:
    """Add the routes of this file."""
    router.get("/v1/links/why", response_model=schemas.PairExplanation)(explain_pair)
    of_account = schemas.AccountExplanation | schemas.DisclosableExplanation
    router.get("/v1/accounts/{account_id}/explanation", response_model=of_account)(explain_account)
    router.get("/v1/rings/{ring_id}/explanation", response_model=schemas.RingExplanation)(explain_ring)


@scoped("rings:read")
async def explain_pair(request: Request, query: Annotated[PairQuery, Query()]) -> Response:
    """Everything that two accounts share, what it is worth and what else it could be worth; and, where they are not linked,
    the strongest way from one to the other. Unknown accounts: 404."""
    call_of(request.scope).ids = [query.a, query.b]
    _for_investigators(query, "pair")
    if query.a == query.b:
        raise _refused("b", "a and b are the same account; name two, or ask for the explanation of one.")
    snapshot = await snapshot_for(request, query)
    for account_id in (query.a, query.b):
        if snapshot.account_row(account_id) is None:
            raise unknown_account(account_id, snapshot)
    explainer = await served_by(request.scope).published.explainer(snapshot)
    if same := unchanged(call_of(request.scope), snapshot):
        return same
    return answer(request, snapshot, await asyncio.to_thread(explainer.why, query.a, query.b))


@scoped("rings:read")
async def explain_account(
    request: Request, account_id: AccountId, query: Annotated[ExplanationQuery, Query()]
) -> Response:
    """Why an account is in its ring, and the smallest evidence without which it would not be; or why it is in none. With
    ``audience=disclosable``, what of it may be shown to whoever the account belongs to."""
    account_id = id_from_path(account_id)
    snapshot = await snapshot_for(request, query)
    if snapshot.account_row(account_id) is None:
        raise unknown_account(account_id, snapshot)
    explainer = await served_by(request.scope).published.explainer(snapshot)
    if same := unchanged(call_of(request.scope), snapshot):
        return same
    told = await asyncio.to_thread(explainer.account, account_id)
    return answer(request, snapshot, disclosable(told) if query.audience == "disclosable" else told)


@scoped("rings:read")
async def explain_ring(request: Request, ring_id: RingId, query: Annotated[ExplanationQuery, Query()]) -> Response:
    """Where a ring would split most easily, what would be left of it without one value, and the order in which its members
    came."""
    _for_investigators(query, "ring")
    snapshot = await snapshot_for(request, query)
    ring_id = id_from_path(ring_id)
    live_ring(snapshot, ring_id)
    explainer = await served_by(request.scope).published.explainer(snapshot)
    if same := unchanged(call_of(request.scope), snapshot):
        return same
    return answer(request, snapshot, await asyncio.to_thread(explainer.ring, ring_id))


def _for_investigators(query: ExplanationQuery, about: str) -> None:
    if query.audience != "investigator":
        raise _refused("audience", REFUSALS[about])


def _refused(name: str, detail: str) -> ApiError:
    return ApiError(422, "invalid_request", detail, [{"pointer": f"/query/{name}", "detail": detail}])
