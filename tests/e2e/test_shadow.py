"""Shadow runs and diffs: what another policy would change, told before anyone adopts it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from graphrisk import pipeline
from graphrisk.cli import app
from graphrisk.effects import NOTHING, WHAT, effects
from graphrisk.errors import DetectionError, InputError
from graphrisk.policy import Policy, read_policy
from graphrisk.runs.store import current_run, read_table
from graphrisk.scoring.hypotheses import decision
from graphrisk.settings import Settings
from graphrisk.worlds import write_world

STRICT = "[links]\nthreshold = 1500\n"
COLUMNS = ("ring", "role", "score", "band", "decision")

said = st.fixed_dictionaries(
    {
        "marketplace": st.sampled_from([None, "a", "b"]),
        "ring": st.sampled_from([None, "r1", "r2"]),
        "role": st.sampled_from([None, "core", "associate"]),
        "score": st.integers(0, 3),
        "band": st.sampled_from(["low", "high"]),
        "decision": st.sampled_from(["none", "act"]),
        "sharing": st.sampled_from([None, "device", "card+device"]),
    }
)
runs = st.dictionaries(st.sampled_from("ABCDEFG"), said, max_size=7)


def table(run: dict[str, dict[str, Any]]) -> pa.Table:
    types = {
        name: pa.int32() if name == "score" else pa.string()
        for name in ("account_id", "marketplace", *COLUMNS, "sharing")
    }
    rows = [{"account_id": account_id, **each} for account_id, each in run.items()]
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()})


def differs(name: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> bool:
    one, other = ((each[name] if each else None) or NOTHING.get(name, "") for each in (old, new))
    return bool(one != other)


@given(runs, runs)
def test_effects_are_what_comparing_account_by_account_finds(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = effects(table(before), table(after))
    everyone = sorted(before.keys() | after.keys())
    wanted = {
        account: [name for name in WHAT if differs(name, before.get(account), after.get(account))]
        for account in everyone
    }
    told = {row["account_id"]: [name for name in WHAT if row[f"{name}_differs"]] for row in found.accounts.to_pylist()}
    assert list(told.items()) == [(account, names) for account, names in wanted.items() if names]
    assert found.total == len(everyone)
    assert found.changed == {name: sum(name in names for names in wanted.values()) for name in WHAT}
    for counts in (found.by_marketplace, found.by_sharing):
        assert sum(each["accounts"] for each in counts.values()) == len(told)
    assert sum(found.decisions.values()) == found.changed["decision"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shadow")
    write_world(folder / "facts", "medium", 3_000, 11)
    at = Settings(home=folder / "home", threads=1, processes=1)
    pipeline.load(at, Policy(), [str(folder / "facts")])
    pipeline.publish(at, Policy(), pipeline.detect(at, Policy())["run_id"], "a test says so")
    (folder / "strict.toml").write_text(STRICT)
    return folder


def graphrisk(home: Path, *words: str) -> Any:
    return CliRunner().invoke(app, ["--home", str(home / "home"), *words], catch_exceptions=False)


def said_of(account: dict[str, Any]) -> list[Any]:
    ring = account["ring"] and {**account["ring"], "role": account["role"]}
    return [account["ring_id"], account["role"], account["score"], account["band"], decision(account["band"], ring)]


def test_a_shadow_run_says_what_every_account_would_be_told_and_changes_nothing(home: Path) -> None:
    at = Settings(home=home / "home", threads=1, processes=1)
    live = current_run(at.home)
    assert live
    told = json.loads(graphrisk(home, "detect", "--shadow", "--policy", str(home / "strict.toml"), "--json").stdout)
    shadow, difference = told["run"]["run_id"], told["difference"]
    assert current_run(at.home) == live
    assert difference["made_otherwise"] == ["policy_hash"]
    changed = {each["account_id"]: each for each in difference["accounts"]}
    assert 0 < len(changed) < difference["total_accounts"] == 3_000
    accounts = read_table(at.runs, live, "accounts")["account_id"].to_pylist()
    for account_id in [*changed, *random.Random(1).sample(accounts, 60)]:
        one, other = (said_of(pipeline.account(at, account_id, run)) for run in (live, shadow))
        if account_id in changed:
            row = changed[account_id]
            assert [row[f"{name}_before"] for name in COLUMNS] == one
            assert [row[f"{name}_after"] for name in COLUMNS] == other
        else:
            assert [one[at] for at in (0, 1, 3, 4)] == [other[at] for at in (0, 1, 3, 4)]


def test_a_shadow_run_under_the_same_policy_differs_in_nothing_even_after_another_load(
    home: Path, tmp_path: Path
) -> None:
    at = Settings(home=home / "home", threads=1, processes=1)
    write_world(tmp_path / "later", "easy", 500, 12)
    pipeline.load(at, Policy(), [str(tmp_path / "later")])
    shadow = pipeline.detect(at, Policy(), shadow=True)
    found = pipeline.diff(at, shadow["live_run"], shadow["run_id"])
    assert (found.effects.accounts.num_rows, found.effects.total, found.made_otherwise) == (0, 3_000, [])


def test_a_shadow_run_cannot_be_published_and_is_not_the_newest(home: Path) -> None:
    at = Settings(home=home / "home", threads=1, processes=1)
    live, policy = current_run(at.home), read_policy(home / "strict.toml")
    shadow = pipeline.detect(at, policy, shadow=True)["run_id"]
    with pytest.raises(InputError, match="is a shadow run and cannot be published"):
        pipeline.publish(at, policy, shadow, "whatever the guard says")
    assert pipeline.publish(at, policy).run_id == live
    assert {each["run_id"]: each["status"] for each in pipeline.runs(at)}[shadow] == "shadow"


def test_nothing_can_be_shadowed_before_anything_is_live(tmp_path: Path) -> None:
    with pytest.raises(DetectionError, match="no live run"):
        pipeline.detect(Settings(home=tmp_path / "home"), Policy(), shadow=True)


def test_diff_tells_in_the_terminal_and_on_a_page_what_it_tells_in_json(home: Path, tmp_path: Path) -> None:
    at = Settings(home=home / "home", threads=1, processes=1)
    shadow = pipeline.detect(at, read_policy(home / "strict.toml"), shadow=True)
    runs_, page = (shadow["live_run"], shadow["run_id"]), tmp_path / "diff.html"
    shown = graphrisk(home, "diff", *runs_, "--html", str(page), "--limit", "5").stdout
    difference = json.loads(graphrisk(home, "diff", *runs_, "--json").stdout)
    assert f"{difference['changed_accounts']:,} of 3,000 accounts differ" in shown
    assert f"and {difference['changed_accounts'] - 5:,} accounts more" in " ".join(shown.split())
    html = page.read_text()
    assert all(f"<td>{each['account_id']}</td>" in html for each in difference["accounts"])
    assert "http" not in html.replace("http-equiv", "")
    wrong = graphrisk_fails(home, "diff", runs_[0], "run_nobody_has")
    assert "There is no run run_nobody_has" in wrong


def graphrisk_fails(home: Path, *words: str) -> str:
    result = CliRunner().invoke(app, ["--home", str(home / "home"), *words])
    assert result.exit_code != 0
    return str(result.exception)
