"""What may be asked, one method a question."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Literal, Self, TypedDict, TypeVar, Unpack, overload

from graphrisk.client.answers import (
    Account,
    AccountLink,
    Drawing,
    Lineage,
    Link,
    Member,
    RetiredRing,
    RetiredRingDetail,
    Ring,
    RingDetail,
    UnknownAccount,
)
from graphrisk.client.assessments import Assessment
from graphrisk.client.explanations import (
    AccountExplanation,
    DisclosableExplanation,
    PairExplanation,
    RingExplanation,
)
from graphrisk.client.failures import RunGone
from graphrisk.client.reading import member, parsed, told_by
from graphrisk.client.rows import Rows
from graphrisk.client.run_answers import Change, Comparison, Run, RunManifest, Signal
from graphrisk.client.transport import Transport, path_of

IDS_AT_ONCE, ITEMS_A_PAGE, SIGNALS_AT_ONCE, ASSESSED_AT_ONCE = 1000, 500, 1000, 100
T = TypeVar("T")
When = datetime | str | None


class RingFilters(TypedDict, total=False):
    """Which rings, and of which run. ``updated_since`` is about what last happened to a ring."""

    band: Literal["high", "medium", "low"]
    min_score: int
    min_size: int
    kind: str
    marketplace: str
    recommended: bool
    updated_since: datetime | str
    ordering: Literal["-score", "-size", "-updated"]
    run: str
    as_of: datetime | str


class Client:
    """A server of the API and a key to it. A context manager; several threads may share one.

    ``url`` is where ``graphrisk serve`` answers, ``key`` a text of ``graphrisk keys create``. ``timeout`` is in seconds,
    for each try. A question is asked again up to ``retries`` times after 429, 502, 503, and when the connection fails,
    for at most a minute of waiting in all.

    Without ``run`` (an id) or ``as_of`` (an aware datetime, or its text) the live run answers. Every method raises
    ``ApiError`` or one of its subclasses, those that give ``Rows`` once they are read.
    """

    def __init__(self, url: str, key: str, timeout: float = 20.0, retries: int = 4) -> None:
        self._transport = Transport(url, key, timeout, retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._transport.url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def account(self, account_id: str, *, run: str | None = None, as_of: When = None) -> Account:
        """An account's risk, ring and reasons. Raises ``NotFound`` when the run does not know it."""
        return self._one(Account, path_of("v1", "accounts", account_id), {"run": run, "as_of": as_of})

    def lookup(
        self, ids: Iterable[str], *, run: str | None = None, as_of: When = None
    ) -> Rows[Account | UnknownAccount]:
        """Any number of accounts, in the order of ``ids``, each found or unknown.

        Asked a thousand at a time, all of the run that answers the first.
        """
        return Rows((Account, UnknownAccount), self._looked_up(iter(ids), {"run": run, "as_of": as_of}))

    def links(self, account_id: str, *, run: str | None = None, as_of: When = None) -> Rows[AccountLink]:
        """The links of an account, strongest first."""
        return self._pages(AccountLink, path_of("v1", "accounts", account_id, "links"), {"run": run, "as_of": as_of})

    @overload
    def rings(self, *, status: Literal["live"] = "live", **filters: Unpack[RingFilters]) -> Rows[Ring]: ...

    @overload
    def rings(self, *, status: Literal["retired"], **filters: Unpack[RingFilters]) -> Rows[RetiredRing]: ...

    def rings(self, *, status: Literal["live", "retired"] = "live", **filters: Unpack[RingFilters]) -> Rows[Any]:
        """Rings, riskiest first unless ``ordering`` says otherwise."""
        kind = Ring if status == "live" else RetiredRing
        return self._pages(kind, "/v1/rings", {"status": status, **filters})

    def ring(self, ring_id: str, *, run: str | None = None, as_of: When = None) -> RingDetail | RetiredRingDetail:
        """A ring and why it has its score; of an id that is retired, what took over. Raises ``NotFound``."""
        answer = self._transport.json(path_of("v1", "rings", ring_id), {"run": run, "as_of": as_of})
        return parsed(RetiredRingDetail if answer.get("status") == "retired" else RingDetail, answer)

    def members(self, ring_id: str, *, run: str | None = None, as_of: When = None) -> Rows[Member]:
        """The members of a ring, by id. Raises ``RingRetired`` when it is gone."""
        return self._pages(Member, path_of("v1", "rings", ring_id, "members"), {"run": run, "as_of": as_of})

    def ring_links(self, ring_id: str, *, run: str | None = None, as_of: When = None) -> Rows[Link]:
        """The links between the members of a ring, strongest first. Raises ``RingRetired`` when it is gone."""
        return self._pages(Link, path_of("v1", "rings", ring_id, "links"), {"run": run, "as_of": as_of})

    def lineage(self, ring_id: str, *, run: str | None = None, as_of: When = None) -> Rows[Lineage]:
        """What happened to a ring id, then to every id that took over from it or is related to it."""
        return self._pages(Lineage, path_of("v1", "rings", ring_id, "lineage"), {"run": run, "as_of": as_of})

    def graph(self, ring_id: str, *, run: str | None = None, as_of: When = None) -> Drawing:
        """A ring ready to draw, bounded. Raises ``RingRetired`` when it is gone."""
        return self._one(Drawing, path_of("v1", "rings", ring_id, "graph"), {"run": run, "as_of": as_of})

    def why(self, a: str, b: str, *, run: str | None = None, as_of: When = None) -> PairExplanation:
        """Everything that two accounts share and what it is worth; where they are not linked, the strongest way between them."""
        return self._one(PairExplanation, "/v1/links/why", {"a": a, "b": b, "run": run, "as_of": as_of})

    def explanation(self, account_id: str, *, run: str | None = None, as_of: When = None) -> AccountExplanation:
        """Why an account is in its ring and what would free it, or why it is in none."""
        path = path_of("v1", "accounts", account_id, "explanation")
        return self._one(AccountExplanation, path, {"run": run, "as_of": as_of})

    def disclosable(self, account_id: str, *, run: str | None = None, as_of: When = None) -> DisclosableExplanation:
        """What of its explanation may be shown to whoever an account belongs to."""
        path = path_of("v1", "accounts", account_id, "explanation")
        query = {"audience": "disclosable", "run": run, "as_of": as_of}
        return self._one(DisclosableExplanation, path, query)

    def ring_explanation(self, ring_id: str, *, run: str | None = None, as_of: When = None) -> RingExplanation:
        """Where a ring would split, and how it formed. Raises ``RingRetired`` when it is gone."""
        path = path_of("v1", "rings", ring_id, "explanation")
        return self._one(RingExplanation, path, {"run": run, "as_of": as_of})

    def assess(
        self, accounts: Iterable[Mapping[str, Any]], *, run: str | None = None, as_of: When = None
    ) -> list[Assessment]:
        """What the run would say of accounts that need not exist (docs/assess.md says what one looks like), in their order,
        asked a hundred at a time, all of the run that answers the first."""
        left, query, found = iter(accounts), {"run": run, "as_of": as_of}, list[Assessment]()
        while batch := [dict(each) for each in islice(left, ASSESSED_AT_ONCE)]:
            answer = self._transport.json("/v1/accounts:assess", query, {"accounts": batch})
            run_id = member(answer, "run_id")
            found += [parsed(Assessment, {**each, "run_id": run_id}) for each in member(answer, "accounts")]
            query = {"run": run_id, "as_of": None}
        return found

    def runs(self) -> list[Run]:
        """The runs that are kept, oldest first."""
        return [parsed(Run, each) for each in member(self._transport.json("/v1/runs", {}), "runs")]

    def run(self, run_id: str) -> RunManifest:
        """A run: what went into it, what it found, when it was published. Raises ``NotFound`` or ``RunGone``."""
        return self._one(RunManifest, path_of("v1", "runs", run_id), {})

    def comparison(self, before: str, after: str) -> Comparison:
        """How many changes of each type there are between two runs, and what the guard says of them."""
        return self._one(Comparison, path_of("v1", "runs", before, "diff", after), {"limit": 1})

    def diff(self, before: str, after: str) -> Rows[Change]:
        """What changes from one run to another: rings by id, then accounts by id."""
        return self._pages(Change, path_of("v1", "runs", before, "diff", after), {})

    def signals(self, after: str | None = None, *, follow: bool = False, every: float = 2.0) -> Rows[Signal]:
        """What publications changed, in order, behind the cursor ``after`` (None: from the first).

        ``follow`` goes on for ever, and asks for new ones every so many seconds. Keep the cursor of the last signal you
        applied, and begin behind it after an error.
        """
        return Rows((Signal,), self._signals(after, every if follow else None))

    def _one(self, kind: type[T], path: str, query: Mapping[str, Any]) -> T:
        return parsed(kind, self._transport.json(path, query))

    def _pages(self, kind: type[T], path: str, query: Mapping[str, Any]) -> Rows[T]:
        read: Callable[[Any], T] = (
            (lambda item: told_by(kind, item)) if kind is Change else lambda item: parsed(kind, item)
        )
        return Rows((kind,), map(read, self._items(path, query)))

    def _items(self, path: str, query: Mapping[str, Any]) -> Iterator[Any]:
        given, cursor = 0, None
        while True:
            try:
                page = self._transport.json(path, {**query, "limit": ITEMS_A_PAGE, "cursor": cursor})
            except RunGone as error:
                raise _cut_off(error, given) from error
            items, cursor = member(page, "items"), member(page, "next")
            yield from items
            given += len(items)
            if cursor is None:
                return

    def _looked_up(self, ids: Iterator[str], query: Mapping[str, Any]) -> Iterator[Account | UnknownAccount]:
        given = 0
        while batch := list(islice(ids, IDS_AT_ONCE)):
            try:
                answer = self._transport.json("/v1/accounts:lookup", query, {"ids": batch})
            except RunGone as error:
                raise _cut_off(error, given) from error
            run_id = member(answer, "run_id")
            for each in member(answer, "accounts"):
                kind = Account if member(each, "status") == "found" else UnknownAccount
                yield parsed(kind, {**each, "run_id": run_id})
            query, given = {"run": run_id}, given + len(batch)

    def _signals(self, cursor: str | None, every: float | None) -> Iterator[Signal]:
        while True:
            response = self._transport.ask("/v1/signals", {"after": cursor, "limit": SIGNALS_AT_ONCE})
            for line in response.content.splitlines():
                signal = told_by(Signal, json.loads(line))
                cursor = signal.cursor
                yield signal
            if not response.content:
                if every is None:
                    return
                time.sleep(every)


def _cut_off(error: RunGone, given: int) -> RunGone:
    """What is raised when the run of a list goes away while the list is read."""
    if not given:
        return error
    detail = f"{error.detail} {given:,} rows of it were given already; begin again, and take those of the new run."
    return RunGone(error.status, error.code, detail, error.request_id)
