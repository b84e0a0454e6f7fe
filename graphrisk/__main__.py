"""``python -m graphrisk``, and where the command ``graphrisk`` starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder


class _NoPandas(MetaPathFinder):
    """Pyarrow imports pandas, a second of work, at its first conversion of anything; no command has a use for it, but pyspark
    insists on it."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> None:
        if fullname == "pandas" and "pyspark" not in sys.modules:
            raise ModuleNotFoundError("Commands do without pandas.", name=fullname)


def start() -> None:
    """Run the command line."""
    sys.meta_path.insert(0, _NoPandas())
    if sys.platform == "linux":
        # Arrow's other allocator gives memory back at once and takes new pages, each of them a fault, for the next column.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    # Threads for one small matrix wait for each other where other work keeps the cores busy, and add up in another order.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from graphrisk.cli import main  # noqa: PLC0415 - after the line above
    except KeyboardInterrupt:
        sys.stderr.write("graphrisk: Stopped before it began.\n")
        sys.exit(130)
    main()


if __name__ == "__main__":
    start()
