"""Commands as real processes in sessions of their own, forked from one that has imported graphrisk: starts cost nothing."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from graphrisk import pipeline
from graphrisk.__main__ import start
from graphrisk.cli import main
from graphrisk.ledger.reading import view_facts
from graphrisk.ledger.store import Ledger
from graphrisk.ledger.tables import open_table
from graphrisk.runs.store import current_run, run_ids, verify_run
from graphrisk.settings import Settings
from graphrisk.worlds import write_world

ROOT = Path(__file__).parents[1]
LONGEST_SECONDS = 120.0
WORLD_ACCOUNTS, FARMS, FARM_ACCOUNTS = 600, 4, 40
FACT_KEYS = {"accounts": "account_id", "sightings": "account_id, kind, token, week", "labels": "account_id, label"}
_CAPABILITY_VERSION_3, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 0x20080522, 1 << 1, 1 << 2


@dataclass(frozen=True)
class Done:
    """How a command ended (a negative code is the signal), what it printed, and what it took with its children."""

    code: int
    out: str
    err: str
    seconds: float
    cpu: float
    peak_mib: float

    def json(self) -> Any:
        """The one JSON document on standard output."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    def sentence(self, code: int) -> str:
        """The one sentence of a failed command, after checking that it failed as it should."""
        told = [line for line in self.err.splitlines() if " INFO " not in line]
        assert self.code == code, self.err
        assert len(told) == 1, self.err
        assert re.match("graphrisk: (?!Unexpected)", told[0]), self.err
        return told[0]


