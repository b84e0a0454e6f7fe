"""Prometheus metrics of all worker processes of a server."""

from __future__ import annotations

import os
from bisect import bisect_left
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from graphrisk.api.serving import SHARED

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


class Metrics:
    """Requests by route and status, their latency, and the run that is served."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "graphrisk_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "graphrisk_request_seconds", "Time to answer.", ["route"], buckets=BUCKETS, registry=self.registry
        )
        self._swaps = Counter("graphrisk_run_swaps", "Runs swapped in.", registry=self.registry)
        self._run = Gauge(
            "graphrisk_run_info",
            "1 for the run that is served.",
            ["run_id"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._refused = Gauge(
            "graphrisk_run_refused",
            "1 while a newer published run is refused as damaged.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._tallies: dict[tuple[str, str, int], list[float]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request that was answered; other workers see it when it is settled."""
        tally = self._tallies.get((method, route, status))
        if tally is None:
            # Any word may be a method; of those nobody serves, all count as ``other``.
            method = method if method in METHODS else "other"
            tally = self._tallies.setdefault((method, route, status), [0.0] * (len(BUCKETS) + 2))
        tally[bisect_left(BUCKETS, seconds)] += 1
        tally[-1] += seconds

    def settle(self) -> None:
        """Put what was counted where every worker reads it: for many requests at once, since it costs as much for one."""
        tallies, self._tallies = self._tallies, {}
        for (method, route, status), (*counts, seconds) in tallies.items():
            self._requests.labels(method, route, str(status)).inc(sum(counts))
            child = self._seconds.labels(route)
            # No public method of a histogram takes in more than one time.
            child._sum.inc(seconds)  # pyright: ignore[reportPrivateUsage]
            for bucket, count in zip(child._buckets, counts, strict=True):  # pyright: ignore[reportPrivateUsage]
                bucket.inc(count)

    def serving(self, run_id: str, before: str | None) -> None:
        """A run was swapped in."""
        if before is not None:
            self._run.labels(before).set(0)
            self._swaps.inc()
        self._run.labels(run_id).set(1)

    def refused(self, is_refused: bool) -> None:
        self._refused.set(int(is_refused))

    def text(self, age_seconds: float | None) -> bytes:
        """All metrics of all workers in Prometheus' text format, with the age of the run that is served."""
        self.settle()
        registry = self.registry
        if folder := os.environ.get(SHARED):
            forget_dead_workers(Path(folder))
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        name = "graphrisk_run_age_seconds"
        age = (
            f"# HELP {name} Since the served run was published.\n# TYPE {name} gauge\n{name} {age_seconds:.3f}\n"
            if age_seconds is not None
            else ""
        )
        return generate_latest(registry) + age.encode()


def forget_dead_workers(folder: Path) -> None:
    """Drop the live gauges of workers that ended, however they did."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid, str(folder))
