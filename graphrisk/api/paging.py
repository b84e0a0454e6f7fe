"""Pages: a cursor is bound to a run, a route and a filter, so that a publication in between never mixes runs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from graphrisk.api.errors import ApiError


class NoQuery(BaseModel):
    """A route without query parameters: any is refused."""

    model_config = ConfigDict(extra="forbid")


class RunQuery(NoQuery):
    """Which run answers; without either, the live one."""

    run: Annotated[str | None, Field(max_length=64, description="A published run that is still kept.")] = None
    as_of: Annotated[AwareDatetime | None, Field(description="The run that was live at this moment (with a zone).")] = (
        None
    )


class PageQuery(RunQuery):
    """A page of a list; ``cursor`` is what the page before gave as ``next``."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str | None, Field(max_length=400)] = None


class Place(NamedTuple):
    """Where a page begins: in which run, after how many items."""

    run_id: str | None
    offset: int


def place_of(query: PageQuery, path: str) -> Place:
    """Where the page of a query begins. Raises ``ApiError`` 422 for a cursor that is not from this list."""
    if query.cursor is None:
        return Place(query.run, 0)
    try:
        run_id, bound, offset = json.loads(base64.urlsafe_b64decode(query.cursor.encode("ascii")))
        whole = isinstance(run_id, str) and isinstance(offset, int) and offset >= 0
    except (ValueError, TypeError, binascii.Error, RecursionError):
        whole, run_id, bound, offset = False, "", "", 0
    if not whole or bound != _bound(query, path) or query.run not in (None, run_id):
        detail = "The cursor is not from this list with these filters; begin again without a cursor."
        raise ApiError(422, "invalid_cursor", detail, [{"pointer": "/query/cursor", "detail": detail}])
    return Place(run_id, offset)


def next_cursor(query: PageQuery, path: str, run_id: str, offset: int, total: int) -> str | None:
    """The cursor of the page after the items up to ``offset``; None when there is none."""
    if offset >= total:
        return None
    text: Any = json.dumps([run_id, _bound(query, path), offset])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _bound(query: PageQuery, path: str) -> str:
    chosen = query.model_dump(mode="json", exclude={"cursor", "limit", "run", "as_of"})
    text = json.dumps([path, chosen], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
