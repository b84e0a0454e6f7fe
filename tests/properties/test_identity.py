"""Permanent ids: over many nights of change an id stays with its ring, is never issued twice, and always resolves."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from graphrisk import pipeline
from graphrisk.model import DAY_US, Lineage
from graphrisk.policy import Policy, RingPolicy
from graphrisk.rings.identity import Identified, identify, ring_key
from graphrisk.runs.store import read_table
from graphrisk.schema import EVENTS
from tests import support_detection as support

POLICY = RingPolicy()
START = support.MONDAY


@dataclass
class History:
    """Runs published one after the other, as the pipeline hands them to ``identify``."""

    live: set[str] = field(default_factory=set[str])
    known: dict[str, Lineage] = field(default_factory=dict[str, Lineage])
    day: int = 0

    def look(self, cores: list[list[str]]) -> Identified:
        moment = START + self.day * DAY_US
        return identify(cores, self.live, list(self.known.values()), f"run_{self.day}", moment, POLICY)

    def publish(self, cores: list[list[str]], days: int = 1) -> list[str]:
        self.day += days
        found = self.look(cores)
        self.live = set(found.ring_ids)
        self.known = {each.ring_id: each for each in found.lineage}
        return found.ring_ids


def accounts(low: int, high: int) -> list[str]:
    return [f"acc_{number:03d}" for number in range(low, high)]


def resolved(ring_id: str, known: Mapping[str, Lineage]) -> set[str]:
    """The live rings that an id leads to; raises if it leads to an id that nobody knows."""
    each = known[ring_id]
    return {ring_id} if each.status == "live" else set[str]().union(*(resolved(n, known) for n in each.superseded_by))


def one(history: History, cores: list[list[str]], ring_id: str, days: int = 1) -> tuple[list[str], Lineage]:
    ids = history.publish(cores, days)
    return ids, history.known[ring_id]


def test_an_unchanged_ring_keeps_its_id_and_records_no_event() -> None:
    history = History()
    first = history.publish([accounts(0, 5), accounts(10, 19)])
    before = dict(history.known)
    assert {each.event for each in before.values()} == {"born"}
    assert history.publish([accounts(10, 19), accounts(0, 5)][::-1]) == first
    assert history.known == before


@pytest.mark.parametrize(("core", "event"), [((0, 14), "grew"), ((0, 7), "shrank"), ((1, 11), "continued")])
def test_a_ring_that_changes_a_little_keeps_its_id(core: tuple[int, int], event: str) -> None:
    history = History()
    (ring_id,) = history.publish([accounts(0, 10)])
    ids, told = one(history, [accounts(*core)], ring_id)
    assert ids == [ring_id]
    assert (told.event, told.status, told.born_run, told.event_run) == (event, "live", "run_1", "run_2")
    assert told.core == tuple(accounts(*core))
    assert told.ring_key == ring_key(accounts(*core))


def test_two_rings_that_merge_leave_one_id_and_the_other_leads_to_it() -> None:
    history = History()
    large, small = history.publish([accounts(0, 10), accounts(20, 26)])
    (merged,), told = one(history, [accounts(0, 10) + accounts(20, 26)], small)
    assert merged == large
    assert (told.status, told.event, told.superseded_by) == ("retired", "merged", (large,))
    assert (history.known[large].event, history.known[large].related) == ("merged", (small,))


def test_a_ring_that_splits_keeps_its_id_in_the_larger_piece_and_names_the_other() -> None:
    history = History()
    (ring_id,) = history.publish([accounts(0, 12)])
    (small, large), told = one(history, [accounts(0, 5), accounts(5, 12)], ring_id)
    assert large == ring_id
    assert (told.event, told.related) == ("split", (small,))
    assert history.known[small].event == "born"
    assert history.known[small].related == (ring_id,)


def test_a_ring_that_falls_into_small_pieces_is_superseded_by_them() -> None:
    history = History()
    (ring_id,) = history.publish([accounts(0, 20)])
    pieces = [accounts(5 * n, 5 * n + 5) for n in range(4)]
    ids, told = one(history, pieces, ring_id)
    assert ring_id not in ids
    assert (told.event, told.superseded_by) == ("split", tuple(sorted(ids)))


def test_a_dissolved_ring_is_remembered_and_comes_back_under_its_id() -> None:
    history = History()
    (ring_id,) = history.publish([accounts(0, 8)])
    _, told = one(history, [], ring_id)
    assert (told.status, told.event, told.superseded_by) == ("retired", "dissolved", ())
    ids, told = one(history, [accounts(0, 9)], ring_id, days=170)
    assert ids == [ring_id]
    assert (told.status, told.event, told.born_run) == ("live", "revived", "run_1")


def test_a_ring_that_comes_back_after_it_was_forgotten_is_another_ring() -> None:
    history = History()
    (ring_id,) = history.publish([accounts(0, 8)])
    history.publish([])
    ids, told = one(history, [accounts(0, 8)], ring_id, days=200)
    assert ids != [ring_id]
    assert (told.status, told.core) == ("retired", ())


def test_a_dissolved_ring_comes_back_under_its_id_though_a_later_one_held_its_accounts_too() -> None:
    for shift in range(6):
        history = History()
        (early,) = history.publish([accounts(shift, shift + 3)])
        history.publish([])
        (late,) = history.publish([accounts(shift, shift + 13)])
        assert late != early
        history.publish([])
        assert history.publish([accounts(shift, shift + 3)]) == [early]


def best_total(new: list[list[str]], old: dict[str, list[str]]) -> float:
    """The largest total Jaccard of any assignment of new rings to old ids, by trying all."""
    rows = [[jaccard(core, held) for held in old.values()] for core in new]
    places = [*range(len(old)), *[-1] * len(new)]
    chosen = set(permutations(places, len(new)))
    return max(sum(row[at] for row, at in zip(rows, choice, strict=True) if at >= 0) for choice in chosen)


def jaccard(one: list[str], other: list[str]) -> float:
    share = len(set(one) & set(other)) / len(set(one) | set(other))
    return share if share >= POLICY.min_overlap else 0.0


def divided(owners: list[int | None]) -> list[list[str]]:
    """The accounts of each owner, as rings of three and more."""
    groups = {owner: [f"acc_{n:03d}" for n, each in enumerate(owners) if each == owner] for owner in set(owners)}
    return sorted(group for owner, group in groups.items() if owner is not None and len(group) >= 3)


OWNERS = st.lists(st.one_of(st.none(), st.integers(0, 3)), min_size=18, max_size=18)


@given(OWNERS, OWNERS)
@settings(max_examples=250, deadline=None)
def test_ids_are_carried_over_by_the_best_assignment_there_is(
    before: list[int | None], after: list[int | None]
) -> None:
    old, new = divided(before), divided(after)
    history = History()
    held = dict(zip(history.publish(old), old, strict=True))
    ids = history.publish(new)
    carried = [(core, held[ring_id]) for core, ring_id in zip(new, ids, strict=True) if ring_id in held]
    assert all(jaccard(*pair) >= POLICY.min_overlap for pair in carried)
    assert sum(jaccard(*pair) for pair in carried) == pytest.approx(best_total(new, held), abs=1e-6)


@given(OWNERS, OWNERS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_ids_and_lineage_do_not_depend_on_the_order_of_rings_or_of_their_accounts(
    before: list[int | None], after: list[int | None], dice: random.Random
) -> None:
    history = History()
    history.publish(divided(before))
    history.day += 1
    new = divided(after)
    mixed = [dice.sample(core, len(core)) for core in dice.sample(new, len(new))]
    history.known = dict(dice.sample(list(history.known.items()), len(history.known)))
    one, other = history.look(new), history.look(mixed)
    names = {tuple(core): ring_id for core, ring_id in zip(new, one.ring_ids, strict=True)}
    assert [names[tuple(sorted(core))] for core in mixed] == other.ring_ids
    assert one.lineage == other.lineage


@given(OWNERS, OWNERS)
@settings(max_examples=150, deadline=None)
def test_rings_elsewhere_change_no_id_and_no_lineage(before: list[int | None], after: list[int | None]) -> None:
    elsewhere = [[f"other_{n}_{m}" for m in range(5)] for n in range(3)]
    alone, together = History(), History()
    assert alone.publish(divided(before)) == together.publish(divided(before) + elsewhere[:2])[: len(divided(before))]
    assert alone.publish(divided(after)) == together.publish(divided(after) + elsewhere[1:])[: len(divided(after))]
    assert all(together.known[ring_id] == told for ring_id, told in alone.known.items())


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_over_many_nights_no_id_is_issued_twice_and_every_id_resolves(seed: int) -> None:
    dice = random.Random(seed)
    owners: list[int | None] = [dice.choice((None, 0, 1, 2, 3, 4)) for _ in range(40)]
    history, ever = History(), dict[str, Lineage]()
    for _ in range(14):
        retired = {ring_id for ring_id, told in history.known.items() if told.status == "retired"}
        ids = history.publish(divided(owners), dice.choice((1, 1, 30, 200)))
        assert len(set(ids)) == len(ids)
        assert set(history.known) >= set(ever)
        for ring_id, told in history.known.items():
            assert resolved(ring_id, history.known) <= set(ids)
            assert (told.status == "live") == (ring_id in ids)
            assert told.event in EVENTS
            first = ever.setdefault(ring_id, told)
            assert (told.born_run, told.born_at) == (first.born_run, first.born_at)
            if ring_id in retired and ring_id in ids:
                assert told.event == "revived"
        for core, ring_id in zip(divided(owners), ids, strict=True):
            assert history.known[ring_id].core == tuple(core)
        for _ in range(dice.choice((0, 3, 12))):
            owners[dice.randrange(40)] = dice.choice((None, 0, 1, 2, 3, 4))


@pytest.fixture
def three_nights(tmp_path: Path) -> tuple[support.Settings, list[str]]:
    """A home with three published runs, each with one ring more than the one before."""
    at = support.settings(tmp_path / "home")
    runs: list[str] = []
    for number, name in enumerate("abc"):
        facts = {"sightings": support.farm(name, 6, 10 * number)}
        runs.append(support.night(at, support.write_facts(tmp_path / name, facts)))
    return at, runs


def ids_in(at: support.Settings, run: str, table: str = "rings") -> set[str]:
    return set(read_table(at.runs, run, table)["ring_id"].to_pylist())


def test_a_ring_id_of_a_run_that_was_rolled_back_resolves_in_the_next_run_and_is_used_again(
    three_nights: tuple[support.Settings, list[str]],
) -> None:
    at, runs = three_nights
    pipeline.rollback(at)
    after = support.night(at)
    assert ids_in(at, after) == ids_in(at, runs[2])
    assert ids_in(at, after, "lineage") >= ids_in(at, runs[2], "lineage")


def swallowed(folder: Path, name: str, day: int) -> Path:
    """Facts that make a small ring disappear in a larger one, too large to be called the same."""
    return support.write_facts(folder / f"more {name}", {"sightings": support.farm(name, 40, day)})


def test_every_id_ever_published_resolves_after_two_rollbacks_and_publishing_again(
    three_nights: tuple[support.Settings, list[str]], tmp_path: Path
) -> None:
    at, runs = three_nights
    pipeline.rollback(at)
    pipeline.rollback(at)
    pipeline.publish(at, Policy(), runs[1])
    after = support.night(at, swallowed(tmp_path, "c", 20))
    assert ids_in(at, after, "lineage") >= ids_in(at, runs[2], "lineage")


def test_every_id_ever_published_resolves_after_a_stale_run_was_forced(
    three_nights: tuple[support.Settings, list[str]], tmp_path: Path
) -> None:
    at, _ = three_nights
    stale = support.detect(at)["run_id"]
    later = support.night(at, support.write_facts(tmp_path / "d", {"sightings": support.farm("d", 6, 40)}))
    pipeline.publish(at, Policy(), stale, "the last load was a mistake")
    after = support.night(at, swallowed(tmp_path, "d", 40))
    assert ids_in(at, after, "lineage") >= ids_in(at, later, "lineage")
