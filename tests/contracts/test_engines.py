"""One contract for every engine, and what detection promises around them: locality, sameness, cuts."""

from __future__ import annotations

import math
import random
from itertools import combinations
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest

from graphrisk.detection import communities
from graphrisk.detection.blocks import ENGINES, Block, best_partition, is_whole, load_engine, quality
from graphrisk.detection.bridges import weak_bridges
from graphrisk.detection.communities import find_communities, is_one_community, link_weights
from graphrisk.detection.components import THRESHOLD_STEP, Components, find_components
from graphrisk.errors import SettingsError
from graphrisk.model import Ints, Links
from graphrisk.policy import DetectionPolicy
from tests.support_detection import links_of, strength_of

POLICY = DetectionPolicy()
GAMMA = POLICY.resolution
Rows = list[tuple[int, int, int, int]]


def dense(dice: random.Random, start: int, size: int, share: float, weights: tuple[float, float]) -> Rows:
    """A connected group of accounts from ``start`` on, with this share of all possible links."""
    path = {(start + n, start + n + 1) for n in range(size - 1)}
    others = {pair for pair in combinations(range(start, start + size), 2) if dice.random() < share}
    return [(a, b, strength_of(dice.uniform(*weights)), 0) for a, b in sorted(path | others)]


def two_groups(seed: int) -> Rows:
    dice = random.Random(seed)
    groups = dense(dice, 0, 40, 0.5, (0.6, 0.98)) + dense(dice, 40, 40, 0.5, (0.6, 0.98))
    return [*groups, (dice.randrange(40), 40 + dice.randrange(40), 693, 0)]


def block_of(links: Links, seed: int = 1) -> Block:
    pairs = np.column_stack([links.a, links.b])
    return Block(int(pairs.max()) + 1, pairs, link_weights(links.strength), seed)


def best_of(block: Block, engine: str) -> Ints:
    return best_partition(block, engine, GAMMA, POLICY.randomness, POLICY.restarts)


def communities_of(rows: Rows, processes: int = 1, engine: str = "igraph", names: str = "acc_{:05d}") -> Ints:
    components = find_components(links_of(rows), 693, POLICY.oversize)
    ids = pa.array([names.format(account) for account in components.accounts.tolist()])
    return find_communities(components, ids, POLICY, engine, processes)


def groups_of(labels: Ints) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("seed", range(6))
def test_an_engine_gives_connected_communities_at_least_as_good_as_all_or_none(engine: str, seed: int) -> None:
    dice = random.Random(seed)
    links = links_of(dense(dice, 0, 30 + 10 * seed, dice.choice((0.01, 0.05, 0.2)), (0.5, 0.98)))
    block = block_of(links)
    raw = load_engine(engine)(block.size, block.pairs, block.weights, GAMMA, POLICY.randomness, [seed, seed + 1])
    assert [len(labels) for labels in raw] == [block.size] * 2
    labels = best_of(block, engine)
    assert list(dict.fromkeys(labels.tolist())) == list(range(int(labels.max()) + 1))
    graph: Any = nx.Graph(block.pairs.tolist())
    assert all(nx.is_connected(graph.subgraph(group)) for group in groups_of(labels))
    whole, alone = np.zeros(block.size, np.int64), np.arange(block.size)
    assert quality(block, labels, GAMMA) >= max(quality(block, whole, GAMMA), quality(block, alone, GAMMA))


@pytest.mark.parametrize("seed", range(4))
def test_two_dense_groups_that_one_weak_link_joins_are_told_apart(engine: str, seed: int) -> None:
    labels = communities_of(two_groups(seed), engine=engine)
    assert labels.tolist() == [0] * 40 + [1] * 40


def test_the_same_seed_gives_the_same_partition(engine: str) -> None:
    links = links_of(dense(random.Random(5), 0, 150, 0.02, (0.5, 0.98)))
    block, seed = block_of(links), 2**63 + 11
    raw = load_engine(engine)(block.size, block.pairs, block.weights, GAMMA, POLICY.randomness, [seed, 5, seed])
    assert list(raw[0]) == list(raw[2])
    assert best_of(block, engine).tolist() == best_of(block, engine).tolist()


def test_an_engine_nobody_knows_is_refused_with_the_names_of_those_that_are() -> None:
    with pytest.raises(SettingsError, match="igraph, leidenalg, networkx"):
        load_engine("louvain")


def random_components() -> list[Links]:
    """Small sparse ones with weights from one half on, and dense ones of more than twenty."""
    dice = random.Random(7)
    small = [dense(dice, 0, dice.randint(2, 19), dice.choice((0.0, 0.1, 0.5)), (0.5, 0.98)) for _ in range(240)]
    large = [dense(dice, 0, dice.randint(21, 60), dice.uniform(0.5, 1.0), (0.5, 0.98)) for _ in range(60)]
    weak = [dense(dice, 0, dice.randint(4, 12), 0.3, (0.01, 0.2)) for _ in range(60)]
    return [links_of(rows) for rows in small + large + weak]


