"""The audit log: one line for each read of an account or a ring, in chains that show every later change.

Each worker process writes a chain of its own, ``<home>/audit/<UTC date-time>-<process>-<number>.ndjson`` (mode 0600). A
line is a JSON object: time, n (its number in the chain), key (a prefix), scope, route, ids, run, status, request_id, and
``chain`` = HMAC-SHA-256(audit key, chain value of the line before + this line up to its chain value). The first line names
the file, and the chain that it continues when that one was full; the last one says that it is closed. The register
(``register.py``) knows how far each chain came: within a second of a line, and at once when a chain is closed.

A line is written by one ``write`` before its answer goes out, so a killed process loses none. A power cut loses at most
the last second, and is then not taken for a change.

``verify_audit`` finds any line that was edited, removed, put in or moved, also at the end of a closed chain, any chain that
is gone, and any that was not written here. What no check inside the home can find:

- a change by somebody who can read the audit key: the user of the server, and root. It guards against everybody else who
  gets to the files, and against mistakes;
- the end of a chain that was not closed, when it is cut off after the last line that the register knows of: the lines of the
  last second before a kill;
- an older copy of the audit folder put back whole, or of one chain with its record of that moment; and the newest chains
  removed with their records, when no other chain was written to since. An anchor (``anchors.py``) that was kept elsewhere
  finds these too, and the changes of whoever can read the key, up to the moment that it was taken;
- the audit folder and its key removed together.
"""

from __future__ import annotations

import hmac
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from graphrisk.api.anchors import Anchor, Anchoring
from graphrisk.api.chains import BEFORE_FIRST, CHAIN, CLOSING, END, LONGEST_LINE, Chain, Links, quoted
from graphrisk.api.register import ANNOUNCED, CLOSED, OPEN, Head, Register, existing_register, open_register
from graphrisk.errors import StoreError
from graphrisk.files import is_abandoned
from graphrisk.logs import LOG

FULL_BYTES = 64 * 2**20
"""A file past this size is closed, and continued by a new one."""
SECONDS_BETWEEN_HEADS = 1.0
PROBLEMS_OF_A_FILE = 20


def _told(place: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The audit log {place} cannot be written ({error.strerror}); mend that, nothing is answered until then."
    )


class AuditLog:
    """What a worker writes to; opens a chain of its own, after the worker was forked.

    Raises ``StoreError`` when the audit folder cannot be used or its key or register is gone.
    """

    def __init__(self, home: Path) -> None:
        try:
            self._register = open_register(home)
            self._chain = Chain(self._register, None)
        except OSError as error:
            raise _told(home / "audit", error) from error
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._heads = threading.Thread(target=self._write_heads, name="audit heads", daemon=True)
        self._heads.start()

    def record(
        self, *, key: str, scope: str, route: str, ids: Sequence[str], run_id: str | None, status: int, request_id: str
    ) -> None:
        """Write one line; when this returns, a kill of the process cannot lose it.

        ``key`` is the prefix of a key. Raises ``StoreError`` when the line cannot be written: the answer must not go out.
        """
        listed = ",".join(map(quoted, ids))
        run = "null" if run_id is None else quoted(run_id)
        fields = (
            f'{_asked(key, scope, route)},"ids":[{listed}],'
            f'"run":{run},"status":{status:d},"request_id":{quoted(request_id)}'
        )
        with self._lock:
            if self._closed.is_set():
                raise StoreError("The audit log is closed, since the server stops; ask again when it has started.")
            try:
                if self._chain.size > FULL_BYTES:
                    self._chain.finish()
                    self._chain = Chain(self._register, self._chain)
                self._chain.append(fields)
            except OSError as error:
                raise _told(self._chain.file, error) from error

    def close(self) -> None:
        """Write the closing line; nothing can be recorded afterwards. Does nothing the second time.

        Raises ``StoreError`` when the line cannot be written; the chain is then one that was not closed.
        """
        self._closed.set()
        self._heads.join()
        with self._lock:
            try:
                self._chain.finish()
            except OSError as error:
                raise _told(self._chain.file, error) from error

    def _write_heads(self) -> None:
        written: tuple[Path, int] | None = None
        while not self._closed.wait(SECONDS_BETWEEN_HEADS):
            with self._lock:
                chain, line, last = self._chain, self._chain.line, self._chain.last
                if written == (chain.file, line) or chain.descriptor < 0:
                    continue
                descriptor = os.dup(chain.descriptor)
            try:
                os.fdatasync(descriptor)  # or a power cut could leave a head without its line
                with self._lock:
                    if chain is self._chain and chain.descriptor >= 0:
                        chain.write_head(OPEN, line, last)
                        written = chain.file, line
            except OSError as error:
                LOG.error("The audit register %s cannot be written (%s).", self._register.file, error.strerror)
            finally:
                os.close(descriptor)


@lru_cache(1000)
def _asked(key: str, scope: str, route: str) -> str:
    """The fields that many lines share."""
    return f'"key":{quoted(key)},"scope":{quoted(scope)},"route":{quoted(route)}'


@dataclass(frozen=True)
class AuditProblem:
    """Something that is not as it was written, in which file and at which line of it (1, 2, …; None: the file)."""

    file: str
    line: int | None
    text: str


NOT_WENT_ON = AuditProblem(
    "register",
    None,
    "the log did not go on from the anchor given: an older copy was put back, or lines that it is about were changed",
)


