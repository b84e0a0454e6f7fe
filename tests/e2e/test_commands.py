"""The commands as a person uses them on a small world: what they print, where, and how they end."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import typer

from graphrisk.cli import app
from tests.support_e2e import (
    FARM_ACCOUNTS,
    FARMS,
    ROOT,
    WORLD_ACCOUNTS,
    Launcher,
    Town,
    verified_live_run,
    write_farm,
)

ALL_ACCOUNTS = WORLD_ACCOUNTS + FARMS * FARM_ACCOUNTS
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|WARNING) \S.*")
TIME = pa.timestamp("us", "UTC")
REASONS = pa.list_(pa.struct([("code", pa.string()), ("contribution", pa.int32())]))
EVIDENCE = pa.struct(
    [("kind", pa.string()), ("token", pa.string()), ("accounts", pa.int32()), ("milli_nats", pa.int32())]
)
# fmt: off
HYPOTHESIS = pa.struct([("code", pa.string()), ("permille", pa.int32())])
EXPORTED = {
    "accounts": [("account_id", pa.string()), ("ring_id", pa.string()), ("role", pa.string()), ("score", pa.int32()),
                 ("band", pa.string()), ("reasons", REASONS)],
    "rings": [("ring_id", pa.string()), ("size", pa.int32()), ("core_size", pa.int32()), ("score", pa.int32()),
              ("band", pa.string()), ("first_link_at", TIME), ("last_link_at", TIME), ("kinds", pa.list_(pa.string())),
              ("reasons", REASONS), ("event", pa.string()), ("related", pa.list_(pa.string())),
              ("recommended", pa.bool_()), ("hypotheses", pa.list_(HYPOTHESIS)), ("rival", pa.string()),
              ("lead", pa.int32()), ("lead_reasons", REASONS)],
    "links": [("account_a", pa.string()), ("account_b", pa.string()), ("strength", pa.int32()), ("onset", TIME),
              ("evidence", pa.list_(EVIDENCE))],
}
RUN_JSON = ["run_id", "as_of", "policy_hash", "reference_hash", "versions", "input_digest", "output_digest", "counts",
            "seconds", "status"]
WRONG: list[tuple[list[str], int, str]] = [
    (["detect", "--engine", "louvain"], 2, "'louvain'.*igraph, leidenalg, networkx"),
    (["detect", "--as-of", "yesterday"], 2, "--as-of.*'yesterday'.*ISO 8601"),
    (["publish", "--force"], 2, "--reason"),
    (["publish", "--force", "--reason", " "], 2, "--reason"),
    (["publish", "--reason", "why"], 2, "--force"),
    (["rings", "--band", "huge"], 2, "'huge'.*high, medium, low"),
    (["export", "out", "--format", "xml"], 2, "'xml'.*parquet or csv"),
    (["load", "no/such/folder"], 3, "no/such/folder"),
    (["run", "no/such/folder"], 3, "no/such/folder"),
    (["load", "pyproject.toml"], 3, r"pyproject\.toml.*csv"),
    (["detect", "--as-of", "2001-01-01"], 5, "2001-01-01.*--as-of"),
    (["publish", "run_nobody"], 6, "run_nobody.*graphrisk runs"),
    (["rings", "--run", "../../etc"], 6, "etc"),
    (["show", "account", "nobody"], 6, "'nobody'"),
    (["show", "ring", "ring_nobody"], 6, "ring_nobody.*graphrisk rings"),
    (["rollback"], 6, "first to be published"),
]
POLICIES = [
    ("[rings]\nmin_cores = 3\n", r"rings\.min_cores"),
    ("[rings]\nmin_core = 1\n", r"rings\.min_core"),
    ("[kinds.device]\nrho = 1.5\n", r"kinds\.device\.rho"),
    ("[kinds.device]\ncolour = 1\n", r"kinds\.device\.colour"),
    ("[nonsense]\nx = 1\n", "nonsense"),
    ("[links\n", "TOML.*line 1"),
]
# fmt: on


def riskiest(launch: Launcher, home: Path) -> tuple[str, str]:
    """The riskiest ring and one of its core accounts."""
    ring_id = launch("--home", home, "rings", "--limit", "1", "--json").json()[0]["ring_id"]
    members = launch("--home", home, "show", "ring", ring_id, "--json").json()["members"]
    return ring_id, next(each["account_id"] for each in members if each["role"] == "core")


def every_command(launch: Launcher, town: Town, home: Path, folder: Path) -> list[list[str | Path]]:
    """Every command that has ``--json``, in an order in which each one succeeds."""
    ring_id, account_id = riskiest(launch, home)
    (folder / "policy.toml").write_text("[rings]\nmin_core = 4\n")
    return [
        ["status"], ["rings"], ["runs"], ["show", "ring", ring_id], ["show", "account", account_id], ["policy", "show"],
        ["policy", "check", folder / "policy.toml"], ["load", town.farm], ["load", write_farm(folder / "more", "more")],
        ["detect"], ["publish", town.candidate], ["rollback"], ["export", folder / "out"], ["ledger", "compact"],
        ["run", write_farm(folder / "run", "run")],
    ]  # fmt: skip


def test_json_is_one_document_on_standard_output_and_log_lines_go_elsewhere(
    launch: Launcher, town: Town, home: Path, tmp_path: Path
) -> None:
    for words in every_command(launch, town, home, tmp_path):
        done = launch(*words, "--json", environment={"GRAPHRISK_HOME": str(home)})
        assert isinstance(done.json(), dict | list), words
        assert all(LOG_LINE.fullmatch(line) for line in done.err.splitlines()), done.err


def test_text_has_no_control_codes_and_no_log_lines_when_it_is_piped(
    launch: Launcher, town: Town, home: Path, tmp_path: Path
) -> None:
    for words in every_command(launch, town, home, tmp_path):
        done = launch(*words, environment={"GRAPHRISK_HOME": str(home)})
        assert done.code == 0, done.err
        assert done.out.strip(), words
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", done.out), words
        assert not any(LOG_LINE.fullmatch(line) for line in done.out.splitlines())


def test_ids_stay_whole_when_a_list_is_piped(launch: Launcher, town: Town) -> None:
    found = launch("--home", town.home, "rings", "--json").json()
    piped = launch("--home", town.home, "rings").out.split()
    assert [each["ring_id"] for each in found if each["ring_id"] not in piped] == []
    assert town.candidate in launch("--home", town.home, "runs").out.split()


def test_the_home_is_given_before_or_after_the_command_or_by_the_environment(launch: Launcher, town: Town) -> None:
    answers = [
        launch("--home", town.home, "status", "--json"),
        launch("status", "--json", "--home", town.home),
        launch("status", "--json", environment={"GRAPHRISK_HOME": str(town.home)}),
        launch("status", "--json", "--home", town.home, environment={"GRAPHRISK_HOME": "/nowhere"}),
    ]
    assert {answer.json()["accounts"] for answer in answers} == {ALL_ACCOUNTS}


def test_the_module_starts_as_a_program_of_its_own(town: Town) -> None:
    words = [sys.executable, "-m", "graphrisk", "--home", str(town.home), "show", "account", "nobody"]
    ended = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (6, "")
    assert ended.stderr.startswith("graphrisk: ")


def test_status_counts_what_was_loaded(launch: Launcher, town: Town) -> None:
    state = launch("--home", town.home, "status", "--json").json()
    assert {"accounts", "kinds", "loads", "current_run"} <= set(state)
    assert (state["accounts"], state["loads"], state["current_run"]) == (ALL_ACCOUNTS, 1 + FARMS, town.live)
    for counts in state["kinds"].values():
        assert set(counts) == {"sightings", "attributes", "shared_attributes", "max_accounts"}
        assert counts["sightings"] >= counts["attributes"] >= counts["shared_attributes"]
    assert {"device", "ip", "card", "email"} <= set(state["kinds"])


def test_export_has_the_promised_columns_and_order(launch: Launcher, town: Town, tmp_path: Path) -> None:
    launch("--home", town.home, "export", tmp_path / "p", "--json").json()
    launch("--home", town.home, "export", tmp_path / "c", "--format", "csv", "--run", town.live).out.split()
    for name, columns in EXPORTED.items():
        table = pyarrow.parquet.read_table(tmp_path / "p" / f"{name}.parquet")
        assert table.schema.remove_metadata().equals(pa.schema(columns)), name
        keys = [
            tuple(row.values())
            for row in table.select([name for name, _ in columns][: 1 + (name == "links")]).to_pylist()
        ]
        assert keys == sorted(set(keys))
        with (tmp_path / "c" / f"{name}.csv").open(newline="") as handle:
            rows = list(csv.DictReader(handle))
        assert list(rows[0]) == [name for name, _ in columns]
        assert [tuple(row.values())[: len(keys[0])] for row in rows] == keys
    told = json.loads((tmp_path / "p" / "run.json").read_text())
    assert list(told) == RUN_JSON
    assert (told["run_id"], told["status"]) == (town.live, "live")
    assert {"accounts", "links", "components", "rings", "members"} <= set(told["counts"])
    assert sorted(path.suffix for path in (tmp_path / "p").iterdir()) == [".json"] + [".parquet"] * 3


def waterfall(text: str) -> tuple[int, int]:
    """(the sum of what each reason adds, the logit it says) of a printed waterfall."""
    number = r"[+-]?[\d,]+"
    rows = re.findall(rf"^ *([+-][\d,]+) +({number}) +\w+", text, re.MULTILINE)
    logit = re.search(rf"^ +({number}) +logit", text, re.MULTILINE)
    assert logit
    total = 0
    for adds, so_far in rows:
        total += int(adds.replace(",", ""))
        assert total == int(so_far.replace(",", ""))
    return total, int(logit[1].replace(",", ""))


def test_show_explains_scores_that_add_up(launch: Launcher, town: Town) -> None:
    ring_id, account_id = riskiest(launch, town.home)
    for words in (["show", "ring", ring_id], ["show", "account", account_id]):
        found = launch("--home", town.home, *words, "--json").json()
        text = launch("--home", town.home, *words).out
        assert found["ring_id"] == ring_id
        assert sum(reason["contribution"] for reason in found["reasons"]) == found["logit"]
        assert all(reason["text"].endswith(".") for reason in found["reasons"])
        assert waterfall(text) == (found["logit"], found["logit"])
        for link in found.get("strongest_links", found["links"]):
            assert sum(each["milli_nats"] for each in link["evidence"]) == link["strength"]


def test_lists_are_ordered_filtered_and_limited(launch: Launcher, town: Town) -> None:
    everything = launch("--home", town.home, "rings", "--limit", "1000", "--json").json()
    scores = [each["score"] for each in everything]
    assert scores == sorted(scores, reverse=True)
    assert len(launch("--home", town.home, "rings", "--limit", "2", "--json").json()) == 2
    high = launch("--home", town.home, "rings", "--band", "high", "--limit", "1000", "--json").json()
    assert high == [each for each in everything if each["band"] == "high"]
    told = launch("--home", town.home, "rings", "--recommended", "--limit", "1000", "--json").json()
    assert told == [each for each in everything if each["recommended"]] != everything
    runs = launch("--home", town.home, "runs", "--json").json()
    assert [(each["run_id"], each["status"]) for each in runs] == [(town.live, "live"), (town.candidate, "candidate")]


def test_a_refused_run_says_why_and_force_records_the_reason(
    launch: Launcher, town: Town, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.toml").write_text("[guard]\nmax_ring_accounts = 3\n")
    words = ("--home", home, "publish", "--policy", tmp_path / "p.toml")
    told = launch(*words).sentence(7)
    assert town.candidate in told
    assert "guard.max_ring_accounts (3)" in told
    assert verified_live_run(home) == town.live
    forced = launch(*words, "--force", "--reason", "seen by Ann", "--json").json()
    assert forced["run_id"] == town.candidate
    assert forced["reason"].startswith("seen by Ann")
    assert "guard.max_ring_accounts" in forced["reason"]


@pytest.mark.parametrize(
    ("words", "code", "pattern"), WRONG, ids=lambda each: " ".join(each) if isinstance(each, list) else ""
)
def test_a_wrong_word_is_named(launch: Launcher, town: Town, words: list[str], code: int, pattern: str) -> None:
    ended = launch("--home", town.home, *words)
    assert re.search(pattern, ended.sentence(code)), ended.err
    assert ended.out == ""


@pytest.mark.parametrize(("text", "key"), POLICIES, ids=[key for _, key in POLICIES])
def test_a_wrong_policy_is_refused_with_its_key(
    launch: Launcher, town: Town, tmp_path: Path, text: str, key: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    for words in (["policy", "check", file], ["--home", town.home, "detect", "--policy", file]):
        told = launch(*words).sentence(2)
        assert str(file) in told
        assert re.search(key, told)


@pytest.mark.parametrize("words", [["rings"], ["export", "out"], ["show", "account", "x"], ["show", "ring", "x"]])
def test_nothing_published_yet_says_which_command_publishes(launch: Launcher, tmp_path: Path, words: list[str]) -> None:
    assert "graphrisk publish" in launch("--home", tmp_path / "home", *words).sentence(6)


def test_the_demo_says_what_to_look_at(launch: Launcher, tmp_path: Path) -> None:
    done = launch("demo", "--folder", tmp_path / "demo", "--accounts", "500")
    assert done.code == 0, done.err
    looks = re.findall(r"graphrisk (--home .*(?<! serve))$", done.out, re.MULTILINE)
    assert len(looks) >= 3
    for look in looks:
        assert launch(*look.split()).code == 0


def commands_of(group: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below a group of commands, with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, *path, name)
        else:
            yield (*path, name), command


def test_every_command_has_help_with_a_sentence_for_each_option(launch: Launcher) -> None:
    found = dict(commands_of(typer.main.get_command(app)))
    assert {("load",), ("detect",), ("publish",), ("show", "ring"), ("ledger", "compact"), ("policy", "check")} <= set(
        found
    )
    for words, command in found.items():
        done = launch(*words, "--help")
        assert (done.code, done.err) == (0, "")
        assert command.help.endswith(".")
        for option in command.params:
            if option.name != "help":
                assert option.help, (words, option.name)
                assert option.help.endswith("."), (words, option.name)
                assert any(name in done.out for name in (*option.opts, option.metavar or "")), (words, option.name)
