"""As of any moment: whatever was loaded, labelled, compacted, published or rolled back since, a run says the same again."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from graphrisk import pipeline
from graphrisk.errors import DetectionError, InputError, NotFoundError
from graphrisk.ledger.tables import open_table
from graphrisk.policy import Policy
from graphrisk.runs.store import current_run, read_manifest, read_table
from graphrisk.settings import Settings
from tests.support import call_cli, settings_at, write_facts

DAY = timedelta(days=1)
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
KINDS = ("device", "card", "ip", "email")
NIGHTS = [6, pytest.param(1_000, marks=pytest.mark.slow)]


def facts_of(dice: random.Random, night: int, folder: Path) -> Path:
    """Facts of a night about accounts of late: new ones, late and early sightings, closings, verdicts of before.

    About eight have a device, card or mailbox in common, and now and then somebody has those of others.
    """
    day = BEGIN + night % 200 * DAY
    names = [f"acc{night + dice.randrange(100):04d}" for _ in range(dice.randrange(5, 40))]

    def seen(name: str) -> dict[str, str]:
        kind, group = dice.choice(KINDS), int(name[3:]) // 8 + (dice.random() < 0.0005)
        held = f"81.{group // 200}.{group % 200}.7" if kind == "ip" else f"{kind}{group}@x.example"
        first = day - dice.choice((0, 0, 0, 1, 9, 40)) * DAY + timedelta(hours=dice.randrange(24))
        return {"account_id": name, "kind": kind, "value": held, "first_seen": first.isoformat()}

    accounts = [
        {
            "account_id": name,
            "created_at": (day - DAY).isoformat(),
            "status": dice.choice(("active", "active", "closed")),
        }
        for name in dict.fromkeys(names)
        if dice.random() < 0.7
    ]
    labels = [
        {
            "account_id": name,
            "label": dice.choice(("bad", "good")),
            "labelled_at": (day - dice.randrange(9) * DAY).isoformat(),
        }
        for name in names[:3]
    ]
    tables = {"accounts": accounts, "sightings": [seen(name) for name in names * 3], "labels": labels}
    return write_facts(folder, **{name: rows for name, rows in tables.items() if rows})


def night(settings: Settings, dice: random.Random, number: int, folder: Path) -> str:
    """Load, detect, and mostly publish, whatever the guard says; the run."""
    pipeline.load(settings, Policy(), [str(facts_of(dice, number, folder / f"night{number}"))])
    run_id = pipeline.detect(settings, Policy())["run_id"]
    if dice.random() < 0.8:
        pipeline.publish(settings, Policy(), run_id, "a test says so")
    if number % 7 == 3:
        pipeline.rollback(settings)
    if number % 5 == 4:
        pipeline.compact(settings)
    return run_id


@pytest.mark.parametrize("nights", NIGHTS)
def test_every_run_says_the_same_again_after_all_that_came_later(tmp_path: Path, nights: int) -> None:
    settings, dice = settings_at(tmp_path / "home"), random.Random(17)
    made = [night(settings, dice, number, tmp_path) for number in range(nights)]
    rings = [read_manifest(settings.runs, run)["counts"]["rings"] for run in made]
    assert max(rings) > 2, "nothing to tell apart"
    before = sorted(path.name for path in settings.runs.iterdir())
    for run in made:
        assert pipeline.replay(settings, run).output_digest == read_manifest(settings.runs, run)["output_digest"]
    assert sorted(path.name for path in settings.runs.iterdir()) == before, "replaying writes nothing"


def test_the_command_says_so_in_a_sentence(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "home")
    dice = random.Random(1)
    pipeline.load(settings, Policy(), [str(facts_of(dice, 0, tmp_path / "facts"))])
    run = pipeline.publish(settings, Policy(), pipeline.detect(settings, Policy())["run_id"], "a test").run_id
    told = call_cli("replay", home=settings.home)
    assert (told.returncode, told.stdout.startswith(f"Run {run} says the same again")) == (0, True)
    assert call_cli("replay", "run_nobody_has", home=settings.home).returncode == 6


def test_facts_that_were_changed_behind_its_back_are_noticed(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "home")
    dice = random.Random(2)
    run = [night(settings, dice, number, tmp_path) for number in range(3)][-1]
    (table,) = [read_table(settings.runs, run, "links")]
    victim = table["account_a"][0].as_py()
    open_table(settings.ledger, "sightings").delete(f"account_id = '{victim}'")
    with pytest.raises(DetectionError, match=r"says something else when it is computed again: .*links.* differ"):
        pipeline.replay(settings, run)
    assert call_cli("replay", run, home=settings.home).returncode == 5


def test_a_run_made_with_another_reference_or_against_a_run_that_is_gone_says_which(tmp_path: Path) -> None:
    settings, dice = settings_at(tmp_path / "home"), random.Random(3)
    first = night(settings, dice, 0, tmp_path)
    pipeline.publish(settings, Policy(), first, "a test says so")
    second = night(settings, dice, 1, tmp_path)
    assert read_manifest(settings.runs, second)["live_run"] == first
    shipped = (files("graphrisk.scoring") / "reference.toml").read_text()
    settings.reference_file.write_text(shipped.replace("intercept = -", "intercept = -1", 1))
    with pytest.raises(InputError, match="was made with reference_hash"):
        pipeline.replay(settings, second)
    settings.reference_file.unlink()
    (settings.runs / first).rename(tmp_path / "elsewhere")
    with pytest.raises(NotFoundError, match=f"Run {first}, from which the ids of {second} come, was removed"):
        pipeline.replay(settings, second)
    assert current_run(settings.home)


def test_asking_for_a_ring_that_never_was_opens_no_run_whose_ids_a_later_one_holds(tmp_path: Path) -> None:
    """With a thousand published runs it took twelve seconds to say that there is no such ring."""
    settings, dice = settings_at(tmp_path / "home"), random.Random(4)
    for number in range(3):
        run = night(settings, dice, number, tmp_path)
        if current_run(settings.home) != run:
            pipeline.publish(settings, Policy(), run, "a test says so")
    first = next(run for run in sorted(settings.runs.iterdir()) if run.name != current_run(settings.home))
    (first / "lineage.arrow").write_bytes(b"")
    told = call_cli("show", "ring", "ring_nobodyhasit", home=settings.home)
    assert (told.returncode, "damaged" in told.stderr) == (6, False), told.stderr
