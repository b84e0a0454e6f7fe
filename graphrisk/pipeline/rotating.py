"""rotate_tokens(): a new token key, and every token of the ledger made anew from the one before, without the sources."""

from __future__ import annotations

from typing import Any

import duckdb

from graphrisk.files import locked
from graphrisk.ledger.merged import without_merged
from graphrisk.ledger.rewriting import replace_sightings, view_stored
from graphrisk.ledger.store import Ledger
from graphrisk.logs import LOG
from graphrisk.pipeline.loading import without_loads
from graphrisk.pipeline.redescribing import redescribe
from graphrisk.settings import Settings
from graphrisk.sources.tokens import TokenKey, add_master_key, hmac_parameters, hmac_sql, token_key
from graphrisk.sources.tombstones import ERASED_ACCOUNT, read_tombstones, write_tombstones


def rotate_tokens(settings: Settings) -> dict[str, Any]:
    """Add a master key to the token key and take all tokens and tombstones to it; ``from``, ``to``, ``sightings``, ``loads``.

    A rotation that was cut short is ended, with the key that it began. Raises ``SettingsError`` when the key comes from the
    environment and has no new master key yet, or did not make the ledger's tokens.
    """
    settings.prepare()
    ledger = Ledger(settings.ledger).open()
    with locked(settings.home / "erase.lock"), without_loads(settings, ledger):
        key, before = token_key(settings.home), _oldest_key_id(settings, ledger)
        if before is None or key.links_of(before) == len(key.chain):
            before = key.key_id
            key = add_master_key(settings.home)
        with without_merged(settings.merged):
            with settings.scratch("rotate") as scratch, settings.columns(scratch) as columns:
                sightings = _rotate(columns, ledger, key)
            _rotate_tombstones(settings, key)
            settings.wait_for_work()
        with settings.scratch("rotate") as scratch, settings.columns(scratch) as columns:
            loads = redescribe(columns, settings, ledger, key.key_id)
        ledger.forget_history()
    LOG.info("Tokens are of key %s now", key.key_id)
    return {"from": before, "to": key.key_id, "sightings": sightings, "loads": len(loads)}


def _rotate_tombstones(settings: Settings, key: TokenKey) -> None:
    """Take the tombstones to a key that follows theirs."""
    if stones := read_tombstones(settings.home):
        write_tombstones(settings.home, {key.rotated(ERASED_ACCOUNT, each) for each in stones})


def _oldest_key_id(settings: Settings, ledger: Ledger) -> str | None:
    """The key that some load, sighting or tombstone still has, while others may be of a newer one already."""
    key = token_key(settings.home)
    with settings.scratch("rotate") as scratch, settings.columns(scratch) as columns:
        view_stored(columns, ledger)
        found = {
            row[0]
            for row in columns.execute("SELECT DISTINCT split_part(token, ':', 1) FROM stored_sightings").fetchall()
        }
    found |= {load.key_id for load in ledger.loads()}
    found |= {each.partition(":")[0] for each in read_tombstones(settings.home)}
    return min(found, key=key.links_of, default=None)


def _rotate(columns: duckdb.DuckDBPyConnection, ledger: Ledger, key: TokenKey) -> int:
    """All sightings with tokens of the key, in one commit; how many were of an earlier one."""
    view_stored(columns, ledger)
    found = columns.execute(
        "SELECT split_part(token, ':', 1) AS key_id, count(*) FROM stored_sightings GROUP BY key_id"
    ).fetchall()
    old = {key_id: count for key_id, count in found if key_id != key.key_id}
    if not old:
        return 0
    kinds = [row[0] for row in columns.execute("SELECT DISTINCT kind FROM stored_sightings ORDER BY kind").fetchall()]
    first = min(map(key.links_of, old))
    rotated = {
        name: _rotated_sql(name, kinds, {each: key.links_of(each) for each in old}, key)
        for name in ("token", "network")
    }
    listed = ", ".join(f"{sql} AS {name}" for name, sql in rotated.items())
    bound = {"key_id": key.key_id, **hmac_parameters(key, kinds, first)}
    replace_sightings(columns, ledger, f"SELECT * REPLACE ({listed}) FROM stored_sightings", bound)
    return sum(old.values())


def _rotated_sql(name: str, kinds: list[str], old: dict[str, int], key: TokenKey) -> str:
    """SQL for the token that a token becomes: as many master keys as it has not met yet do to its digits what they do."""
    digits = f"split_part({name}, ':', 2)"
    arms = [
        f"WHEN kind = '{kind}' AND starts_with({name}, '{key_id}:')"
        f" THEN $key_id || ':' || {hmac_sql(digits, kind, range(links, len(key.chain)))}"
        for kind in kinds
        for key_id, links in old.items()
    ]
    return f"CASE {' '.join(arms)} ELSE {name} END"
