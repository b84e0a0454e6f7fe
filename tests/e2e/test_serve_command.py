"""``graphrisk serve`` and the demo's last lines, as someone who pastes them meets them."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from graphrisk.cli.serving import DEFAULT_PORT
from tests.support_api import free_port, serving
from tests.support_e2e import ROOT, Launcher


def test_the_demo_ends_with_a_curl_that_works(launch: Launcher, tmp_path: Path) -> None:
    done = launch("demo", "--folder", tmp_path / "demo", "--accounts", "500")
    assert done.code == 0, done.err
    served = re.search(r"graphrisk --home (\S+) serve$", done.out, re.MULTILINE)
    line = re.search(r"^ *(curl .*)$", done.out, re.MULTILINE)
    assert served
    assert line
    port = free_port()
    words = [word.replace(f":{DEFAULT_PORT}/", f":{port}/") for word in shlex.split(line[1])]
    with serving(Path(served[1]), port=port):
        if shutil.which("curl"):
            answer = subprocess.run([*words, "--silent"], capture_output=True, text=True, check=True, timeout=30).stdout
        else:
            name, _, value = words[2].partition(": ")
            answer = httpx.get(words[3], headers={name: value}).text
    assert f'"account_id":"{words[3].rpartition("/")[2]}"' in answer
    assert '"band":"high"' in answer


def test_a_port_that_is_taken_is_one_sentence(launch: Launcher, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = launch("serve", "--home", tmp_path / "home", "--port", str(port)).sentence(2)
    assert f"127.0.0.1:{port} cannot be listened on" in sentence
    assert "--port" in sentence


@pytest.mark.parametrize("workers", [1, 2])
def test_a_home_with_nothing_in_it_says_what_to_do_and_answers_with_503(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path / "home", workers=workers, ready=False) as server:
        headers = {"Authorization": f"Bearer {server.key()}"}
        answer = httpx.get(f"{server.url}/v1/accounts/a", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "nothing_published")
        assert "graphrisk run" in answer.json()["detail"]
        assert httpx.get(f"{server.url}/livez").status_code == 200
        assert httpx.get(f"{server.url}/readyz").status_code == 503
        assert server.stop() == 0
    assert "Nothing is published yet" in server.err.read_text()


def test_without_a_key_it_says_how_to_make_one_and_stays_shut(tmp_path: Path) -> None:
    port = free_port()
    words = ["-m", "graphrisk", "serve", "--home", str(tmp_path / "home"), "--port", str(port), "--workers", "1"]
    with subprocess.Popen([sys.executable, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        told = [process.stderr.readline() for _ in range(3)]
        answered = None
        while answered is None:
            with contextlib.suppress(httpx.TransportError):
                answered = httpx.get(f"http://127.0.0.1:{port}/v1/rings").status_code
        process.terminate()
        process.wait(30)
    assert any("graphrisk keys create" in line for line in told)
    assert answered == 401
