"""How often a key may ask, counted over all workers of a server together.

The rule is the Generic Cell Rate Algorithm of ITU-T Recommendation I.371, in its form of virtual scheduling: a key has
one number, the theoretical arrival time (TAT) up to which its requests are paid for. A request at ``now`` costs an
interval of 1/rate; it is allowed when max(TAT, now) + cost is at most ``now`` + burst, and then becomes the TAT. It acts
like a bucket that holds ``burst`` and fills at the rate, without anything that has to fill it.

The numbers are in ``<home>/api/limits``, mapped into the memory of each worker. A record lock of the kernel guards them:
it goes when its process does, however that ends. The file holds nothing worth keeping, and may be removed while no
server runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import threading
import time
import weakref
from pathlib import Path
from typing import NamedTuple

SLOTS = 4096
"""Keys that can be in use within one second; the one unused for longest makes room for another."""
_SLOT_BYTES = 16
_SECOND = 1_000_000_000


class Allowance(NamedTuple):
    """Whether a request may pass, and what the headers say.

    ``limit`` is the burst and ``remaining`` what is left of it, in requests; ``reset_seconds`` is when it is whole
    again; ``retry_after_seconds`` is when a refused request would be allowed (0 when it is).
    """

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: float
    retry_after_seconds: float


class RateLimits:
    """The counts of one server, shared with every other process that opened the same home.

    Each process opens its own, after it was forked.
    """

    def __init__(self, home: Path) -> None:
        file = home / "api" / "limits"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        weakref.finalize(self, os.close, self._descriptor)
        # A page that the disk has no room for would kill the process at its first use.
        os.posix_fallocate(self._descriptor, 0, SLOTS * _SLOT_BYTES)
        # Pairs of numbers: whose slot it is (0: nobody's), and its TAT in nanoseconds.
        self._numbers = memoryview(mmap.mmap(self._descriptor, SLOTS * _SLOT_BYTES)).cast("q")
        self._known: dict[str, tuple[int, int]] = {}
        # Locks of the kernel are between processes, not between threads of one.
        self._threads = threading.Lock()

    def take(self, prefix: str, rate: int, now: float | None = None, cost: int = 1) -> Allowance:
        """Take ``cost`` requests from the allowance of a key, all or none; a burst is one second's worth.

        A cost above the burst takes all of it. ``now`` is in seconds of a clock that all processes share (None: the
        monotonic one). Raises ``ValueError`` for a rate or a cost below 1.
        """
        if rate < 1 or cost < 1:
            raise ValueError(f"rate {rate} and cost {cost} must be 1 or more")
        interval = -(-_SECOND // rate)
        burst = interval * rate
        price = interval * min(cost, rate)
        with self._threads:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                at = self._slot(prefix)
                moment = time.monotonic_ns() if now is None else round(now * _SECOND)
                # No TAT is further ahead than a burst, unless the clock began anew, as it does when a machine starts.
                paid = min(max(self._numbers[at], moment), moment + burst)
                over = paid + price - moment - burst
                if over <= 0:
                    paid += price
                self._numbers[at] = paid
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
        ahead = paid - moment
        return Allowance(over <= 0, rate, (burst - ahead) // interval, ahead / _SECOND, max(over, 0) / _SECOND)

    def _slot(self, prefix: str) -> int:
        """Where the TAT of a key is; its slot can have gone to another key since it was last asked for."""
        name, at = self._known.get(prefix, (0, -1))
        if at >= 0 and self._numbers[at - 1] == name:
            return at
        name = int.from_bytes(hashlib.blake2b(prefix.encode(), digest_size=8).digest(), "little", signed=True) or 1
        names = self._numbers[0::2].tolist()
        if name in names:
            at = 2 * names.index(name) + 1
        else:
            arrivals = self._numbers[1::2].tolist()
            at = 2 * arrivals.index(min(arrivals)) + 1
            self._numbers[at - 1], self._numbers[at] = name, 0
        self._known[prefix] = name, at
        return at
