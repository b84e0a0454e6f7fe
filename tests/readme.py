"""What the README shows of the demo, written anew: ``python -m tests.readme`` (or ``make readme``).

Runs the demo, puts what it and the next commands print into the README's first text blocks, and the ids of the ring that
it tells of, of the first account in it and of the account most strongly linked to that one wherever the old ones stand.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

from tests.docs import ROOT

README = ROOT / "README.md"
SECTION = ("## Ten minutes to a ring", "## Bring your own data")
RINGS, REASONS, WIDTH = 9, 5, 124
IDS = (r"show ring (ring_\w+)", r"show account (\w+)", r"milli-nats\s+account.*\n\s*[\d,]+\s+(\S+)")
"""A ring, an account in it, and the account of its strongest link, as the README and the commands show them."""


def main() -> None:
    """Rewrite the README and every file that has the ids of its examples."""
    before = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        asked = _asking(Path(folder))
        demo = asked("demo")
        ring, account = _framing(folder, asked)
        shown = asked("--home", "demo/home", "show", "account", account)
        blocks = [
            _load(demo),
            asked("--home", "demo/home", "rings", "--limit", str(RINGS)),
            _ring(asked("--home", "demo/home", "show", "ring", ring)),
            _strongest(shown),
        ]
    parts = iter(blocks)
    start, end = (before.index(heading) for heading in SECTION)
    section = re.sub(r"(?<=^```text\n).*?(?=^```$)", lambda _: next(parts), before[start:end], flags=re.S | re.M)
    README.write_text(before[:start] + section + before[end:], encoding="utf-8")
    for old, new in zip((_found(each, before) for each in IDS), (ring, account, _found(IDS[2], shown)), strict=True):
        _put(old, new)


def _framing(folder: str, asked: Callable[..., str]) -> tuple[str, str]:
    """The ring that typed a stranger's card into its accounts, and the first of them: the README tells of both."""
    with Path(folder, "demo", "facts-2000-1", "truth.csv").open(encoding="utf-8") as truth:
        framed = [row["account_id"] for row in csv.DictReader(truth) if row["structure"] == "framed"]
    for account in framed:
        if ring := json.loads(asked("--home", "demo/home", "show", "account", account, "--json"))["ring_id"]:
            members = json.loads(asked("--home", "demo/home", "show", "ring", ring, "--json"))["members"]
            return ring, min(member["account_id"] for member in members if member["role"] == "core")
    raise SystemExit("No framed account of the demo is in a ring; choose another ring for the README.")


def _asking(folder: Path) -> Callable[..., str]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GRAPHRISK_")}
    environment |= {"COLUMNS": "200", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}

    def asked(*words: str) -> str:
        command = [sys.executable, "-m", "graphrisk", *words]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())

    return asked


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in\n{text}"
    return found[1]


def _load(demo: str) -> str:
    lines = demo.splitlines(keepends=True)
    report = lines[: next(place for place, line in enumerate(lines) if "rejects.csv" in line)]
    return "".join([*report, "…\n", *(line for line in lines if line.startswith("Run run_"))])


def _ring(shown: str) -> str:
    lines = shown.splitlines(keepends=True)
    last = next(place for place, line in enumerate(lines) if "  logit  " in line)
    first = next(place for place, line in enumerate(lines) if "  base  " in line)
    return "".join([*lines[: first + REASONS], "   …\n", lines[last]])


def _strongest(shown: str) -> str:
    """The strongest link of an account, its evidence in lines of a width that a page has."""
    heading = _found(r"(Strongest of \d+ links\n.*evidence\n)", shown)
    column = heading.index("evidence") - heading.index("\n") - 1
    link = _found(r"evidence\n(.*(?:\n {20,}\S.*)*)", shown)
    evidence = " ".join(line[column:] for line in link.splitlines())
    return (
        heading
        + textwrap.fill(
            evidence, WIDTH, initial_indent=link[:column], subsequent_indent=" " * column, break_on_hyphens=False
        )
        + "\n"
    )


def _put(old: str, new: str) -> None:
    """Write one id for another in all files that git keeps."""
    names = subprocess.run(
        ["git", "grep", "-lw", old], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    for path in (ROOT / name for name in names):
        path.write_text(re.sub(rf"\b{old}\b", new, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
