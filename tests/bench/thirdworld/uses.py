"""Every use of a value by an account, and what is left of them when they are folded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Chunk = tuple[Ints, Ints, Floats, Floats, Ints]


class Uses:
    """Uses by kind. Times are days since the period began, as fractions."""

    def __init__(self) -> None:
        self._chunks: dict[str, list[Chunk]] = {}
        self._single: dict[str, tuple[list[int], list[int], list[float]]] = {}

    def see(self, kind: str, account: int, value: int, day: float) -> None:
        """Note one use."""
        accounts, values, days = self._single.setdefault(kind, ([], [], []))
        accounts.append(account)
        values.append(value)
        days.append(day)

    def see_all(
        self,
        kind: str,
        account: npt.ArrayLike,
        value: npt.ArrayLike,
        first: npt.ArrayLike,
        last: npt.ArrayLike | None = None,
        count: npt.ArrayLike = 1,
    ) -> None:
        """Note many uses, or that a value was in use from the first to the last day; what is single goes with all."""
        columns = (np.atleast_1d(account), value, first, first if last is None else last, count)
        accounts, values, firsts, lasts, counts = np.broadcast_arrays(*columns)
        self._chunks.setdefault(kind, []).append(
            (accounts.astype(int), values.astype(int), firsts.astype(float), lasts.astype(float), counts.astype(int))
        )

    def folded(self, kind: str) -> Chunk:
        """Accounts and values once each, in order, with first and last day and count."""
        accounts, values, days = self._single.get(kind, ([], [], []))
        single = (np.array(accounts, int), np.array(values, int), np.array(days, float))
        chunks = [*self._chunks.get(kind, []), (*single, single[2], np.ones(len(days), int))]
        account, value, first, last, count = (np.concatenate(column) for column in zip(*chunks, strict=True))
        order = np.lexsort((value, account))
        account, value = account[order], value[order]
        changes = (np.diff(account) != 0) | (np.diff(value) != 0)
        begin = np.flatnonzero(np.concatenate([[True], changes]))
        return (
            account[begin],
            value[begin],
            np.minimum.reduceat(first[order], begin),
            np.maximum.reduceat(last[order], begin),
            np.add.reduceat(count[order], begin),
        )