def one_component(links: Links) -> Components:
    return find_components(links, 1, POLICY.oversize)


def test_a_component_said_to_be_whole_is_left_whole_by_the_engine_and_by_every_split() -> None:
    judged = {"small": 0, "large": 0, "brute": 0}
    for links in random_components():
        whole = bool(is_one_community(one_component(links), GAMMA)[0])
        block = block_of(links)
        assert whole or block.size >= 20 or link_weights(links.strength).min() < 0.5
        if not whole:
            continue
        judged["small" if block.size < 20 else "large"] += 1
        assert not np.any(asked(block, "igraph", GAMMA)[0])
        if block.size <= 12:
            judged["brute"] += 1
            everything = quality(block, np.zeros(block.size, np.int64), GAMMA)
            splits = (np.array([number >> place & 1 for place in range(block.size)]) for number in split_numbers(block))
            assert all(quality(block, split, GAMMA) <= everything for split in splits)
    assert judged["small"] >= 200
    assert judged["large"] >= 20
    assert judged["brute"] >= 100


def asked(block: Block, engine: str, resolution: float) -> list[list[int]]:
    """What an engine itself says."""
    seeds = range(block.seed, block.seed + POLICY.restarts)
    return [
        list(labels)
        for labels in load_engine(engine)(block.size, block.pairs, block.weights, resolution, POLICY.randomness, seeds)
    ]


def all_partitions(size: int) -> list[list[int]]:
    """Every division of so many accounts into groups, as canonical labels."""
    found: list[list[int]] = [[]]
    for _ in range(size):
        found = [[*labels, label] for labels in found for label in range(max(labels, default=-1) + 2)]
    return found


def test_a_block_that_the_laplacian_says_is_whole_is_best_whole_of_all_partitions() -> None:
    dice = random.Random(11)
    told = {True: 0, False: 0}
    for _ in range(120):
        block = block_of(links_of(dense(dice, 0, dice.randint(3, 7), dice.uniform(0.3, 1.0), (0.1, 0.98))))
        resolution = dice.choice((0.05, 0.2, 0.4, 0.7))
        best = max(quality(block, np.array(each), resolution) for each in all_partitions(block.size))
        whole = is_whole(block, resolution)
        told[whole] += 1
        assert not whole or quality(block, np.zeros(block.size, np.int64), resolution) == best
    assert min(told.values()) >= 30


@pytest.mark.parametrize("engine", ENGINES)
def test_a_block_of_hundreds_that_the_laplacian_says_is_whole_is_so_for_the_engine(engine: str) -> None:
    dice = random.Random(5)
    block = block_of(links_of(dense(dice, 0, 150, 0.1, (0.5, 0.98))))
    assert is_whole(block, GAMMA)
    assert any(not np.any(labels) for labels in asked(block, engine, GAMMA))


def test_of_two_groups_on_one_link_the_laplacian_does_not_say_that_they_are_whole() -> None:
    assert not is_whole(block_of(links_of(two_groups(1))), GAMMA)
    assert not is_whole(Block(3, np.zeros((0, 2), np.int64), np.zeros(0), 1), GAMMA)


def split_numbers(block: Block) -> range:
    """Each division in two once: the last account stays on one side; thinned where there are many."""
    return range(1, 2 ** (block.size - 1), 1 if block.size <= 10 else 3)


def many_groups() -> Rows:
    dice = random.Random(3)
    rows: Rows = []
    for number in range(12):
        start = 100 * number
        rows += dense(dice, start, 45, 0.08, (0.5, 0.98)) + dense(dice, start + 45, 45, 0.08, (0.5, 0.98))
        rows.append((start + dice.randrange(45), start + 45 + dice.randrange(45), 693, 0))
    return rows


def test_two_processes_find_the_same_communities_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(communities, "LINKS_WORTH_A_PROCESS", 1)
    rows = many_groups()
    assert communities_of(rows, processes=2).tobytes() == communities_of(rows, processes=1).tobytes()


