"""A few accounts that hold a few values, as the parts that explanations are worked out on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from graphrisk.linkage.local import priced_pairs
from graphrisk.model import DAY_US, Uses
from graphrisk.pipeline.membership import Membership
from graphrisk.pipeline.rerunning import Part
from graphrisk.policy import Policy
from tests.support_detection import MONDAY

KINDS = ("address", "card", "cohort", "device", "email", "ip")
POLICY = Policy()


def random_part(seed: int) -> Part:
    """A few accounts that hold a few values at various times."""
    dice = np.random.default_rng(seed)
    accounts, values = int(dice.integers(3, 11)), int(dice.integers(2, 10))
    codes = POLICY.codes()
    rows: dict[tuple[int, int], tuple[int, int]] = {}
    kind = [codes[KINDS[each]] for each in dice.integers(0, len(KINDS), values)]
    for value in range(values):
        holders = dice.choice(accounts, int(dice.integers(2, min(6, accounts) + 1)), replace=False)
        for account in holders.tolist():
            first = MONDAY + int(dice.integers(0, 40 * DAY_US))
            rows[value, account] = (first, first + int(dice.integers(0, 9 * DAY_US)))
    order = sorted(rows)
    held = [len([1 for value, _ in order if value == each]) for each in range(values)]
    uses = Uses(
        attribute=np.array([value for value, _ in order]),
        account=np.array([account for _, account in order]),
        first=np.array([rows[each][0] for each in order]),
        last=np.array([rows[each][1] for each in order]),
        row=np.arange(values),
        kind=np.array(kind),
        week=np.zeros(values, np.int64),
        source=np.where(np.array(kind) == codes["cohort"], 0, -1),
        accounts=np.array(held),
    )
    ids = pa.array([f"account {number}" for number in range(accounts)])
    opened = np.full(accounts, MONDAY)
    return Part(
        np.arange(accounts),
        ids,
        opened,
        uses,
        priced_pairs(uses, POLICY),
        POLICY,
        "igraph",
        POLICY.links.threshold,
        POLICY.detection.oversize,
    )


def memberships(seeds: range) -> Iterator[Membership]:
    for seed in seeds:
        part = random_part(seed)
        members = np.flatnonzero(part.formed(part.accounts).ring >= 0)
        if len(members):
            yield Membership(part, np.arange(len(part.uses.row)), int(members[seed % len(members)]))
