"""A real server of two workers under load: killed, swapped, stopped, and asked by clients that do not behave."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from graphrisk import pipeline
from graphrisk.api.audit import verify_audit
from graphrisk.policy import Policy
from graphrisk.runs.store import publications
from tests.support import wait_for
from tests.support_api import Served, copy_home, serving, settings_at
from tests.support_towns import FARMS, Truth, published, towns
from tests.support_wire import begin_lookup, finish, workers

ACCOUNTS = [f"{farm}_{number}" for farm in FARMS for number in range(8)]


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    return copy_home(towns(tmp_path_factory.getbasetemp() / "towns"), tmp_path / "home")


class Noted(NamedTuple):
    """What is kept of an answer."""

    account_id: str
    status: int
    run_id: str
    request_id: str


@dataclass
class Load:
    """Clients that ask for accounts until they are stopped. A connection that breaks counts as lost unless its worker
    was killed, which shows in how many there are: a client asks one thing at a time."""

    served: Served
    truths: dict[str, Truth]
    clients: int = 4
    answers: list[Noted] = field(default_factory=list[Noted])
    wrong: list[str] = field(default_factory=list[str])
    lost: list[str] = field(default_factory=list[str])
    stopping: threading.Event = field(default_factory=threading.Event)

    def ask_on(self, number: int) -> None:
        dice = random.Random(number)
        headers = {"Authorization": f"Bearer {self.served.key()}"}
        client = httpx.Client(base_url=self.served.url, headers=headers, timeout=20)
        while not self.stopping.wait(0.002):
            account_id = dice.choice(ACCOUNTS)
            try:
                answered = client.get(f"/v1/accounts/{account_id}")
                run_id = self.check(account_id, answered)
                self.answers.append(Noted(account_id, answered.status_code, run_id, answered.headers["x-request-id"]))
            except AssertionError as error:
                self.wrong.append(str(error))
            except httpx.TransportError as error:
                self.lost.append(repr(error))
                client.close()
                client = httpx.Client(base_url=self.served.url, headers=headers, timeout=20)
        client.close()

    @contextmanager
    def running(self) -> Generator[None]:
        threads = [threading.Thread(target=self.ask_on, args=(number,)) for number in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join()

    def check(self, account_id: str, answered: httpx.Response) -> str:
        """Hold an answer to the run that it names; returns that run."""
        body = answered.json()
        if answered.status_code == 404:
            run_id = body["detail"].split()[1]
            assert account_id not in self.truths[run_id].accounts
            return run_id
        assert answered.status_code == 200, body
        run_id = body["run_id"]
        assert (body["account_id"], answered.headers["etag"]) == (account_id, f'W/"{run_id}"')
        self.truths[run_id].agrees_about_account(body)
        return run_id


def truths(home: Path) -> dict[str, Truth]:
    return {run_id: Truth(home, run_id) for run_id in published(home)}


def audited(home: Path) -> dict[str, dict[str, Any]]:
    """Lines of audit by request id."""
    lines = [json.loads(line) for path in (home / "audit").glob("*.ndjson") for line in path.read_text().splitlines()]
    return {line["request_id"]: line for line in lines if "request_id" in line}


@pytest.mark.parametrize("kills", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_a_killed_worker_is_replaced_and_loses_no_other_request_and_no_line_of_audit(home: Path, kills: int) -> None:
    with serving(home, workers=2) as served:
        wait_for(lambda: len(workers(served)) == 2)
        load = Load(served, truths(home))
        with load.running():
            for _ in range(kills):
                before = workers(served)
                time.sleep(0.5)
                before[0].send_signal(signal.SIGKILL)
                wait_for(lambda: len([each for each in workers(served) if each not in before]) == 1)  # noqa: B023
                time.sleep(0.5)
        assert len(load.lost) <= kills * load.clients
        assert len(load.answers) > 50
        assert load.wrong == []
        served.stop()
    lines = audited(home)
    for each in load.answers:
        line = lines[each.request_id]
        assert (line["ids"], line["status"], line["run"]) == ([each.account_id], each.status, each.run_id)
    report = verify_audit(home)
    assert (report.problems, report.running, len(report.not_closed)) == ([], [], kills)


@pytest.mark.parametrize("swaps", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_swaps_under_load_drop_nothing_mix_nothing_and_leave_nothing_behind(home: Path, swaps: int) -> None:
    first, second, _ = published(home)
    settings = settings_at(home)
    with serving(home, workers=2) as served:
        wait_for(lambda: len(workers(served)) == 2)
        load = Load(served, truths(home))
        with load.running():
            sizes: list[tuple[int, float]] = []
            for number in range(swaps):
                pipeline.publish(settings, Policy(), first if number % 2 else second, "a test says so")
                wanted = publications(home)[-1].run_id
                wait_for(lambda: served_runs(served) == {wanted}, 5)  # noqa: B023
                if number >= 4:
                    held = workers(served)
                    sizes.append(
                        (sum(each.num_fds() for each in held), sum(each.memory_info().rss for each in held) / 2**20)
                    )
        assert (load.lost, load.wrong) == ([], [])
        assert {each.run_id for each in load.answers} >= {first, second}
        (files, mib), (files_before, mib_before) = sizes[-1], sizes[0]
        assert files <= files_before + 8
        assert mib <= mib_before + 40


def served_runs(served: Served) -> set[str]:
    """The runs that workers say they serve, asked over new connections until each worker was probably among them."""
    runs: set[str] = set()
    for _ in range(8):
        with closing(HTTPConnection(served.url.removeprefix("http://"), timeout=10)) as connection:
            connection.request("GET", "/readyz")
            runs.add(json.loads(connection.getresponse().read())["run_id"])
    return runs


def test_a_server_that_is_told_to_stop_answers_those_in_flight(home: Path) -> None:
    with serving(home, workers=2) as served:
        held = [begin_lookup(served) for _ in range(6)]
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        answers = [finish(each) for each in held]
        assert served.process.wait(30) == 0
    assert [answer.partition(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * len(held)
    assert verify_audit(home).not_closed == []


def test_logs_and_metrics_name_no_account_no_ring_and_no_key(home: Path) -> None:
    with serving(home, workers=2) as served:
        key = served.key()
        with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key}"}) as client:
            ring = client.get("/v1/rings").json()["items"][0]["ring_id"]
            for path in (
                "/v1/accounts/first_0",
                "/v1/accounts/first_0/links",
                f"/v1/rings/{ring}/members",
                "/first_0",
                f"/v1/x/{ring}",
            ):
                client.get(path)
            client.post("/v1/accounts:lookup", json={"ids": ["first_0", "nobody"]})
            client.get("/v1/accounts/first_0", headers={"Authorization": f"Bearer {key}x"})
            metrics = client.get("/metrics").text
        served.stop()
    texts = [served.out.read_text(), served.err.read_text(), metrics]
    for secret in ("first_0", "nobody", ring, key[12:], key):
        assert not any(secret in text for text in texts)
    lines = [json.loads(line) for line in texts[0].splitlines()]
    data = [line for line in lines if line["route"].startswith("/v1/")]
    assert {line["key"] for line in data if line["status"] != 401} == {key[3:11]}
    assert "/v1/accounts/{account_id}" in {line["route"] for line in data}
    kept = [line for line in audited(home).values() if line["route"] == "/v1/accounts:lookup"]
    assert [(line["key"], line["ids"], line["status"]) for line in kept] == [(key[3:11], ["first_0", "nobody"], 200)]
