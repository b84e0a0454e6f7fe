"""What spark-submit is given to run: the command line, ``spark-submit … submit.py detect --engine spark``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def start() -> None:
    """Run the command line; the folder of this file, which Python puts first, holds no module that others import."""
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != HERE]
    from graphrisk.cli import main  # noqa: PLC0415 - after the line above

    main()


if __name__ == "__main__":
    start()
