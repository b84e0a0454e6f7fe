"""How much memory is taken when nobody says: a share of the machine's, or of what a container may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graphrisk.settings import Settings, share_of_memory

MIB = 2**20


def share(folder: Path, groups: str, limits: dict[str, str]) -> int:
    """The share of a process in these groups, with limits by the path of their file."""
    for name, text in limits.items():
        file = folder / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "own").write_text(groups)
    return share_of_memory(folder / "groups", folder / "own")


def test_a_quarter_of_the_machine(tmp_path: Path) -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MIB
    assert share_of_memory(tmp_path, tmp_path / "none") == max(machine // 4, min(1536, machine // 2))


def test_a_container_of_eight_gigabytes(tmp_path: Path) -> None:
    """Of version 2: the group is its own root there."""
    assert share(tmp_path, "0::/\n", {"memory.max": str(8192 * MIB)}) == 2048


def test_a_service_whose_slice_is_limited(tmp_path: Path) -> None:
    groups = "0::/jobs.slice/graphrisk.service\n"
    limits = {"jobs.slice/graphrisk.service/memory.max": "max\n", "jobs.slice/memory.max": f"{4000 * MIB}\n"}
    assert share(tmp_path, groups, limits) == 1536


def test_a_small_container_of_version_1_keeps_half(tmp_path: Path) -> None:
    groups = "9:name=systemd:/\n4:memory:/docker/0123\n3:cpu:/\n"
    assert share(tmp_path, groups, {"memory/memory.limit_in_bytes": str(2048 * MIB)}) == 1024


def test_whoever_says_how_much_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHRISK_MEMORY_MIB", "700")
    assert Settings().memory_mib == 700
    monkeypatch.delenv("GRAPHRISK_MEMORY_MIB")
    assert Settings().memory_mib == share_of_memory()
