"""News: what the loads since the live run brought, as a few kilobytes of figures, from the ledger's views in DuckDB."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb

SINCE = (
    """
CREATE TEMP TABLE news AS
SELECT kind, token, hint, hash(kind, token) AS value, hash(account_id) AS account, week, first_seen, last_seen, seq
FROM stored_sightings WHERE seq > $after
""",
    """
CREATE TEMP TABLE held_before AS
SELECT hash(kind, token) AS value, hash(account_id) AS account, week, first_seen, last_seen FROM stored_sightings
WHERE seq <= $after AND hash(kind, token) IN (SELECT value FROM news)
""",
    """
CREATE TEMP TABLE came AS
WITH old AS (SELECT account_id, min(created_at) AS created, arg_max(status, seq) AS status,
                    arg_max(marketplace, seq) AS marketplace
             FROM fact_accounts WHERE seq <= $after GROUP BY account_id),
new AS (SELECT account_id, min(created_at) AS created, arg_max(status, seq) AS status,
               arg_max(marketplace, seq) AS marketplace
        FROM fact_accounts WHERE seq > $after GROUP BY account_id)
SELECT hash(account_id) AS account, new.created, new.status, new.marketplace, old.account_id IS NOT NULL AS known,
       old.created AS old_created, coalesce(old.status, 'active') AS old_status, old.marketplace AS old_marketplace
FROM new LEFT JOIN old USING (account_id)
""",
    """
CREATE TEMP TABLE pairs_of_news AS
WITH pairs AS (SELECT value, account, any_value(kind) AS kind, min(seq) AS seq FROM news GROUP BY value, account),
     old AS (SELECT DISTINCT value, account, true AS known FROM held_before)
SELECT value, account, kind, seq, coalesce(known, false) AS known FROM pairs LEFT JOIN old USING (value, account)
""",
)
"""Values and accounts as 64 bits of a hash: two that are taken for one would change a figure by one, and no run."""

KINDS = """
WITH of_values AS (SELECT kind, value, count(*) AS rows FROM news GROUP BY kind, value),
     of_accounts AS (SELECT kind, count(DISTINCT account) AS accounts FROM pairs_of_news GROUP BY kind)
SELECT kind, sum(rows)::BIGINT, count(*), any_value(accounts), count(*) FILTER (value IN (SELECT value FROM held_before))
FROM of_values JOIN of_accounts USING (kind) GROUP BY kind ORDER BY kind
"""

STAYED = """
SELECT kind, count(*) FILTER (pairs_of_news.known), count(*) FROM pairs_of_news JOIN came USING (account)
WHERE came.known GROUP BY kind ORDER BY kind
"""
"""Of what accounts used that were there before: how much of it had they used before?"""

SPREAD = """
WITH spread AS (
    SELECT value, min(seq) FILTER (NOT known) AS seq, count(*) FILTER (NOT known) AS gained, any_value(kind) AS kind
    FROM pairs_of_news GROUP BY value HAVING gained > 0
), named AS (
    SELECT kind, min(token) AS token, min(hint) AS hint, seq, gained, value FROM (
        SELECT news.kind, token, hint, spread.seq, gained, value FROM news JOIN spread USING (value)
        QUALIFY gained = max(gained) OVER (PARTITION BY news.kind)
    ) GROUP BY kind, seq, gained, value QUALIFY row_number() OVER (PARTITION BY kind ORDER BY min(token)) = 1
)
SELECT kind, token, hint, seq, gained, (
    SELECT count(DISTINCT account) FROM held_before WHERE held_before.value = named.value) AS before
FROM named ORDER BY kind
"""
"""The value of each kind that won most accounts."""

ROWS = """
WITH old AS (SELECT DISTINCT value, account, week, first_seen, last_seen, true AS known FROM held_before)
SELECT count(*), count(DISTINCT account), count(*) FILTER (last_seen < $ended), count(known),
       quantile_disc(last_seen, 0.99), max(last_seen)
FROM news LEFT JOIN old USING (value, account, week, first_seen, last_seen)
"""

ENDED = "SELECT quantile_disc(last_seen, 0.99) FROM stored_sightings WHERE seq = $after"
"""Until when the load before told of sightings. One row in a hundred may be late: a single wrong date is no clock."""

ACCOUNTS = """
WITH first_seen AS (SELECT account, min(first_seen) AS first FROM news GROUP BY account)
SELECT count(*), count(*) FILTER (known), count(*) FILTER (NOT known AND created IS NULL),
       count(*) FILTER (NOT known AND first IS NULL), count(*) FILTER (NOT known AND first < created - INTERVAL 15 MINUTE),
       count(*) FILTER (NOT known AND first > created + INTERVAL 1 HOUR), count(*) FILTER (NOT known AND first IS NOT NULL AND created IS NOT NULL),
       count(*) FILTER (known AND status <> 'active' AND old_status = 'active'),
       count(*) FILTER (known AND marketplace <> old_marketplace), count(*) FILTER (known AND created < old_created)
FROM came LEFT JOIN first_seen USING (account)
"""

MOVED = """
SELECT old_marketplace, marketplace, count(*) FROM came WHERE known AND marketplace <> old_marketplace
GROUP BY ALL ORDER BY count(*) DESC, old_marketplace, marketplace LIMIT 1
"""

MOMENT = """
SELECT count(*) FROM news GROUP BY first_seen ORDER BY count(*) DESC LIMIT 1
"""

VERDICTS = """
WITH old AS (SELECT account_id, arg_max(label, (labelled_at, label = 'bad')) AS label FROM fact_labels WHERE seq <= $after GROUP BY account_id),
new AS (SELECT account_id, arg_max(label, (labelled_at, label = 'bad')) AS label FROM fact_labels GROUP BY account_id)
SELECT (SELECT count(*) FROM old), count(*) FILTER (old.label = 'bad' AND new.label = 'good'),
       count(*) FILTER (old.label = 'good' AND new.label = 'bad'), count(*) FILTER (old.label IS NULL AND new.label = 'bad'),
       count(*) FILTER (old.label IS NULL AND new.label = 'good')
