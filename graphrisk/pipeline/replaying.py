"""replay(): a run computed again from what was known as of its moment, to prove that it still says the same."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from graphrisk.errors import DetectionError, InputError, NotFoundError
from graphrisk.ledger.store import Ledger
from graphrisk.model import METHOD_VERSION
from graphrisk.pipeline.describing import versions_in_use
from graphrisk.pipeline.detecting import computed
from graphrisk.policy import Policy
from graphrisk.runs.store import publications, read_manifest, read_table
from graphrisk.runs.tables import DIGESTED
from graphrisk.scoring.reference import read_reference
from graphrisk.settings import Settings


class Replayed(NamedTuple):
    """A run (id), the moment that it is of (ISO 8601), and the digest that it has and that it was found to have again."""

    run_id: str
    as_of: str
    output_digest: str


def replay(settings: Settings, run_id: str) -> Replayed:
    """Compute a run again: the facts accepted and the verdicts known by its moment, its policy, the reference in use.

    Writes nothing. Raises ``DetectionError`` when it says something else now, ``InputError`` when the method or the
    reference is another one now, ``NotFoundError`` when the run, or the one that its ids come from, is gone.
    """
    settings.prepare()
    manifest = read_manifest(settings.runs, run_id)
    reference = read_reference(settings.reference_file)
    for what, now in (("method_version", METHOD_VERSION), ("reference_hash", reference.hash)):
        if manifest.get(what) != now:
            raise InputError(
                f"Run {run_id} was made with {what} {manifest.get(what)}, and {now} is in use now; "
                "replay it with the version and the reference that made it."
            )
    live = manifest["live_run"]
    if live and not (settings.runs / live).exists():
        raise NotFoundError(
            f"Run {live}, from which the ids of {run_id} come, was removed; restore it to replay {run_id}."
        )
    policy, issued = Policy.model_validate(manifest["policy"]), set(manifest["lineage_of"])
    published = [move.run_id for move in reversed(publications(settings.home)) if move.run_id in issued]
    loads = Ledger(settings.ledger).loads(datetime.fromisoformat(manifest["as_of"]))
    with settings.scratch("replay") as scratch:
        tables, again = computed(settings, scratch, policy, reference, manifest, loads, published, anew=True)
    if again["output_digest"] != manifest["output_digest"]:
        differ = [name for name in DIGESTED if not tables[name].equals(read_table(settings.runs, run_id, name))]
        other = sorted(name for name, now in versions_in_use().items() if manifest["versions"].get(name) != now)
        cause = f", with other versions of {', '.join(other)}" if other else ""
        raise DetectionError(
            f"Run {run_id} says something else when it is computed again: {' and '.join(differ) or 'its digest'} differ"
            f"{cause}. Look for accounts that were erased since, or restore the ledger from a backup."
        )
    return Replayed(run_id, manifest["as_of"], manifest["output_digest"])
