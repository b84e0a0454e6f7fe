"""One component and one engine: the best of several partitions, the same on every machine and in every process.

Worker processes import this module; it needs numpy alone, so that they start at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from graphrisk.errors import SettingsError
from graphrisk.model import Floats, Ints

ENGINES = ("igraph", "leidenalg", "networkx")

Engine = Callable[[int, Ints, Floats, float, float, Sequence[int]], Sequence[Sequence[int]]]
"""``partitions(accounts, pairs (m, 2), weights (m,), resolution, randomness, seeds)``: a block number an account, for each seed."""


LARGEST_WHOLE = 1_000
"""Of so many accounts it is computed whether they are one community whatever an engine says; for more, that takes longer
than asking one."""

MARGIN = 1.0001
"""Rounding must not decide."""


@dataclass(frozen=True)
class Block:
    """One component as an engine sees it: accounts are 0 … size - 1, pairs sorted, weights in (0, 1)."""

    size: int
    pairs: Ints
    weights: Floats
    seed: int


def load_engine(name: str) -> Engine:
    """The engine of that name. Raises ``SettingsError`` when there is none, or its library is not installed."""
    if name not in ENGINES:
        raise SettingsError(f"The engine {name!r} is not known; choose one of {', '.join(ENGINES)}.")
    try:
        return import_module(f"graphrisk.detection.{name}_engine").partitions
    except ImportError as error:
        raise SettingsError(f"The engine {name} is not installed; run `pip install 'graphrisk[engines]'`.") from error


def is_whole(block: Block, resolution: float) -> bool:
    """Whether a block is one community by the objective itself, so that no engine need be asked; false where not known.

    Parting n accounts into parts of s cuts links of weight ½·Σ λ·s·(n - s)/n or more, where λ is the second smallest
    eigenvalue of the Laplacian (Fiedler 1973), and gains ½·Σ resolution·s·(n - s). So nothing is gained if λ >
    resolution·n, which holds where a matrix is positive definite that has the Laplacian's eigenvalues less resolution·n,
    but for the constant vector's. It cannot hold if an account has links of a smaller weight in all.
    """
    least = MARGIN * resolution * block.size
    if block.size > LARGEST_WHOLE or not len(block.pairs):
        return False
    a, b = block.pairs.T
    degree = np.bincount(block.pairs.ravel(), weights=np.repeat(block.weights, 2), minlength=block.size)
    if degree.min() * block.size <= least * (block.size - 1):
        return False
    matrix = np.full((block.size, block.size), 2 * least / block.size)
    matrix[a, b] -= block.weights
    matrix[b, a] -= block.weights
    matrix[np.diag_indices(block.size)] += degree - least
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def best_partition(block: Block, engine: str, resolution: float, randomness: float, restarts: int) -> Ints:
    """The best of ``restarts`` partitions; ties go to the smallest vector of canonical labels."""
    if is_whole(block, resolution):
        return np.zeros(block.size, np.int64)
    seeds = range(block.seed, block.seed + restarts)
    raw = load_engine(engine)(block.size, block.pairs, block.weights, resolution, randomness, seeds)
    different = {tuple(first_seen_order(np.asarray(labels, np.int64)).tolist()) for labels in raw}
    return np.asarray(min(different, key=lambda labels: (-quality(block, np.asarray(labels), resolution), labels)))


def quality(block: Block, labels: Ints, resolution: float) -> float:
    """CPM quality: weight inside blocks less resolution times the pairs inside, to six decimals."""
    inside = block.weights[labels[block.pairs[:, 0]] == labels[block.pairs[:, 1]]].sum()
    sizes = np.bincount(labels)
    return round(float(inside - resolution * (sizes * (sizes - 1) / 2).sum()), 6)


def first_seen_order(labels: Ints) -> Ints:
    """The same labels numbered 0, 1, … in the order in which they first occur."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