class Launcher:
    """Starts commands; a context manager, since it holds the process that they are forked from."""

    def __init__(self, folder: Path) -> None:
        self._out, self._err = folder / "out", folder / "err"
        environment = {name: text for name, text in os.environ.items() if not name.startswith("GRAPHRISK_")}
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.support_e2e"],
            cwd=ROOT,
            env=environment | {"GRAPHRISK_PROCESSES": "2", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._parent.stdin
        assert self._parent.stdout
        self._asks, self._answers = self._parent.stdin, self._parent.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._asks.close()
        self._parent.wait(10)
        self._answers.close()

    def __call__(
        self,
        *words: str | Path,
        after: float | None = None,
        send: signal.Signals = signal.SIGKILL,
        obeying_modes: bool = False,
        environment: dict[str, str] | None = None,
    ) -> Done:
        """Run ``graphrisk words…``; ``after`` seconds its processes get the signal ``send``. ``obeying_modes``: without
        root's freedom to read and write what the modes of files and folders forbid."""
        self._out.write_bytes(b"")
        self._err.write_bytes(b"")
        asked = {
            "words": [str(word) for word in words],
            "environment": environment or {},
            "after": after,
            "out": str(self._out),
            "err": str(self._err),
            "send": int(send),
            "obeying_modes": obeying_modes,
        }
        self._asks.write(json.dumps(asked) + "\n")
        self._asks.flush()
        ended = json.loads(self._answers.readline())
        return Done(out=self._out.read_text(), err=self._err.read_text(), **ended)


@dataclass(frozen=True)
class Town:
    """A home with five loads, a live run, and a candidate made against it; ``farm`` is the last of its sources."""

    home: Path
    facts: Path
    farm: Path
    live: str
    candidate: str
    contents: list[str]

    def copy(self, to: Path) -> Path:
        return shutil.copytree(self.home, to)


def build_town(launch: Launcher, folder: Path) -> Town:
    """Make a town with the commands that a person would use."""
    home, facts = folder / "home", folder / "facts"
    write_world(facts, "demo", WORLD_ACCOUNTS, format="csv")
    launch("--home", home, "load", facts, "--json").json()
    live = launch("--home", home, "detect", "--json").json()["run_id"]
    launch("--home", home, "publish", "--json").json()
    farm = folder
    for number in range(FARMS):
        farm = write_farm(folder / f"farm{number}", f"town{number}")
        launch("--home", home, "load", farm, "--json").json()
    candidate = launch("--home", home, "detect", "--json").json()["run_id"]
    return Town(home, facts, farm, live, candidate, accepted_contents(home))


def leftovers(home: Path) -> list[str]:
    """What killed commands left in a home: work in progress, and folders of loads that were never accepted."""
    accepted = {load.load for load in Ledger(home / "ledger").loads()}
    left = [path for path in home.glob("tmp/*") if path.name != "sweep.lock"]
    left += [path for path in home.glob("loads/load_*") if path.name not in accepted]
    return sorted(str(path.relative_to(home)) for path in left)


def accepted_contents(home: Path) -> list[str]:
    """The contents of the loads that are visible, each checked to be whole and nothing else to be visible."""
    ledger = Ledger(home / "ledger")
    loads = ledger.loads()
    names = [load.load for load in loads]
    with Settings(home=home, threads=1).columns(None) as columns:
        view_facts(columns, ledger, datetime.now(UTC), ledger.loads())
        for table, key in FACT_KEYS.items() if loads else ():
            columns.register("stored", open_table(ledger.folder, table).to_pyarrow_table())
            columns.execute("CREATE OR REPLACE TABLE kept AS FROM stored WHERE load IN (SELECT unnest(?))", [names])
            rows = dict(columns.execute("SELECT load, count(*) FROM kept GROUP BY load").fetchall())
            assert rows == {load.load: getattr(load, table) for load in loads if getattr(load, table)}
            facts = columns.execute(f"SELECT count(DISTINCT ({key})) FROM kept").fetchall()
            assert columns.execute(f"SELECT count(DISTINCT ({key})) FROM fact_{table}").fetchall() == facts
    contents = [load.content for load in loads]
    assert len(set(contents)) == len(contents)
    return contents


def verified_live_run(home: Path) -> str | None:
    """The live run, with every kept run checked against its manifest."""
    for run_id in run_ids(home / "runs"):
        verify_run(home / "runs", run_id)
    return current_run(home)


def write_farm(folder: Path, name: str, accounts: int = 40) -> Path:
    """A facts folder with accounts of its own, four on each device and all on one IP address."""
    folder.mkdir(parents=True)
    ids = [f"{name}_{number}" for number in range(accounts)]
    (folder / "accounts.csv").write_text("account_id,created_at\n" + "".join(f"{each},2026-03-01\n" for each in ids))
    rows = [f"{each},device,dev-{name}-{place // 4},2026-03-02" for place, each in enumerate(ids)]
    rows += [f"{each},ip,81.2.69.{1 + len(name) % 200},2026-03-02" for each in ids]
    (folder / "sightings.csv").write_text("account_id,kind,value,first_seen\n" + "\n".join(rows) + "\n")
    (folder / "labels.csv").write_text(f"account_id,label,labelled_at\n{ids[0]},bad,2026-04-01\n")
    return folder


def _serve() -> None:
    _import_what_commands_bring_in()
    for line in sys.stdin:
        asked = json.loads(line)
        waiting, ready = os.pipe()
        child = os.fork()
        if child == 0:
            _become(asked)
            os.write(ready, b".")
            os.close(ready)
            _run()
        os.close(ready)
        os.read(waiting, 1)  # a signal is for the command, and not for a child that a busy machine has yet to make one
        os.close(waiting)
        print(json.dumps(_watched(child, asked, time.perf_counter())), flush=True)


def _import_what_commands_bring_in() -> None:
    """What commands import when they first need it, which every child would pay for."""
    sys.argv = ["graphrisk", "--help"]
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(None):
        start()
    for verb in pipeline.__all__:
        getattr(pipeline, verb)
    for name in ("deltalake.fs", "pyarrow.dataset", "pyarrow.pandas_compat", "graphrisk.webhooks.registry"):
        import_module(name)


def _become(asked: dict[str, Any]) -> None:
    os.setsid()
    opened = (os.open(os.devnull, os.O_RDONLY), os.open(asked["out"], os.O_WRONLY), os.open(asked["err"], os.O_WRONLY))
    for target, descriptor in enumerate(opened):
        os.dup2(descriptor, target)
        os.close(descriptor)
    os.environ.update(asked["environment"])
    sys.argv = ["graphrisk", *asked["words"]]
    if asked["obeying_modes"]:
        _give_up_overriding_modes()


def _give_up_overriding_modes() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    for place in range(3):
        sets[place] &= ~(_CAP_DAC_OVERRIDE | _CAP_DAC_READ_SEARCH)
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def _run() -> None:
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _watched(child: int, asked: dict[str, Any], began: float) -> dict[str, Any]:
    """Wait for a child, with its signal in time; a child that hangs is killed, which its caller sees as -9."""
    due = began + LONGEST_SECONDS if asked["after"] is None else began + asked["after"]
    send = signal.SIGKILL if asked["after"] is None else asked["send"]
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        left = due - time.perf_counter()
        if left <= 0:
            _send(child, send)
            due, send = time.perf_counter() + LONGEST_SECONDS, signal.SIGKILL
        else:
            time.sleep(min(left, 0.002))
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": time.perf_counter() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }


def _send(child: int, number: int) -> None:
    try:
        os.killpg(child, number)
    except ProcessLookupError:
        os.kill(child, number)  # it is not yet a session of its own


if __name__ == "__main__":
    _serve()
