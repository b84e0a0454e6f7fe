"""What a run is made from, and the id that follows from it."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from graphrisk.errors import DetectionError
from graphrisk.ledger.store import Ledger, Load
from graphrisk.model import METHOD_VERSION
from graphrisk.policy import Policy
from graphrisk.runs.store import read_manifest
from graphrisk.scoring.reference import Reference
from graphrisk.settings import Settings

LIBRARIES = ("deltalake", "duckdb", "graphrisk", "igraph", "leidenalg", "networkx", "numpy", "pyarrow", "scipy")


def known_by(ledger: Ledger, as_of: datetime | None) -> tuple[list[Load], datetime]:
    """The loads accepted by a moment (UTC where it has no zone), and the moment: without one, that of the newest load.

    Raises ``DetectionError`` when there is no load.
    """
    if as_of and as_of.tzinfo is None:
        as_of = as_of.replace(tzinfo=UTC)
    loads = ledger.loads(as_of)
    if not loads:
        by = f" accepted by {as_of.isoformat()}; choose a later --as-of" if as_of else " yet; load facts first"
        raise DetectionError(f"The ledger has no load{by}.")
    return loads, as_of or loads[-1].accepted_at


def moment_of_live(settings: Settings, live: str | None) -> datetime:
    """The moment of the live run. Raises ``DetectionError`` when there is none."""
    if live is None:
        raise DetectionError("There is no live run that a shadow run could be compared with; publish one first.")
    return datetime.fromisoformat(read_manifest(settings.runs, live)["as_of"])


def described(
    policy: Policy,
    reference: Reference,
    moment: datetime,
    engine: str,
    loads: list[Load],
    live: str | None,
    shadow: bool,
) -> dict[str, Any]:
    """The beginning of a run's manifest, with its id: what goes into it names it."""
    named = {
        "as_of": moment.isoformat(),
        "policy_hash": policy.hash,
        "reference_hash": reference.hash,
        "method_version": METHOD_VERSION,
        "engine": engine,
        "versions": versions_in_use(),
        "input_digest": input_digest(loads),
        "live_run": live,
        "token_key": loads[0].key_id,
        **({"shadow": True} if shadow else {}),
    }
    digest = hashlib.blake2b(json.dumps(named, sort_keys=True).encode(), digest_size=10).digest()
    run_id = "run_" + base64.b32encode(digest).decode().lower()
    return {
        "run_id": run_id,
        **named,
        "loads": len(loads),
        "made_at": datetime.now(UTC).isoformat(),
        "policy": policy.model_dump(mode="json"),
        "evidence_tables": reference.model_dump(mode="json")["evidence"],
    }


def input_digest(loads: list[Load]) -> str:
    """SHA-256 (hex) of what loads brought, in whatever order."""
    content = json.dumps(sorted(load.content for load in loads))
    return hashlib.sha256(content.encode()).hexdigest()


def versions_in_use() -> dict[str, str]:
    """The libraries whose versions may decide what is found, as far as they are installed."""
    return {library: known for library in LIBRARIES if (known := _version(library))}


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
