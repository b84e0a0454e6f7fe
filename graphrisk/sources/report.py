"""The load report: what came in, what was rejected and why, how complete it is, and which values are shared most."""

from __future__ import annotations

import hashlib
from typing import Any

import duckdb

from graphrisk.policy import Policy
from graphrisk.schema import REJECT_REASONS, TABLES
from graphrisk.sources.staging import Tally

MOST_SHARED = 5
MOST_ROWS = 500
"""Values with fewer rows than so many others of their kind are not counted; an address can have a row a week."""

_LAST = 2**64 - 1

MOST = f"""
CREATE TEMP TABLE most AS
WITH counted AS (SELECT kind, hash(token) AS place, count(*) AS rows FROM sightings GROUP BY kind, place HAVING rows > 1)
SELECT ({_LAST} - (code & {_LAST}::UHUGEINT))::UBIGINT AS place
FROM (SELECT unnest(max(rows::UHUGEINT << 64 | ({_LAST} - place)::UHUGEINT, {MOST_ROWS})) AS code FROM counted GROUP BY kind)
"""
"""Hashes of the values with most rows of each kind, of equals the smaller one. The largest of one number need not be held all
at once, as rows in an order would have to be."""

SHARED = f"""
SELECT kind, token, min(hint), count(DISTINCT account_id) AS accounts FROM sightings SEMI JOIN most ON hash(token) = place
GROUP BY kind, token HAVING accounts > 1
QUALIFY row_number() OVER (PARTITION BY kind ORDER BY accounts DESC, token) <= {MOST_SHARED}
ORDER BY kind, accounts DESC, token
"""

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
        found = staged.execute(
            f"SELECT count(*), bit_xor(md5_number(concat_ws(chr(31), {fields}))) FROM {table}"
        ).fetchall()
        digest.update(repr((table, found)).encode())
    return digest.hexdigest()[:32]


def load_report(
    staged: duckdb.DuckDBPyConnection, tally: Tally, policy: Policy, load: str, sources: list[str]
) -> dict[str, Any]:
    """The report of one load as plain values, ready for JSON.

    ``completeness`` is the share (0–1) of the load's accounts that have a sighting of the kind.
    """
    return {
        "load": load,
        "sources": sources,
        "rows": {table: tally.rows[table] for table in TABLES},
        "accepted": {table: tally.rows[table] - sum(tally.rejected[table].values()) for table in TABLES},
        "rejected": {table: dict(sorted(tally.rejected[table].items())) for table in TABLES},
        **facts_report(staged, sorted(policy.kinds)),
        "ignored_columns": tally.ignored_columns,
    }


def facts_report(staged: duckdb.DuckDBPyConnection, kinds: list[str]) -> dict[str, Any]:
    """The part of a report that the load's facts tell, whatever rows they came from."""
    accounts, bare, having = _completeness(staged, kinds)
    return {
        "accounts": accounts,
        "completeness": {kind: _share(having[kind], accounts) for kind in kinds},
        "accounts_without_attribute": _share(bare, accounts),
        "most_shared": _most_shared(staged),
    }


def refusal(tally: Tally, policy: Policy) -> str | None:
    """Why the load has to be refused, in one sentence, or ``None``."""
    limit = policy.load.max_reject_ratio
    for table in TABLES:
        share = tally.reject_share(table)
        if share > limit:
            counts = [each for each in tally.rejected[table].most_common() if each[0] != "erased_account"]
            listed = ", ".join(f"{count:,} {reason}" for reason, count in counts)
            meaning = REJECT_REASONS[counts[0][0]]
            return (
                f"{100 * share:.1f} % of the {tally.rows[table]:,} rows of {table} were rejected, more than"
                f" load.max_reject_ratio ({100 * limit:g} %): {listed}. Most often {meaning}"
            )
    return None


def _completeness(staged: duckdb.DuckDBPyConnection, kinds: list[str]) -> tuple[int, int, dict[str, int]]:
    """Accounts of the load, those without any sighting, and those with a sighting of each kind."""
    arms = " ".join(f"WHEN '{kind}' THEN {1 << place}" for place, kind in enumerate(kinds))
    counted = ", ".join(f"count(*) FILTER (held & {1 << place} > 0)" for place in range(len(kinds)))
    row = staged.execute(
        f"WITH held AS (SELECT account_id, bit_or(CASE kind {arms} END) AS held FROM sightings GROUP BY account_id"
        " UNION ALL SELECT account_id, 0 FROM accounts UNION ALL SELECT account_id, 0 FROM labels),"
        " whole AS (SELECT account_id, bit_or(held) AS held FROM held GROUP BY account_id)"
        f" SELECT count(*), count(*) FILTER (held = 0), {counted} FROM whole"
    ).fetchall()[0]
    return row[0], row[1], dict(zip(kinds, row[2:], strict=True))


def _most_shared(staged: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    staged.execute(MOST)
    rows = staged.execute(SHARED).fetchall()
    staged.execute("DROP TABLE most")
    shared: dict[str, list[dict[str, Any]]] = {}
    for kind, token, hint, accounts in rows:
        shared.setdefault(kind, []).append({"token": token, "hint": hint, "accounts": accounts})
    return shared


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
