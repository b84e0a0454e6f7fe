"""Accounts taken out of the log of reads: their ids become ``(erased)``, and the chains that had them are made anew.

Only who has the audit key can do that, and it shows: an anchor from before fails afterwards, and the certificate of the
erasure has the anchors of before and after. A log that has a problem is left as it is, so that the problem stays visible.

The new chains are written beside the old ones, then a plan, then they take their places; a plan that is found is carried out
first, so a kill at any moment leaves a log that the next erasure makes whole.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graphrisk.api.audit import verify_audit
from graphrisk.api.chains import BEFORE_FIRST, CHAIN, END, Links, quoted
from graphrisk.api.register import Head, Register, existing_register, open_register
from graphrisk.files import is_abandoned, write_durably
from graphrisk.runs.redaction import ERASED

_IDS, _AFTER_IDS, _AFTER = b',"ids":[', b'],"run":', b',"after":'


@dataclass(frozen=True)
class _Remade:
    """A chain made anew: its lines, and the chain values of its lines."""

    head: Head
    lines: list[bytes]
    values: list[bytes]
    redacted: int


def redact_audit(home: Path, account_ids: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Take accounts out of the log of reads; the figures ``audit_lines`` and ``audit`` (anchors), and what is left to do."""
    if existing_register(home) is None:
        return {"audit_lines": 0}, []
    register = open_register(home)
    _carry_out(register)
    remade, running = _remake(register, account_ids)
    left = [f"{name} in audit/ names an account, and a server writes to it: stop `graphrisk serve`" for name in running]
    left = [f"{each}, then erase again." for each in left]
    if not remade:
        return {"audit_lines": 0}, left
    before = verify_audit(home)
    if before.problems:
        problem = f"{before.problems[0].file}: {before.problems[0].text}"
        told = f"The audit log names an account and has a problem ({problem})"
        return {"audit_lines": 0}, [
            f"{told}; find out what happened, move audit/ and api/audit.key away, then erase again."
        ]
    _plan(register, remade)
    _carry_out(register)
    anchors = {"anchor_before": before.anchor, "anchor_after": verify_audit(home).anchor}
    return {"audit_lines": sum(each.redacted for each in remade), "audit": anchors}, left


def _remake(register: Register, account_ids: Sequence[str]) -> tuple[list[_Remade], list[str]]:
    """The chains that have to change, and the files that would have to, but are written to now.

    A chain that goes on from one that changes has to change as well.
    """
    names = {quoted(account_id).encode() for account_id in account_ids}
    heads = [head for number in range(1, register.count) if (head := register.read(number))]
    heads = [head for head in heads if (register.folder / head.file_name).exists()]
    runs = {head.number for head in heads if not is_abandoned(register.folder / head.file_name)}
    before: dict[int, int | None] = {head.number: _goes_on_from(register.folder / head.file_name) for head in heads}
    blocked = _with_ancestors(runs, before)
    remade, running = dict[int, _Remade](), list[str]()
    for head in heads:
        made = _remade(register, head, names, remade.get(before[head.number] or 0))
        if made and head.number in blocked:
            running.append(head.file_name)
        elif made:
            remade[head.number] = made
    return list(remade.values()), running


def _with_ancestors(numbers: set[int], before: dict[int, int | None]) -> set[int]:
    found: set[int] = set()
    for number in numbers:
        step: int | None = number
        while step is not None and step not in found:
            found.add(step)
            step = before.get(step)
    return found


def _goes_on_from(file: Path) -> int | None:
    with file.open("rb") as handle:
        opening = handle.readline()
    after = json.loads(opening)["after"] if opening.endswith(END) else None
    return after["number"] if after else None


def _remade(register: Register, head: Head, names: set[bytes], before: _Remade | None) -> _Remade | None:
    content = (register.folder / head.file_name).read_bytes()
    if before is None and not re.search(b"|".join(map(re.escape, names)), content):
        return None
    links, last = Links(register.key), BEFORE_FIRST
    lines, values, redacted = list[bytes](), list[bytes](), 0
    for place, line in enumerate(content.splitlines(keepends=True)):
        if not line.endswith(END):
            break  # torn by the kill of its process
        body = line[: -len(CHAIN + BEFORE_FIRST + END)]
        if place == 0 and before:
            opening, _, _ = body.partition(_AFTER)
            after = {"number": before.head.number, "chain": before.values[-1].decode()}
            body = opening + _AFTER + json.dumps(after, separators=(",", ":")).encode()
        else:
            body, changed = _without(body, names)
            redacted += changed
        last = links.after(last, body)
        lines.append(body + CHAIN + last + END)
        values.append(last)
    return _Remade(head, lines, values, redacted) if redacted or before else None


def _without(body: bytes, names: set[bytes]) -> tuple[bytes, bool]:
    head, _, rest = body.partition(_IDS)
    listed, is_read, tail = rest.partition(_AFTER_IDS)
    if not is_read:
        return body, False
    ids = [quoted(each).encode() for each in json.loads(b"[" + listed + b"]")]
    kept = [quoted(ERASED).encode() if each in names else each for each in ids]
    return head + _IDS + b",".join(kept) + _AFTER_IDS + tail, kept != ids


def _plan(register: Register, remade: list[_Remade]) -> None:
    for each in remade:
        write_durably(_beside(register, each.head), b"".join(each.lines), 0o600)
    heads = {each.head.number: each.values[each.head.line].decode() for each in remade}
    write_durably(_plan_file(register), json.dumps(heads).encode(), 0o600)


def _carry_out(register: Register) -> None:
    """Put the chains that a plan names in their places; without a plan, drop those that wait for one."""
    plan = _plan_file(register)
    if plan.exists():
        for number, chain in json.loads(plan.read_text()).items():
            head = register.read(int(number))
            assert head is not None  # noqa: S101 - it was read when the plan was made
            if _beside(register, head).exists():
                os.replace(_beside(register, head), register.folder / head.file_name)
            register.write(replace(head, chain=bytes.fromhex(chain)))
        register.sync()
        plan.unlink()
    for file in register.folder.glob("*.remade"):
        file.unlink()


def _beside(register: Register, head: Head) -> Path:
    return register.folder / f"{head.file_name}.remade"


def _plan_file(register: Register) -> Path:
    return register.folder / "erasure.plan"
