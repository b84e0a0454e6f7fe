"""What of a run is not as computed from all facts."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from graphrisk.ledger.store import Ledger
from graphrisk.pipeline.detecting import computed
from graphrisk.policy import Policy
from graphrisk.runs.store import publications, read_table
from graphrisk.runs.tables import FACT_SCHEMAS, SCHEMAS
from graphrisk.scoring.reference import read_reference
from graphrisk.settings import Settings


def differing(at: Settings, made: dict[str, Any]) -> list[str]:
    """What of a run is not as computed from all facts."""
    runs = [move.run_id for move in reversed(publications(at.home))]
    loads = Ledger(at.ledger).loads(datetime.fromisoformat(made["as_of"]))
    reference = read_reference(at.reference_file)
    with at.scratch("test") as scratch:
        tables, again = computed(
            at, scratch, Policy.model_validate(made["policy"]), reference, made, loads, runs, anew=True
        )
        names = (*SCHEMAS, *FACT_SCHEMAS)
        other = [name for name in names if not read_table(at.runs, made["run_id"], name).equals(tables[name])]
    told = ("counts", "profile", "clock", "lineage_of", "output_digest", "news", "drift")
    one, other_way = (json.loads(json.dumps(each)) for each in (made, again))  # as the manifest has it
    return other + [name for name in told if one[name] != other_way[name]]
