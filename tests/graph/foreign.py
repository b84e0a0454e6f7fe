"""A graph as somebody else keeps it, with six kinds and their usual dirt, and the CSV files that say the same."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import neo4j

from tests.support import write_facts

ACCOUNTS = 2_000
START = datetime(2026, 1, 1, 8, 30, tzinfo=UTC)
RELATIONSHIPS = {
    "card": ("HAS_CARD", "Card", "token", False),
    "ip": ("LOGGED_IN_FROM", "Ip", "address", False),
    "device": ("SEEN ON", "Device", "fingerprint", False),
    "bank_account": ("PAID_OUT_TO", "BankAccount", "iban", False),
}
TIMES = {
    "card": ("since", "until"),
    "ip": ("at", None),
    "device": ("since", "until"),
    "bank_account": ("on", None),
}
DIRT: dict[str, list[Any]] = {
    "card": ["4111111111111111", 4111111111111111, "unknown", None],
    "ip": ["10.0.0.7", "not an address", ""],
    "device": ["00000000-0000-0000-0000-000000000000", "n/a", None],
    "bank_account": ["-", ""],
}

ONE = """
[[accounts]]
path = "(c:Customer)"
key = "c.id"
columns = { account_id = "c.id", status = "c.state" }
"""
"""A mapping of one table."""

Row = dict[str, Any]


def run(driver: neo4j.Driver, text: Any, **values: Any) -> None:
    driver.execute_query(text, values)


class ForeignGraph:
    """2,000 customers, made from one seed. ``write`` puts them into a database, ``export`` into CSV files."""

    def __init__(self, accounts: int = ACCOUNTS, seed: int = 7) -> None:
        self._dice = random.Random(seed)
        self.customers = [self._customer(number) for number in range(accounts)]
        self.customers += [
            {"id": None, "state": "active"},
            {"id": "", "state": "closed"},
            {"id": 17, "state": "active"},
        ]
        self.used = {kind: self._used(kind) for kind in RELATIONSHIPS}

    def write(self, driver: neo4j.Driver) -> None:
        with driver.session() as session:
            session.run("CREATE INDEX customer_id IF NOT EXISTS FOR (c:Customer) ON (c.id)").consume()
            session.run("CALL db.awaitIndexes()").consume()
            session.run("UNWIND $rows AS row CREATE (c:Customer) SET c = row", rows=self.customers).consume()
            for kind, (type_, label, name, _) in RELATIONSHIPS.items():
                text: Any = (
                    f"UNWIND $rows AS row MATCH (c:Customer {{id: row.id}}) CREATE (c)-[r:`{type_}`]->(n:{label})"
                    f" SET n.{name} = row.value, r = row.more"
                )
                session.run(text, rows=self.used[kind]).consume()

    def export(self, folder: Path) -> Path:
        sightings: list[Row] = []
        for kind, rows in self.used.items():
            first, last = TIMES[kind]
            for row in rows:
                more = row["more"]
                if kind == "bank_account" and not more["settled"]:
                    continue
                times = {"first_seen": more.get(first), "last_seen": more.get(last) if last else None}
                count = more.get("payments")
                sightings.append(
                    {"account_id": row["id"], "kind": kind, "value": row["value"], **times, "count": count}
                )
        for each in self.customers:
            for kind in ("email", "phone"):
                times = {"first_seen": each.get("createdAt"), "last_seen": None}
                sightings.append({"account_id": each["id"], "kind": kind, "value": each.get(kind), **times})
        accounts = [
            {"account_id": each["id"], "created_at": each.get("createdAt"), "status": each.get("state")}
            for each in self.customers
        ]
        return write_facts(folder, [_texts(row) for row in accounts], [_texts(row) for row in sightings])

    def secrets(self) -> list[str]:
        """Raw values that must be found nowhere."""
        values = [row["value"] for kind in ("card", "device", "bank_account") for row in self.used[kind][:40]]
        values += [each["email"] for each in self.customers[:40]]
        return [value for value in values if isinstance(value, str) and len(value) > 9 and "0000-" not in value]

    def _customer(self, number: int) -> Row:
        customer: Row = {
            "id": f"c{number:05}",
            "createdAt": self._moment(),
            "state": self._dice.choice(["active", "active", "suspended", "CLOSED", "sleeping", None]),
            "email": f"person.{self._dice.randrange(1_800)}@mail.example",
            "phone": self._dice.choice([f"+4930{self._dice.randrange(10**6, 10**7)}", "030 1234567", None]),
        }
        return {name: value for name, value in customer.items() if value is not None}

    def _moment(self) -> datetime:
        if self._dice.random() < 0.01:
            return datetime(1970, 1, 1, tzinfo=UTC)
        return START + timedelta(microseconds=self._dice.randrange(150 * 86_400 * 10**6))

    def _used(self, kind: str) -> list[Row]:
        rows: list[Row] = []
        first, last = TIMES[kind]
        for customer in self.customers[:ACCOUNTS]:
            for _ in range(self._dice.randrange(4)):
                at = self._moment()
                more: Row = {first: at}
                if last and self._dice.random() < 0.8:
                    more[last] = at + timedelta(days=self._dice.randrange(-1, 20))
                if kind == "card":
                    more["payments"] = self._dice.choice([1, 2, 3.0, 0, None])
                if kind == "bank_account":
                    more["settled"] = self._dice.random() < 0.9
                rows.append({"id": customer["id"], "value": self._value(kind), "more": more})
        return rows

    def _value(self, kind: str) -> Any:
        if self._dice.random() < 0.03:
            return self._dice.choice(DIRT[kind])
        number = self._dice.randrange(1_500)
        return {
            "card": f"tok_{number:012}",
            "ip": f"93.184.{number // 250}.{number % 250 + 1}",
            "device": f"fingerprint-{number:08}",
            "bank_account": f"DE{number:020}",
        }[kind]


def _texts(row: Row) -> Row:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
