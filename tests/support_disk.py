"""A disk that fills up: a small file system of its own, where mounting one is permitted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Self

import pytest


class SmallDisk:
    """A file system of its own at a folder, whose size can be changed; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def __enter__(self) -> Self:
        self._mount("-t", "tmpfs", "-o", "size=256m,mode=755", "tmpfs")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)

    def leave_free(self, kib: int) -> None:
        """Make it so small that ``kib`` KiB are free."""
        now = os.statvfs(self.folder)
        used = (now.f_blocks - now.f_bfree) * now.f_frsize // 1024
        self._mount("-o", f"remount,size={used + kib}k")

    def _mount(self, *options: str) -> None:
        done = subprocess.run(["mount", *options, str(self.folder)], check=False, capture_output=True)
        if done.returncode:
            pytest.skip(f"NOT TESTED: mounting a small file system is not permitted here ({done.stderr.decode()})")
