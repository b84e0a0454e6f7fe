"""Synthetic marketplaces with planted rings, and the innocent sharing that makes rings hard to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphrisk.worlds.world import write_world

__all__ = ["write_world"]


def __getattr__(name: str) -> object:
    # What makes worlds imports numpy and Arrow, which most commands do without.
    if name == "write_world":
        from graphrisk.worlds.world import write_world  # noqa: PLC0415

        return write_world
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
