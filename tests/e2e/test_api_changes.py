"""What changed between two runs and from publication to publication, against slow, obvious code over two exports."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from hypothesis import given, settings

from graphrisk import pipeline
from graphrisk.errors import NotFoundError
from graphrisk.runs.store import publications
from tests.properties.test_signals import findings, steps
from tests.support_asgi import Api, api_over
from tests.support_signals import History, Standing, history_at

NOBODY: dict[str, Any] = {"ring_id": None, "role": None, "band": "low", "score": None}


class Exported:
    """A run as its export has it; None: nothing was live yet."""

    def __init__(self, history: History, run_id: str | None) -> None:
        self.accounts: dict[str, Any] = {}
        self.rings: dict[str, Any] = {}
        self.cores: dict[str, set[str]] = {}
        if run_id is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            pipeline.export(history.settings, Path(folder), run_id)
            accounts, rings = (
                pq.read_table(Path(folder) / f"{name}.parquet").to_pylist() for name in ("accounts", "rings")
            )
        self.accounts = {row["account_id"]: row for row in accounts}
        self.rings = {row["ring_id"]: row for row in rings}
        self.cores = {each: {a for a, row in self.accounts.items() if (row["ring_id"], row["role"]) == (each, "core")} for each in self.rings}  # fmt: skip


def account_changes(before: Exported, after: Exported) -> list[dict[str, Any]]:
    """Every change of an account, by id."""
    found: list[dict[str, Any]] = []
    for account_id in sorted(before.accounts.keys() | after.accounts.keys(), key=str.encode):
        was, now = before.accounts.get(account_id, NOBODY), after.accounts.get(account_id, NOBODY)
        if was["ring_id"] != now["ring_id"]:
            change = {"from": was["ring_id"], "to": now["ring_id"], "role": now["role"]}
            found.append({"type": "account.ring_changed", "account_id": account_id, **change})
        elif was["role"] != now["role"]:
            change = {"ring_id": now["ring_id"], "from": was["role"], "to": now["role"]}
            found.append({"type": "account.role_changed", "account_id": account_id, **change})
        if was["band"] != now["band"]:
            change = {"from": was["band"], "to": now["band"], "score": now["score"]}
            found.append({"type": "account.band_changed", "account_id": account_id, **change})
    return found


def agree_about_rings(told: list[dict[str, Any]], before: Exported, after: Exported) -> None:
    """Each ring that came, went or has another core is told once, and as what its cores say."""
    named = [each["ring_id"] for each in told]
    assert named == sorted(set(named))
    every = before.cores.keys() | after.cores.keys()
    assert {each for each in every if before.cores.get(each) != after.cores.get(each)} <= set(named) <= every
    for each in told:
        was, now = before.cores.get(each["ring_id"]), after.cores.get(each["ring_id"])
        row = after.rings.get(each["ring_id"], {})
        assert all(each[name] == row.get(name) for name in ("size", "core_size", "score", "band"))
        kind = each["type"].removeprefix("ring.")
        if kind in ("merged", "split"):
            one, many = (before, after) if kind == "split" else (after, before)
            ends = each["superseded_by"] if now is None else each["related"]
            assert ends
            for other in ends:
                here = before.cores[each["ring_id"]] if now is None else one.cores[each["ring_id"]]
                there = after.cores[other] if now is None else many.cores[other]
                assert here & there, (each, here, there)
        elif was is None:
            assert kind in ("born", "revived", "returned")
        elif now is None:
            assert kind in ("dissolved", "withdrawn")
        else:
            assert kind == ("grew" if len(now) > len(was) else "shrank" if len(now) < len(was) else "continued")


def parted(changes: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Those of rings, which come first, and those of accounts."""
    rings = [each for each in changes if each["type"].startswith("ring.")]
    assert changes[: len(rings)] == rings
    return rings, changes[len(rings) :]


def lived(home: Path, moves: list[dict[str, Standing] | str | int]) -> History:
    """A home that published, rolled back and published again."""
    history = history_at(home)
    history.publish(history.detect({"a": Standing(None, None, "low", 0)}))
    for move in moves:
        if isinstance(move, dict):
            history.publish(history.detect(move))
        elif isinstance(move, int):
            history.publish(history.made[move % len(history.made)])
        else:
            try:
                history.rollback()
            except NotFoundError:
                continue
    return history


def differences(api: Api, before: str, after: str, limit: int) -> list[dict[str, Any]]:
    """All pages of what differs."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = api.get(f"/v1/runs/{before}/diff/{after}", limit=limit, **cursor).ok()
        items += page["items"]
        if page["next"] is None:
            kinds = [each["type"] for each in items]
            assert page["counts"] == {kind: kinds.count(kind) for kind in set(kinds)}
            assert (page["before"], page["after"], page["total"]) == (before, after, len(items))
            return items
        cursor = {"cursor": page["next"]}


@settings(max_examples=25, deadline=None)
@given(findings(), findings())
def test_what_differs_between_two_runs_is_what_their_exports_say(
    first: dict[str, Standing], second: dict[str, Standing]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = lived(Path(folder) / "home", [first])
        history.detect(second)
        with api_over(history.settings.home) as api:
            for before in history.made:
                for after in history.made:
                    rings, accounts = parted(differences(api, before, after, 3))
                    old, new = Exported(history, before), Exported(history, after)
                    assert accounts == account_changes(old, new)
                    agree_about_rings(rings, old, new)


@settings(max_examples=30, deadline=None)
@given(steps)
def test_the_feed_tells_what_the_exports_of_runs_published_in_turn_say(
    moves: list[dict[str, Standing] | str | int],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = lived(Path(folder) / "home", moves)
        with api_over(history.settings.home) as api:
            answered = api.get("/v1/signals", limit=10_000)
        assert answered.status == 200
        signals = [json.loads(line) for line in answered.body.splitlines()]
        live: str | None = None
        for move in publications(history.settings.home):
            head, *changes = [each for each in signals if each["seq"] == move.seq]
            assert (head["type"], head["run_id"], head["verb"]) == ("run.published", move.run_id, move.verb)
            assert {each["previous_run_id"] for each in (head, *changes)} == {live}
            old, new = Exported(history, live), Exported(history, move.run_id)
            rings, accounts = parted(changes)
            known = {"cursor", "seq", "at", "run_id", "previous_run_id"}
            shown = [{name: value for name, value in each.items() if name not in known} for each in accounts]
            assert shown == account_changes(old, new)
            agree_about_rings(rings, old, new)
            live = move.run_id
        assert {each["seq"] for each in signals} == {move.seq for move in publications(history.settings.home)}
