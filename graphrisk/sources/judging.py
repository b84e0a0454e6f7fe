"""Judging: SQL that takes projected fields to facts with tokens, or to a reason why the row is rejected.

Each statement gives, for every row of the batch, the facts' columns, ``row``, ``reason`` (null: accepted) and
``length`` (characters of the value, all that is told of a rejected one).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from graphrisk.model import DAY_US
from graphrisk.policy import Policy
from graphrisk.schema import LABELS, STATUSES
from graphrisk.sources.normalise import (
    CANONICAL,
    HINT,
    MAIL_PROVIDERS,
    NETWORK,
    PLACEHOLDER,
    PREPARED,
    REJECTED,
    canonical_ip,
    canonical_phone,
)
from graphrisk.sources.tokens import TokenKey, hmac_parameters, hmac_sql
from graphrisk.sources.tombstones import ERASED_ACCOUNT

REMEMBERED_VALUES = 200_000
Remembered = dict[tuple[str, str], tuple[str | None, str | None]]

FIRST_TIME_US = 631_152_000_000_000
"""1990; earlier times are placeholders such as 1970-01-01 or 1900-01-01."""

_FIRST_MONDAY_DAYS = 4
_BAD_ACCOUNT = (
    r"account_id IS NULL OR length(account_id) > 128 OR trim(account_id) = '' OR regexp_matches(account_id, '\p{C}')"
)
_WHOLE_NUMBER = r"^0*[1-9][0-9]{0,15}(\.0*)?$"
_TRIMMED = "trim(value, chr(9) || chr(10) || chr(12) || chr(13) || ' ')"


def _cases(arms: list[tuple[str, str]]) -> str:
    return "CASE " + " ".join(f"WHEN {condition} THEN '{reason}'" for condition, reason in arms) + " END"


def is_out_of_range(moment: int, now: int) -> bool:
    """Whether a time (microseconds) is a placeholder or more than a day ahead of the clock."""
    return moment < FIRST_TIME_US or moment > now + DAY_US


def _out_of_range(*fields: str) -> str:
    return " OR ".join(f"{field} < {FIRST_TIME_US} OR {field} > $now_us + {DAY_US}" for field in fields)


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def accounts_sql(projected: str) -> str:
    """Rows of the accounts table; ``status_rank`` is the position in ``STATUSES``, null where none is stated."""
    reason = _cases(
        [
            ("NOT line_ok", "malformed_row"),
            (_BAD_ACCOUNT, "bad_account_id"),
            ("status_rank = 0", "bad_status"),
            ("created_at_given AND created_at_us IS NULL", "bad_time"),
            (_out_of_range("created_at_us"), "time_out_of_range"),
        ]
    )
    rank = f"list_position([{_listed(STATUSES)}], lower(trim(status)))"
    return (
        f"WITH ranked AS (SELECT *, CASE WHEN nullif(trim(status), '') IS NOT NULL THEN coalesce({rank}, 0) END AS status_rank"
        f" FROM ({projected})) SELECT row, {reason} AS reason, NULL::BIGINT AS length, account_id,"
        " created_at_us AS created_at, status_rank, nullif(trim(marketplace), '') AS marketplace FROM ranked"
    )


def labels_sql(projected: str) -> str:
    """Rows of the labels table."""
    reason = _cases(
        [
            ("NOT line_ok", "malformed_row"),
            (_BAD_ACCOUNT, "bad_account_id"),
            (f"coalesce(lower(trim(label)), '') NOT IN ({_listed(LABELS)})", "bad_label"),
            ("labelled_at_us IS NULL", "bad_time"),
            (_out_of_range("labelled_at_us"), "time_out_of_range"),
        ]
    )
    return (
        f"SELECT row, {reason} AS reason, NULL::BIGINT AS length, account_id, lower(trim(label)) AS label,"
        f" labelled_at_us AS labelled_at, nullif(trim(source), '') AS source FROM ({projected})"
    )


def values_sql(projected: str, policy: Policy, normalisers: tuple[str, ...]) -> str:
    """The distinct values of a batch that Python makes canonical: ``normaliser``, ``v``."""
    return (
        f"SELECT DISTINCT normaliser, v FROM ({_typed(projected, policy)}) WHERE normaliser IN ({_listed(normalisers)})"
        " AND NOT plain_ipv4"
    )


def sightings_sql(projected: str, policy: Policy, links: int) -> str:
    """Rows of the sightings table; the view ``translated`` has the canonical forms that Python made, ``links`` master keys
    make the tokens."""
    rejected = [(f"normaliser = '{normaliser}' AND ({sql})", reason) for normaliser, sql, reason in REJECTED]
    reason = _cases(
        [
            ("NOT line_ok", "malformed_row"),
            (_BAD_ACCOUNT, "bad_account_id"),
            ("normaliser IS NULL", "unknown_kind"),
            (f"v IS NULL OR {PLACEHOLDER}", "placeholder"),
            *rejected,
            ("canonical IS NULL", "malformed_value"),
            ("first_us IS NULL OR (last_seen_given AND last_seen_us IS NULL)", "bad_time"),
            (_out_of_range("first_us", "last_us"), "time_out_of_range"),
            ("last_us < first_us", "last_before_first"),
            (f"count IS NOT NULL AND NOT regexp_matches(trim(count), '{_WHOLE_NUMBER}')", "bad_count"),
        ]
    )
    arms = " ".join(f"WHEN '{normaliser}' THEN {sql}" for normaliser, sql in CANONICAL.items())
    canonical = (
        f"SELECT typed.*, translated_hint, coalesce(first_seen_us, seen_at_us) AS first_us,"
        f" coalesce(last_seen_us, first_us) AS last_us, CASE normaliser {arms} END AS canonical,"
        " coalesce(normaliser = 'ip' AND canonical <> 'private' AND NOT ends_with(canonical, '/64'), false) AS is_ipv4"
        f" FROM ({_typed(projected, policy)}) AS typed LEFT JOIN translated USING (normaliser, v)"
        " LEFT JOIN mail_providers USING (mail_domain)"
    )
    judged = f"SELECT *, {reason} AS reason, {NETWORK} AS network_text FROM ({canonical})"
    week = f"((first_us - {_FIRST_MONDAY_DAYS} * 86400000000) // 604800000000)::INTEGER"
    return (
        f"SELECT row, reason, length(v) AS length, account_id, kind, {_token(policy, 'canonical', links)} AS token,"
        f" CASE WHEN network_text IS NOT NULL THEN {_token(policy, 'network_text', links)} END AS network, {HINT} AS hint,"
        f" CASE WHEN normaliser = 'ip' THEN {week} ELSE 0 END AS week, first_us AS first_seen, last_us AS last_seen,"
        f" coalesce(try_cast(count AS BIGINT), 1) AS count FROM ({judged})"
    )


def translations(values: pa.Table, phone_region: str | None, remembered: Remembered) -> pa.Table:
    """The view ``translated``: the rows of ``values_sql`` with the canonical form and hint that Python makes of each.

    ``remembered`` is the caller's, for values that come again; it is emptied when it is large.
    """
    pairs = list(zip(values["normaliser"].to_pylist(), values["v"].to_pylist(), strict=True))
    if len(remembered) > REMEMBERED_VALUES:
        remembered.clear()
    for pair in pairs:
        if pair not in remembered:
            normaliser, text = pair
            made = canonical_phone(text, phone_region) if normaliser == "phone" else (canonical_ip(text), None)
            remembered[pair] = made
    forms, hints = ([remembered[pair][part] for pair in pairs] for part in range(2))
    return values.append_column("translated", pa.array(forms, pa.string())).append_column(
        "translated_hint", pa.array(hints, pa.string())
    )


def parameters_of(sql: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that a statement names, since DuckDB takes no others."""
    return {name: value for name, value in values.items() if f"${name}" in sql}