FROM new LEFT JOIN old USING (account_id)
"""

Figure = tuple[float, int | None]
"""So many of so many; or, with None, an amount."""


def news(
    columns: duckdb.DuckDBPyConnection, after: int, kinds: Iterable[str], reports: list[dict[str, Any]]
) -> dict[str, Any]:
    """What came in after the load number ``after``, from the views of ``ledger.reading.view_facts``; JSON values.

    ``reports`` are the reports of those loads, in their order. ``figures`` holds [x, of] for each name: x of so many,
    or an amount where ``of`` is null; those of a kind are named ``figure.kind``. ``values`` has, for each kind, the value
    that won most accounts: how many had it before and have it now, and the load that first brought one of them.
    """
    bound = {"after": after}
    for statement in SINCE:
        columns.execute(statement, bound if "$after" in statement else None)
    ended = _row(columns, ENDED, bound)[0]
    rows, seen, behind, repeated, ends, newest = _row(columns, ROWS, {"ended": ended})
    figures: dict[str, Figure] = {"sightings": (rows, None), "behind": (behind, rows), "repeated": (repeated, rows)}
    if moment := columns.execute(MOMENT).fetchall():
        figures["one_moment"] = (moment[0][0], rows)
    if ends and ended:
        figures["clock_seconds"] = (ends.timestamp() % 86_400, None)
        figures["advance_days"] = ((ends - ended).total_seconds() / 86_400, None)
    figures |= {f"having.{kind}": (0, seen) for kind in kinds}
    values = _of_kinds(columns, figures, seen)
    _of_accounts(columns, figures, seen)
    found: dict[str, Any] = {"rejected": _of_reports(figures, reports), "values": values}
    found["turned_over"] = _of_labels(columns, figures, bound)
    found["late_days"] = max(0, (newest - ends).days) if ends else 0
    found["moved"] = next(iter(columns.execute(MOVED).fetchall()), None)
    for table in ("news", "held_before", "came", "pairs_of_news"):
        columns.execute(f"DROP TABLE {table}")
    figures_told = {name: [round(x, 3), of] for name, (x, of) in sorted(figures.items())}
    return {"since": reports[0]["seq"], "until": reports[-1]["seq"], "figures": figures_told, **found}


def _row(columns: duckdb.DuckDBPyConnection, sql: str, bound: dict[str, Any] | None = None) -> tuple[Any, ...]:
    return columns.execute(sql, bound).fetchall()[0]


def _of_kinds(columns: duckdb.DuckDBPyConnection, figures: dict[str, Figure], seen: int) -> dict[str, Any]:
    accounts: dict[str, int] = {}
    for kind, rows, values, having, known in columns.execute(KINDS).fetchall():
        accounts[kind] = having
        figures[f"having.{kind}"] = (having, seen)
        figures[f"distinct.{kind}"] = (values, rows)
        figures[f"known_values.{kind}"] = (known, values)
    for kind, known, pairs in columns.execute(STAYED).fetchall():
        figures[f"kept.{kind}"] = (known, pairs)
    found: dict[str, Any] = {}
    for kind, token, hint, load, gained, before in columns.execute(SPREAD).fetchall():
        figures[f"spread.{kind}"] = (gained, accounts[kind])
        found[kind] = {"token": token, "hint": hint, "before": before, "after": before + gained, "since": load}
    return found


def _of_accounts(columns: duckdb.DuckDBPyConnection, figures: dict[str, Figure], seen: int) -> None:
    row = _row(columns, ACCOUNTS)
    rows, known, undated, bare, early, late, dated, ended, moved, recreated = row
    came = rows - known
    figures |= {
        "new": (came, rows),
        "undated": (undated, came),
        "bare": (bare, came),
        "early": (early, dated),
        "late": (late, dated),
        "ended": (ended, known),
        "moved": (moved, known),
        "recreated": (recreated, known),
        "sightings_each": (figures["sightings"][0] / max(seen, 1), None),
    }


def _of_labels(columns: duckdb.DuckDBPyConnection, figures: dict[str, Figure], bound: dict[str, Any]) -> dict[str, int]:
    """How many verdicts were turned over, from bad to good and from good to bad."""
    before, to_good, to_bad, bad, good = _row(columns, VERDICTS, bound)
    figures |= {"turned_over": (to_good + to_bad, before), "bad": (bad, None), "good": (good, None)}
    return {"to_good": to_good, "to_bad": to_bad}


def _of_reports(figures: dict[str, Figure], reports: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows that the loads rejected or folded into one; gives the commonest reason of each table."""
    most: dict[str, list[Any]] = {}
    for table in ("accounts", "sightings", "labels"):
        rows = sum(report["rows"][table] for report in reports)
        reasons: dict[str, int] = {}
        for report in reports:
            for reason, count in report["rejected"][table].items():
                reasons[reason] = reasons.get(reason, 0) + count
        figures[f"rejected.{table}"] = (sum(reasons.values()), rows)
        if reasons:
            most[table] = list(max(reasons.items(), key=lambda each: (each[1], each[0])))
    accepted = sum(report["accepted"]["sightings"] for report in reports)
    figures["folded"] = (accepted - int(figures["sightings"][0]), accepted)
    return most
