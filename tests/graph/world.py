"""A small graph as the writer leaves it: two publications, a crashed third one, and what an investigator meets there.

``ring_a`` grew from four members to seven and took over ``ring_c``; ``ring_b`` has three. Device ``dev_a`` is what
holds ring_a together, ``card_a`` is also used by an outsider, ``addr_ab`` by one account of each ring, and ``ip_hub``
is a hub. Publication 3 never moved the pointer: it began ``ghost`` and ended ``a1``.
"""

from __future__ import annotations

from typing import Any, LiteralString

import neo4j

from graphrisk.graph.facts import empty_graph
from graphrisk.graph.migrations import migrate

Rows = list[dict[str, Any]]

MEMBERS: tuple[tuple[str, str, str, int, int | None], ...] = (
    *((f"a{each}", "ring_a", "core", 1, None) for each in (2, 3, 4)),
    ("a1", "ring_a", "core", 1, 3),
    *((f"a{each}", "ring_a", "core", 2, None) for each in (5, 6)),
    ("a7", "ring_a", "associate", 2, None),
    *((f"b{each}", "ring_b", "core", 1, None) for each in (1, 2, 3)),
    *((f"a{each}", "ring_c", "core", 1, 2) for each in (5, 6)),
    ("ghost", "ring_a", "core", 3, None),
)
USES: dict[str, tuple[str, ...]] = {
    "dev_a": ("a1", "a2", "a3", "a4", "a5", "a6"),
    "card_a": ("a1", "a2", "a7", "outsider"),
    "dev_b": ("b1", "b2", "b3"),
    "addr_ab": ("a3", "b1"),
    "ip_hub": ("a1", "a2", "b2", "stranger"),
}
LINKS: tuple[tuple[str, str, int, int, int | None], ...] = (
    ("a1", "a2", 4200, 1, None),
    ("a1", "a3", 2100, 1, 2),
    ("a2", "outsider", 900, 1, None),
    ("a3", "b1", 800, 2, None),
    ("a4", "a5", 2300, 2, None),
    ("b1", "b2", 1500, 1, None),
    ("ghost", "outsider", 5000, 3, None),
)
FIGURES: tuple[tuple[str, int, int, int, int | None], ...] = (
    ("ring_a", 4, 700, 1, 2),
    ("ring_a", 7, 950, 2, None),
    ("ring_a", 8, 990, 3, None),
    ("ring_b", 3, 300, 1, None),
    ("ring_c", 2, 200, 1, 2),
)
_KINDS = {
    "dev": ("Device", "USES_DEVICE", "device"),
    "card": ("Card", "USES_CARD", "card"),
    "addr": ("Address", "USES_ADDRESS", "address"),
    "ip": ("IpAddress", "USES_IP", "ip"),
}

PUBLISHED = """
UNWIND [1, 2] AS seq
MERGE (run:Run {seq: seq})
SET run.runId = 'run_' + seq, run.asOf = datetime('2026-03-01T00:00:00Z') + duration({days: seq}), run.policy = 'p'
SET run.publishedAt = run.asOf, run.accounts = 13, run.links = 6, run.rings = 2, run.members = 10
MERGE (:Run {seq: 3})
MERGE (publication:Publication {name: 'current'})
SET publication.seq = 2, publication.runId = 'run_2', publication.previousRunId = 'run_1'
MERGE (:Load {seq: 1, load: 'load_1', acceptedAt: datetime(), accounts: 13, sightings: 20, batch: 3, done: true})
"""
RINGS = """
UNWIND $rows AS row
MERGE (ring:Ring:$(row.labels) {ringId: row.ringId})
SET ring += row.shown, ring.firstLinkAt = datetime('2026-01-10T00:00:00Z')
SET ring.lastLinkAt = datetime('2026-02-10T00:00:00Z')
WITH collect(ring) AS ignored
MATCH (ring:Ring {ringId: 'ring_c'}), (heir:Ring {ringId: 'ring_a'})
MERGE (ring)-[superseded:SUPERSEDED_BY]->(heir)
SET superseded.event = 'merged', superseded.run = 2
"""
ATTRIBUTES = """
UNWIND $rows AS row
MERGE (attribute:Attribute:$(row.label) {token: row.token})
SET attribute += row.shown
WITH attribute, row
UNWIND row.users AS user
MERGE (account:Account {accountId: user})
SET account.createdAt = datetime('2026-01-01T00:00:00Z'), account.status = 'active', account.marketplace = 'de'
MERGE (account)-[use:$(row.type)]->(attribute)
SET use.firstSeen = datetime('2026-01-02T00:00:00Z') + duration({days: row.day}), use.count = 2, use.load = 1
SET use.lastSeen = use.firstSeen + duration({days: 5})
"""
MEMBERSHIPS = """
UNWIND $rows AS row
MERGE (account:Account {accountId: row.account})
MERGE (ring:Ring {ringId: row.ring})
CREATE (account)-[member:MEMBER_OF {role: row.role, score: 800, fromRun: row.from, toRun: row.to}]->(ring)
SET member.reasons = ['+5,200 card_reuse', '-2,143 ip_div']
WITH account, row
WHERE row.from < 3 AND coalesce(row.to, 3) > 2
SET account:$(CASE row.ring WHEN 'ring_a' THEN ['High'] ELSE [] END)
SET account.score = 800, account.ringId = row.ring, account.scoredRun = 2
SET account.band = CASE row.ring WHEN 'ring_a' THEN 'high' ELSE 'low' END
"""
LINKED = """
UNWIND $rows AS row
MERGE (a:Account {accountId: row.a})
MERGE (b:Account {accountId: row.b})
CREATE (a)-[link:LINKED {strength: row.strength, evidence: ['device …dev_a of 6 accounts: 2,996']}]->(b)
SET link.onset = datetime('2026-01-10T00:00:00Z'), link.fromRun = row.from, link.toRun = row.to
"""
SCORED = """
UNWIND $rows AS row
MATCH (ring:Ring {ringId: row.ring}), (run:Run {seq: row.from})
CREATE (ring)-[figures:SCORED_BY {size: row.size, coreSize: row.size, score: row.score}]->(run)
SET figures.band = CASE WHEN row.score > 900 THEN 'high' ELSE 'low' END, figures.reasons = ['+5,200 card_reuse']
SET figures.fromRun = row.from, figures.toRun = row.to
"""
CROWD = """
UNWIND range(1, $accounts) AS number
CALL (number) {
  MATCH (attribute:Attribute {token: $token})
  MERGE (account:Account {accountId: 'crowd_' + number})
  CREATE (account)-[use:USES_IP {firstSeen: datetime('2026-01-05T00:00:00Z'), count: 1, load: 1}]->(attribute)
  SET use.lastSeen = use.firstSeen
} IN TRANSACTIONS OF 20000 ROWS
"""
LARGE = """
UNWIND range(1, $accounts) AS number
MERGE (ring:Ring {ringId: $ringId})
MERGE (account:Account {accountId: $ringId + '_' + number})
CREATE (account)-[:MEMBER_OF {role: 'core', score: number, reasons: [], fromRun: 1}]->(ring)
WITH account, number
UNWIND range(0, 9) AS copy
MERGE (attribute:Attribute:Card {token: $token + '_' + copy + '_' + number % 40})
ON CREATE SET attribute.kind = 'card', attribute.accounts = $accounts / 40, attribute.hub = false
MERGE (account)-[use:USES_CARD]->(attribute)
SET use.firstSeen = datetime('2026-01-05T00:00:00Z'), use.lastSeen = use.firstSeen, use.count = 1, use.load = 1
WITH DISTINCT account, number
MATCH (next:Account {accountId: $ringId + '_' + (number % $accounts + 1)})
CREATE (account)-[:LINKED {strength: number, evidence: [], fromRun: 1}]->(next)
"""


