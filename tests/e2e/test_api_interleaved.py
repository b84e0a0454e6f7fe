"""Publications, rollbacks and reads in any order: every answer is from one run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from graphrisk import pipeline
from graphrisk.errors import NotFoundError
from graphrisk.policy import Policy
from graphrisk.runs.store import publications
from tests.support_api import copy_home, settings_at
from tests.support_asgi import Answered, api_over
from tests.support_towns import FARMS, Truth, published, towns


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return towns(tmp_path_factory.getbasetemp() / "towns")


def truths(home: Path) -> dict[str, Truth]:
    return {run_id: Truth(home, run_id) for run_id in published(home)}


class Interleaved(RuleBasedStateMachine):
    """Publications, rollbacks and reads in any order: each answer, and each list of pages, is from one run."""

    town: Path

    @initialize()
    def serve(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        home = copy_home(self.town, self.folder / "home")
        self.context = api_over(home)
        self.api = self.context.__enter__()
        self.truths = truths(home)
        self.pages: dict[str, tuple[str, list[str]]] = {}
        self.cursors: dict[str, str | None] = {}

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    @rule(place=st.integers(0, len(FARMS) - 1), noticed=st.booleans())
    def publish(self, place: int, noticed: bool) -> None:
        wanted = published(self.api.home)[place]
        if publications(self.api.home)[-1].run_id != wanted:
            pipeline.publish(settings_at(self.api.home), Policy(), wanted, "a test says so")
        if noticed:
            self.notice()

    @rule(noticed=st.booleans())
    def roll_back(self, noticed: bool) -> None:
        with suppress(NotFoundError):  # the first run was never preceded
            pipeline.rollback(settings_at(self.api.home))
        if noticed:
            self.notice()

    @rule()
    def notice(self) -> None:
        self.api.look()
        assert self.live == publications(self.api.home)[-1].run_id

    @property
    def live(self) -> str:
        """The run that the server says it serves; it looks for others by itself, too."""
        return self.api.get("/readyz").ok()["run_id"]

    def asked(self, ask: Callable[[], Answered]) -> tuple[str, Answered]:
        """An answer, and the run that was served before and after it."""
        while True:
            before, answered = self.live, ask()
            if self.live == before:
                return before, answered

    @rule(farm=st.sampled_from(FARMS), number=st.integers(0, 8))
    def ask_account(self, farm: str, number: int) -> None:
        account_id = f"{farm}_{number}"
        live, answered = self.asked(lambda: self.api.get(f"/v1/accounts/{account_id}"))
        truth = self.truths[live]
        if account_id in truth.accounts:
            assert answered.ok()["run_id"] == live
            truth.agrees_about_account(answered.json())
        else:
            answered.problem(404, "unknown_account")
        live, batch = self.asked(lambda: self.api.lookup([account_id, "first_0"]))
        truth = self.truths[live]
        assert batch.ok()["run_id"] == live
        for each in batch.ok()["accounts"]:
            assert (each["status"] == "found") == (each["account_id"] in truth.accounts)
            if each["status"] == "found":
                truth.agrees_about_account(each)

    @rule(place=st.integers(0, 5), run=st.integers(0, len(FARMS)))
    def ask_ring(self, place: int, run: int) -> None:
        """Of a ring that some run has, what the live run or an older one says."""
        issued = sorted({ring for truth in self.truths.values() for ring in truth.rings})
        ring_id = issued[place % len(issued)]
        chosen = None if run == len(FARMS) else published(self.api.home)[run]
        query: dict[str, Any] = {"run": chosen} if chosen else {}
        live, answered = self.asked(lambda: self.api.get(f"/v1/rings/{ring_id}", **query))
        truth = self.truths[chosen or live]
        if ring_id in truth.rings:
            assert (answered.ok()["size"], answered.json()["score"]) == (
                truth.rings[ring_id]["size"],
                truth.rings[ring_id]["score"],
            )
        elif answered.status == 200:
            assert answered.json()["status"] == "retired"
            assert truth.run_id == publications(self.api.home)[-1].run_id, "another run's ring"
        else:
            answered.problem(404, "unknown_ring")

    @rule(ordering=st.sampled_from(["-score", "-size", "-updated"]))
    def begin_pages(self, ordering: str) -> None:
        live, answered = self.asked(lambda: self.api.get("/v1/rings", limit=1, ordering=ordering))
        assert answered.ok()["run_id"] == live
        self.pages[ordering] = live, []
        self.take(ordering, answered)

    @rule(ordering=st.sampled_from(["-score", "-size", "-updated"]), limit=st.integers(1, 2))
    def next_page(self, ordering: str, limit: int) -> None:
        if cursor := self.cursors.get(ordering):
            self.take(ordering, self.api.get("/v1/rings", limit=limit, ordering=ordering, cursor=cursor))

    def take(self, ordering: str, answered: Answered) -> None:
        """Add a page to those that its cursor continues; all of them are of the run of the first."""
        page, (run_id, seen) = answered.ok(), self.pages[ordering]
        rings = self.truths[run_id].rings
        assert (page["run_id"], page["total"]) == (run_id, len(rings))
        for ring in page["items"]:
            row = rings[ring["ring_id"]]
            assert (ring["size"], ring["score"]) == (row["size"], row["score"])
            seen.append(ring["ring_id"])
        assert len(set(seen)) == len(seen)
        self.cursors[ordering] = page["next"]
        if page["next"] is None:
            assert set(seen) == set(rings)


@pytest.mark.parametrize("examples", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_any_interleaving_of_publications_and_reads_answers_from_one_run(town: Path, examples: int) -> None:
    Interleaved.town = town
    machine: Any = Interleaved.TestCase
    machine.settings = settings(
        max_examples=examples,
        stateful_step_count=20,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    machine("runTest").runTest()
