"""Accounts: their risk, ring and reasons, one by one or a thousand at once; and their links."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl

import numpy as np
from fastapi import APIRouter, Path, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from graphrisk.api import schemas
from graphrisk.api.answers import page, rendered, snapshot_for, unchanged
from graphrisk.api.calls import call_of
from graphrisk.api.errors import ApiError, invalid
from graphrisk.api.guard import id_from_path, scoped
from graphrisk.api.paging import PageQuery, RunQuery
from graphrisk.api.served import served_by
from graphrisk.runs.snapshot import Snapshot

AccountId = Annotated[str, Path(description="The id as it was loaded, URL-encoded.", examples=["acc_00000313"])]
_LIVE = RunQuery()
_RUN_PARAMETERS: list[Any] = [
    {"name": name, "in": "query", "required": False, "schema": schema, "description": schema.pop("description")}
    for name, schema in RunQuery.model_json_schema()["properties"].items()
]
_ID_PARAMETER: Any = {
    "name": "account_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "description": "The id as it was loaded, URL-encoded.",
}
_LOOKUP: Any = {
    "parameters": _RUN_PARAMETERS,
    "requestBody": {"required": True, "content": {"application/json": {"schema": schemas.Lookup.model_json_schema()}}},
}


def add_routes(router: APIRouter) -> None:
    """Add the routes of this file."""
    one: Any = {"parameters": [_ID_PARAMETER, *_RUN_PARAMETERS]}
    router.get("/v1/accounts/{account_id}", response_model=schemas.OneAccount, openapi_extra=one)(get_account)
    router.post("/v1/accounts:lookup", response_model=schemas.Accounts, openapi_extra=_LOOKUP)(lookup_accounts)
    router.get("/v1/accounts/{account_id}/links", response_model=schemas.LinksOfAccount)(get_links_of_account)


@scoped("scores:read", direct=True)
async def get_account(request: Request) -> Response:
    """The risk of an account, its ring or null, and reasons that add up to its score. Unknown: 404."""
    account_id = id_from_path(request.path_params["account_id"])
    return account_answer(request.scope, account_id, await snapshot_for(request, run_query(request)))


def account_answer(scope: Scope, account_id: str, snapshot: Snapshot) -> Response:
    """The answer about an account from a run. Raises ``ApiError`` 404."""
    call = call_of(scope)
    call.run_id = snapshot.run_id
    row = snapshot.account_row(account_id)
    if row is None:
        raise unknown_account(account_id, snapshot)
    if same := unchanged(call, snapshot):
        return same
    answers = served_by(scope).published.answers(snapshot)
    text = answers.describe(account_id, row)
    return rendered(snapshot, f"{answers.opening}{call.took_ms()},{text}}}".encode())


@scoped("scores:read", direct=True)
async def lookup_accounts(request: Request) -> Response:
    """Up to 1,000 accounts at once, in the order asked, each found or unknown; one bad id never fails the others."""
    body = await request.body()
    try:
        ids = schemas.Lookup.model_validate_json(body).ids
    except ValidationError as error:
        raise invalid([{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]) from None
    refuse_second_list(body)
    call_of(request.scope).ids = ids
    snapshot = await snapshot_for(request, run_query(request))
    answers = served_by(request.scope).published.answers(snapshot)
    items = answers.look_up(ids, snapshot.account_rows(ids))
    took_ms = call_of(request.scope).took_ms()
    return rendered(snapshot, f'{answers.opening}{took_ms},"accounts":[{",".join(items)}]}}'.encode())


@scoped("rings:read")
async def get_links_of_account(
    request: Request, account_id: AccountId, query: Annotated[PageQuery, Query()]
) -> Response:
    """The links of an account, strongest first, each with the evidence that adds up to its strength."""
    account_id = id_from_path(account_id)

    def items(snapshot: Snapshot) -> Any:
        row = snapshot.account_row(account_id)
        if row is None:
            raise unknown_account(account_id, snapshot)
        links, others = snapshot.links_of(row)

        def render(some: Sequence[Any]) -> list[Any]:
            rows = np.array(some, np.int64)
            shown = snapshot.links_at(links[rows])
            return [
                {
                    "account_id": snapshot.account_id(int(other)),
                    **{key: row[key] for key in ("strength", "onset", "evidence")},
                }
                for other, row in zip(others[rows], shown, strict=True)
            ]

        return range(len(links)), render

    return await page(request, query, items)


def run_query(request: Request) -> RunQuery:
    """Which run a direct route is asked for. Raises ``ApiError`` 422."""
    text: bytes = request.scope["query_string"]
    if not text:
        return _LIVE
    try:
        return RunQuery.model_validate(dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True)))
    except ValidationError as error:
        raise invalid([{**each, "loc": ("query", *each["loc"])} for each in error.errors(include_url=False)]) from None


def refuse_second_list(body: bytes) -> None:
    """Raise ``ApiError`` 422 when a valid body names ``ids`` twice: the first list would be ignored."""
    if body.count(b'"ids"') == 1 and b"\\" not in body:
        return
    if len(json.loads(body, object_pairs_hook=list)) > 1:
        detail = "ids is there more than once; give it once."
        raise ApiError(422, "invalid_request", detail, [{"pointer": "/body/ids", "detail": detail}])


def unknown_account(account_id: str, snapshot: Snapshot) -> ApiError:
    """404."""
    shown = account_id if len(account_id) <= 128 else f"{account_id[:128]}…"
    return ApiError(
        404, "unknown_account", f"Run {snapshot.run_id} has no account {shown!r}; ids are taken as they were loaded."
    )
