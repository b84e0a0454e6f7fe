"""Which account holds which value: the facts that a run was computed from, as columns, for the oracle and the rivals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from graphrisk.ledger.reading import code_facts, view_facts
from graphrisk.ledger.store import Ledger
from graphrisk.linkage.attributes import filled, share_attributes
from graphrisk.linkage.cohorts import add_cohorts
from graphrisk.model import Bools, Ints
from graphrisk.policy import Policy
from graphrisk.scoring.reference import shipped_reference
from graphrisk.settings import Settings

HELD = """
WITH rows AS (
    SELECT account, kind, value, CASE WHEN kind = $cohort THEN attribute ELSE 0 END AS part
    FROM uses JOIN attributes USING (attribute)
), holders AS (
    SELECT kind, list(DISTINCT account ORDER BY account) AS accounts FROM rows GROUP BY kind, value, part
)
SELECT kind, (row_number() OVER (ORDER BY kind, accounts) - 1)::INTEGER AS value, unnest(accounts) AS account FROM holders
ORDER BY value, account
"""
"""An address is one value however many weeks it was used in. Values are numbered by who holds them, so that another token
key changes nothing."""


@dataclass(frozen=True)
class Held:
    """One element for each account on each shared value; ``account`` is a position in the run's sorted account ids.

    ``kind`` and ``holders`` have one element a value: its kind's name, and how many accounts hold it.
    """

    accounts: int
    account: Ints
    value: Ints
    kind: np.ndarray
    holders: Ints

    def only(self, values: Bools) -> tuple[Ints, Ints]:
        """``account`` and ``value`` of the rows whose value is chosen."""
        rows = values[self.value]
        return self.account[rows], self.value[rows]


def held_values(settings: Settings, manifest: dict[str, Any]) -> Held:
    """What the accounts of a run share, cohorts included, from the facts that the run saw and under its policy."""
    policy = Policy.model_validate(manifest["policy"])
    moment = datetime.fromisoformat(manifest["as_of"])
    ledger = Ledger(settings.ledger)
    with settings.scratch("evaluate") as scratch, settings.columns(scratch) as columns:
        view_facts(columns, ledger, moment, ledger.loads(moment))
        code_facts(columns)
        share_attributes(columns, policy, moment)
        add_cohorts(columns, policy, shipped_reference().expected_new_share)
        accounts = columns.execute("SELECT count(*) FROM ids").fetchall()[0][0]
        rows = columns.sql(filled(HELD, {"$cohort": policy.codes()["cohort"]})).to_arrow_table()
    return _held(accounts, rows, list(policy.priced()))


def _held(accounts: int, rows: pa.Table, kinds: list[str]) -> Held:
    account, value, code = (rows[name].to_numpy().astype(np.int64) for name in ("account", "value", "kind"))
    holders = np.bincount(value)
    first = np.searchsorted(value, np.arange(len(holders)))
    return Held(accounts, account, value, np.array(kinds, dtype=np.str_)[code[first]], holders)