def token_parameters(policy: Policy, key: TokenKey) -> dict[str, bytes | str]:
    """What ``sightings_sql`` needs of the token key; bound as parameters, so that no statement text holds a key."""
    return {"key_id": key.key_id, **hmac_parameters(key, policy.kinds)}


def without_erased(sql: str, links: int) -> str:
    """Rows of ``sql`` with those rejected whose account is in the view ``tombstones``; each account is hashed once."""
    digits = hmac_sql("account_id", ERASED_ACCOUNT, range(links))
    return (
        f"WITH judged AS MATERIALIZED ({sql}), gone AS (SELECT account_id FROM (SELECT DISTINCT account_id FROM judged"
        f" WHERE reason IS NULL) WHERE {digits} IN (SELECT digits FROM tombstones))"
        " SELECT judged.* REPLACE (coalesce(reason, CASE WHEN gone.account_id IS NOT NULL THEN 'erased_account' END) AS reason)"
        " FROM judged LEFT JOIN gone USING (account_id)"
    )


def _typed(projected: str, policy: Policy) -> str:
    arms = " ".join(f"WHEN '{kind}' THEN '{each.normaliser}'" for kind, each in policy.kinds.items())
    trimmed = f"SELECT * REPLACE (lower(trim(kind)) AS kind, nfc_normalize(value) AS value) FROM ({projected})"
    named = f"SELECT * EXCLUDE (value), CASE kind {arms} END AS normaliser, {_TRIMMED} AS v FROM ({trimmed})"
    return f"SELECT *, {PREPARED} FROM ({named})"


def mail_providers() -> pa.Table:
    """The table ``mail_providers`` that ``sightings_sql`` joins."""
    columns = list(zip(*MAIL_PROVIDERS, strict=True))
    return pa.table(
        [pa.array(column) for column in columns], names=["mail_domain", "same_domain", "ignores_dots", "ignores_tags"]
    )


def _token(policy: Policy, text: str, links: int) -> str:
    arms = " ".join(f"WHEN '{kind}' THEN {hmac_sql(text, kind, range(links))}" for kind in policy.kinds)
    return f"CASE WHEN reason IS NULL THEN $key_id || ':' || CASE kind {arms} END END"
