"""What if: accounts with given attributes, as if they had been in the run."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from graphrisk.api import assessment_schemas as schemas
from graphrisk.api.answers import answer, snapshot_for
from graphrisk.api.calls import call_of
from graphrisk.api.guard import scoped
from graphrisk.api.paging import RunQuery
from graphrisk.api.served import served_by
from graphrisk.pipeline.assessment.asked import AskedAccounts

LOT = 10
"""So many accounts of a request are assessed before others have their turn."""

_one_at_a_time = ThreadPoolExecutor(1, "assess")
"""Two at once would take turns at the interpreter's lock within each, which makes both twice as much work."""


def add_routes(router: APIRouter) -> None:
    """Add the routes of this file."""
    router.post("/v1/accounts:assess", response_model=schemas.Assessments)(assess_accounts)


@scoped("assess")
async def assess_accounts(request: Request, asked: AskedAccounts, query: Annotated[RunQuery, Query()]) -> Response:
    """What the run would say of up to 100 accounts that need not exist, each as if it alone were new; nothing is written.
    Sightings that a load would reject are told and left out."""
    call_of(request.scope).ids = [each.account_id for each in asked.accounts if each.account_id]
    snapshot = await snapshot_for(request, query)
    what_if = await served_by(request.scope).published.what_if(snapshot)
    told: list[dict[str, Any]] = []
    for at in range(0, len(asked.accounts), LOT):
        lot = asked.accounts[at : at + LOT]
        told += await asyncio.get_running_loop().run_in_executor(_one_at_a_time, what_if.assess, lot)
    return answer(request, snapshot, {"accounts": told})
