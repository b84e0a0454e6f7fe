"""Which run answers: the live one, watched and swapped whole, and older ones while they are kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from graphrisk import pipeline
from graphrisk.api.errors import ApiError
from graphrisk.api.metrics import Metrics
from graphrisk.api.rendering import AccountAnswers
from graphrisk.errors import GraphriskError, InputError, NotFoundError
from graphrisk.graph.links import BrowserLinks
from graphrisk.logs import LOG
from graphrisk.runs.snapshot import Snapshot
from graphrisk.runs.store import publications
from graphrisk.settings import Settings

if TYPE_CHECKING:
    from graphrisk.pipeline import (  # brings in detection, which a server that nobody asks why does without
        Explainer,
        WhatIf,
    )

LOOK_EVERY_SECONDS = 1.0
RETRY_SECONDS = 10.0
OLDER_RUNS_OPEN = 2
T = TypeVar("T")

NOTHING = ApiError(
    503,
    "nothing_published",
    "No run is published yet; `graphrisk run SOURCE` makes and publishes one.",
    headers={"Retry-After": "30"},
)


class Published:
    """The live run of a home, and a few older ones that were asked for. ``problem`` says why a newer run is not served."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self.links = BrowserLinks(settings.browser_url)
        self._older: OrderedDict[str, Snapshot] = OrderedDict()
        self._answers: dict[Snapshot, AccountAnswers] = {}
        self._explainers: dict[Snapshot, Explainer] = {}
        self._what_ifs: dict[Snapshot, WhatIf] = {}
        self._opening, self._looking, self._making = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
        self._seen: Any = None
        self._retry_at = 0.0
        self.current: Snapshot | None = None
        self.current_since: datetime | None = None
        self.problem: str | None = None

    async def watch(self) -> None:
        """Follow the pointer until cancelled; looks every second, and lets the other workers see what was counted."""
        while True:
            await self.look()
            self._metrics.settle()
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Open the run that the pointer names, check it, and swap; a run that cannot be served leaves the old one.

        Whoever looks while another does waits for what that one finds."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        try:
            status = (self._settings.home / "current.json").stat()
            seen = (status.st_ino, status.st_mtime_ns)
        except OSError:
            seen = None
        if seen == self._seen and not (self.problem and now >= self._retry_at):
            return
        self._seen, self._retry_at = seen, now + RETRY_SECONDS
        try:
            moves = publications(self._settings.home)
            if moves:
                since = datetime.fromisoformat(moves[-1].published_at)
                if self.current is None or moves[-1].run_id != self.current.run_id:
                    self._swap(await asyncio.to_thread(self._open, moves[-1].run_id))
                self.current_since = since
            self.problem = None
            self._metrics.refused(False)
        except Exception as error:  # whatever lies in the folders, the next publication has to be noticed
            self.problem = str(error)
            self._metrics.refused(True)
            LOG.error(
                "A published run is refused, the one before stays: %s",
                error,
                exc_info=not isinstance(error, GraphriskError),
            )

    def _swap(self, snapshot: Snapshot) -> None:
        before, self.current = self.current, snapshot
        self._metrics.serving(snapshot.run_id, before.run_id if before else None)
        if before is not None:
            self._keep(before)
        LOG.info("Serving run %s", snapshot.run_id)

    def _open(self, run_id: str) -> Snapshot:
        snapshot = Snapshot(self._settings.runs, run_id)
        snapshot.warm()
        return snapshot

    def answers(self, snapshot: Snapshot) -> AccountAnswers:
        """What renders the accounts of a run; as long-lived as the run is open."""
        found = self._answers.get(snapshot)
        if found is None:
            found = AccountAnswers(snapshot, self.links)
            self._answers = {**self._of_open(self._answers), snapshot: found}
        return found

    async def explainer(self, snapshot: Snapshot) -> Explainer:
        """What explains a run; its facts are checked and mapped when it is first asked, and stay so as long as the run is open.

        Raises ``ApiError``: 409 when the run kept no facts, 410 when it is no longer kept, 503 when they are damaged.
        """
        _require_facts(snapshot, "uses.arrow" in snapshot.manifest["files"])
        async with self._making:
            found = self._explainers.get(snapshot)
            if found is None:
                found = await _made(snapshot, lambda: pipeline.explainer_of(snapshot, self._settings.runs))
                self._explainers = {**self._of_open(self._explainers), snapshot: found}
        return found

    async def what_if(self, snapshot: Snapshot) -> WhatIf:
        """What assesses accounts beside a run, made when it is first asked. Raises ``ApiError`` as ``explainer`` does, and 409
        when the run was made with another reference or other tokens."""
        _require_facts(snapshot, "clock" in snapshot.manifest)
        async with self._making:
            found = self._what_ifs.get(snapshot)
            if found is None:
                found = await _made(snapshot, lambda: pipeline.what_if_of(self._settings, snapshot))
                self._what_ifs = {**self._of_open(self._what_ifs), snapshot: found}
        return found

    def _of_open(self, kept: dict[Snapshot, T]) -> dict[Snapshot, T]:
        """What belongs to runs that are still open."""
        opened = {self.current, *self._older.values()}
        return {each: value for each, value in kept.items() if each in opened}

    def age_seconds(self) -> float | None:
        """Seconds since the served run was published."""
        if self.current is None or self.current_since is None:
            return None
        return (datetime.now(UTC) - self.current_since).total_seconds()

    def _keep(self, snapshot: Snapshot) -> None:
        self._older[snapshot.run_id] = snapshot
        self._older.move_to_end(snapshot.run_id)
        while len(self._older) > OLDER_RUNS_OPEN:
            self._older.popitem(last=False)

    def live(self) -> Snapshot:
        """The live run. Raises ``ApiError`` 503 when there is none."""
        if self.current is None:
            raise self._unavailable()
        return self.current

    async def choose(self, run: str | None = None, as_of: datetime | None = None) -> Snapshot:
        """The run to answer from: the live one, a named one, or the one that was live at a moment.

        Raises ``ApiError``: 503 when nothing is published, 404 for a run that was never published, 410 for one that is
        no longer kept.
        """
        if run is None and as_of is None:
            return self.live()
        moves = publications(self._settings.home)
        if as_of is not None:
            moment = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
            moves = [move for move in moves if datetime.fromisoformat(move.published_at) <= moment]
            if not moves:
                raise ApiError(
                    404, "no_run_then", f"No run was published by {moment.isoformat()}; choose a later as_of."
                )
        names = {move.run_id for move in moves}
        chosen = moves[-1].run_id if run is None else run
        if chosen not in names:
            raise ApiError(404, "unknown_run", f"No published run is called {chosen!r}; GET /v1/runs lists the runs.")
        if self.current is not None and chosen == self.current.run_id:
            return self.current
        return await self._older_run(chosen)

    async def _older_run(self, run_id: str) -> Snapshot:
        async with self._opening:
            found = self._older.get(run_id)
            # Each worker has other older runs open, and a client cannot choose its worker: what is kept decides.
            if found is None or not (self._settings.runs / run_id).exists():
                self._older.pop(run_id, None)
                try:
                    found = await asyncio.to_thread(Snapshot, self._settings.runs, run_id)
                except NotFoundError as error:
                    raise _gone(run_id) from error
            self._keep(found)
            return found

    def _unavailable(self) -> ApiError:
        if self.problem is None:
            return NOTHING
        return ApiError(
            503, "run_refused", "The published run cannot be served: it is damaged; the log of the server says how."
        )


def _require_facts(snapshot: Snapshot, kept: bool) -> None:
    if not kept:
        detail = f"Run {snapshot.run_id} is from before runs kept what explanations need; ask a newer run."
        raise ApiError(409, "no_facts_kept", detail)


async def _made(snapshot: Snapshot, make: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(make)
    except NotFoundError as error:
        raise _gone(snapshot.run_id) from error
    except InputError as error:
        raise ApiError(409, "cannot_assess", str(error)) from error
    except GraphriskError as error:  # its words name paths of the server
        LOG.error("Run %s cannot be explained: %s", snapshot.run_id, error)
        raise ApiError(
            503, "run_refused", f"The facts of run {snapshot.run_id} cannot be used; the log of the server says why."
        ) from error


def _gone(run_id: str) -> ApiError:
    return ApiError(410, "run_gone", f"Run {run_id} is no longer kept; ask the live run.")
