"""Six accounts on one device, and one that hangs on by a card: what explanations are tried on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support import sighting, write_facts

CREW = [f"crew_{number}" for number in range(6)]
CARD, DEVICE = "tok_4242424242421111", "crew-device-01"


def write_crew(folder: Path, without_card_of: str = "", only: str = "", also: Sequence[dict[str, object]] = ()) -> Path:
    """Six accounts on one device, a seventh tied to them by a card of its own and one of theirs alone; and a stranger.

    With ``only``, they share that kind alone; ``also`` are more sightings.
    """
    rows = [sighting(each, "device", DEVICE, f"2026-03-0{place + 1}") for place, each in enumerate(CREW)]
    for each in ("hanger/on", *CREW[:2]):
        if each != without_card_of:
            rows.append(sighting(each, "card", CARD, "2026-03-04"))
    rows = [*(row for row in rows if only in ("", row["kind"])), *also]
    rows.append(sighting("stranger", "card", "tok_5555555555554444", "2026-03-04"))
    accounts = [{"account_id": each, "created_at": "2026-02-20"} for each in (*CREW, "hanger/on", "stranger")]
    return write_facts(folder, accounts, rows)
