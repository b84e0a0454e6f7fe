"""The floor: the joins of the method in one bare script, to say what the product costs on top of them.

``python -m tests.bench.floor LEDGER_DIR`` reads the Delta tables of a ledger and prints one line of JSON: seconds of
each step, counts, peak memory. It keeps nothing, explains nothing, finds no rings, and imports nothing of graphrisk.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import igraph  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from deltalake import DeltaTable
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import pdtrc

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

HOUR = 3_600_000_000
DAY = 24 * HOUR


class Kind(NamedTuple):
    """What sharing a value of one kind is worth: a row of the table in section 2 of the method."""

    rho: float
    kappa: float
    alpha: float
    half_life: float
    cap: int
    ceiling: int
    unit: int = DAY


KINDS = {
    "device": Kind(0.95, 20, 0.5, 120, 200, 4000),
    "card": Kind(0.92, 8, 0.7, 365, 100, 4000),
    "bank_account": Kind(0.92, 8, 0.7, 365, 100, 4000),
    "email": Kind(0.90, 4, 0.8, 365, 50, 3000),
    "phone": Kind(0.90, 4, 0.8, 365, 50, 3000),
    "address": Kind(0.45, 3, 1, 365, 30, 1500),
    "cohort": Kind(0.70, 40, 0.5, 3 * 24, 400, 1500, HOUR),
    "ip": Kind(0.35, 1, 1, 0.5 * 24, 30, 1500, HOUR),
}
CODES = {kind: code for code, kind in enumerate(KINDS)}
IP, COHORT = CODES["ip"], CODES["cohort"]
THRESHOLD = 693
IP_KEPT_DAYS, COHORTS_KEPT_DAYS = 90, 365
NEW_SHARE, NEW_US, COHORT_MIN, SIGNIFICANCE = 0.02, 3 * DAY, 4, 1e-4
RESOLUTION, BETA, RESTARTS = 0.005, 0.01, 8
SPLITTABLE = 20
"""Below it no cut pays: γ·n²/4 is less than the weight ½ of one link, so a component is one community."""


def main(ledger: Path) -> None:
    """Run all steps and print what they took."""
    clock = _Clock()
    with duckdb.connect() as db:
        db.execute("SET preserve_insertion_order = false")
        with clock.step("read"):
            _read(db, ledger)
        with clock.step("degrees"):
            _degrees(db)
        with clock.step("cohorts"):
            _cohorts(db)
        with clock.step("links"):
            _prices(db)
            a, b, strength = _links(db)
    with clock.step("components"):
        account, label = _components(a, b)
    with clock.step("communities"):
        communities = _communities(a, b, strength, label)
    usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    sizes = np.bincount(label)
    counts = {"accounts": len(account), "links": len(a), "components": len(sizes), "largest": int(sizes.max(initial=0))}
    counts["communities"] = communities
    print(json.dumps({"seconds": clock.seconds, "counts": counts, "peak_mib": round(max(usage) / 1024)}))


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)


def _files(table: Path) -> str:
    return "[" + ", ".join(f"'{uri}'" for uri in DeltaTable(table).file_uris()) + "]"


def _columns(db: duckdb.DuckDBPyConnection, query: str) -> Iterator[NDArray[Any]]:
    # By Arrow and DLPack: fetchnumpy() and Arrow's to_numpy() begin with a second of importing pandas.
    table: Any = db.sql(query).to_arrow_table()
    return (np.from_dlpack(column.combine_chunks()) for column in table.columns)


def _read(db: duckdb.DuckDBPyConnection, ledger: Path) -> None:
    """``seen``: the sightings that retention keeps as numbers; accounts are positions in the sorted list of ids."""
    sightings = f"read_parquet({_files(ledger / 'sightings')}, hive_partitioning = true)"
    accounts = f"read_parquet({_files(ledger / 'accounts')})"
    db.execute(f"""
        CREATE TABLE account AS
        SELECT account_id, (row_number() OVER (ORDER BY account_id) - 1)::INTEGER AS a, created
        FROM (SELECT account_id, epoch_us(min(created_at)) AS created FROM (
                  SELECT account_id, created_at FROM {accounts}
                  UNION ALL
                  SELECT account_id, NULL FROM {sightings} AS s ANTI JOIN {accounts} AS known USING (account_id))
              GROUP BY account_id)""")
    codes = " ".join(f"WHEN '{kind}' THEN {code}" for kind, code in CODES.items())
    # Retention counts back from the end of the last day that has facts; what is not an address is kept for years.
    latest = db.execute(f"SELECT max(epoch_us(last_seen)) FROM {sightings}").fetchall()[0][0] or 0
    kept_from = (latest // DAY + 1 - COHORTS_KEPT_DAYS) * DAY
    db.execute(f"SET VARIABLE evidence_from = {(latest // DAY + 1 - IP_KEPT_DAYS) * DAY}")
    # Keys of 63 bits: of 10 million tokens two meet with odds of 1 in 180,000. Below 0 is room for cohorts.
    db.execute(f"""
        CREATE TABLE seen AS
        SELECT a, kind, (hash(kind, token, week) >> 1)::BIGINT AS v,
               CASE WHEN kind = {IP} THEN (hash(-1, network, week) >> 1)::BIGINT END AS network,
               first_seen AS f, last_seen AS l, coalesce(f - created <= {NEW_US}, false) AS new
        FROM (SELECT account_id, (CASE kind {codes} END)::TINYINT AS kind, token, network, week,
                     epoch_us(first_seen) AS first_seen, epoch_us(last_seen) AS last_seen
              FROM {sightings} WHERE kind <> 'ip' OR epoch_us(last_seen) >= {kept_from})
        JOIN account USING (account_id)""")


def _degrees(db: duckdb.DuckDBPyConnection) -> None:
    """``held``: who held which shared value, one row each; ``degree``: by how many accounts a value is held."""
    db.execute(f"CREATE VIEW evidence AS FROM seen WHERE kind <> {IP} OR l >= getvariable('evidence_from')")
    db.execute("""
        CREATE TABLE held AS
        SELECT v, a, any_value(kind) AS kind, min(f) AS f, max(l) AS l, 0 AS w
        FROM evidence SEMI JOIN (SELECT v FROM evidence GROUP BY v HAVING count(*) > 1) USING (v)
        GROUP BY v, a""")
    db.execute(
        "CREATE TABLE degree AS SELECT v, any_value(kind) AS kind, count(*) AS k FROM held GROUP BY v HAVING k > 1"
    )


def _cohorts(db: duckdb.DuckDBPyConnection) -> None:
    """Adds accounts that signed up together on an address, a network or a hub to ``held`` and ``degree``."""
    caps = " ".join(f"WHEN {CODES[kind]} THEN {KINDS[kind].cap}" for kind in ("device", "card"))
    week = f"(f - {4 * DAY}) // {7 * DAY}"
    db.execute(f"""
        CREATE TABLE spot AS
        SELECT v, a, f, l, new, 0 AS hub FROM seen WHERE kind = {IP}
        UNION ALL SELECT network, a, f, l, new, 0 FROM seen WHERE network IS NOT NULL
        UNION ALL SELECT (hash(v, {week}) >> 1)::BIGINT, a, f, l, new, 1 FROM seen AS s
            SEMI JOIN (SELECT v FROM degree WHERE k > CASE kind {caps} END) USING (v)""")
    # Few places see four sign-ups in a week, so these are found first and everybody there is counted after.
    db.execute(f"""
        CREATE TABLE gathering AS
        SELECT v, a, min(f) AS f, max(l) AS l, bool_or(new) AS new, any_value(hub) AS hub
        FROM spot AS s SEMI JOIN (SELECT v FROM spot WHERE new GROUP BY v HAVING count(*) >= {COHORT_MIN}) USING (v)
        GROUP BY v, a""")
    v, present, fresh = _columns(
        db,
        f"""
        SELECT v, count(*) AS present, count(*) FILTER (new) AS fresh
        FROM gathering GROUP BY v HAVING fresh >= {COHORT_MIN}""",
    )
    surprising = pdtrc(fresh - 1, np.maximum(0.05, present * NEW_SHARE)) < SIGNIFICANCE
    db.register("surprise", {"v": v[surprising], "k": fresh[surprising]})
    db.execute(f"INSERT INTO degree SELECT -v, {COHORT}, k FROM surprise")
    db.execute(
        f"INSERT INTO held SELECT -v, a, {COHORT}, f, l, 2 * ({week}) + hub FROM gathering AS g"
        " SEMI JOIN surprise USING (v) WHERE new"
    )


def _prices(db: duckdb.DuckDBPyConnection) -> None:
    """``price``: milli-nats by a dense number made of kind, degree and gap; ``scale``: how to make that number."""
    first, last = db.execute("SELECT min(f), max(l) FROM held").fetchall()[0]
    scale: list[tuple[int, int, int, int, int]] = []
    prices: list[Ints] = []
    for code, kind in enumerate(KINDS.values()):
        gaps = ((last or 0) - (first or 0)) // kind.unit + 1
        # 24 halvings of q leave nothing that rounds to a milli-nat.
        gaps = min(gaps, int(24 * kind.half_life))
        k, gap = np.arange(2, kind.cap + 1)[:, None], np.arange(gaps)[None, :]
        q = kind.rho * np.minimum(1, (kind.kappa / (k - 1)) ** kind.alpha) * 0.5 ** (gap / kind.half_life)
        scale.append((code, kind.cap, gaps, kind.unit, sum(map(len, prices))))
        prices.append(np.rint(-1000 * np.log1p(-np.minimum(q, 0.999))).astype(np.int64).ravel())
    price = np.concatenate(prices)
    db.register("price_rows", {"p": np.arange(len(price)), "s": price})
    db.execute("CREATE TABLE price AS SELECT p, s::INTEGER AS s FROM price_rows WHERE s > 0")
    db.execute("CREATE TABLE scale (kind TINYINT, cap INTEGER, gaps INTEGER, unit BIGINT, base INTEGER)")
    db.executemany("INSERT INTO scale VALUES (?, ?, ?, ?, ?)", scale)
    db.execute("""
        CREATE TABLE holding AS
        SELECT v, a, kind, f, l, w, unit, gaps, (base + (k - 2) * gaps)::INTEGER AS p
        FROM held JOIN degree USING (v, kind) JOIN scale USING (kind) WHERE k BETWEEN 2 AND cap""")


_GAP = "greatest(0, greatest(x.f, y.f) - least(x.l, y.l)) // x.unit"


def _links(db: duckdb.DuckDBPyConnection) -> tuple[Ints, Ints, Ints]:
    """(a, b, strength) of the links, sorted by a and b."""
    # least() passes over nulls, so without the inner coalesce a kind that is not shared would give its ceiling.
    by_kind = " + ".join(
        f"least({kind.ceiling}, coalesce(sum(s) FILTER (kind = {CODES[name]}), 0))"
        for name, kind in KINDS.items()
        if name != "ip"
    )
    # An address and its network tell of the same sign-ups: of cohorts a pair keeps the strongest in a week.
    db.execute(f"""
        CREATE TABLE tie AS
        WITH shared AS (
            SELECT a, b, kind, w, s
            FROM (SELECT x.a AS a, y.a AS b, x.kind AS kind, x.w AS w, x.p + {_GAP} AS p, {_GAP} < x.gaps AS priced
                  FROM holding x JOIN holding y ON x.v = y.v AND x.a < y.a
                  WHERE x.kind <> {IP} AND y.kind <> {IP})
            JOIN price USING (p) WHERE priced)
        SELECT a, b, ({by_kind})::INTEGER AS s
        FROM (SELECT a, b, kind, s FROM shared WHERE kind <> {COHORT}
              UNION ALL SELECT a, b, kind, max(s) FROM shared WHERE kind = {COHORT} GROUP BY a, b, kind, w)
        GROUP BY a, b""")
    db.execute(f"""
        CREATE TABLE at_address AS
        SELECT * FROM holding WHERE kind = {IP} AND a IN (SELECT a FROM tie UNION SELECT b FROM tie)""")
    a, b, strength = _columns(
        db,
        f"""
        WITH together AS (
            SELECT a, b, sum(s) AS s
            FROM (SELECT t.a AS a, t.b AS b, x.p + {_GAP} AS p
                  FROM tie t JOIN at_address x ON x.a = t.a JOIN at_address y ON y.a = t.b AND y.v = x.v
                  WHERE {_GAP} < x.gaps)
            JOIN price USING (p) GROUP BY a, b)
        SELECT a::BIGINT, b::BIGINT, (tie.s + least({KINDS["ip"].ceiling}, coalesce(together.s, 0)))::BIGINT AS s
        FROM tie LEFT JOIN together USING (a, b)
        WHERE tie.s + least({KINDS["ip"].ceiling}, coalesce(together.s, 0)) >= {THRESHOLD} ORDER BY a, b""",
    )
    return a, b, strength


def _components(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """The accounts that have a link, and the component of each."""
    account, position = np.unique(np.concatenate([a, b]), return_inverse=True)
    left, right = position[: len(a)], position[len(a) :]
    graph = coo_array((np.ones(len(a), np.int8), (left, right)), shape=(len(account), len(account)))
    _, label = connected_components(graph, directed=False)
    return account, np.asarray(label, np.int64)


def _communities(a: Ints, b: Ints, strength: Ints, label: Ints) -> int:
    """How many communities have three accounts or more; components are shared out to one process a core."""
    sizes = np.bincount(label)
    whole = int(np.count_nonzero((sizes >= 3) & (sizes < SPLITTABLE)))
    position = np.unique(np.concatenate([a, b]), return_inverse=True)[1]
    left, right = position[: len(a)], position[len(a) :]
    among = np.flatnonzero(sizes[label[left]] >= SPLITTABLE)
    among = among[np.argsort(label[left[among]], kind="stable")]
    starts = np.flatnonzero(np.diff(label[left[among]], prepend=-1))
    weight = -np.expm1(-strength / 1000)
    tasks = [(left[each], right[each], weight[each]) for each in np.split(among, starts[1:])] if len(among) else []
    tasks.sort(key=lambda task: -len(task[0]))
    if len(tasks) < 8:
        return whole + sum(map(_leiden, tasks))
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        return whole + sum(pool.imap_unordered(_leiden, tasks, chunksize=4))


def _leiden(task: tuple[Ints, Ints, Floats]) -> int:
    """Communities of three accounts or more in the best of the partitions of one component."""
    left, right, weight = task
    account, position = np.unique(np.concatenate([left, right]), return_inverse=True)
    engine: Any = igraph
    graph = engine.Graph(n=len(account), edges=position.reshape(2, -1).T)
    options: dict[str, Any] = {"objective_function": "CPM", "weights": weight.tolist(), "resolution": RESOLUTION}
    found: list[Any] = []
    for restart in range(RESTARTS):
        engine.set_random_number_generator(random.Random(restart))
        found.append(graph.community_leiden(**options, beta=BETA, n_iterations=-1))
    best = max(found, key=lambda partition: partition.quality)
    return int(np.count_nonzero(np.bincount(best.membership) >= 3))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
