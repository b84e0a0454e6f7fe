"""A server that runs while an account is erased answers all along from a whole run, then no longer knows the account."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from graphrisk.runs.store import current_run
from tests.support import places_of
from tests.support_api import copy_home, serving, small_home
from tests.support_e2e import ROOT

ERASED, OTHER = "late_11", "late_2"


def test_a_server_answers_all_along(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = copy_home(small_home(tmp_path_factory), tmp_path / "home")
    with serving(home) as served:
        headers = {"Authorization": f"Bearer {served.key()}"}
        first = str(current_run(home))
        words = [sys.executable, "-m", "graphrisk", "--home", str(home), "erase", ERASED]
        erasing = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen: list[str] = []
        while erasing.poll() is None or seen[-1] == first:
            answer = httpx.get(f"{served.url}/v1/accounts/{OTHER}", headers=headers)
            assert answer.status_code == 200
            seen.append(answer.json()["run_id"])
            time.sleep(0.02)
        assert erasing.returncode == 0
        assert set(seen) == {first, str(current_run(home))}
        assert sorted(seen, key=lambda run: run != first) == seen
        assert places_of([ERASED], home) == []
        old = httpx.get(f"{served.url}/v1/accounts/{OTHER}", params={"run": first}, headers=headers)
        assert old.status_code == 410
        assert httpx.get(f"{served.url}/v1/accounts/{ERASED}", headers=headers).status_code == 404
