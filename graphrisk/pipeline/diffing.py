# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
"""diff(): what another run would change for accounts, by marketplace and by kind of sharing; in words, JSON and a page."""

from __future__ import annotations

from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.effects import WHAT, Effects, effects
from graphrisk.evidence.page import page, paragraph, section, table
from graphrisk.runs.store import read_manifest, read_table
from graphrisk.scoring.hypotheses import RECOMMENDED
from graphrisk.settings import Settings

SAME = ("as_of", "policy_hash", "reference_hash", "method_version", "input_digest", "engine")
"""What two runs may have been made with alike, or not."""

ON_THE_PAGE = 1_000


class Difference(NamedTuple):
    """Two runs (ids), which of ``SAME`` differs, and the effects on accounts."""

    before: str
    after: str
    made_otherwise: list[str]
    effects: Effects

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values; every account that differs is in ``accounts``."""
        found = self.effects
        return {
            "before": self.before,
            "after": self.after,
            "made_otherwise": self.made_otherwise,
            "total_accounts": found.total,
            "changed_accounts": found.accounts.num_rows,
            "changed": found.changed,
            "decisions": [{"before": a, "after": b, "accounts": count} for (a, b), count in found.decisions.items()],
            "by_marketplace": found.by_marketplace,
            "by_sharing": found.by_sharing,
            "accounts": [_plain(row) for row in found.accounts.to_pylist()],
        }

    def to_html(self) -> str:
        """A page that needs no network; the first accounts of it, and how many more there are."""
        found = self.effects
        rows = self.foremost(ON_THE_PAGE)
        counts = [("", False), ("accounts", True), *((name, True) for name in WHAT)]
        left = found.accounts.num_rows - len(rows)
        return page(
            f"{self.before} and {self.after}",
            [
                f"<h1>What {self.after} would change</h1>",
                paragraph(self.summary()),
                section(
                    "Recommended action",
                    table(
                        [("before", False), ("after", False), ("accounts", True)],
                        [[a, b, f"{count:,}"] for (a, b), count in found.decisions.items()],
                    ),
                ),
                section("By marketplace", table(counts, _lines(found.by_marketplace))),
                section("By what is shared", table(counts, _lines(found.by_sharing))),
                section(
                    "Accounts",
                    table(
                        [
                            ("account", False),
                            ("marketplace", False),
                            *((name, False) for name in WHAT),
                            ("score", False),
                        ],
                        [[row["account_id"], row["marketplace"], *told(row)] for row in rows],
                        most=ON_THE_PAGE,
                    ),
                    paragraph(f"{left:,} more are in the JSON.") if left else "",
                ),
            ],
        )

    def foremost(self, most: int) -> list[dict[str, Any]]:
        """Some of the accounts that differ: first those on which another action is recommended, then by band and ring."""
        by = [(f"{name}_differs", "descending") for name in ("decision", "band", "ring", "role")]
        accounts = self.effects.accounts
        order = pc.sort_indices(accounts, sort_keys=[*by, ("account_id", "ascending")])
        return accounts.take(order.slice(0, most)).to_pylist()

    def summary(self) -> str:
        """One sentence: how many accounts differ, and in what; and what the runs were made with that differs."""
        found, changed = self.effects, self.effects.changed
        otherwise = f" They differ in {', '.join(self.made_otherwise)}." if self.made_otherwise else ""
        return (
            f"{found.accounts.num_rows:,} of {found.total:,} accounts differ: {changed['ring']:,} in their ring, "
            f"{changed['role']:,} in their role, {changed['band']:,} in their band, {changed['decision']:,} in what is "
            f"recommended.{otherwise}"
        )


def told(row: dict[str, Any]) -> list[str]:
    """What became of an account, one text for each of ``WHAT`` and one for the score."""
    texts = [
        f"{row[f'{name}_before'] or '–'} → {row[f'{name}_after'] or '–'}" if row[f"{name}_differs"] else ""
        for name in WHAT
    ]
    before, after = ("–" if row[name] is None else str(row[name]) for name in ("score_before", "score_after"))
    return [*texts, f"{before} → {after}"]


def diff(settings: Settings, before: str, after: str) -> Difference:
    """What differs for accounts between two runs that are kept. Raises ``NotFoundError``, or ``StoreError`` when one is
    damaged."""
    old, new = read_manifest(settings.runs, before), read_manifest(settings.runs, after)
    otherwise = [name for name in SAME if old.get(name) != new.get(name)]
    return Difference(before, after, otherwise, effects(_told(settings, before), _told(settings, after)))


def _told(settings: Settings, run_id: str) -> pa.Table:
    """What a run says of each account, as ``effects`` takes it."""
    accounts, rings = (read_table(settings.runs, run_id, name) for name in ("accounts", "rings"))
    place = pc.index_in(accounts["ring_id"], value_set=rings["ring_id"].combine_chunks()).combine_chunks()
    recommended = pc.fill_null(rings["recommended"].combine_chunks().take(place), False)
    is_core = pc.fill_null(pc.equal(accounts["role"], "core"), False)
    acted = pc.and_(recommended, pc.and_(pc.equal(accounts["band"], "high"), is_core))
    bands = list(RECOMMENDED)
    usual = pa.array(list(RECOMMENDED.values())).take(
        pc.index_in(accounts["band"], value_set=pa.array(bands)).combine_chunks()
    )
    sharing = pa.array(["+".join(kinds) for kinds in rings["kinds"].to_pylist()], pa.string()).take(place)
    columns = {name: accounts[name] for name in ("account_id", "marketplace", "role", "score", "band")}
    return pa.table(
        {**columns, "ring": accounts["ring_id"], "decision": pc.if_else(acted, "act", usual), "sharing": sharing}
    )


def _lines(counts: dict[str, dict[str, int]]) -> list[list[str]]:
    return [[name, *(f"{count:,}" for count in each.values())] for name, each in counts.items()]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """An account that differs; what has no value is null."""
    kept = {name: value for name, value in row.items() if not name.endswith("_differs")}
    return {name: value if value != "" else None for name, value in kept.items()}