@dataclass
class AuditReport:
    """What a check found: how many chains were begun, how many lines about reads hold, and every problem.

    ``running`` are files that a worker writes to now, ``not_closed`` those of workers that were killed: neither is a
    problem. Of one file, the first 20 problems are kept. ``anchor`` is what a later check can be given.
    """

    chains: int = 0
    lines: int = 0
    anchor: str = ""
    running: list[str] = field(default_factory=list)
    not_closed: list[str] = field(default_factory=list)
    problems: list[AuditProblem] = field(default_factory=list)


def verify_audit(home: Path, earlier: Anchor | None = None) -> AuditReport:
    """Check every chain of a home against the key and the register, and an anchor; workers may write meanwhile.

    Reads line by line, so the memory it takes does not depend on the size of the log. Raises ``StoreError`` when the key or
    the register is gone.
    """
    report, register = AuditReport(), existing_register(home)
    anchoring = Anchoring(earlier)
    if register is None:
        report.anchor = anchoring.anchor
        if not anchoring.went_on:
            report.problems.append(NOT_WENT_ON)
        return report
    records, most_known = register.count, 0  # chains begun from now on are left to the next check
    report.chains = records - 1
    for number in range(records):
        head = register.read(number)
        if head is None:
            report.problems.append(AuditProblem("register", None, f"its record {number} was changed"))
        elif number > 0:
            most_known = max(most_known, head.known)
            _Check(register, head, anchoring).add_to(report)
    report.anchor = anchoring.anchor
    if not anchoring.went_on:
        report.problems.append(NOT_WENT_ON)
    if register.count < most_known or register.is_cut:
        text = f"its end was cut off: it has {register.count - 1} chains, and there were at least {most_known - 1}"
        report.problems.append(AuditProblem("register", None, text))
    for file in register.folder.glob("*.ndjson"):
        number = file.stem.rpartition("-")[2]
        head = register.read(int(number)) if number.isdecimal() and len(number) < 18 else None
        if head is None or head.file_name != file.name:
            report.problems.append(AuditProblem(file.name, None, "the register does not know it, or no longer"))
    return report


class _Check:
    """One chain being read."""

    def __init__(self, register: Register, head: Head, anchoring: Anchoring) -> None:
        self._anchoring, self._last, self._then = anchoring, BEFORE_FIRST, BEFORE_FIRST
        self._lines_then = anchoring.lines_then(head.number)
        self._register, self._head, self._links = register, head, Links(register.key)
        self._count, self._reads, self._closed, self._torn = 0, 0, False, False
        self._problems: list[AuditProblem] = []

    def add_to(self, report: AuditReport) -> None:
        """Read the whole chain, then add what was found."""
        name = self._head.file_name
        file = self._register.folder / name
        runs = not is_abandoned(file)  # asked first, as it may end while it is read
        try:
            with file.open("rb") as handle:
                self._read(handle)
        except FileNotFoundError:
            if self._head.state != ANNOUNCED:
                self._problem(None, f"it is gone, with its {self._head.line + 1} lines or more")
        else:
            self._check_end()
        then = self._last if self._lines_then is None else self._then
        self._anchoring.add(self._head.number, self._count, self._closed, self._last, then)
        report.lines += self._reads
        report.problems += self._problems
        if not self._closed and self._head.state != CLOSED and file.exists():
            (report.running if runs else report.not_closed).append(name)

    def _read(self, handle: BinaryIO) -> None:
        left = os.fstat(handle.fileno()).st_size  # or it would run after a worker that writes
        while left > 0 and (line := handle.readline(LONGEST_LINE + 1)):
            left -= len(line)
            if not line.endswith(b"\n"):
                self._torn = True
                if len(line) > LONGEST_LINE:
                    self._problem(self._count + 1, "is longer than any that was written here")
                return
            self._count += 1
            body, stated = line[: -len(CHAIN + BEFORE_FIRST + END)], line[-len(BEFORE_FIRST + END) : -len(END)]
            chain = self._links.after(self._last, body)
            if not hmac.compare_digest(line, body + CHAIN + chain + END):
                self._problem(self._count, "was changed, moved or put in, or the line before it is missing")
            else:
                self._check_line(body, stated)
            # What the line says of itself, so that what follows is judged by itself.
            self._last = stated
            if self._count == self._lines_then:
                self._then = stated

    def _check_line(self, body: bytes, stated: bytes) -> None:
        at = self._count - 1
        self._closed = body.endswith(CLOSING)
        self._reads += at > 0 and not self._closed
        if at == 0:
            self._check_opening(json.loads(body + b"}"))
        if at == self._head.line and self._head.state != ANNOUNCED and stated.decode() != self._head.chain.hex():
            self._problem(self._count, "is not the line that the register knows at this place")

    def _check_opening(self, opening: dict[str, Any]) -> None:
        if opening["opened"] != self._head.file_name:
            self._problem(1, f"is the first line of {opening['opened']}")
        if after := opening["after"]:
            before = self._register.read(after["number"])
            if before is None or before.state != CLOSED or before.chain.hex() != after["chain"]:
                self._problem(1, f"continues chain {after['number']}, which does not end as it did then")

    def _check_end(self) -> None:
        known = 0 if self._head.state == ANNOUNCED else self._head.line + 1
        if self._count < known:
            self._problem(None, f"its end was cut off: it has {self._count} whole lines, and had {known} or more")
        elif self._closed and self._torn:
            self._problem(self._count + 1, "stands after the closing line")

    def _problem(self, line: int | None, text: str) -> None:
        if len(self._problems) < PROBLEMS_OF_A_FILE:
            self._problems.append(AuditProblem(self._head.file_name, line, text))
