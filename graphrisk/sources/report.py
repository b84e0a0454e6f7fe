"""The load report: what came in, what was rejected and why, how complete it is, and which values are shared most."""

from __future__ import annotations

import hashlib
from typing import Any

import duckdb

from graphrisk.policy import Policy
from graphrisk.schema import REJECT_REASONS, TABLES
from graphrisk.sources.staging import Tally

MOST_SHARED = 5

_DIGESTED = {
    "accounts": "account_id, epoch_us(created_at), status, marketplace",
    "sightings": "account_id, kind, token, week, epoch_us(first_seen), epoch_us(last_seen), count",
    "labels": "account_id, label, epoch_us(labelled_at), source",
}


def content_digest(staged: duckdb.DuckDBPyConnection) -> str:
    """A digest (32 hex digits) of the staged facts that does not depend on the order or the files of the rows."""
    digest = hashlib.sha256()
    for table, columns in _DIGESTED.items():
        fields = ", ".join(f"coalesce({column}::VARCHAR, chr(30))" for column in columns.split(", "))
        found = staged.execute(f"SELECT count(*), bit_xor(md5_number(concat_ws(chr(31), {fields}))) FROM {table}").fetchall()
        digest.update(repr((table, found)).encode())
    return digest.hexdigest()[:32]


def load_report(staged: duckdb.DuckDBPyConnection, tally: Tally, policy: Policy, load: str, sources: list[str]) -> dict[str, Any]:
    """The report of one load as plain values, ready for JSON.

    ``completeness`` is the share (0–1) of the load's accounts that have a sighting of the kind.
    """
    accounts = _accounts(staged)
    kinds = staged.execute("SELECT kind, count(DISTINCT account_id) FROM sightings GROUP BY kind ORDER BY kind").fetchall()
    having = dict(kinds)
    bare = staged.execute(
        "SELECT count(*) FROM (SELECT account_id FROM accounts EXCEPT SELECT account_id FROM sightings)"
    ).fetchall()
    return {
        "load": load,
        "sources": sources,
        "rows": {table: tally.rows[table] for table in TABLES},
        "accepted": {table: tally.rows[table] - sum(tally.rejected[table].values()) for table in TABLES},
        "rejected": {table: dict(sorted(tally.rejected[table].items())) for table in TABLES},
        "accounts": accounts,
        "completeness": {kind: _share(having.get(kind, 0), accounts) for kind in sorted(policy.kinds)},
        "accounts_without_attribute": _share(bare[0][0], accounts),
        "most_shared": _most_shared(staged),
        "ignored_columns": tally.ignored_columns,
    }


def refusal(tally: Tally, policy: Policy) -> str | None:
    """Why the load has to be refused, in one sentence, or ``None``."""
    limit = policy.load.max_reject_ratio
    for table in TABLES:
        share = tally.reject_share(table)
        if share > limit:
            counts = tally.rejected[table].most_common()
            listed = ", ".join(f"{count:,} {reason}" for reason, count in counts)
            meaning = REJECT_REASONS[counts[0][0]]
            return (
                f"{100 * share:.1f} % of the {tally.rows[table]:,} rows of {table} were rejected, more than"
                f" load.max_reject_ratio ({100 * limit:g} %): {listed}. Most often {meaning}"
            )
    return None


def _accounts(staged: duckdb.DuckDBPyConnection) -> int:
    found = staged.execute(
        "SELECT count(*) FROM (SELECT account_id FROM accounts UNION SELECT account_id FROM sightings"
        " UNION SELECT account_id FROM labels)"
    ).fetchall()
    return found[0][0]


def _most_shared(staged: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    rows = staged.execute(
        "SELECT kind, token, min(hint), count(DISTINCT account_id) AS accounts FROM sightings GROUP BY kind, token"
        " HAVING min(account_id) <> max(account_id)"
        f" QUALIFY row_number() OVER (PARTITION BY kind ORDER BY accounts DESC, token) <= {MOST_SHARED} ORDER BY kind, accounts DESC, token"
    ).fetchall()
    shared: dict[str, list[dict[str, Any]]] = {}
    for kind, token, hint, accounts in rows:
        shared.setdefault(kind, []).append({"token": token, "hint": hint, "accounts": accounts})
    return shared


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
