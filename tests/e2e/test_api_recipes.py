"""docs/api.md: its commands, its programs and its tables, each tried as it stands there against a real server."""

from __future__ import annotations

import csv
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

import graphrisk
from graphrisk import client as published_client
from graphrisk.client import ApiError, Client
from graphrisk.client.failures import failure_of
from tests.docs import ROOT
from tests.support import wait_for
from tests.support_api import Served, copy_home, publish_facts, serving, small_home
from tests.support_e2e import Launcher, write_farm

TEXT = (ROOT / "docs/api.md").read_text(encoding="utf-8")
PROGRAMS = {
    re.findall(r"^# (\w+\.py)$", block, re.MULTILINE)[0]: block
    for block in re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
}
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)[0].splitlines()
SCOPES = {name: re.findall(rf"`python {name}[^`]*` needs `([a-z:]+)`", TEXT) for name in PROGRAMS}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """A server for tests that publish nothing."""
    with serving(copy_home(small_home(tmp_path_factory), tmp_path_factory.mktemp("served") / "home")) as server:
        yield server


@pytest.fixture
def publishing(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """A server of one's own, over a home to publish in."""
    with serving(copy_home(small_home(tmp_path_factory), tmp_path / "home")) as server:
        yield server


def environment(url: str, key: str) -> dict[str, str]:
    return os.environ | {"RING_API_URL": url, "RING_API_KEY": key, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def started(served: Served, folder: Path, name: str, *words: str) -> subprocess.Popen[str]:
    """A program of the document in a folder of its own, with a key that has the scopes that the document says."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(PROGRAMS[name], encoding="utf-8")
    key = served.key(*SCOPES[name])
    return subprocess.Popen(
        [sys.executable, name, *words],
        cwd=folder,
        env=environment(served.url, key),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(served: Served, folder: Path, name: str, *words: str, code: int = 0) -> str:
    """What a program prints, on standard error when it fails as it should."""
    process = started(served, folder, name, *words)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, out + err
    return err if code else out


def test_every_program_is_tried_and_says_what_it_needs() -> None:
    assert set(PROGRAMS) == {"first.py", "score.py", "watch.py", "new_rings.py", "compare.py", "follow.py"}
    assert [name for name, scopes in SCOPES.items() if len(scopes) != 1] == ["first.py"]
    code = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{name}"' in code.partition("def test_what_stands_first")[2] for name in PROGRAMS)


def test_what_stands_first(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (tmp_path / "facts").symlink_to(small_home(tmp_path_factory).parent / "facts")
    run, create, serve = (shlex.split(line)[1:] for line in COMMANDS)
    home = {"--home": str(tmp_path / "home")}
    run, create = (
        [home.get(before, word) for before, word in zip(["", *words], words, strict=False)] for words in (run, create)
    )
    with Launcher(tmp_path) as launch:
        assert "is live" in launch(*[str(tmp_path / "facts") if word == "facts/" else word for word in run]).out
        key = launch(*create).out.split()[0]
    assert serve == ["--home", "home", "serve"]
    with serving(tmp_path / "home") as server:
        answer = httpx.get(f"{server.url}/v1/accounts/acc_00000313", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200
        (tmp_path / "first.py").write_text(PROGRAMS["first.py"], encoding="utf-8")
        out = subprocess.run(
            [sys.executable, "first.py"],
            cwd=tmp_path,
            env=environment(server.url, key),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
    assert out.startswith(f"{answer.json()['score']} ")
    assert answer.json()["run_id"] in out
    assert answer.json()["reasons"][0]["text"] in out
    assert "ring_" in out


def test_score_a_csv(served: Served, tmp_path: Path) -> None:
    expected = graphrisk.read_run(home=served.home).accounts().set_index("account_id")
    ids = [*reversed(expected.index), "nobody", "late_0"]
    folder = tmp_path / "score"
    folder.mkdir()
    with (folder / "accounts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["name", "account_id"], *(["x", each] for each in ids)])
    out = said(served, folder, "score.py", "accounts.csv", "scores.csv")
    with (folder / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["account_id"] for row in rows] == ids
    for row in rows:
        if row["account_id"] == "nobody":
            assert (row["status"], row["score"], row["ring_id"]) == ("unknown", "", "")
        else:
            assert int(row["score"]) == expected["score"][row["account_id"]]
            assert row["band"] == expected["band"][row["account_id"]]
    high = sum(row["band"] == "high" for row in rows)
    assert out.startswith(f"{len(ids)} accounts: {high} high, ")


def test_watch_a_ring(publishing: Served, tmp_path: Path) -> None:
    with Client(publishing.url, publishing.key()) as client:
        ring = client.account("late_0").ring
        assert ring
        assert "came: late_0, late_1, " in said(publishing, tmp_path / "watch", "watch.py", ring.ring_id)
        assert "came: -; left: -" in said(publishing, tmp_path / "watch", "watch.py", ring.ring_id)
        more = write_farm(tmp_path / "more", "late", 14)
        run_id = publish_facts(publishing.home, more)
        wait_for_run(client, run_id)
        out = said(publishing, tmp_path / "watch", "watch.py", ring.ring_id)
        assert "last event grew" in out
        assert "came: late_12, late_13; left: -" in out
        graphrisk.rollback(home=publishing.home)
        graphrisk.rollback(home=publishing.home)
        wait_for_run(client, client.runs()[0].run_id)
        assert f"{ring.ring_id} is gone" in said(publishing, tmp_path / "watch", "watch.py", ring.ring_id, code=1)
        assert "unknown_ring" in said(publishing, tmp_path / "watch", "watch.py", "ring_none", code=1)


def test_new_rings_of_the_week(served: Served, tmp_path: Path) -> None:
    expected = graphrisk.read_run(home=served.home).rings()["ring_id"]
    out = said(served, tmp_path / "new", "new_rings.py")
    assert out.startswith(f"{len(expected)} new rings since ")
    assert set(re.findall(r"ring_[a-z0-9]{13}", out)) == set(expected)
    assert out.splitlines()[1].split() == ["ring_id", "score", "band", "size", "kinds", "lineage_born_at"]


def test_compare_two_runs(served: Served, tmp_path: Path) -> None:
    out = said(served, tmp_path / "compare", "compare.py")
    assert re.search(r"^ +1  ring\.born$", out, re.MULTILINE)
    assert re.search(r"^ +12  account\.ring_changed$", out, re.MULTILINE)
    assert set(re.findall(r"now high: (\w+)", out)) == {f"late_{number}" for number in range(12)}
    assert out.count("(was low, score ") == 12
    with Client(served.url, served.key()) as client:
        first, last = (run.run_id for run in client.runs())
    back = said(served, tmp_path / "compare", "compare.py", last, first)
    assert f"{last} → {first}" in back
    assert "now high" not in back
    assert "ring.withdrawn" in back


def test_follow_signals(publishing: Served, tmp_path: Path) -> None:
    folder = tmp_path / "follow"

    def bands() -> dict[str, str]:
        with closing(sqlite3.connect(folder / "bands.db")) as store:
            try:
                return dict(store.execute("SELECT account_id, band FROM bands WHERE band <> 'low'").fetchall())
            except sqlite3.OperationalError:
                return {}

    def follows_to(wanted: int) -> None:
        process = started(publishing, folder, "follow.py")
        due = time.monotonic() + 60
        try:
            while len(bands()) < wanted and process.poll() is None and time.monotonic() < due:
                time.sleep(0.1)
        finally:
            process.kill()
            _, err = process.communicate(timeout=30)
        assert len(bands()) == wanted, err

    def expected() -> dict[str, str]:
        accounts = graphrisk.read_run(home=publishing.home).accounts()
        return {each: band for each, band in accounts[["account_id", "band"]].to_numpy().tolist() if band != "low"}

    follows_to(len(expected()))
    assert bands() == expected()
    before = expected()
    publish_facts(publishing.home, write_farm(tmp_path / "other", "other", 40))
    assert len(before) < len(expected())
    follows_to(len(expected()))
    assert bands() == expected()


def test_every_code_is_in_the_table() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "graphrisk/api").rglob("*.py"))
    raised = {each: int(status) for status, each in re.findall(r'\b([45]\d\d)(?:,\s*|: )"([a-z_]+)"', code)}
    raised |= dict.fromkeys(re.findall(r'CODES\.get\(error\.status_code, "(\w+)"\)', code), 400)
    rows = re.findall(r"^\| (\d{3}) \| (.+?) \| `(\w+)` \| ", TEXT, re.MULTILINE)
    documented = {each: (int(status), kind) for status, codes, kind in rows for each in re.findall(r"`(\w+)`", codes)}
    assert raised == {each: status for each, (status, _) in documented.items()}
    assert len(raised) > 20
    for each, (status, kind) in documented.items():
        request = httpx.Request("GET", "http://127.0.0.1/")
        error = failure_of(httpx.Response(status, json={"code": each, "detail": "…"}, request=request))
        assert type(error) is getattr(published_client, kind)
        assert isinstance(error, ApiError)


def test_every_method_is_in_the_table_of_routes() -> None:
    table = TEXT.partition("## Routes")[2].partition("\n## ")[0]
    named = {
        name
        for row in re.findall(r"^\| .+? \| .+? \| (.*?) \| ", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert named == {name for name in vars(Client) if not name.startswith("_")} - {"close"}


def test_metrics_are_those_of_the_table(served: Served) -> None:
    answer = httpx.get(f"{served.url}/metrics", headers={"Authorization": f"Bearer {served.key('ops:read')}"})
    shown = set(re.findall(r"^(graphrisk_\w+?)(?:_bucket|_sum|_count)?(?:\{| )", answer.text, re.MULTILINE))
    table = set(re.findall(r"^\| `(graphrisk_\w+)` \|", TEXT, re.MULTILINE))
    assert shown == table


def wait_for_run(client: Client, run_id: str) -> None:
    wait_for(lambda: next(client.lookup(["x"])).run_id == run_id)
