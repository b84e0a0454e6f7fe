"""Working ahead: the next batch is made while the one before it is dealt with."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Generator[Item]:
    """The same items; each next one is made in a thread of its own while the caller works on the last.

    Close it where not all of them are taken, so that nothing is being made any more.
    """
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # pyright: ignore[reportReturnType]
