# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""Texts in the order of their bytes, found one by one or many at once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graphrisk.model import Ints

HEAD = 8
"""Bytes that a number of 64 bits holds."""


class SortedText:
    """A column of texts sorted by their bytes, searched where it lies in the mapped file.

    At hand are, of each, the 8 bytes that follow what all begin with, as a number."""

    def __init__(self, column: Any) -> None:
        self._column, self._count = column, len(column)
        _, offsets, data = column.buffers()
        self._bounds = memoryview(offsets).cast("i")[column.offset :] if self._count else memoryview(b"")
        self._data = memoryview(data) if data is not None else memoryview(b"")
        self._skip = _common(self[0], self[self._count - 1]) if self._count else 0
        self._heads = self._heads_of_all() if len(self._data) else np.zeros(self._count, np.uint64)
        self._cells = self._heads.data
        self._alike = bool((self._heads[1:] == self._heads[:-1]).any())

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> bytes:
        return bytes(self._data[self._bounds[row] : self._bounds[row + 1]])

    def find(self, text: str) -> int | None:
        """The row of a text, or None."""
        wanted = text.encode("utf-8", "surrogatepass")
        head = int.from_bytes(wanted[self._skip : self._skip + HEAD].ljust(HEAD, b"\0"))
        row = bisect_left(self._cells, head)
        if self._alike:
            row = bisect_left(
                range(self._count), wanted, row, bisect_right(self._cells, head, row), key=self.__getitem__
            )
        return row if row < self._count and self[row] == wanted else None

    def find_all(self, texts: Sequence[str]) -> Ints:
        """The row of each text, −1 for those that are not there: one binary search, all at once."""
        if not self._count or not texts:
            return np.full(len(texts), -1)
        asked = [text.encode("utf-8", "surrogatepass") for text in texts]
        heads = np.array([text[self._skip : self._skip + HEAD] for text in asked], f"S{HEAD}")
        heads = heads.view(">u8").astype(np.uint64)
        low = np.searchsorted(self._heads, heads)
        high = np.searchsorted(self._heads, heads, "right") if self._alike else low + 1
        wanted, column = pa.array(asked, pa.binary()), self._column.cast(pa.binary())
        while (open_ := high - low > 1).any():
            middle = np.where(open_, (low + high) // 2, 0)
            before = pc.less_equal(column.take(pa.array(middle)), wanted).to_numpy(zero_copy_only=False)
            low = np.where(open_ & before, middle, low)
            high = np.where(open_ & ~before, middle, high)
        there = np.minimum(low, self._count - 1)
        same = pc.equal(column.take(pa.array(there)), wanted).to_numpy(zero_copy_only=False)
        return np.where(same, there, -1)

    def _heads_of_all(self) -> NDArray[np.uint64]:
        bounds, data = np.asarray(self._bounds)[: self._count + 1], np.frombuffer(self._data, np.uint8)
        heads = np.zeros(self._count, np.uint64)
        for place in range(HEAD):
            at = bounds[:-1] + (self._skip + place)
            byte = np.where(at < bounds[1:], data[np.minimum(at, len(data) - 1)], 0)
            heads = heads << np.uint64(8) | byte.astype(np.uint64)
        return heads


def _common(one: bytes, other: bytes) -> int:
    """How many bytes two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (here, there) in pairs if here != there), min(len(one), len(other)))