def rewrite(driver: neo4j.Driver) -> None:
    """Make the database this world and nothing else."""
    with driver.session() as session:
        empty_graph(session)
    migrate(driver, "neo4j")
    write(driver)


def write(driver: neo4j.Driver) -> None:
    """Fill an empty database with the world."""
    attributes: Rows = []
    for day, (token, users) in enumerate(USES.items()):
        label, type_, kind = _KINDS[token.split("_")[0]]
        shown = {"kind": kind, "hint": f"…{token}", "accounts": len(users), "hub": token == "ip_hub"}
        attributes.append(
            {"token": token, "label": label, "type": type_, "users": users, "day": day * 10, "shown": shown}
        )
    _run(driver, PUBLISHED, [])
    _run(
        driver, RINGS, [_ring("ring_a", 7, 950, "high"), _ring("ring_b", 3, 300, "low"), _ring("ring_c", 2, 200, "low")]
    )
    _run(driver, ATTRIBUTES, attributes)
    _run(driver, MEMBERSHIPS, _rows(("account", "ring", "role", "from", "to"), MEMBERS))
    _run(driver, LINKED, _rows(("a", "b", "strength", "from", "to"), LINKS))
    _run(driver, SCORED, _rows(("ring", "size", "score", "from", "to"), FIGURES))


def crowd(driver: neo4j.Driver, token: str, accounts: int) -> None:
    """Let so many more accounts use an attribute, which makes it a hub."""
    with driver.session() as session:
        session.run(CROWD, token=token, accounts=accounts).consume()
    driver.execute_query(
        "MATCH (attribute:Attribute {token: $token}) SET attribute.accounts = attribute.accounts + $accounts, "
        "attribute.hub = true",
        token=token,
        accounts=accounts,
    )


def large_ring(driver: neo4j.Driver, ring: str, token: str, accounts: int) -> None:
    """A ring of so many accounts in a circle of links, with 400 cards named after ``token``, each used by a 40th."""
    driver.execute_query(LARGE, ringId=ring, token=token, accounts=accounts)
    driver.execute_query(
        "MATCH (ring:Ring {ringId: $ring}), (run:Run {seq: 1}) SET ring.score = 999, ring.status = 'live' "
        "CREATE (ring)-[:SCORED_BY {score: 999, size: $accounts, reasons: [], fromRun: 1}]->(run)",
        ring=ring,
        accounts=accounts,
    )


def _ring(ring: str, size: int, score: int, band: str) -> dict[str, Any]:
    shown = {"size": size, "coreSize": size, "score": score, "band": band}
    shown |= {"status": "retired" if ring == "ring_c" else "live", "caption": f"{band} {score} · {size} accounts"}
    return {"ringId": ring, "labels": ["High"] if band == "high" else [], "shown": shown}


def _rows(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> Rows:
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _run(driver: neo4j.Driver, query: LiteralString, rows: Rows) -> None:
    driver.execute_query(query, rows=rows)
