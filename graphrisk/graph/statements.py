"""Cypher statements: one a file under ``cypher/``, with a header that says its purpose, its mode and its parameters.

    // What the statement is for, in one sentence.
    // mode: read
    // params: $accountId $limit

Modes: ``read`` and ``write`` run in managed transactions (retried), ``autocommit`` in one of its own (CALL … IN
TRANSACTIONS), ``schema`` once, by a migration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, LiteralString, cast

FOLDER = Path(__file__).with_name("cypher")
MODES = ("read", "write", "autocommit", "schema")
Mode = Literal["read", "write", "autocommit", "schema"]


@dataclass(frozen=True)
class Statement:
    """A statement: ``name`` is its path under ``cypher/`` without the ending, ``params`` the names it takes."""

    name: str
    purpose: str
    mode: Mode
    params: frozenset[str]
    text: LiteralString

    def of_type(self, type_: str) -> LiteralString:
        """The text with the relationship type written into it, where it has ``$($type)``: with a parameter there, Neo4j
        reads relationships of all types, which takes twice as long. Raises ``ValueError`` for what is no type.
        """
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", type_):
            raise ValueError(f"{type_!r} is no relationship type")
        known: Any = self.text.replace("$($type)", type_)
        return known


@cache
def statement(name: str) -> Statement:
    """The statement of that name. Raises ``ValueError`` when its header does not tell the truth."""
    text = (FOLDER / f"{name}.cypher").read_text(encoding="utf-8")
    purpose, mode, params, *_ = [*text.splitlines(), "", "", ""]
    body = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//")).strip()
    declared = frozenset(re.findall(r"\$(\w+)", params))
    used = frozenset(re.findall(r"\$(\w+)", body))
    modes = re.fullmatch(rf"// mode: ({'|'.join(MODES)})", mode)
    if not re.fullmatch(r"// [A-Z].*[.?]", purpose) or not modes or not params.startswith("// params:"):
        raise ValueError(f"{name}: the first three lines must be the purpose, `// mode: …` and `// params: …`")
    if declared != used:
        raise ValueError(f"{name}: declares {sorted(declared)} and uses {sorted(used)}")
    # The driver wants texts that are known when the code is written; a file of this package is one.
    known: Any = body
    return Statement(name, purpose.removeprefix("// "), cast("Mode", modes[1]), declared, known)


def names(folder: str) -> list[str]:
    """The statements of one folder, sorted by name."""
    return sorted(f"{folder}/{path.stem}" for path in (FOLDER / folder).glob("*.cypher"))