def test_communities_of_a_component_do_not_depend_on_what_else_is_there() -> None:
    rows = many_groups()
    accounts = np.unique([end for row in rows for end in row[:2]])
    together = communities_of(rows)
    for number in range(0, 12, 3):
        mine = [row for row in rows if row[0] // 100 == number]
        part = together[accounts // 100 == number]
        assert groups_of(communities_of(mine)) == groups_of(part)
        assert communities_of(mine).tolist() == (part - part.min()).tolist()


def test_communities_are_numbered_by_their_smallest_account() -> None:
    labels = communities_of(many_groups()).tolist()
    assert list(dict.fromkeys(labels)) == list(range(max(labels) + 1))


def test_components_are_those_that_networkx_finds() -> None:
    dice = random.Random(11)
    for _ in range(60):
        pairs = {(a, b) for a, b in (sorted(dice.sample(range(40), 2)) for _ in range(dice.randint(0, 30)))}
        found = find_components(links_of([(a, b, 700, 0) for a, b in pairs]), 693, 50_000)
        graph: Any = nx.Graph(list(pairs))
        assert found.accounts.tolist() == sorted(graph)
        numbered = {frozenset(found.accounts[found.component == n].tolist()) for n in range(found.count)}
        assert numbered == {frozenset(each) for each in nx.connected_components(graph)}
        assert not found.oversize.any()


def naive_oversize(graph: Any, threshold: int, largest: int) -> list[tuple[frozenset[int], bool]]:
    found: list[tuple[frozenset[int], bool]] = []
    for accounts in nx.connected_components(graph):
        if len(accounts) <= largest:
            found.append((frozenset(accounts), False))
            continue
        inside, level = graph.subgraph(accounts).copy(), threshold
        while any(len(part) > largest for part in nx.connected_components(inside)):
            level += THRESHOLD_STEP
            big = [part for part in nx.connected_components(inside) if len(part) > largest]
            inside.remove_edges_from(
                [(a, b) for a, b, s in inside.edges(data="s") if s < level and any(a in part for part in big)]
            )
        found += [(frozenset(part), True) for part in nx.connected_components(inside)]
    return found


def test_a_component_that_is_too_large_raises_its_threshold_until_it_breaks_and_is_flagged() -> None:
    dice = random.Random(2)
    flagged = 0
    for _ in range(60):
        pairs = {(a, b) for a, b in (sorted(dice.sample(range(60), 2)) for _ in range(dice.randint(10, 60)))}
        rows = [(a, b, dice.randint(693, 4000), 0) for a, b in sorted(pairs)]
        graph: Any = nx.Graph()
        graph.add_edges_from((a, b, {"s": strength}) for a, b, strength, _ in rows)
        found = find_components(links_of(rows), 693, 8)
        members = [frozenset(found.accounts[found.component == n].tolist()) for n in range(found.count)]
        assert set(zip(members, found.oversize.tolist(), strict=True)) == set(naive_oversize(graph, 693, 8))
        assert (found.component[found.place(found.links.a)] == found.component[found.place(found.links.b)]).all()
        flagged += int(found.oversize.sum())
    assert flagged > 50


def lightest_cuts(graph: Any) -> tuple[float, list[int]]:
    """The weight of the lightest cut, and the smaller side of every cut that weighs the same."""
    nodes = sorted(graph)
    weighed: list[tuple[float, int]] = []
    for number in range(1, 2 ** (len(nodes) - 1)):
        side = [node for place, node in enumerate(nodes) if number >> place & 1]
        weighed.append((nx.cut_size(graph, side, weight="weight"), min(len(side), len(nodes) - len(side))))
    least = min(weighed)[0]
    return least, [size for weight, size in weighed if weight <= least + 1e-9]


def test_weak_bridges_are_the_light_cuts_that_stoer_and_wagner_find() -> None:
    dice = random.Random(13)
    flagged = 0
    for _ in range(150):
        half = dice.randint(3, 5)
        weights = (0.3, 0.98) if dice.random() < 0.5 else (0.5, 0.6)
        rows = dense(dice, 0, half, 0.7, weights) + dense(dice, half, half, 0.7, weights)
        rows += [
            (dice.randrange(half), half + number, strength_of(dice.uniform(0.1, 0.6)), 0)
            for number in range(dice.randint(1, 2))
        ]
        links = links_of(rows)
        graph: Any = nx.Graph()
        graph.add_weighted_edges_from(
            zip(links.a.tolist(), links.b.tolist(), link_weights(links.strength).tolist(), strict=True)
        )
        limit = math.log10(max(10, 2 * half)) / 2
        found = weak_bridges(np.zeros(len(rows), np.int64), links, np.array([2 * half]))
        least, sides = lightest_cuts(graph)
        assert least == pytest.approx(nx.stoer_wagner(graph)[0])
        if found:
            flagged += 1
            assert found[0].weight == pytest.approx(least)
            assert found[0].weight <= limit
            assert max(sides) >= 3
            graph.remove_edges_from(found[0].pairs)
            assert min(map(len, nx.connected_components(graph))) >= 3
        else:
            assert least > limit or min(sides) < 3
    assert 20 < flagged < 130
